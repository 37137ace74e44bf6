"""Gives a run a baseline: a comparison and changes as they are stored, small enough to state every figure."""

from __future__ import annotations

from datetime import date

import duckdb
import msgspec

from orgaudit.model import Severity
from orgaudit.store.comparison import Change, Comparison, KindCount, Point, changes_table, write_comparison
from orgaudit.store.kinds import Kind
from orgaudit.store.run import Run
from tests.synthetic_run import account_id

BASELINE = "2026-q2"


def change(kind: Kind, severity: Severity, account: int, **changed: object) -> Change:
    """Return a change in an account."""
    made = Change(
        kind=kind,
        severity=severity,
        account_id=account_id(account),
        account_name=f"account {account}",
        ou_path="Root",
        region="eu-central-1",
        resource=f"arn:aws:s3:::bucket-{kind.name.lower()}",
        family="s3_control_1_holds",
        controls=("s3_control_1_holds",),
        title="S3 resources keep promise 1",
        owner="",
        first_seen=date(2026, 9, 1),
        due_on=date(2026, 9, 16),
    )
    return msgspec.structs.replace(made, **changed)


CHANGES = (
    change(Kind.NEW, Severity.CRITICAL, 1),
    change(Kind.REGRESSED, Severity.HIGH, 1, owner="Ann <ann@example.com>"),
    change(Kind.RESOLVED, Severity.HIGH, 2),
    change(Kind.NOT_CHECKED_AGAIN, Severity.LOW, 2, first_seen=None, due_on=None, account_name=""),
)
PERSISTENT = 4


def _counts(kind: Kind) -> KindCount:
    found = [each.severity.value for each in CHANGES if each.kind is kind]
    if kind is Kind.PERSISTENT:
        found = ["medium"] * PERSISTENT
    severities = {each.value: found.count(each.value) for each in Severity}
    return KindCount(kind=kind, meaning=kind.meaning, count=len(found), **severities)


def _point(run: str, day: date, count: int) -> Point:
    return Point(
        date=day,
        run=run,
        whole_scope=True,
        open=count,
        critical=1,
        high=2,
        medium=count - 3,
        low=0,
        framework="cis_4.0",
        rate=0.25,
        rate_with_exceptions=0.25,
        coverage=0.7,
        overdue_issues=None,
        overdue_exceptions=1,
    )


COMPARISON = Comparison(
    baseline=BASELINE,
    baseline_date=date(2026, 7, 1),
    points=(_point(BASELINE, date(2026, 7, 1), 6), _point("2026-q3", date(2026, 10, 1), 6)),
    issues=tuple(_counts(kind) for kind in Kind),
    rules=("s3_control_1_holds",),
    rates_before={"cis_4.0": 0.25},
)


def compare(run: Run, *changes: Change) -> None:
    """Give the run, which has results, the comparison and these changes, or the usual ones."""
    write_comparison(run, COMPARISON)
    lines = run.results / "changes.ndjson"
    lines.write_bytes(b"\n".join(msgspec.json.encode(each) for each in changes or CHANGES))
    duckdb.sql(f"""
        COPY (SELECT * FROM read_json('{lines}', format = 'newline_delimited', columns = {{
            kind: 'VARCHAR', severity: 'VARCHAR', account_id: 'VARCHAR', account_name: 'VARCHAR', ou_path: 'VARCHAR',
            region: 'VARCHAR', resource: 'VARCHAR', family: 'VARCHAR', controls: 'VARCHAR[]', title: 'VARCHAR',
            owner: 'VARCHAR', first_seen: 'DATE', due_on: 'DATE'}}))
        TO '{changes_table(run)}' (FORMAT parquet)
    """)  # noqa: S608 - paths of a test
    lines.unlink()
