"""A run with names that no program expects, in every field of it and of its register."""

from __future__ import annotations

from datetime import date
from typing import Any, TypeVar

import msgspec
import pytest

from orgaudit.model import Cell, Finding
from orgaudit.store.comparison import Comparison, Point, write_comparison
from orgaudit.store.manifest import Manifest
from orgaudit.store.register_result import HygieneConcern, HygieneRemark, RegisterProblem
from orgaudit.store.run import Run, write_lines
from tests.report.small import decided, entry, mark

T = TypeVar("T", bound=msgspec.Struct)

BEFORE = '=1+"'
BEHIND = "\x00\x01\x0b\x1b[31m\x7f\ufffe\uffff_x0041_<b>&amp;]]>\"'{}~*?#\r\n\t\u202e\u0085\U0001f4a5"
FIXED = {
    Finding: {
        *("fingerprint", "control", "severity", "status", "account_id", "inherited_from", "assessed_at"),
        *("framework", "id"),
    },
    Cell: {"account_id", "control", "status", "reason", "inherited_from"},
    Manifest: {
        *("run_id", "started_at", "collected_at", "evaluated_at", "account_id", "id", "severity"),
        *("management_account_id", "state", "scope", "assessment", "reason", "controls", "supporting"),
        *("coverage", "baseline", "kind"),
    },
}
"""What is never a name: numbers of accounts, ids and words of ours, times; by record."""


def hostile(text: str) -> str:
    return f"{BEFORE}{text}{BEHIND}"


def spoiled(record: T) -> T:
    """Return a record whose every text is hostile, but for what its type fixes and the reasons of gaps."""

    def spoil(value: Any, fixed: set[str], key: str = "") -> Any:
        if isinstance(value, dict):
            known = fixed | {"reason", "type"} if "message" in value else fixed
            return {name: spoil(each, known, name) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [spoil(each, fixed, key) for each in value]
        return hostile(value) if isinstance(value, str) and key not in fixed else value

    return msgspec.convert(spoil(msgspec.to_builtins(record), FIXED[type(record)]), type(record))


REGISTER = decided(
    entries=tuple(
        msgspec.structs.replace(
            entry(number, state, days),
            **{key: hostile(key) for key in ("title", "owner", "approved_by", "ticket", "scope", "type")},
        )
        for number, state, days in ((1, "active", 91), (2, "expired", -42))
    ),
    problems=(RegisterProblem(hostile("a.yaml:1"), hostile("owner"), hostile("wrong")),),
    hygiene=(
        HygieneRemark(
            concern=HygieneConcern.UNUSED_FIXED,
            id="EXC-2026-0001",
            title=hostile("title"),
            owner=hostile("Ann"),
            expires_on=date(2026, 12, 31),
            days_left=40,
            detail=hostile("unused"),
        ),
    ),
    apply=mark,
)


@pytest.fixture
def hostile_run(small: Run) -> Run:
    """The small run with every text hostile."""
    manifest = small.read_manifest()
    for account in manifest.accounts:
        write_lines(small.findings_path(account.id), [spoiled(each) for each in [*small.findings(account.id)]])
        write_lines(small.cells_path(account.id), [spoiled(each) for each in [*small.cells(account.id)]])
    small.write_manifest(spoiled(manifest))
    write_comparison(small, Comparison(why_none=hostile("why"), points=tuple(map(point, (1, 2)))))
    return small


def point(number: int) -> Point:
    """Return a run's figures, with a hostile name."""
    return Point(
        date=date(2026, 3 * number, 1),
        run=hostile("run"),
        whole_scope=True,
        open=7,
        critical=2,
        high=number,
        medium=3,
        low=0,
        framework="cis_4.0",
        rate=0.3,
        rate_with_exceptions=0.3,
        coverage=0.5,
        overdue_issues=number,
        overdue_exceptions=1,
    )
