"""What needs attention in the register after a run: unused, expired, expiring, overlapping, orphaned, overgrown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from orgaudit.model import Account, Cell, EntryState, Status
from orgaudit.register.apply import AppliedRegister
from orgaudit.register.entries import ExceptionEntry
from orgaudit.register.match import Matcher, control_names
from orgaudit.register.patterns import REGEX, Patterns, is_exact
from orgaudit.register.scope import ExceptionScope, units_of
from orgaudit.register.state import days_left, life_days
from orgaudit.settings import frameworks
from orgaudit.store.manifest import Manifest
from orgaudit.store.register_result import HygieneConcern, HygieneRemark
from orgaudit.store.run import Run

HORIZONS = (30, 60, 90)
"""Within how many days an expiry is reported."""

_LEFT = {"SUSPENDED", "CLOSED"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What a run set out to assess, and what lies beyond it.

    `outside` are accounts that were left out of scope. `whole` is set where no other account exists. `names` maps each
    control of the run to all names that it answers to, `known` are the ids of all controls, and `frameworks` the ids of
    those in the run. `requirements` are those of all framework files by their controls; without them, no other
    framework than the run's is known.
    """

    accounts: tuple[Account, ...]
    outside: tuple[Account, ...] = ()
    whole: bool = True
    names: Mapping[str, tuple[str, ...]]
    known: frozenset[str]
    frameworks: frozenset[str] = frozenset()
    requirements: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def names_of(self, control: str) -> tuple[str, ...]:
        """Return all names that a control answers to, in the run or out of it."""
        return self.names.get(control) or (control, *self.requirements.get(control, ()))


def review(applied: AppliedRegister, extent: Extent, cells: Iterable[Cell]) -> list[HygieneRemark]:
    """Return every concern, the most pressing first; all of the run's findings must have passed `applied`."""
    entries = applied.register.exceptions
    in_force = [entry for entry in entries if applied.state(entry).covers]
    pending = [entry for entry in entries if applied.state(entry) is EntryState.PENDING]
    census = _Census(extent, applied.aliases)
    orphaned = [
        _remark(applied, entry, HygieneConcern.ORPHANED, detail)
        for entry in (*in_force, *pending)
        for detail in census.missing(entry.scope)
    ]
    remarks = [
        *_from_findings(applied),
        *(remark for entry in in_force for remark in _from_dates_and_limits(applied, entry)),
        *orphaned,
        *_unused(applied, in_force, {remark.id for remark in orphaned}, extent, cells),
    ]
    order = list(HygieneConcern)
    return sorted(remarks, key=lambda it: (order.index(it.concern), it.days_left, it.id, it.other, it.detail))


def _remark(
    applied: AppliedRegister,
    entry: ExceptionEntry,
    concern: HygieneConcern,
    detail: str,
    **more: Any,  # noqa: ANN401 - the remark's other fields
) -> HygieneRemark:
    return HygieneRemark(
        concern=concern,
        id=entry.id,
        title=entry.title,
        owner=entry.owner,
        expires_on=entry.expires_on,
        days_left=days_left(entry, applied.as_of),
        detail=detail,
        **more,
    )


def _from_findings(applied: AppliedRegister) -> Iterator[HygieneRemark]:
    """Yield what the findings themselves show."""
    entries = {entry.id: entry for entry in applied.register.exceptions}
    for name, count in applied.overdue.items():
        overdue = -days_left(entries[name], applied.as_of)
        detail = f"Expired {_many(overdue, 'day')} ago; {_many(count, 'finding')} in its scope open again."
        yield _remark(applied, entries[name], HygieneConcern.EXPIRED_MATCHING, detail, findings=count)
    longest = applied.register.policy.longest_days
    for (name, severity), count in applied.too_long.items():
        detail = (
            f"Lives {life_days(entries[name])} days; {severity} findings may be excepted for {longest.of(severity)}. "
            f"{_many(count, 'finding')} not covered."
        )
        yield _remark(applied, entries[name], HygieneConcern.TOO_LONG, detail, findings=count)
    for (winner, name), count in applied.overlaps.items():
        detail = f"{winner} is more specific, or first, and covers {_many(count, 'finding')} in the scope of both."
        yield _remark(applied, entries[name], HygieneConcern.OVERLAPPING, detail, findings=count, other=winner)


