"""What controls of several services share in order to judge."""
