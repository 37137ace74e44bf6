"""What became of findings from run to run: the history that each run carries, its baseline, changes and trend."""
