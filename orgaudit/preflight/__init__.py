"""What can be told before a run: its plan, whether all that it needs is open to it, and the policies to write."""
