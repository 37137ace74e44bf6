"""Controls on identity and access."""
