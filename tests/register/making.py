"""Makes register files, entries and findings that are sound but for what a test changes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from orgaudit.model import Account, Finding, Remediation, Remedy, RequirementRef, Severity, Status, fingerprint
from orgaudit.register.entries import ExceptionEntry
from orgaudit.register.file.load import Register, load_register
from orgaudit.settings.sections import RegisterSettings

CONTROL = "cloudtrail_trail_logging"
TRAIL = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main"
ACCOUNT = Account(
    id="111122223333",
    name="shop",
    ou_path="Root/Workloads/Shop",
    ou_ids=("r-abcd", "ou-abcd-work", "ou-abcd-shop"),
    tags={"stage": "prod-eu", "team": "shop"},
)
ACCOUNTS = {ACCOUNT.id: ACCOUNT}


def fields(**changes: object) -> dict[str, Any]:
    """Return an active exception's keys as a file has them; a change to None removes the key."""
    sound: dict[str, object] = {
        "id": "EXC-2025-0001",
        "title": "The trail rests",
        "type": "risk_acceptance",
        "scope": {"controls": [CONTROL], "accounts": ["111122223333"]},
        "justification": "Nothing runs there.",
        "owner": "Ana <ana@example.com>",
        "requested_by": "ana@example.com",
        "approved_by": "jo@example.com",
        "approved_on": "2025-01-01",
        "ticket": "SEC-1",
        "starts_on": "2025-01-01",
        "expires_on": "2025-03-31",
    }
    return {key: value for key, value in (sound | changes).items() if value is not None}


def entry(**changes: object) -> ExceptionEntry:
    """Return an exception with some keys changed."""
    return ExceptionEntry.model_validate(fields(**changes))


def register_file(tmp_path: Path, *exceptions: object, **top: object) -> Path:
    """Write a register of these exceptions; JSON is YAML too."""
    path = tmp_path / "exceptions.yaml"
    path.write_bytes(msgspec.json.format(msgspec.json.encode({**top, "exceptions": exceptions}), indent=2))
    return path


def registered(tmp_path: Path, *exceptions: Mapping[str, object], policy: RegisterSettings | None = None) -> Register:
    """Return the register of these exceptions, read from a file."""
    return load_register(register_file(tmp_path, *exceptions), policy or RegisterSettings())


def finding(**changes: Any) -> Finding:
    """Return a finding that fails in the account of these tests."""
    sound: dict[str, Any] = {
        "control": CONTROL,
        "title": "Trails log",
        "severity": Severity.MEDIUM,
        "status": Status.FAIL,
        "reason": "Logging is off.",
        "account_id": ACCOUNT.id,
        "account_name": ACCOUNT.name,
        "ou_path": ACCOUNT.ou_path,
        "region": "eu-west-1",
        "resource": TRAIL,
        "resource_type": "trail",
        "resource_tags": {"app": "shop"},
        "requirements": [RequirementRef("cis_2.0", "3.4")],
        "evidence": {},
        "remediation": Remediation(Remedy("a"), Remedy("b"), Remedy("c")),
        "assessed_at": datetime(2025, 2, 1, tzinfo=UTC),
    } | changes
    name = fingerprint(*(str(sound[key]) for key in ("control", "account_id", "region", "resource")))
    return Finding(fingerprint=name, **sound)
