"""What waits for a decision and what is late, on runs of which both are known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest

from orgaudit.model import EntryState, ExceptionRef, Finding, Severity, Status
from orgaudit.report.decisions import DecisionKind, decisions
from orgaudit.report.late import Late, late, late_by_account
from orgaudit.settings.people import AccountOwner, OwnershipRecord
from orgaudit.store.register_result import ExceptionRow
from orgaudit.store.run import Run
from tests.report.small import AS_OF, EXPIRED, REGISTER, decided, entry, viewed
from tests.synthetic_run import account_id, build


def row(number: int, **changes: object) -> ExceptionRow:
    """Return an entry that nothing has to be decided about, with changes."""
    return msgspec.structs.replace(entry(number, "active", 91), **changes)


@pytest.mark.parametrize(
    ("changed", "kind", "on", "otherwise"),
    [
        (
            {"state": EntryState.PENDING, "failing": 2, "days_left": None},
            DecisionKind.APPROVAL,
            date(2026, 1, 1),
            "It covers nothing, and 2 failing findings in its scope may stay open.",
        ),
        (
            {"renewal_pending": True, "amendment": "expires_on 2027-03-31", "broad": True},
            DecisionKind.RENEWAL,
            date(2026, 12, 31),
            "From 2027-01-01 on it covers nothing: 1 finding open again.",
        ),
        (
            {"amendment": "scope"},
            DecisionKind.APPROVAL,
            date(2026, 12, 31),
            "It stays as it was approved, without the change.",
        ),
        (
            {"days_left": 30},
            DecisionKind.ENDING,
            date(2026, 12, 31),
            "From 2027-01-01 on it covers nothing: 1 finding open again.",
        ),
        (
            {"broad": True},
            DecisionKind.BROAD,
            date(2026, 12, 31),
            "It hides whatever fails in its scope until 2026-12-31; 1 finding today.",
        ),
        ({"days_left": 31}, None, None, ""),
        ({"state": EntryState.EXPIRED, "broad": True, "days_left": -3}, None, None, ""),
        ({"state": EntryState.REVOKED, "days_left": 3, "renewal_pending": True}, None, None, ""),
    ],
)
def test_an_exception_is_one_decision_with_its_day_and_what_follows(
    small: Run, changed: dict[str, object], kind: DecisionKind | None, on: date | None, otherwise: str
) -> None:
    with viewed(small, decided(REGISTER.apply, entries=(row(1, **changed),))) as view:
        found = [it for it in decisions(view) if it.kind is not DecisionKind.ACCOUNT]
    assert [(it.kind, it.on, it.otherwise, it.subjects) for it in found] == (
        [] if kind is None else [(kind, on, otherwise, ("EXC-2026-0001",))]
    )
    assert all("EXC-2026-0001" in it.what and it.owner == "Ann Example" for it in found)


def test_accounts_that_one_cause_keeps_out_are_one_decision_of_their_owner(tmp_path: Path) -> None:
    run = build(tmp_path / "2026-q3", accounts=9, regions=1, controls=2)
    manifest = run.read_manifest()
    gap = manifest.records[-1].gap
    records = [
        msgspec.structs.replace(it, gap=gap) if n in range(1, 8) else it for n, it in enumerate(manifest.records)
    ]
    owners = tuple(AccountOwner(account_id=account_id(n), owner="Kim <kim@x.example>") for n in range(1, 7))
    run.write_manifest(
        msgspec.structs.replace(manifest, records=tuple(records), ownership=OwnershipRecord(accounts=owners))
    )
    with viewed(run, decided()) as view:
        found = [it for it in decisions(view) if it.kind is DecisionKind.ACCOUNT]
    assert sorted((it.owner, it.subjects) for it in found) == [
        ("", (account_id(7),)),
        ("", (account_id(8),)),
        ("Kim <kim@x.example>", tuple(account_id(n) for n in range(1, 7))),
    ]
    kim = next(it for it in found if it.owner)
    named = ", ".join(f"account {n} ({account_id(n)})" for n in range(1, 6))
    assert kim.what == (
        f"Let the audit into {named} and 1 more account. Create the audit role in the account, or correct its trust "
        "policy; `orgaudit doctor` shows which is needed."
    )
    suspended = next(it for it in found if it.subjects == (account_id(8),))
    assert "AWS lists it as SUSPENDED" in suspended.what
    assert suspended.otherwise.endswith("the audit stays incomplete, with 2 evaluations not assessed.")


OLD = date(2026, 1, 1)


def aged(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Give the failures of each account an owner and a due date: the more, the later the control's severity."""
    for finding in findings:
        ended = finding.control == "ec2_control_4_holds" and finding.status is Status.FAIL
        due = {Severity.CRITICAL: AS_OF, Severity.HIGH: AS_OF - timedelta(days=1)}.get(finding.severity, OLD)
        owner = "" if finding.account_id == account_id(0) else f"owner-{finding.account_id[-1]}@x.example"
        exception: ExceptionRef | None = EXPIRED if ended else None
        yield msgspec.structs.replace(finding, owner=owner, due_on=due, exception=exception)


def test_what_is_late_is_by_owner_and_the_day_itself_is_not_late(small: Run) -> None:
    days = (AS_OF - OLD).days
    with viewed(small, decided(aged, entries=(entry(2, "expired", -42),))) as view:
        found, accounts = late(view), late_by_account(view)
    trail = "Cloudtrail resources keep promise 0"
    assert found == (
        Late(
            owner="owner-2@x.example",
            item="Iam resources keep promise 2",
            severity=Severity.HIGH,
            days=1,
            issues=2,
        ),
        Late(owner="", item=trail, severity=Severity.MEDIUM, days=days, issues=3),
        Late(
            owner="Ann Example",
            item="Exception EXC-2026-0002 has ended: Accepted until fixed, 2",
            severity=Severity.MEDIUM,
            days=42,
            issues=2,
            exception="EXC-2026-0002",
        ),
    )
    assert accounts == {account_id(0): 3, account_id(2): 2}


def test_what_an_exception_covers_is_not_late(small: Run) -> None:
    active = ExceptionRef("EXC-2026-0001", "Ann Example", "2026-12-31", "active")

    def covered(findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in aged(findings):
            yield msgspec.structs.replace(finding, exception=active if finding.status is Status.FAIL else None)

    with viewed(small, decided(covered, entries=(row(1),))) as view:
        assert (late(view), late_by_account(view)) == ((), {})
