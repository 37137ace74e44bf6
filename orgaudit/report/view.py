"""What every format renders: the run's figures, counted once by SQL, and its findings as a stream."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

import duckdb
import msgspec

from orgaudit.actions.plan import ActionPlan, plan
from orgaudit.model import EntryState, Finding
from orgaudit.report import listed, queries
from orgaudit.report.figures import (
    AccountRegion,
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
from orgaudit.report.listed import ListedFinding
from orgaudit.report.manual import ManualReview, answered, review
from orgaudit.report.mapped import with_parts
from orgaudit.settings.frameworks import rated
from orgaudit.settings.picture import Picture, read_logo
from orgaudit.settings.sections import ActionSettings, ReportSettings
from orgaudit.store.comparison import Change, Comparison, changes_table, read_comparison
from orgaudit.store.kinds import CLOSING, OPENING, Kind
from orgaudit.store.manifest import Manifest
from orgaudit.store.register_result import (
    ExceptionRow,
    HygieneRemark,
    RegisterProblem,
    RegisterResult,
    Source,
    read_result,
    register_path,
)
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing, digest
from orgaudit.store.tables import ROWS, opened, quoted, rows_of

S = TypeVar("S", bound=msgspec.Struct)

ACTIONS = 1000
"""How many actions reports list, the first of their order."""


class ReportedFinding(msgspec.Struct, frozen=True, gc=False):
    """A finding with its exception, and what the counts make of it."""

    finding: Finding
    open: bool
    covered: bool
    counted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Everything that reports show of one run; lists are short, and what grows with the findings is a stream.

    `part` is whose part of the run it is, in words, empty for the whole. `outlived` are the exceptions past their last
    day of which findings are open, by id: the rank of the highest severity of these, and how many issues they are.
    """

    run: Run
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
    causes: tuple[Cause, ...]
    exceptions: tuple[ExceptionScore, ...]
    hygiene: tuple[HygieneRemark, ...]
    problems: tuple[RegisterProblem, ...]
    manual: ManualReview
    comparison: Comparison
    actions: ActionPlan
    outlived: Mapping[str, tuple[int, int]]
    findings_total: int
    findings_passed: int
    account_regions_total: int
    connection: duckdb.DuckDBPyConnection
    part: str = ""

    @property
    def nothing_to_assess(self) -> bool:
        """Whether it is a part with exceptions or changes alone, of which nothing had to be assessed."""
        return bool(self.part) and not self.summary.coverage.evaluations

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
        """Yield every finding: open first, then by severity, account, control and resource."""
        fields = {"finding": _struct(_FINDING), **_FLAGS}
        yield from map(msgspec.json.Decoder(ReportedFinding).decode, self._texts(_json(fields)))

    def listed(self, where: str) -> Iterator[ListedFinding]:
        """Yield the findings for which this SQL holds, in the same order, as sheets list them."""
        return map(listed.decode, self._texts(listed.LISTED, where))

    def findings_as_json(self, *, without: Collection[str], **more: str) -> Iterator[str]:
        """Yield every finding, in the same order, as a JSON object of its fields and of what the counts make of it.

        Left out are the fields `without`; `more` are further ones, each with the SQL of its value.
        """
        fields = {name: value for name, value in _FINDING.items() if name not in without}
        yield from self._texts(_json({**fields, **_FLAGS, **more}))

    def _texts(self, value: str, where: str = "true") -> Iterator[str]:
        """Yield a text of each finding."""
        cursor = self.connection.cursor()
        cursor.execute(f"SELECT {value} FROM findings WHERE {where}")  # noqa: S608 - constants only
        while rows := cursor.fetchmany(ROWS):
            yield from (text for (text,) in rows)

    def changes(self) -> Iterator[Change]:
        """Yield every issue that changed since the baseline, by kind, severity and place; none without a baseline."""
        if self.comparison.baseline is not None:
            yield from _structs(self.connection.cursor(), Change, "FROM changes")

    def account_regions(self) -> Iterator[AccountRegion]:
        """Yield every region of every account, by account and region; `global` is what exists once in an account."""
        yield from _structs(self.connection.cursor(), AccountRegion, queries.ACCOUNT_REGIONS)


