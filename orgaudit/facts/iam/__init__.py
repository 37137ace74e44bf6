"""Identity and access: who exists in an account, with which credentials, and what policies give them."""
