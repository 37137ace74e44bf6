"""orgaudit audits every account and region of an AWS organization."""

__version__ = "0.1.0"
