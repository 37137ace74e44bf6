"""What every format renders: the run's figures, counted once by SQL, and its findings as a stream."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import msgspec

from orgaudit.actions.plan import ActionPlan, plan
from orgaudit.model import EntryState, Finding
from orgaudit.report import queries
from orgaudit.report.figures import (
    AccountRegion,
    AccountScore,
    BySeverity,
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
from orgaudit.report.manual import ManualReview, answered, review
from orgaudit.settings.frameworks import rated
from orgaudit.settings.picture import Picture, read_logo
from orgaudit.settings.sections import ActionSettings, ReportSettings
from orgaudit.store.comparison import Change, Comparison, changes_table, read_comparison
from orgaudit.store.manifest import Manifest
from orgaudit.store.register_result import (
    ExceptionRow,
    HygieneRemark,
    RegisterProblem,
    Source,
    read_result,
    register_path,
)
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing, digest
from orgaudit.store.tables import FINDING_COLUMNS, opened, quoted

S = TypeVar("S", bound=msgspec.Struct)

ACTIONS = 1000
"""How many actions reports list, the first of their order."""


@dataclass(frozen=True, slots=True)
class ReportedFinding:
    """A finding with its exception, and what the counts make of it."""

    finding: Finding
    open: bool
    covered: bool
    counted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything that reports show of one run; lists are short, and what grows with the findings is a stream."""

    manifest: Manifest
    manifest_sha256: str
    register_sha256: str
    standing: Standing
    settings: ReportSettings
    logo: Picture | None
    source: Source
    summary: Summary
    regions: tuple[RegionScore, ...]
    units: tuple[UnitScore, ...]
    accounts: tuple[AccountScore, ...]
    controls: tuple[ControlScore, ...]
    requirements: tuple[RequirementScore, ...]
    unseen: tuple[Unseen, ...]
    missing: tuple[Missing, ...]
    missing_permissions: tuple[MissingPermission, ...]
    exceptions: tuple[ExceptionScore, ...]
    hygiene: tuple[HygieneRemark, ...]
    problems: tuple[RegisterProblem, ...]
    manual: ManualReview
    comparison: Comparison
    actions: ActionPlan
    findings_total: int
    account_regions_total: int
    changes_file: Path | None
    connection: duckdb.DuckDBPyConnection

    @property
    def as_of(self) -> date:
        """The date for which the register was applied."""
        return self.source.as_of

    @property
    def numbers(self) -> ActionSettings:
        """The points and efforts of the run's settings; a run of an earlier version has the usual ones."""
        return _numbers(self.manifest)

    @property
    def kept(self) -> tuple[ExceptionScore, ...]:
        """The exceptions that are not closed."""
        return tuple(score for score in self.exceptions if not score.closed)

    @property
    def closed(self) -> tuple[ExceptionScore, ...]:
        """The exceptions that are closed."""
        return tuple(score for score in self.exceptions if score.closed)

    @property
    def broad(self) -> tuple[ExceptionScore, ...]:
        """The exceptions in force for all controls or all accounts."""
        return tuple(score for score in self.exceptions if score.entry.broad and score.entry.state.covers)

    def findings(self) -> Iterator[ReportedFinding]:
        """Yield every finding: open first, then by severity, account, control, region and resource."""
        names = (*FINDING_COLUMNS, "open", "covered", "counted")
        cursor = self.connection.cursor()
        cursor.execute(f"SELECT {', '.join(names)} FROM findings")  # noqa: S608 - constants only
        while rows := cursor.fetchmany(500):
            yield from (_reported(dict(zip(names, row, strict=True))) for row in rows)

    def changes(self) -> Iterator[Change]:
        """Yield every issue that changed since the baseline, by kind, severity and place; none without a baseline."""
        if self.changes_file is not None:
            yield from _structs(self.connection.cursor(), Change, f"FROM read_parquet({quoted(self.changes_file)})")

    def account_regions(self) -> Iterator[AccountRegion]:
        """Yield every region of every account, by account and region; `global` is what exists once in an account."""
        yield from _structs(self.connection.cursor(), AccountRegion, queries.ACCOUNT_REGIONS)


