"""Compares a run with its baseline when its reports are made, and keeps what changed beside its tables."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orgaudit.errors import ConfigError
from orgaudit.history.baseline import is_whole
from orgaudit.history.changes import Unit, compared_with
from orgaudit.history.stage import day_of
from orgaudit.history.trend import figures_of
from orgaudit.store.comparison import (
    NOT_STORED,
    Comparison,
    Point,
    changes_table,
    comparison_path,
    read_comparison,
    write_comparison,
)
from orgaudit.store.run import Run

POINTS = 8
"""How many runs a line over the last ones shows."""


def conclude(run: Run, aliases: Mapping[str, str], chosen: Run | str | None = None) -> list[Path]:
    """Write comparison.json, and changes.parquet where a baseline can be compared with; return the files.

    The run has tables and a register's result. `chosen` is the run to compare with, or NONE; without it, that is the
    run with which the sealed results are compared, else the one from which the history was carried forward. A baseline
    that is gone, was never reported or was changed leaves nothing to compare with, and the comparison says why.
    Raises ConfigError and ReportError for the run itself.
    """
    changes_table(run).unlink(missing_ok=True)
    own, _ = figures_of(run)
    baseline = chosen if chosen is not None else _usual(run)
    if not isinstance(baseline, Run):
        first = baseline is None and is_whole(run.read_manifest())
        why = "no earlier audit of the whole scope is known" if first else "the run has no baseline"
        write_comparison(run, Comparison(why_none=why, points=(own,)))
        return [comparison_path(run)]
    try:
        comparison = _compared(baseline, run, own, aliases)
    except ConfigError as error:
        why = f"run {baseline.id}, the baseline, cannot be compared with: {error}"
        write_comparison(run, Comparison(why_none=why, points=(own,)))
        return [comparison_path(run)]
    write_comparison(run, comparison)
    return [comparison_path(run), changes_table(run)]


def is_compared(run: Run, chosen: Run | str) -> bool:
    """Return whether a run's results are compared with this run, or with none."""
    return read_comparison(run).baseline == (chosen.id if isinstance(chosen, Run) else None)


def _usual(run: Run) -> Run | None:
    """Return the run with which a run is compared where nobody chose one."""
    sealed = None if run.results == run.path else read_comparison(Run(run.path)).baseline
    record = run.read_manifest().baseline
    name = sealed or (record.run_id if record else None)
    return Run(run.path.parent / name) if name else None


def _compared(baseline: Run, run: Run, own: Point, aliases: Mapping[str, str]) -> Comparison:
    before, rates = figures_of(baseline)
    earlier = read_comparison(baseline)
    points = earlier.points if earlier.why_none != NOT_STORED else (before,)
    with compared_with(baseline, run, aliases) as changes:
        changes.write(changes_table(run))
        return Comparison(
            baseline=baseline.id,
            baseline_date=day_of(changes.old),
            points=(*points, own)[-POINTS:],
            issues=tuple(changes.counts(Unit.ISSUES).values()),
            rules=changes.rules.controls,
            rates_before=rates,
        )
