"""What every format renders: the run's figures, counted once by SQL, and its findings as a stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import duckdb
import msgspec

from orgaudit.actions.plan import ActionPlan
from orgaudit.model import Finding, Gap, GapReason
from orgaudit.report import queries
from orgaudit.report.figures import (
    AccountRegion,
    AccountScore,
    Cause,
    ControlScore,
    ExceptionScore,
    Missing,
    MissingPermission,
    RegionScore,
    RequirementScore,
    Summary,
    UnitScore,
    Unseen,
)
from orgaudit.report.listed import EXPORTED, LISTED, PAGED, ExportedFinding, ListedFinding, PagedFinding
from orgaudit.report.manual import ManualReview
from orgaudit.settings.picture import Picture
from orgaudit.settings.sections import ActionSettings, ReportSettings
from orgaudit.store.comparison import Change, Comparison
from orgaudit.store.manifest import Manifest
from orgaudit.store.register_result import (
    HygieneRemark,
    RegisterProblem,
    Source,
)
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing
from orgaudit.store.tables import ROWS, structs_of


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
    planned: Callable[[], ActionPlan]
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
    def actions(self) -> ActionPlan:
        """The actions on what is open, which are put together when a format first shows them."""
        return self.planned()

    @property
    def all_causes(self) -> tuple[Cause, ...]:
        """The causes, and after them those of what could not be read of the organization, without evaluations."""
        found: defaultdict[tuple[GapReason, str], list[Gap]] = defaultdict(list)
        for gap in self.manifest.discovery_gaps:
            found[gap.reason, gap.action].append(gap)
        discovery = (
            Cause(
                reason=reason,
                actions=(action,),
                accounts=tuple(sorted({gap.account_id for gap in gaps})),
                regions=tuple(sorted({gap.region for gap in gaps})),
                evaluations=0,
                example=min(gap.message for gap in gaps),
            )
            for (reason, action), gaps in found.items()
        )
        return (*self.causes, *discovery)

    @property
    def as_of(self) -> date:
        """The date for which the register was applied."""
        return self.source.as_of

    @property
    def numbers(self) -> ActionSettings:
        """The points and efforts of the run's settings; a run of an earlier version has the usual ones."""
        return numbers_of(self.manifest)

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
        return map(LISTED.decode, self._texts(LISTED.sql, where))

    def exported(self, where: str = "true") -> Iterator[ExportedFinding]:
        """Yield the findings for which this SQL holds, in the same order, as other programs are given them."""
        return map(EXPORTED.decode, self._texts(EXPORTED.sql, where))

    def paged(self, where: str) -> Iterator[PagedFinding]:
        """Yield the findings for which this SQL holds, in the same order, as the page has them."""
        return map(PAGED.decode, self._texts(PAGED.sql, where))

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
            yield from structs_of(self.connection.cursor(), Change, "FROM changes")

    def account_regions(self) -> Iterator[AccountRegion]:
        """Yield every region of every account, by account and region; `global` is what exists once in an account."""
        yield from structs_of(self.connection.cursor(), AccountRegion, queries.ACCOUNT_REGIONS)


FAILED_OR_UNSEEN = "status IN ('FAIL', 'NOT_ASSESSED')"
"""The SQL that holds for what somebody has to act on: what fails, under an exception too, and what was not assessed."""


def in_account(account: str) -> str:
    """Return the SQL that holds for the findings of an account, by which few of a table's row groups are read."""
    return "account_id = '" + account.replace("'", "''") + "'"


def numbers_of(manifest: Manifest) -> ActionSettings:
    """Return the points and efforts of the run's settings; a run of an earlier version has the usual ones."""
    return ActionSettings.model_validate(manifest.settings.get("actions", {}))


UTC_TEXT = (
    "if(microsecond({0}) % 1000000 = 0, strftime({0}, '%Y-%m-%dT%H:%M:%SZ'), strftime({0}, '%Y-%m-%dT%H:%M:%S.%fZ'))"
)
"""The SQL of a time in UTC as a text of ISO 8601."""
_FINDING = {name: name for name in Finding.__struct_fields__} | {"assessed_at": UTC_TEXT.format("assessed_at")}
"""The fields of a finding, each with the SQL of its value in JSON. A row takes a third of the time as one text."""

_FLAGS = {name: name for name in ("open", "covered", "counted")}


def _json(fields: Mapping[str, str]) -> str:
    """Return the SQL of a structure as JSON."""
    return f"to_json({_struct(fields)})"


def _struct(fields: Mapping[str, str]) -> str:
    """Return the SQL of a structure."""
    return "{" + ", ".join(f"'{name}': {value}" for name, value in fields.items()) + "}"
