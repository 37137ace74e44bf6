"""Which accounts administer AWS Config for the organization."""

from __future__ import annotations

from orgaudit.analysis.organization import Organization
from orgaudit.model import Json, NotSeenError

PRINCIPALS = ("config.amazonaws.com", "config-multiaccountsetup.amazonaws.com")
"""The service principals under which an organization delegates aggregation, and rules for all accounts."""


def delegated_administrators(organization: Organization) -> Json:
    """Return the accounts that administer AWS Config for the organization; None where that was not seen."""
    try:
        delegated = organization.delegated
    except NotSeenError:
        return None
    return sorted({account for principal in PRINCIPALS for account in delegated.get(principal, ())})
