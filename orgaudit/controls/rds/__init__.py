"""Controls on RDS: instances, their settings, clusters and snapshots."""
