"""The register of exceptions and attestations: its file, each entry's state on a date, and what it decides."""
