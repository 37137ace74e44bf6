"""A simulated AWS organization of any size on 127.0.0.1, for measuring and tests: fast, deterministic, read-only."""
