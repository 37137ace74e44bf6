"""For whom a policy is printed."""

from enum import StrEnum


class Audience(StrEnum):
    """The holder of a policy: the role in each account, the caller, or the role that reads the organization."""

    ACCOUNT = "account"
    CALLER = "caller"
    ORGANIZATION = "organization"
