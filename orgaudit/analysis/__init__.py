"""What follows from facts, across resources, regions and accounts; no verdicts."""
