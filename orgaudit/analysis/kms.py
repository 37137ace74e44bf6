"""The state of a key, whichever account owns it."""

from __future__ import annotations

from orgaudit.analysis.organization_facts import Organization
from orgaudit.facts.kms import Key, KeyDescription
from orgaudit.model import Seen


def key_state(organization: Organization, key_arn: str) -> str | None:
    """Return the state of a key, whichever account owns it; None where that was not seen."""
    holder = organization.find(Key, key_arn)
    if holder is None:
        return None
    key = holder.find(Key, key_arn)
    described = holder.detail(KeyDescription, key) if key is not None else None
    return described.value.state if isinstance(described, Seen) else None