_TIME = "strftime(assessed_at, '%Y-%m-%dT%H:%M:%S{}')"
_FINDING = {name: name for name in Finding.__struct_fields__} | {
    "assessed_at": f"if(microsecond(assessed_at) % 1000000 = 0, {_TIME.format('Z')}, {_TIME.format('.%fZ')})"
}
"""The fields of a finding, each with the SQL of its value in JSON. A row takes a third of the time as one text."""

_FLAGS = {name: name for name in ("open", "covered", "counted")}


def _json(fields: Mapping[str, str]) -> str:
    """Return the SQL of a structure as JSON."""
    return f"to_json({_struct(fields)})"


def _struct(fields: Mapping[str, str]) -> str:
    """Return the SQL of a structure."""
    return "{" + ", ".join(f"'{name}': {value}" for name, value in fields.items()) + "}"


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
    judged = tuple(with_parts(connection, _structs(connection, RequirementScore, queries.REQUIREMENTS)))
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
        regions=tuple(_structs(connection, RegionScore, queries.REGIONS)),
        units=tuple(_structs(connection, UnitScore, queries.UNITS)),
        accounts=_accounts(connection, basis, headline),
        controls=tuple(_structs(connection, ControlScore, queries.CONTROLS)),
        requirements=requirements,
        unseen=tuple(_structs(connection, Unseen, queries.UNSEEN_REASONS)),
        missing=tuple(_structs(connection, Missing, queries.MISSING)),
        missing_permissions=tuple(_structs(connection, MissingPermission, queries.MISSING_PERMISSIONS)),
        causes=tuple(_structs(connection, Cause, queries.CAUSES)),
        exceptions=exceptions,
        hygiene=register.hygiene,
        problems=register.problems,
        manual=review(judged, register.attested, failing),
        comparison=basis.comparison,
        actions=plan(connection, manifest, _numbers(manifest), top=ACTIONS),
        outlived=outlived_of(connection),
        findings_total=_number(connection, "SELECT count(*) FROM findings"),
        findings_passed=_number(connection, "SELECT count(*) FROM findings WHERE status = 'PASS'"),
        account_regions_total=_number(connection, f"SELECT count(*) FROM ({queries.ACCOUNT_REGIONS})"),  # noqa: S608
        connection=connection,
    )


def _numbers(manifest: Manifest) -> ActionSettings:
    """Return the points and efforts of the run's settings; a run of an earlier version has the usual ones."""
    return ActionSettings.model_validate(manifest.settings.get("actions", {}))


def _accounts(
    connection: duckdb.DuckDBPyConnection, basis: Basis, headline: Headline | None
) -> tuple[AccountScore, ...]:
    """Return the scorecards, with what changed in each account since the baseline."""
    asked = {
        "framework": headline.framework if headline else "",
        "as_of": basis.register.source.as_of,
        "dated": bool(basis.manifest.remediation_days),
    }
    scores = tuple(_structs(connection, AccountScore, queries.ACCOUNTS, asked))
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


def _structs(
    connection: duckdb.DuckDBPyConnection, kind: type[S], sql: str, asked: dict[str, Any] | None = None
) -> Iterator[S]:
    yield from (msgspec.convert(row, kind) for row in rows_of(connection, sql, asked))


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


def exceptions_of(connection: duckdb.DuckDBPyConnection, entries: Iterable[ExceptionRow]) -> tuple[ExceptionScore, ...]:
    """Return exceptions with how many findings of the tables each covers, or covered until it expired."""
    matched = {row[0]: (row[1], row[2]) for row in connection.execute(queries.EXCEPTIONS).fetchall()}
    return tuple(ExceptionScore(entry, *matched.get(entry.id, (0, 0))) for entry in entries)


def outlived_of(connection: duckdb.DuckDBPyConnection) -> dict[str, tuple[int, int]]:
    """Return the exceptions past their last day of which findings of the tables are open, as a view has them."""
    return {name: (rank, issues) for name, rank, issues in connection.execute(queries.OUTLIVED_EXCEPTIONS).fetchall()}
