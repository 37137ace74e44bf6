"""Buckets: their regions, their settings, and the public access blocks of buckets and accounts."""
