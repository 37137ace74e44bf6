"""Evidence packs: for each requirement what was required, what was seen, what was concluded, how to check it."""