@contextmanager
def viewing(
    run: Run, *, standing: Standing = Standing.NOT_SEALED, settings: ReportSettings | None = None
) -> Iterator[View]:
    """Open the view of a run to which the register was applied; raises ConfigError where it was not.

    A logo that cannot be shown is a ConfigError too.
    """
    logo = read_logo(settings.logo if settings else None)
    manifest, register, comparison = run.read_manifest(), read_result(run), read_comparison(run)
    with opened(run) as connection:
        connection.execute(queries.ISSUES_TABLE)
        exceptions = _exceptions(connection, register.entries)
        judged = tuple(_structs(connection, RequirementScore, queries.REQUIREMENTS))
        requirements = tuple(answered(score, register.attested, len(manifest.accounts)) for score in judged)
        failing = dict(connection.execute(queries.FAILING_ACCOUNTS).fetchall())
        yield View(
            manifest=manifest,
            manifest_sha256=digest(run.manifest_path),
            register_sha256=digest(register_path(run)),
            standing=standing,
            settings=settings or ReportSettings(),
            logo=logo,
            source=register.source,
            summary=_summary(connection, register.problems, exceptions, _headline(manifest, judged)),
            regions=tuple(_structs(connection, RegionScore, queries.REGIONS)),
            units=tuple(_structs(connection, UnitScore, queries.UNITS)),
            accounts=tuple(_structs(connection, AccountScore, queries.ACCOUNTS)),
            controls=tuple(_structs(connection, ControlScore, queries.CONTROLS)),
            requirements=requirements,
            unseen=tuple(_structs(connection, Unseen, queries.UNSEEN_REASONS)),
            missing=tuple(_structs(connection, Missing, queries.MISSING)),
            missing_permissions=tuple(_structs(connection, MissingPermission, queries.MISSING_PERMISSIONS)),
            exceptions=exceptions,
            hygiene=register.hygiene,
            problems=register.problems,
            manual=review(judged, register.attested, failing),
            comparison=comparison,
            actions=plan(connection, manifest, _numbers(manifest), top=ACTIONS),
            findings_total=_number(connection, "SELECT count(*) FROM findings"),
            account_regions_total=_number(connection, f"SELECT count(*) FROM ({queries.ACCOUNT_REGIONS})"),  # noqa: S608
            changes_file=changes_table(run) if comparison.baseline else None,
            connection=connection,
        )


def _numbers(manifest: Manifest) -> ActionSettings:
    """Return the points and efforts of the run's settings; a run of an earlier version has the usual ones."""
    return ActionSettings.model_validate(manifest.settings.get("actions", {}))


def _structs(connection: duckdb.DuckDBPyConnection, kind: type[S], sql: str) -> Iterator[S]:
    connection.execute(sql)
    names = [column[0] for column in connection.description or ()]
    while rows := connection.fetchmany(500):
        yield from (msgspec.convert(dict(zip(names, row, strict=True)), kind) for row in rows)


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

    (totals,) = _structs(connection, Totals, queries.HEADLINE)
    (issues,) = _structs(connection, BySeverity, queries.ISSUES)
    (coverage,) = _structs(connection, CoverageTotals, queries.COVERAGE)
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


def _exceptions(connection: duckdb.DuckDBPyConnection, entries: Sequence[ExceptionRow]) -> tuple[ExceptionScore, ...]:
    matched = {row[0]: (row[1], row[2]) for row in connection.execute(queries.EXCEPTIONS).fetchall()}
    return tuple(ExceptionScore(entry, *matched.get(entry.id, (0, 0))) for entry in entries)


def _reported(row: dict[str, Any]) -> ReportedFinding:
    row["evidence"] = msgspec.json.decode(row["evidence"])
    row["assessed_at"] = row["assessed_at"].replace(tzinfo=UTC)
    flags = (row.pop("open"), row.pop("covered"), row.pop("counted"))
    return ReportedFinding(msgspec.convert(row, Finding), *flags)
