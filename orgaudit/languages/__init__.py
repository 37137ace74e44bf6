"""What AWS defines as a language: policies, filter patterns, selectors, alarms, CIDR blocks. It knows no facts."""
