"""What is: one module a service, with frozen fact types and the collectors that fill them."""
