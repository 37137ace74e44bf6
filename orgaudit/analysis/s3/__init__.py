"""What follows from the facts of buckets: public access, and whether TLS is required."""
