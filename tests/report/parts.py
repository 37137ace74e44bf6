"""A small run whose owners, exceptions and changes are given, for its parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TypeAlias

import duckdb
import msgspec

from orgaudit.model import (
    Account,
    Cell,
    EntryState,
    ExceptionRef,
    Finding,
    Gap,
    GapReason,
    Remediation,
    Remedy,
    RequirementRef,
    Severity,
    Status,
    fingerprint,
)
from orgaudit.settings.people import AccountOwner, OwnershipRecord
from orgaudit.store import seal
from orgaudit.store.comparison import Change, Comparison, KindCount, Point, changes_table, write_comparison
from orgaudit.store.consolidation import consolidate
from orgaudit.store.kinds import Kind
from orgaudit.store.manifest import ControlRecord
from orgaudit.store.register_result import ExceptionRow, RegisterResult, Source, write_result
from orgaudit.store.run import Run, write_lines
from orgaudit.store.tables import write_parquet
from tests.synthetic_run import STARTED, build, framework

AS_OF = date(2026, 10, 1)
AUDIT_TEAM = "Audit <audit@example.org>"
REGION = "eu-central-1"


@dataclass(frozen=True, kw_only=True)
class Seen:
    """One finding: whose it is, in which account, under which exception; `home` is where a shared resource lives."""

    name: str
    account: int = 0
    control: int = 0
    status: Status = Status.FAIL
    owner: str = ""
    exception: str = ""
    late: bool = False
    home: int | None = None


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One exception of the register."""

    name: str
    owner: str
    state: EntryState = EntryState.ACTIVE
    scope: str = ""


@dataclass(frozen=True, kw_only=True)
class Changed:
    """One issue that changed since the baseline."""

    name: str
    account: int = 0
    owner: str = ""
    kind: Kind = Kind.RESOLVED


Accounts: TypeAlias = Sequence[tuple[str, str]]
"""The owner and the unit of each account."""


def number(account: int) -> str:
    return f"{700000000000 + account:012d}"


def name_of(account: int) -> str:
    return f"accountname{account}x"


def resource_of(name: str) -> str:
    return f"arn:aws:s3:::{name}-bucket"


def print_of(it: Seen) -> str:
    """Return the fingerprint of a finding."""
    return fingerprint(f"control{it.control}", number(it.account), REGION, resource_of(it.name))


SEVERITIES = (Severity.CRITICAL, Severity.HIGH, Severity.LOW)


def written(
    path: Path,
    accounts: Accounts,
    seen: Iterable[Seen],
    *,
    kept: Sequence[Kept] = (),
    changed: Sequence[Changed] | None = None,
    sealed: bool = False,
) -> Run:
    """Write a run with its results; the first account is the one that manages the organization."""
    run = Run(path / "2026-q3")
    controls = tuple(
        ControlRecord(
            id=f"control{index}",
            family=f"control{index}",
            service="s3",
            severity=severity,
            scope="regional",
            title=f"Promise {index} is kept",
            rationale="It matters.",
            actions=("s3:ListBuckets",),
        )
        for index, severity in enumerate(SEVERITIES)
    )
    members = tuple(
        Account(id=number(n), name=name_of(n), email=f"root{n}@example.net", ou_path=unit, tags={"cost": f"tag{n}x"})
        for n, (_, unit) in enumerate(accounts)
    )
    found = [_finding(it, members[it.account]) for it in seen]
    manifest = build(path / "pattern", accounts=1, regions=1, controls=1).read_manifest()
    for account in members:
        own = [finding for finding in found if finding.account_id == account.id]
        write_lines(run.findings_path(account.id), own)
        write_lines(run.cells_path(account.id), [_cell(account, control, own) for control in controls])
        write_lines(run.shard_path(account.id), [account])
    owners = tuple(
        AccountOwner(account_id=number(n), owner=owner, contact="", environment="")
        for n, (owner, _) in enumerate(accounts)
    )
    organization = manifest.organization
    assert organization
    run.write_manifest(
        msgspec.structs.replace(
            manifest,
            run_id=run.id,
            caller=msgspec.structs.replace(
                manifest.caller, account_id=number(0), arn=f"arn:aws:sts::{number(0)}:assumed-role/R/S"
            ),
            organization=msgspec.structs.replace(organization, management_account_id=number(0)),
            accounts=members,
            controls=controls,
            frameworks=(framework(controls),),
            records=tuple(
                msgspec.structs.replace(manifest.records[0], account_id=account.id, gap=None) for account in members
            ),
            ownership=OwnershipRecord(audit_team=AUDIT_TEAM, accounts=owners),
            remediation_days={"critical": 15, "high": 30, "medium": 90, "low": 180},
        )
    )
    _decide(run, list(seen), kept, changed, accounts)
    if sealed:
        parts = (*seal.FACTS, *seal.JUDGED)
        files = [each for part in parts for each in seal.shards(run, part)]
        names = (*seal.MATCHED, *(name for name in seal.COMPARED if (run.path / name).is_file()))
        seal.seal(run, run.read_manifest(), [*files, *(run.path / name for name in names)])
    return run


