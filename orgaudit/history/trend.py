"""The few figures of a run that a line over several runs shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orgaudit.history.baseline import Head, head_of, heads, is_whole
from orgaudit.history.stage import day_of
from orgaudit.settings.frameworks import is_ratable, rated
from orgaudit.store import seal
from orgaudit.store.comparison import Point
from orgaudit.store.rates import COVERAGE_SHARE, OUTLIVED, RATES
from orgaudit.store.register_result import read_result
from orgaudit.store.run import Run
from orgaudit.store.tables import ISSUE, SEVERITY_RANK, opened, rows_of, table_files

_ISSUES = f"""
    WITH issues AS (
        SELECT max({SEVERITY_RANK}) AS severity, min(due_on) AS due_on FROM findings WHERE open AND counted
        GROUP BY {ISSUE})
    SELECT count(*) AS open, count(*) FILTER (severity = 4) AS critical, count(*) FILTER (severity = 3) AS high,
        count(*) FILTER (severity = 2) AS medium, count(*) FILTER (severity = 1) AS low,
        count(*) FILTER (due_on < $as_of) AS overdue_issues
    FROM issues
"""  # noqa: S608 - constants only
_EXCEPTIONS = f"SELECT count(DISTINCT exception.id) FROM findings WHERE {OUTLIVED}"  # noqa: S608 - constants only


def point_of(run: Run) -> Point:
    """Return a reported run's figures; raises ConfigError where it was not reported or is not what was sealed."""
    table_files(run)
    seal.standing(run, seal.MATCHED)
    return figures_of(run)[0]


def figures_of(run: Run) -> tuple[Point, dict[str, float | None]]:
    """Return the figures of a run that has tables, and the rates of its frameworks; raises ConfigError without these.

    A framework of which a control was not in the run has no rate.
    """
    manifest = run.read_evaluated()
    result = read_result(run)
    with opened(run) as connection:
        (issues,) = rows_of(connection, _ISSUES, {"as_of": result.source.as_of})
        rates = {name: (rate, excepted) for name, rate, excepted in connection.execute(RATES).fetchall()}
        coverage = connection.execute(COVERAGE_SHARE).fetchall()[0][0]
        exceptions = connection.execute(_EXCEPTIONS).fetchall()[0][0]
    if not manifest.remediation_days:
        issues["overdue_issues"] = None
    controls = {record.id for record in manifest.controls}
    framework = rated(manifest.frameworks, controls, manifest.headline_framework)
    rate, excepted = rates.get(framework or "", (None, None))
    point = Point(
        date=day_of(manifest),
        run=run.id,
        whole_scope=is_whole(manifest),
        framework=framework,
        rate=rate,
        rate_with_exceptions=excepted,
        coverage=coverage,
        overdue_exceptions=exceptions,
        **issues,
    )
    return point, {
        each.id: rates[each.id][0] if each.id in rates and is_ratable(each, controls) else None
        for each in manifest.frameworks
    }


def whole_runs(out: Path) -> Iterator[Run]:
    """Yield the runs of the whole scope in a directory that belong together with its newest one, the oldest first."""
    found: list[tuple[Head, Path]] = sorted(
        ((head, path) for path, head in heads(out) if is_whole(head)), key=lambda it: it[0].place
    )
    yield from (Run(path) for head, path in found if head.audited == found[-1][0].audited)


def in_order(runs: list[Run]) -> list[Run]:
    """Return runs by when they began; raises ConfigError for one that was not evaluated."""
    return sorted(runs, key=lambda run: head_of(run.read_evaluated()).place)
