"""EC2 and VPC: who can reach what, what is written down about it, and how new and running instances are set up."""
