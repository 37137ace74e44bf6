"""A run on disk: its directory, its shards and its manifest."""