def _from_dates_and_limits(applied: AppliedRegister, entry: ExceptionEntry) -> Iterator[HygieneRemark]:
    """Yield what the date and the entry's own limits require, for an entry in force."""
    left = days_left(entry, applied.as_of)
    horizon = next((days for days in HORIZONS if left <= days), None)
    if horizon is not None:
        detail = f"Expires on {entry.expires_on.isoformat()}, in {_many(left, 'day')}; reported within {horizon} days."
        count = applied.covered[entry.id]
        yield _remark(applied, entry, HygieneConcern.EXPIRING, detail, findings=count, within=horizon)
    if entry.review_by is not None and entry.review_by < applied.as_of:
        late = (applied.as_of - entry.review_by).days
        detail = f"A review was due by {entry.review_by.isoformat()}, {_many(late, 'day')} ago."
        yield _remark(applied, entry, HygieneConcern.REVIEW_PASSED, detail)
    failing = applied.matched[entry.id, Status.FAIL]
    if entry.max_findings is not None and failing > entry.max_findings:
        detail = f"{_many(failing, 'finding')} fail in its scope; it was approved for {entry.max_findings} at most."
        yield _remark(applied, entry, HygieneConcern.GROWN, detail, findings=failing)


class _Census:
    """Everything that a scope may name and that exists."""

    def __init__(self, extent: Extent, aliases: Mapping[str, str]) -> None:
        accounts = (*extent.accounts, *extent.outside)
        self._extent = extent
        self._accounts = {account.id: account for account in accounts}
        self._units = frozenset(unit for account in accounts for unit in units_of(account))
        names = (name for control in (*extent.known, *extent.names) for name in extent.names_of(control))
        self._names = frozenset({*aliases, *names})

    def missing(self, scope: ExceptionScope) -> Iterator[str]:
        """Yield a sentence for each account, unit, control or requirement of a scope that does not exist."""
        if self._extent.whole:
            yield from filter(None, map(self._missing_account, scope.accounts or ()))
            units = (unit for unit in scope.ous or () if not _matched(unit, self._units))
            yield from (f"No account is in the unit {unit}." for unit in units)
        for pattern in scope.controls or ():
            if self._may_know(pattern) and not _matched(pattern, self._names):
                yield f"No control or requirement is called {pattern}."

    def _missing_account(self, pattern: str) -> str:
        found = _matched(pattern, self._accounts)
        if not found:
            return f"Account {pattern} is not in the organization."
        states = {self._accounts[name].state for name in found}
        return f"Account {pattern} is {min(states).lower()}." if states <= _LEFT else ""

    def _may_know(self, pattern: str) -> bool:
        """Return whether a pattern's framework, if it names one, would be known if it existed."""
        framework, is_requirement, _ = pattern.partition(":")
        known = bool(self._extent.requirements) or framework in self._extent.frameworks
        return pattern.startswith(REGEX) or not is_requirement or known


def _matched(pattern: str, values: Collection[str]) -> list[str]:
    if is_exact(pattern):
        return [pattern] if pattern in values else []
    return list(filter(Patterns([pattern]).match, values))


def _unused(
    applied: AppliedRegister,
    in_force: Iterable[ExceptionEntry],
    orphaned: Collection[str],
    extent: Extent,
    cells: Iterable[Cell],
) -> Iterator[HygieneRemark]:
    """Yield the entries in force that cover nothing, with the reason."""
    too_long = {name for name, _ in applied.too_long}
    idle = []
    for entry in in_force:
        if applied.covered[entry.id] or entry.id in too_long:
            continue
        if failing := applied.matched[entry.id, Status.FAIL]:
            detail = f"Other exceptions cover {_many(failing, 'finding')}: all that fail in its scope."
            yield _remark(applied, entry, HygieneConcern.SHADOWED, detail, findings=failing)
        else:
            idle.append(entry)
    assessed = _Assessed(idle, extent, cells, applied.aliases)
    for entry in idle:
        reached = assessed.cells[entry.id]
        if entry.id in orphaned and not reached:
            continue
        if why := assessed.missing(entry):
            yield _remark(applied, entry, HygieneConcern.UNUSED_NOT_SCANNED, why)
        else:
            detail = f"Nothing in its scope fails; {reached:,} of {_many(reached, 'evaluation')} assessed."
            yield _remark(applied, entry, HygieneConcern.UNUSED_FIXED, detail)


