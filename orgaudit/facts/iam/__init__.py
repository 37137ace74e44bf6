"""Identity and access: the identities of an account, their credentials, and what policies grant them."""
