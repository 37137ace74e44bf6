"""The settings of a run, and everything else that is read from TOML and YAML, with the line of every mistake."""
