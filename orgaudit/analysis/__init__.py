"""What follows from facts, across resources, regions and accounts: neither verdicts nor commands."""
