"""Buckets: where they live, what their owners have set, and how far they stand open to everyone."""
