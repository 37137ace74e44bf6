"""A finding as the sheets list it: what their cells show and nothing more, each as it stands in one row of SQL."""

from __future__ import annotations

from datetime import date, datetime

import msgspec


class ListedFinding(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A finding with its remedy for the one resource, its exception, and what the counts make of it.

    `evidence` is JSON, `requirements` are joined, and `assessed_at` is in UTC.
    """

    fingerprint: str
    control: str
    family: str
    title: str
    severity: str
    status: str
    reason: str
    account_id: str
    account_name: str
    ou_path: str
    region: str
    resource: str
    requirements: str
    evidence: str
    remedy: str | None
    command: str | None
    exception_id: str | None
    exception_owner: str | None
    exception_expires: str | None
    exception_state: str | None
    exception_overdue: int | None
    inherited_from: str | None
    assessed_at: datetime
    owner: str
    first_seen: date | None
    reopened: int
    due_on: date | None
    open: bool
    counted: bool


_SQL = {
    "requirements": "array_to_string(list_transform(requirements, lambda it: it.framework || ' ' || it.id), ', ')",
    "remedy": "remediation.asset.text",
    "command": "remediation.asset.command",
    "exception_id": "exception.id",
    "exception_owner": "exception.owner",
    "exception_expires": "exception.expires_on",
    "exception_state": "exception.state",
    "exception_overdue": "exception.days_overdue",
}

_TEXTS = ", ".join(f"CAST({_SQL.get(name, name)} AS VARCHAR)" for name in ListedFinding.__struct_fields__)

LISTED = f"to_json([{_TEXTS}])"
"""The SQL of a finding as one text; as a list of texts it takes less than half the time of one with names."""

decode = msgspec.json.Decoder(ListedFinding, strict=False).decode
"""Returns the finding of such a text."""
