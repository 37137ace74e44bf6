"""A run of four accounts with a register, small enough to state every figure of its report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orgaudit.model import EntryState, ExceptionRef, Finding, Status
from orgaudit.report.stage import written
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.store.consolidation import consolidate
from orgaudit.store.register_result import ExceptionRow, RegisterProblem, RegisterResult, Source, write_result
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing
from orgaudit.store.tables import Apply
from tests.synthetic_run import account_id, build

AS_OF = date(2026, 10, 1)

ACTIVE = ExceptionRef("EXC-2026-0001", "Ann Example", "2026-12-31", "active")
EXPIRED = ExceptionRef("EXC-2026-0002", "Bob Example", "2026-08-20", "expired", 42)


def small_run(path: Path) -> Run:
    """Write the run: 4 accounts (the last suspended), 3 regions (the last disabled), 5 controls."""
    return build(path / "2026-q3", accounts=4, regions=3, controls=5)


def mark(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Except one critical finding, and mark two medium ones with an exception that has expired."""
    for finding in findings:
        place = (finding.account_id, finding.control, finding.region)
        if finding.status is Status.FAIL and place == (account_id(1), "s3_control_1_holds", "eu-central-1"):
            yield msgspec.structs.replace(finding, exception=ACTIVE)
        elif finding.status is Status.FAIL and finding.control == "ec2_control_4_holds":
            yield msgspec.structs.replace(finding, exception=EXPIRED)
        else:
            yield finding


def entry(number: int, state: str, days_left: int | None) -> ExceptionRow:
    """Return an entry of the register."""
    return ExceptionRow(
        id=f"EXC-2026-{number:04d}",
        title=f"Accepted until fixed, {number}",
        type="risk_acceptance",
        state=EntryState(state),
        owner="Ann Example",
        approved_by="Carol Example",
        ticket="SEC-12",
        starts_on=date(2026, 1, 1),
        expires_on=date(2026, 12, 31),
        days_left=days_left,
        scope="controls: s3_control_1_holds",
    )


@dataclass(frozen=True)
class Decided:
    """What a register decided: its result, and what sets the findings' exceptions."""

    result: RegisterResult
    apply: Apply = iter


def decided(apply: Apply = iter, **kept: Any) -> Decided:
    """Return a register's decisions on the report's date."""
    return Decided(
        RegisterResult(source=Source(as_of=AS_OF, file="exceptions.yaml", sha256=None, policy={}), **kept), apply
    )


REGISTER = decided(
    mark,
    entries=(entry(1, "active", 91), entry(2, "expired", -42), entry(3, "expiring", 9)),
    problems=(RegisterProblem("config/exceptions.yaml:42", "owner", "an owner is required"),),
)


def store(run: Run, register: Decided) -> None:
    """Write the tables and the register's result."""
    consolidate(run, lambda _: (register.apply, None))
    write_result(run, register.result)


@contextmanager
def viewed(run: Run, register: Decided) -> Iterator[View]:
    """Open the view of the run with these decisions."""
    store(run, register)
    with viewing(run) as view:
        yield view


def write(run: Run, register: Decided, formats: Iterable[str]) -> list[Path]:
    """Write the tables and the reports, and return the reports' files."""
    store(run, register)
    return render(run, formats)


def render(run: Run, formats: Iterable[str]) -> list[Path]:
    """Write the reports of a run that has results."""
    with written(run, formats, standing=Standing.NOT_SEALED) as (_, paths):
        return paths


@pytest.fixture
def small(tmp_path: Path) -> Run:
    """Give each test a run of its own."""
    return small_run(tmp_path)
