"""What is audited: the organization's accounts, units, tags and delegations, the scope, and each account's regions."""
