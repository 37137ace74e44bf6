"""The tables that people query: what a run has, under names that need no manual, prepared when a statement asks."""
