from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from orgaudit.model import EntryState, ExceptionRef, Finding, Severity, Status
from orgaudit.register.apply import AppliedRegister
from orgaudit.settings.sections import LongestDays, RegisterSettings
from tests.register.making import ACCOUNT, CONTROL, fields, finding, registered

ON = date(2025, 2, 1)


def applied(tmp_path: Path, *exceptions: dict[str, object], on: date = ON) -> AppliedRegister:
    return AppliedRegister(registered(tmp_path, *exceptions), [ACCOUNT], on)


def mark(application: AppliedRegister, **changes: object) -> ExceptionRef | None:
    [marked] = application.apply([finding(**changes)])
    return marked.exception


def test_a_failure_in_scope_is_covered_and_stays_a_failure(tmp_path: Path) -> None:
    application = applied(tmp_path, fields())
    [covered, other] = application.apply([finding(), finding(control="s3_bucket_versioned")])
    assert covered.exception == ExceptionRef("EXC-2025-0001", "Ana <ana@example.com>", "2025-03-31", "active")
    assert covered.status is Status.FAIL
    assert other.exception is None
    assert application.tally.covered == {"EXC-2025-0001": 1}


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.FAIL])
def test_nothing_but_a_failure_is_ever_covered(tmp_path: Path, status: Status) -> None:
    application = applied(tmp_path, fields())
    seen: Finding = finding(status=status)
    assert list(application.apply([seen])) == [seen]
    assert application.tally.matched == {("EXC-2025-0001", status): 1}
    assert not application.tally.covered


@pytest.mark.parametrize(
    ("on", "reference"),
    [
        (date(2025, 3, 31), ExceptionRef("EXC-2025-0001", "Ana <ana@example.com>", "2025-03-31", "expiring", 0)),
        (date(2025, 4, 1), ExceptionRef("EXC-2025-0001", "Ana <ana@example.com>", "2025-03-31", "expired", 1)),
        (date(2025, 6, 30), ExceptionRef("EXC-2025-0001", "Ana <ana@example.com>", "2025-03-31", "expired", 91)),
        (date(2024, 12, 31), None),
    ],
)
def test_an_expired_exception_marks_the_failure_that_it_no_longer_covers(
    tmp_path: Path, on: date, reference: ExceptionRef | None
) -> None:
    application = applied(tmp_path, fields(), on=on)
    assert mark(application) == reference
    expired = reference is not None and reference.state == "expired"
    assert application.tally.overdue.total() == int(expired)
    assert application.tally.covered.total() == int(reference is not None and not expired)


@pytest.mark.parametrize(
    "changes",
    [
        {"approved_by": None, "approved_on": None},
        {"starts_on": "2025-02-02"},
        {"history": [{"when": "2025-01-02", "who": "jo", "what": "revoked", "why": "x"}]},
        {"history": [{"when": "2025-01-02", "who": "jo", "what": "rejected", "why": "x"}]},
        {"ticket": None},
        {"requested_by": None, "approved_by": None, "approved_on": None},
    ],
)
def test_no_other_state_leaves_a_mark(tmp_path: Path, changes: dict[str, object]) -> None:
    assert mark(applied(tmp_path, fields(**changes))) is None


def test_the_most_specific_wins_and_overlaps_are_counted(tmp_path: Path) -> None:
    application = applied(
        tmp_path,
        fields(id="EXC-2025-0001", scope={"controls": [CONTROL], "ous": ["Root/Workloads"]}),
        fields(id="EXC-2025-0002", scope={"controls": [CONTROL], "resources": ["main"]}, broad=True),
        fields(id="EXC-2025-0003", scope={"resources": ["main"], "controls": ["s3_*"]}, broad=True),
    )
    reference = mark(application)
    assert reference is not None
    assert reference.id == "EXC-2025-0002"
    assert application.tally.overlaps == {("EXC-2025-0002", "EXC-2025-0001"): 1}


def test_a_covering_exception_wins_over_a_more_specific_expired_one(tmp_path: Path) -> None:
    expired = fields(id="EXC-2025-0001", scope={"controls": [CONTROL], "resources": ["main"]}, broad=True)
    application = applied(tmp_path, expired | {"expires_on": "2025-01-15"}, fields(id="EXC-2025-0002"))
    reference = mark(application)
    assert reference is not None
    assert (reference.id, reference.state) == ("EXC-2025-0002", "active")
    assert not application.tally.overdue


@pytest.mark.parametrize(
    ("severity", "days", "covers"),
    [
        (severity, days, days <= limit)
        for severity, limit in zip(Severity, (365, 180, 90, 30), strict=True)
        for days in (limit, limit + 1)
        if days <= 365
    ],
)
def test_an_exception_covers_no_longer_than_the_severity_allows(
    tmp_path: Path, severity: Severity, days: int, covers: bool
) -> None:
    expires = date.fromordinal(date(2025, 1, 1).toordinal() + days).isoformat()
    application = applied(tmp_path, fields(expires_on=expires), on=date(2025, 1, 2))
    assert (mark(application, severity=severity) is not None) is covers
    problems = application.problems()
    assert bool(problems) is not covers
    if problems:
        assert problems[0].line == 3
        assert f"lives {days} days, but {severity} findings may be excepted for {days - 1}: 1 stay open" in str(
            problems[0]
        )


def test_the_severity_of_the_finding_counts_not_the_adjusted_one(tmp_path: Path) -> None:
    application = applied(tmp_path, fields(severity_adjusted="low"))
    assert mark(application, severity=Severity.CRITICAL) is None


def test_a_broken_entry_among_good_ones_covers_nothing_and_is_reported(tmp_path: Path) -> None:
    broken = fields(id="EXC-2025-0002", scope={"controls": ["s3_x"], "accounts": ["111122223333"]}, expires_on="soon")
    application = applied(tmp_path, fields(), broken)
    assert mark(application) is not None
    assert mark(application, control="s3_x") is None
    assert [problem.key for problem in application.problems()] == ["exceptions[1].expires_on"]


def test_rows_show_every_exception_with_its_state(tmp_path: Path) -> None:
    application = applied(
        tmp_path,
        fields(id="EXC-2025-0004", expires_on="2025-01-30"),
        {"id": "EXC-2025-0003", "title": "To be written"},
        fields(id="EXC-2025-0002", type="?"),
        fields(),
    )
    rows = application.exceptions()
    assert [(row.id, row.state, row.days_left) for row in rows] == [
        ("EXC-2025-0001", EntryState.ACTIVE, 58),
        ("EXC-2025-0002", EntryState.INVALID, None),
        ("EXC-2025-0003", EntryState.DRAFT, None),
        ("EXC-2025-0004", EntryState.EXPIRED, -2),
    ]
    assert rows[0].scope == f"controls: {CONTROL}; accounts: 111122223333"
    assert (rows[1].title, rows[1].owner) == ("The trail rests", "Ana <ana@example.com>")


def test_policy_numbers_come_from_the_settings(tmp_path: Path) -> None:
    policy = RegisterSettings(expiring_days=58, longest_days=LongestDays(medium=88))
    application = AppliedRegister(registered(tmp_path, fields(), policy=policy), [ACCOUNT], ON)
    assert [row.state for row in application.exceptions()] == [EntryState.EXPIRING]
    assert mark(application) is None
    assert mark(application, severity=Severity.LOW) is not None


def test_findings_stream(tmp_path: Path) -> None:
    def endless() -> Iterator[Finding]:
        while True:
            yield finding()

    stream = applied(tmp_path, fields()).apply(endless())
    assert next(iter(stream)).exception is not None
