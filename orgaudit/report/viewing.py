"""Where views come from: the consolidated tables of a run, counted by SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial

import duckdb
import msgspec

from orgaudit.actions.plan import plan
from orgaudit.model import EntryState
from orgaudit.report import queries
from orgaudit.report.figures import (
    AccountScore,
    BySeverity,
    Cause,
    ControlScore,
    CoverageTotals,
    ExceptionScore,
    ExceptionTotals,
    Headline,
    Missing,
    MissingPermission,
    Rated,
    RatedCounts,
    RegionScore,
    RequirementScore,
    StatusCounts,
    Summary,
    UnitScore,
    Unseen,
)
from orgaudit.report.manual import answered, review
from orgaudit.report.mapped import with_parts
from orgaudit.report.view import View, numbers_of
from orgaudit.settings.frameworks import rated
from orgaudit.settings.picture import Picture, read_logo
from orgaudit.settings.sections import ReportSettings
from orgaudit.store.comparison import Comparison, changes_table, read_comparison
from orgaudit.store.kinds import CLOSING, OPENING, Kind
from orgaudit.store.manifest import Manifest
from orgaudit.store.register_result import (
    ExceptionRow,
    RegisterProblem,
    RegisterResult,
    read_result,
    register_path,
)
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing, digest
from orgaudit.store.tables import opened, quoted, structs_of

ACTIONS = 1000
"""How many actions reports list, the first of their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What a view shows beside the tables: of a whole run, or of a part of one."""

    run: Run
    manifest: Manifest
    manifest_sha256: str
    standing: Standing
    settings: ReportSettings
    logo: Picture | None
    register: RegisterResult
    register_sha256: str
    comparison: Comparison


@contextmanager
def viewing(
    run: Run, *, standing: Standing = Standing.NOT_SEALED, settings: ReportSettings | None = None
) -> Iterator[View]:
    """Open the view of a run to which the register was applied; raises ConfigError where it was not.

    A logo that cannot be shown is a ConfigError too.
    """
    with opened_with(run, standing, settings) as (connection, basis):
        yield view_of(connection, basis, exceptions_of(connection, basis.register.entries))


@contextmanager
def opened_with(
    run: Run, standing: Standing, settings: ReportSettings | None
) -> Iterator[tuple[duckdb.DuckDBPyConnection, Basis]]:
    """Open the tables of a run to which the register was applied, with its changes, and what a view shows beside them.

    Raises ConfigError where the register was not applied.
    """
    basis = Basis(
        run=run,
        manifest=run.read_manifest(),
        manifest_sha256=digest(run.manifest_path),
        standing=standing,
        settings=settings or ReportSettings(),
        logo=read_logo(settings.logo if settings else None),
        register=read_result(run),
        register_sha256=digest(register_path(run)),
        comparison=read_comparison(run),
    )
    with opened(run) as connection:
        if basis.comparison.baseline is not None:
            source = quoted(changes_table(run))
            connection.execute(f"CREATE VIEW changes AS SELECT * FROM read_parquet({source})")  # noqa: S608 - quoted
        yield connection, basis


def view_of(connection: duckdb.DuckDBPyConnection, basis: Basis, exceptions: tuple[ExceptionScore, ...]) -> View:
    """Return what reports show of the tables of a connection, which counts all of it, and of this basis."""
    manifest, register = basis.manifest, basis.register
    connection.execute(queries.ISSUES_TABLE)
    judged = tuple(with_parts(connection, structs_of(connection, RequirementScore, queries.REQUIREMENTS)))
    requirements = tuple(answered(score, register.attested, len(manifest.accounts)) for score in judged)
    headline = _headline(manifest, judged)
    failing = dict(connection.execute(queries.FAILING_ACCOUNTS).fetchall())
    return View(
        run=basis.run,
        manifest=manifest,
        manifest_sha256=basis.manifest_sha256,
        register_sha256=basis.register_sha256,
        standing=basis.standing,
        settings=basis.settings,
        logo=basis.logo,
        source=register.source,
        summary=_summary(connection, register.problems, exceptions, headline),
        regions=tuple(structs_of(connection, RegionScore, queries.REGIONS)),
        units=tuple(structs_of(connection, UnitScore, queries.UNITS)),
        accounts=_accounts(connection, basis, headline),
        controls=tuple(structs_of(connection, ControlScore, queries.CONTROLS)),
        requirements=requirements,
        unseen=tuple(structs_of(connection, Unseen, queries.UNSEEN_REASONS)),
        missing=tuple(structs_of(connection, Missing, queries.MISSING)),
        missing_permissions=tuple(structs_of(connection, MissingPermission, queries.MISSING_PERMISSIONS)),
        causes=tuple(structs_of(connection, Cause, queries.CAUSES)),
        exceptions=exceptions,
        hygiene=register.hygiene,
        problems=register.problems,
        manual=review(judged, register.attested, failing),
        comparison=basis.comparison,
        planned=cache(partial(plan, connection, manifest, numbers_of(manifest), top=ACTIONS)),
        outlived=outlived_of(connection),
        findings_total=_number(connection, "SELECT count(*) FROM findings"),
        findings_passed=_number(connection, "SELECT count(*) FROM findings WHERE status = 'PASS'"),
        account_regions_total=_number(connection, f"SELECT count(*) FROM ({queries.ACCOUNT_REGIONS})"),  # noqa: S608
        connection=connection,
    )


def _accounts(
    connection: duckdb.DuckDBPyConnection, basis: Basis, headline: Headline | None
) -> tuple[AccountScore, ...]:
    """Return the scorecards, with what changed in each account since the baseline."""
    asked = {
        "framework": headline.framework if headline else "",
        "as_of": basis.register.source.as_of,
        "dated": bool(basis.manifest.remediation_days),
    }
    scores = tuple(structs_of(connection, AccountScore, queries.ACCOUNTS, asked))
    if basis.comparison.baseline is None:
        return scores
    counts = {
        account: (opened, closed)
        for account, opened, closed in connection.execute(
            queries.ACCOUNT_CHANGES,
            {"opening": OPENING, "closing": [kind for kind in CLOSING if kind is not Kind.NOT_CHECKED_AGAIN]},
        ).fetchall()
    }
    return tuple(_with_changes(score, *counts.get(score.id, (0, 0))) for score in scores)


def _with_changes(score: AccountScore, opened: int, closed: int) -> AccountScore:
    return msgspec.structs.replace(score, opened=opened, closed=closed)


def _number(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _summary(
    connection: duckdb.DuckDBPyConnection,
    problems: Sequence[RegisterProblem],
    exceptions: tuple[ExceptionScore, ...],
    headline: Headline | None,
) -> Summary:
    class Totals(msgspec.Struct):
        counts: StatusCounts
        open: BySeverity

    (totals,) = structs_of(connection, Totals, queries.HEADLINE)
    (issues,) = structs_of(connection, BySeverity, queries.ISSUES)
    (coverage,) = structs_of(connection, CoverageTotals, queries.COVERAGE)
    states = [score.entry.state for score in exceptions]
    return Summary(
        headline=headline,
        counts=totals.counts,
        open=totals.open,
        issues=issues,
        coverage=coverage,
        exceptions=ExceptionTotals(
            active=states.count(EntryState.ACTIVE),
            expiring=states.count(EntryState.EXPIRING),
            expired=states.count(EntryState.EXPIRED),
            unused=sum(score.unused for score in exceptions),
            broad=sum(score.entry.broad and score.entry.state.covers for score in exceptions),
            closed=sum(score.closed for score in exceptions),
            problems=len(problems),
            expired_matching=sum(score.expired for score in exceptions),
        ),
    )


def _headline(manifest: Manifest, requirements: Iterable[RequirementScore]) -> Headline | None:
    """Return the headline rate: the sums over the automated requirements of one framework that is whole in the run."""
    frameworks = {framework.id: framework for framework in manifest.frameworks}
    name = rated(frameworks.values(), {record.id for record in manifest.controls}, manifest.headline_framework)
    if name is None:
        return None
    scores = [score.rated for score in requirements if score.framework == name]
    return Headline(
        framework=name,
        title=frameworks[name].title,
        version=frameworks[name].version,
        rated=Rated(counts=_sum(it.counts for it in scores), with_exceptions=_sum(it.with_exceptions for it in scores)),
    )


def _sum(counts: Iterable[RatedCounts]) -> RatedCounts:
    found = list(counts)
    return RatedCounts(
        passed=sum(it.passed for it in found),
        failed=sum(it.failed for it in found),
        not_assessed=sum(it.not_assessed for it in found),
    )


def exceptions_of(connection: duckdb.DuckDBPyConnection, entries: Iterable[ExceptionRow]) -> tuple[ExceptionScore, ...]:
    """Return exceptions with how many findings of the tables each covers, or covered until it expired."""
    matched = {row[0]: (row[1], row[2]) for row in connection.execute(queries.EXCEPTIONS).fetchall()}
    return tuple(ExceptionScore(entry, *matched.get(entry.id, (0, 0))) for entry in entries)


def outlived_of(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    """Return the exceptions past their last day of which findings of the tables are open, as a view has them."""
    return {name: (rank, issues) for name, rank, issues in connection.execute(queries.OUTLIVED_EXCEPTIONS).fetchall()}