def _decide(
    run: Run, seen: list[Seen], kept: Sequence[Kept], changed: Sequence[Changed] | None, accounts: Accounts
) -> None:
    """Write the tables and what the register decided, and what changed."""
    by_print = {print_of(it): it for it in seen}
    entries = {entry.name: entry for entry in kept}

    def apply(findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in findings:
            it = by_print[finding.fingerprint]
            entry = entries.get(it.exception)
            reference = entry and ExceptionRef(entry.name, entry.owner, "2026-12-31", entry.state.value)
            days = -3 if it.late else 3
            yield msgspec.structs.replace(
                finding,
                owner=it.owner,
                exception=reference if it.status is Status.FAIL else None,
                first_seen=AS_OF - timedelta(days=9),
                due_on=AS_OF + timedelta(days=days) if it.status is Status.FAIL else None,
            )

    consolidate(run, lambda _: (apply, None))
    write_result(
        run,
        RegisterResult(
            source=Source(as_of=AS_OF, file="exceptions.yaml", sha256=None, policy={}),
            entries=tuple(_entry(entry) for entry in kept),
        ),
    )
    compared = Comparison(why_none="no earlier audit is known")
    if changed is not None:
        compared = Comparison(
            baseline="2026-q2",
            baseline_date=date(2026, 7, 1),
            points=(_point("2026-q2", 7979), _point(run.id, 9797)),
            issues=tuple(KindCount(kind=kind, meaning=kind.meaning, count=0) for kind in Kind),
        )
        _write_changes(run, changed, accounts)
    write_comparison(run, compared)


def _point(run: str, count: int) -> Point:
    return Point(
        date=AS_OF,
        run=run,
        whole_scope=True,
        open=count,
        critical=count,
        high=0,
        medium=0,
        low=0,
        framework="cis_4.0",
        rate=0.5,
        rate_with_exceptions=0.5,
        coverage=1.0,
        overdue_issues=count,
        overdue_exceptions=0,
    )


def _entry(entry: Kept) -> ExceptionRow:
    return ExceptionRow(
        id=entry.name,
        title=f"{entry.name}-title",
        type="risk_acceptance",
        state=entry.state,
        owner=entry.owner,
        approved_by=f"{entry.name}-approver",
        ticket=f"{entry.name}-ticket",
        starts_on=date(2026, 1, 1),
        expires_on=date(2026, 12, 31),
        days_left=-5 if entry.state is EntryState.EXPIRED else 9,
        scope=entry.scope or f"{entry.name}-scope",
    )


def _write_changes(run: Run, changed: Sequence[Changed], accounts: Accounts) -> None:
    rows = [
        Change(
            kind=it.kind,
            severity=Severity.HIGH,
            account_id=number(it.account),
            account_name=name_of(it.account),
            ou_path=accounts[it.account][1],
            region=REGION,
            resource=resource_of(it.name),
            family="control1",
            controls=("control1",),
            title=f"{it.name}-changed",
            owner=it.owner,
            first_seen=None,
            due_on=None,
        )
        for it in changed
    ]
    source = run.path / "changes.ndjson"
    source.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    columns = dict.fromkeys(Change.__struct_fields__, "VARCHAR")
    columns |= {"controls": "VARCHAR[]", "first_seen": "DATE", "due_on": "DATE"}
    kinds = ", ".join(f"{name}: '{kind}'" for name, kind in columns.items())
    with duckdb.connect() as connection:
        write_parquet(
            connection,
            f"SELECT * FROM read_json('{source}', format = 'newline_delimited', columns = {{{kinds}}})",  # noqa: S608 - a test's path
            changes_table(run),
        )
    source.unlink()


def _finding(it: Seen, account: Account) -> Finding:
    resource = resource_of(it.name)
    return Finding(
        fingerprint=print_of(it),
        control=f"control{it.control}",
        family=f"control{it.control}",
        title=f"Promise {it.control} is kept",
        severity=SEVERITIES[it.control],
        status=it.status,
        reason=f"{it.name}-reason",
        account_id=account.id,
        account_name=account.name,
        ou_path=account.ou_path,
        region=REGION,
        resource=resource,
        resource_type="s3:bucket",
        resource_tags={"cost": f"{it.name}-tag"},
        requirements=[RequirementRef("cis_4.0", f"1.{1 + it.control}")],
        evidence={"seen": f"{it.name}-evidence"},
        remediation=Remediation(
            service_wide=Remedy("Turn it on for all."),
            asset=Remedy("Turn it on here.", f"aws s3 turn-on {it.name}-bucket"),
            preventive=Remedy("Deny turning it off."),
        ),
        inherited_from=None if it.home is None else number(it.home),
        gap=Gap(account.id, REGION, "s3:ListBuckets", GapReason.DENIED, "s3:ListBuckets: denied")
        if it.status is Status.NOT_ASSESSED
        else None,
        assessed_at=STARTED,
    )


def _cell(account: Account, control: ControlRecord, findings: Sequence[Finding]) -> Cell:
    own = [finding for finding in findings if finding.control == control.id]
    counts = {status: sum(finding.status is status for finding in own) for status in Status}
    order = (Status.NOT_ASSESSED, Status.FAIL, Status.PASS, Status.MANUAL)
    return Cell(
        account_id=account.id,
        account_name=account.name,
        ou_path=account.ou_path,
        region=REGION,
        control=control.id,
        status=next((status for status in order if counts[status]), Status.NOT_APPLICABLE),
        passed=counts[Status.PASS],
        failed=counts[Status.FAIL],
        not_assessed=counts[Status.NOT_ASSESSED],
        manual=counts[Status.MANUAL],
    )
