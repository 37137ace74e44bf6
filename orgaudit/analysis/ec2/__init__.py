"""What follows from the facts of networks: what the internet reaches, and which traffic is logged."""