class _Assessed:
    """How much of each entry's scope a run assessed; `cells` counts the evaluations that each scope reaches into."""

    def __init__(
        self, entries: list[ExceptionEntry], extent: Extent, cells: Iterable[Cell], aliases: Mapping[str, str]
    ) -> None:
        self.cells: Counter[str] = Counter()
        self._not_assessed: Counter[str] = Counter()
        self._beyond: dict[str, str] = {}
        self._regions: set[str] = set()
        self._names = frozenset(name for names in extent.names.values() for name in names)
        self._aliases = aliases
        if not entries:
            return
        accounts = (*extent.accounts, *extent.outside)
        matcher = Matcher(entries, {account.id: account for account in accounts}, aliases)
        self._count(matcher, extent, cells)
        self._look_beyond(matcher, extent)

    def missing(self, entry: ExceptionEntry) -> str:
        """Return what of an entry's scope the run did not assess, or nothing."""
        if entry.id in self._beyond:
            return self._beyond[entry.id]
        for pattern in filter(is_exact, entry.scope.controls or ()):
            if not {pattern, self._aliases.get(pattern)} & self._names:
                return f"{pattern} was not part of this run."
        for pattern in filter(is_exact, entry.scope.regions or ()):
            if pattern not in self._regions:
                return f"The region {pattern} was not part of this run."
        if missed := self._not_assessed[entry.id]:
            return f"{missed:,} of {_many(self.cells[entry.id], 'evaluation')} in its scope not assessed."
        return "" if self.cells[entry.id] else "No account, region or control of its scope was part of this run."

    def _count(self, matcher: Matcher, extent: Extent, cells: Iterable[Cell]) -> None:
        for cell in cells:
            self._regions.add(cell.region)
            names = extent.names_of(cell.control)
            reached = [entry.id for entry in matcher.reaching(names, cell.account_id, cell.region)]
            self.cells.update(reached)
            if cell.status is Status.NOT_ASSESSED:
                self._not_assessed.update(reached)

    def _look_beyond(self, matcher: Matcher, extent: Extent) -> None:
        """Note the entries whose scope reaches into accounts or controls that the run left out."""
        for account in extent.outside:
            for control in sorted({*extent.known, *extent.names}):
                for entry in matcher.reaching(extent.names_of(control), account.id):
                    self._beyond.setdefault(entry.id, f"Account {account.id} was out of this run's scope.")
        renamed = {self._aliases[name] for name in extent.names if name in self._aliases}
        for account in extent.accounts:
            for control in sorted(extent.known - extent.names.keys() - renamed):
                for entry in matcher.reaching(extent.names_of(control), account.id):
                    self._beyond.setdefault(entry.id, f"{control} was not part of this run.")


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {thing}s"


def extent_of(
    manifest: Manifest,
    known: Collection[str],
    aliases: Mapping[str, str] | None = None,
    requirements: Mapping[str, tuple[str, ...]] | None = None,
) -> Extent:
    """Return what a run set out to assess.

    `known` are the ids of all controls that exist, `aliases` the old ids of renamed ones with the new, and
    `requirements` those of all framework files by their controls.
    """
    names = {
        record.id: control_names(
            record.id, frameworks.requirements_of(manifest.frameworks, record.id), aliases or {}, requirements or {}
        )
        for record in manifest.controls
    }
    return Extent(
        accounts=manifest.accounts,
        outside=manifest.out_of_scope,
        whole=manifest.organization is not None,
        names=names,
        known=frozenset({*known, *names}),
        frameworks=frozenset(framework.id for framework in manifest.frameworks),
        requirements=requirements or {},
    )


def hygiene_of(run: Run, applied: AppliedRegister, known: Collection[str]) -> list[HygieneRemark]:
    """Return what needs attention in the register, once all findings of an evaluated run have passed `applied`.

    Raises ConfigError where the run's coverage cannot be read.
    """
    manifest = run.read_manifest()
    cells = (cell for account in manifest.accounts for cell in run.cells(account.id))
    return review(applied, extent_of(manifest, known, applied.aliases, applied.requirements), cells)
