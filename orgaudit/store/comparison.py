"""comparison.json and changes.parquet: what changed in a run since its baseline, and the figures of the runs before."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import msgspec

from orgaudit.model import Severity
from orgaudit.store.kinds import Kind
from orgaudit.store.run import Run, read_document, writing

SCHEMA_VERSION = 1
NOT_STORED = "the results are of an earlier version, which compared nothing"


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One issue or finding that is open in one of two runs or in both, with the controls that fail; a finding has one.

    The account is the one where the resource lives; `account_name` and `ou_path` are empty where it was in neither run.
    """

    kind: Kind
    severity: Severity
    account_id: str
    account_name: str
    ou_path: str
    region: str
    resource: str
    family: str
    controls: tuple[str, ...]
    title: str
    owner: str
    first_seen: date | None
    due_on: date | None


class KindCount(msgspec.Struct, frozen=True, kw_only=True):
    """How many changes are of one kind, by the severity that they have, or had where they are open no longer."""

    kind: Kind
    meaning: str
    count: int
    critical: int = 0
    high: int = 0
    medium: int = 0
    low: int = 0


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One run: open issues by severity, the headline rate, coverage, and what is late on the date of its reports.

    The rates are None without a framework in the run, and the late issues where the run has no due dates.
    `whole_scope` is whether it is of the whole scope.
    """

    date: date
    run: str
    whole_scope: bool
    open: int
    critical: int
    high: int
    medium: int
    low: int
    framework: str | None
    rate: float | None
    rate_with_exceptions: float | None
    coverage: float | None
    overdue_issues: int | None
    overdue_exceptions: int


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """The whole of comparison.json.

    `baseline` is the id of the run that was compared with; without one, `why_none` says why in words that follow
    "Not compared: ". `points` are the runs of the whole scope up to this one, which is the last, the oldest first.
    `issues` counts every kind of change, also those without any. `rules` are the controls that judge differently since.
    `rates_before` are the rates of the baseline's frameworks by id, None where one is not whole in it.
    """

    schema_version: int = SCHEMA_VERSION
    baseline: str | None = None
    baseline_date: date | None = None
    why_none: str = ""
    points: tuple[Point, ...] = ()
    issues: tuple[KindCount, ...] = ()
    rules: tuple[str, ...] = ()
    rates_before: dict[str, float | None] = {}

    @property
    def before(self) -> Point | None:
        """The figures of the baseline."""
        return next((point for point in self.points if point.run == self.baseline), None)


def comparison_path(run: Run) -> Path:
    """Return where the comparison with the baseline is."""
    return run.result_path("comparison.json")


def changes_table(run: Run) -> Path:
    """Return where the changes of issues since the baseline are; there is no such file without a baseline."""
    return run.result_path("changes.parquet")


def write_comparison(run: Run, comparison: Comparison) -> None:
    """Write comparison.json; raises ReportError."""
    with writing(comparison_path(run)) as file:
        file.write(msgspec.json.format(msgspec.json.encode(comparison), indent=1))


def read_comparison(run: Run) -> Comparison:
    """Return comparison.json, or that there is nothing of an earlier version; raises ConfigError for a foreign file."""
    found = read_document(comparison_path(run), Comparison, "a comparison")
    return Comparison(why_none=NOT_STORED) if found is None else found
