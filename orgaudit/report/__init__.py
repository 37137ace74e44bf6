"""Reports of a run: counted once by the view, then rendered in every format that is asked for; reads the store only."""
