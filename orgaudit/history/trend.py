"""The few figures of a run that a line over several runs shows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import duckdb
import msgspec

from orgaudit.history.baseline import Head, head_of, heads, is_whole
from orgaudit.history.compare import ISSUE
from orgaudit.history.stage import day_of
from orgaudit.settings.frameworks import rated
from orgaudit.store import seal
from orgaudit.store.register_result import read_result
from orgaudit.store.run import Run
from orgaudit.store.tables import SEVERITY_RANK, opened


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


_ISSUES = f"""
    WITH issues AS (
        SELECT max({SEVERITY_RANK}) AS severity, min(due_on) AS due_on FROM findings WHERE open AND counted
        GROUP BY {ISSUE})
    SELECT count(*) AS open, count(*) FILTER (severity = 4) AS critical, count(*) FILTER (severity = 3) AS high,
        count(*) FILTER (severity = 2) AS medium, count(*) FILTER (severity = 1) AS low,
        count(*) FILTER (due_on < $as_of) AS overdue_issues
    FROM issues
"""  # noqa: S608 - constants only

_ACCEPTED = "status = 'NOT_ASSESSED' AND accepted > 0 AND not_assessed = 0"

_COVERAGE = f"""
    SELECT count(*) FILTER (status NOT IN ('MANUAL', 'NOT_ASSESSED'))
        / nullif(count(*) FILTER (status <> 'MANUAL' AND NOT ({_ACCEPTED})), 0) FROM coverage
"""  # noqa: S608 - constants only

_RATE = f"""
    WITH asked AS (
        SELECT id, unnest(controls) AS control FROM requirements
        WHERE framework = $framework AND assessment = 'automated'),
    cells AS (
        SELECT control, account_id, bool_or(failed > 0) AS failed, bool_or(passed > 0) AS passed,
            bool_or(manual > 0) AS manual, bool_or(status = 'NOT_ASSESSED' AND NOT ({_ACCEPTED})) AS unseen
        FROM coverage GROUP BY control, account_id),
    uncovered AS (SELECT DISTINCT control, account_id FROM findings WHERE open),
    met AS (
        SELECT q.id, a.id AS account_id, bool_or(coalesce(failed, false)) AS failed,
            bool_or(u.control IS NOT NULL) AS uncovered, bool_or(coalesce(unseen, true)) AS unseen,
            bool_or(coalesce(manual, false)) AS manual, bool_or(coalesce(passed, false)) AS passed
        FROM accounts a CROSS JOIN asked q
            LEFT JOIN cells c ON c.account_id = a.id AND c.control = q.control
            LEFT JOIN uncovered u ON u.account_id = a.id AND u.control = q.control
        GROUP BY ALL)
    SELECT count(*) FILTER ({{passes}}) / nullif(count(*) FILTER ({{fails}} OR unseen OR {{passes}}), 0) FROM met
"""  # noqa: S608 - constants only


def point_of(run: Run) -> Point:
    """Return a reported run's figures; raises ConfigError where it was not reported or is not what was sealed."""
    manifest = run.read_evaluated()
    with opened(run) as connection:
        seal.standing(run, seal.MATCHED)
        result = read_result(run)
        rows = connection.execute(_ISSUES, {"as_of": result.source.as_of})
        issues = dict(zip((column[0] for column in rows.description or ()), rows.fetchall()[0], strict=True))
        if not manifest.remediation_days:
            issues["overdue_issues"] = None
        framework = rated(manifest.frameworks, {record.id for record in manifest.controls}, manifest.headline_framework)
        return Point(
            date=day_of(manifest),
            run=run.id,
            whole_scope=is_whole(manifest),
            framework=framework,
            rate=_rate(connection, framework, "failed"),
            rate_with_exceptions=_rate(connection, framework, "uncovered"),
            coverage=connection.execute(_COVERAGE).fetchall()[0][0],
            overdue_exceptions=sum(count > 0 for count in result.overdue.values()),
            **issues,
        )


def _rate(connection: duckdb.DuckDBPyConnection, framework: str | None, fails: str) -> float | None:
    """Return the share of account x automated requirement that passes, of those that pass, fail or were not assessed.

    Where only exceptions cover what fails, a requirement fails without and passes with them.
    """
    if framework is None:
        return None
    passes = f"NOT {fails} AND NOT unseen AND NOT manual AND (passed OR failed)"
    rate: float | None = connection.execute(
        _RATE.format(passes=passes, fails=fails), {"framework": framework}
    ).fetchall()[0][0]
    return rate


def whole_runs(out: Path) -> Iterator[Run]:
    """Yield the runs of the whole scope in a directory that belong together with its newest one, the oldest first."""
    found: list[tuple[Head, Path]] = sorted(
        ((head, path) for path, head in heads(out) if is_whole(head)), key=lambda it: it[0].place
    )
    yield from (Run(path) for head, path in found if head.audited == found[-1][0].audited)


def in_order(runs: list[Run]) -> list[Run]:
    """Return runs by when they began; raises ConfigError for one that was not evaluated."""
    return sorted(runs, key=lambda run: head_of(run.read_evaluated()).place)
