"""What can be known before a run: its plan, whether it can read all that it needs, and the policies that it needs."""
