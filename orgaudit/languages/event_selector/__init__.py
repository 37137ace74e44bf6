"""Event selectors: which events a trail records, by its basic and advanced selectors."""
