"""What must hold: one module a service, pure functions over facts."""
