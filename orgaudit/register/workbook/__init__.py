"""The register as a workbook for owners: written, read back with suspicion, and merged three ways."""
