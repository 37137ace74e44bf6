"""What the recorders of AWS Config do, and which accounts administer AWS Config for the organization."""

from __future__ import annotations

from orgaudit.analysis.organization_facts import Organization
from orgaudit.facts.config import RecorderStatus, RecordingGroup
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


def recorded_types(group: RecordingGroup) -> str:
    """Return what a recorder is set to record, as the object of a sentence."""
    if group.everything:
        return "all resource types"
    if group.excluded:
        return f"all resource types except {', '.join(group.excluded)}"
    return f"only {', '.join(group.included)}" if group.included else "no resource types"


def flaw_of(status: RecorderStatus) -> str | None:
    """Return what is wrong with a recorder, as the predicate of a sentence; None where it records and succeeds."""
    if not status.recording:
        return "is stopped"
    if status.last_status.upper() == "SUCCESS":
        return None
    return f"has the last status {status.last_status or 'unknown'}" + (f" ({status.error})" if status.error else "")
