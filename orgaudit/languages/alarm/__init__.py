"""CloudWatch alarms: how datapoints set one off, and the rules of composite alarms."""
