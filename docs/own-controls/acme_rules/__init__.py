"""Acme's own rules for AWS accounts."""
