"""The register's YAML file: read whole with the place of every value, and edited without touching other lines."""
