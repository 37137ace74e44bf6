"""The demo's exception register: one entry of each state, with dates around today."""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML

from orgaudit.errors import ReportError
from orgaudit.store.run import writing

_HEAD: Final = b"# The demo writes this anew, with dates around the day, until the lines below are edited. SHA-256: "
_DELIVERED: Final = "cloudtrail_trail_cloudwatch_logs_delivered"

ENTRIES: Final[tuple[dict[str, Any], ...]] = (
    {
        "id": "EXC-2026-0001",
        "title": "Webshop development keeps trail events for 30 days",
        "type": "risk_acceptance",
        "scope": {"controls": ["cloudtrail_trail_log_group_retained"], "accounts": ["612947305518"]},
        "justification": "No customer data is handled there, and the organization trail keeps its events for 400 days.",
        "owner": "Noor Haddad <noor.haddad@meridian.example>",
        "requested_by": "noor.haddad@meridian.example",
        "approved_by": "Ines Okafor <ines.okafor@meridian.example>",
        "ticket": "RISK-214",
        "starts": -40,
        "expires": 100,
    },
    {
        "id": "EXC-2026-0002",
        "title": "Deliveries of the data platform's trail are stopped during its migration",
        "type": "planned_remediation",
        "scope": {"controls": [_DELIVERED], "accounts": ["548193720661"], "resources": ["data-trail"]},
        "justification": "The log group moves to another account; the organization trail records the same events.",
        "owner": "Data platform team",
        "requested_by": "lev.aronov@meridian.example",
        "approved_by": "Ines Okafor <ines.okafor@meridian.example>",
        "ticket": "RISK-231",
        "starts": -60,
        "expires": 12,
    },
    {
        "id": "EXC-2026-0003",
        "title": "Sandbox trails are not reviewed",
        "type": "risk_acceptance",
        "scope": {"controls": ["cis_2.0:3.4"], "ous": ["Root/Sandbox"]},
        "justification": "Sandboxes are emptied every month.",
        "owner": "Marta Lindqvist <marta.lindqvist@meridian.example>",
        "requested_by": "marta.lindqvist@meridian.example",
        "approved_by": "Ines Okafor <ines.okafor@meridian.example>",
        "ticket": "RISK-178",
        "starts": -120,
        "expires": -9,
    },
    {
        "id": "EXC-2026-0004",
        "title": "The shop's log group is read by a vendor",
        "type": "vendor_dependency",
        "scope": {"controls": ["cloudtrail_trail_log_group_subscriptions_known"], "accounts": ["523871460925"]},
        "justification": "The vendor's fraud detection needs the events; it has since moved into the organization.",
        "owner": "Noor Haddad <noor.haddad@meridian.example>",
        "requested_by": "noor.haddad@meridian.example",
        "approved_by": "Ines Okafor <ines.okafor@meridian.example>",
        "ticket": "RISK-199",
        "starts": -30,
        "expires": 50,
    },
    {
        "id": "EXC-2026-0005",
        "title": "Delivery role of payments development",
        "type": "planned_remediation",
        "scope": {"controls": ["cloudtrail_trail_role_can_deliver"], "accounts": ["629183640572"]},
        "justification": "The role is replaced in the next release.",
        "owner": "Tomas Beck <tomas.beck@meridian.example>",
        "requested_by": "tomas.beck@meridian.example",
        "approved_by": "Tomas Beck <tomas.beck@meridian.example>",
        "ticket": "RISK-240",
        "starts": -5,
        "expires": 80,
    },
)
"""The entries; `starts` and `expires` are days from today, and approval is on the first day."""


def is_edited(path: Path) -> bool:
    """Return whether there is a register that is not what the demo of some day wrote; raises ReportError."""
    try:
        head, _, entries = path.read_bytes().partition(b"\n")
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error.strerror or error}; name another --out") from error
    return head != _head(entries)


def write_register(path: Path) -> Path:
    """Write the register as of today, as a team would keep it, and return the path; raises ReportError.

    One that somebody has edited stays as it is.
    """
    if not is_edited(path):
        entries = _entries(datetime.now(UTC).date())
        with writing(path) as file:
            file.write(_head(entries) + b"\n" + entries)
    return path


def _entries(today: date) -> bytes:
    yaml, written = YAML(), BytesIO()
    yaml.width = 110
    yaml.representer.ignore_aliases = lambda *_: True  # each date is written out, for people to edit
    yaml.dump({"exceptions": [_dated(entry, today) for entry in ENTRIES]}, written)
    return written.getvalue()


def _head(entries: bytes) -> bytes:
    """Return the first line of the file, by which a later demo, of another version too, sees what was edited."""
    return _HEAD + hashlib.sha256(entries).hexdigest().encode()


def _dated(entry: dict[str, Any], today: date) -> dict[str, Any]:
    starts, expires = (today + timedelta(days=entry[key]) for key in ("starts", "expires"))
    texts = {key: value for key, value in entry.items() if key not in {"starts", "expires"}}
    return {**texts, "approved_on": starts, "starts_on": starts, "expires_on": expires}
