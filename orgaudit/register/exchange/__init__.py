"""What the register exchanges with other programs: entries of other tools and of spreadsheets."""
