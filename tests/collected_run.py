"""A run as an audit leaves it that ended before the evaluation: shards of three accounts with real facts, sealed."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from orgaudit.facts.shard import AccountHeader, ListingResult
from orgaudit.model import Caller, OrganizationRecord
from orgaudit.settings.thresholds import Thresholds
from orgaudit.store import seal
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import Run, write_lines
from tests.factories import MEMBER, NOW, OUTSIDER, SECURITY, a_log_group, a_trail, an_account, facts_of

ACCOUNTS = (MEMBER, SECURITY, OUTSIDER)
CONTROL = "cloudtrail_trail_log_group_retained"
TRAIL = a_trail()
KEPT = 400
"""Days for which the log group keeps events: enough for the packaged settings, and not for 3,650."""


def collected_run(out: Path, name: str = "q3", day: int = 0) -> Run:
    """Write and seal a run of `day` days after the first that was collected and never evaluated."""
    run = Run(out / name)
    run.create()
    for account in ACCOUNTS:
        _write_facts(run, account)
    seal.seal(run, _manifest(run, NOW + timedelta(days=day)), seal.shards(run, "facts"))
    return run


def _write_facts(run: Run, account: str) -> None:
    record = facts_of(account).record
    trail = a_trail(account) if account != MEMBER else TRAIL
    own = account == MEMBER
    listed = [ListingResult("Trail", each.name, int(own and each.name == trail.region)) for each in record.regions]
    found = [trail, a_log_group(trail, retention_days=KEPT)] if own else []
    write_lines(run.shard_path(account), [AccountHeader(an_account(account), record), *found, *listed])


def _manifest(run: Run, started: datetime) -> Manifest:
    return msgspec.convert(
        {
            "run_id": run.id,
            "tool_version": "1",
            "started_at": started,
            "collected_at": started,
            "caller": Caller(MEMBER, f"arn:aws:iam::{MEMBER}:role/Auditor", "aws"),
            "organization": OrganizationRecord(
                id="o-exampleorg", arn="", management_account_id=MEMBER, feature_set="ALL"
            ),
            "accounts": [an_account(account) for account in ACCOUNTS],
            "controls": [],
            "frameworks": [],
            "thresholds": Thresholds().model_dump(mode="json"),
            "narrowed_by": (),
            "settings": {"scope": {"accept_blocked_regions": []}},
            "inputs": {},
            "records": [facts_of(account).record for account in ACCOUNTS],
        },
        Manifest,
        from_attributes=True,
    )


def settings_file(out: Path, days: int = 365) -> Path:
    """Write settings that ask for one control, by which log groups keep events for so many days."""
    path = out / "orgaudit.toml"
    path.write_text(
        f'[run]\nformats = ["json"]\nout = "{out}"\n[scope]\ncontrols = ["{CONTROL}"]\n'
        f"[thresholds]\nlog_retention_days = {days}\n"
    )
    return path


def contents(run: Run) -> dict[str, tuple[str, int]]:
    """Return the hash and the time of change of every file of a run."""
    files = [path for path in run.path.rglob("*") if path.is_file()]
    return {
        str(path.relative_to(run.path)): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in files
    }
