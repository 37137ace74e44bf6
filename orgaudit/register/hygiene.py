"""What needs attention in the register after a run: unused, expired, expiring, overlapping, orphaned, overgrown."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from orgaudit.model import EntryState, Status
from orgaudit.register.apply import AppliedRegister
from orgaudit.register.entries import EXCEPTIONS, REQUIRED, ExceptionDraft, ExceptionEntry
from orgaudit.register.extent import Extent, Scanned, scanned
from orgaudit.register.match import written_out
from orgaudit.register.patterns import REGEX, Patterns, is_exact
from orgaudit.register.scope import units_of
from orgaudit.register.state import days_left, life_days
from orgaudit.store.register_result import HygieneConcern, HygieneRemark
from orgaudit.store.run import Run
from orgaudit.words import counted

HORIZONS = (30, 60, 90)
"""Within how many days an expiry is reported."""

_LEFT = {"SUSPENDED", "CLOSED"}


def review(found: Scanned) -> list[HygieneRemark]:
    """Return every concern, the most pressing first."""
    applied, entries = found.applied, found.applied.register.exceptions
    in_force = [entry for entry in entries if applied.state(entry).covers]
    pending = [entry for entry in entries if applied.state(entry) in {EntryState.PENDING, EntryState.SCHEDULED}]
    census = _Census(found.extent, applied.aliases)
    orphaned = [
        _remark(applied, entry, HygieneConcern.ORPHANED, detail)
        for entry in (*in_force, *pending)
        for detail in census.missing(entry)
    ]
    remarks = [
        *_from_findings(applied),
        *(remark for entry in in_force for remark in _from_dates_and_limits(applied, entry)),
        *(remark for entry in (*in_force, *pending) for remark in _changed_meanings(applied, entry)),
        *orphaned,
        *_unused(found, in_force, {remark.id for remark in orphaned}),
        *_expired_unseen(found),
        *_unfinished(applied),
    ]
    order = list(HygieneConcern)
    return sorted(remarks, key=lambda it: (order.index(it.concern), it.days_left or 0, it.id, it.other, it.detail))


def _remark(
    applied: AppliedRegister,
    entry: ExceptionDraft,
    concern: HygieneConcern,
    detail: str,
    **more: Any,  # noqa: ANN401 - the remark's other fields
) -> HygieneRemark:
    return HygieneRemark(
        concern=concern,
        id=entry.id,
        title=entry.title or "",
        owner=entry.owner or "",
        expires_on=entry.expires_on,
        days_left=days_left(entry, applied.as_of) if isinstance(entry, ExceptionEntry) else None,
        detail=detail,
        **more,
    )


def _from_findings(applied: AppliedRegister) -> Iterator[HygieneRemark]:
    """Yield what the findings themselves show."""
    entries = {entry.id: entry for entry in applied.register.exceptions}
    for name, count in applied.tally.overdue.items():
        overdue = -days_left(entries[name], applied.as_of)
        detail = f"Expired {counted(overdue, 'day')} ago; {counted(count, 'finding')} in its scope open again."
        yield _remark(applied, entries[name], HygieneConcern.EXPIRED_MATCHING, detail, findings=count)
    longest = applied.register.policy.longest_days
    for (name, severity), count in applied.tally.too_long.items():
        lives = counted(life_days(entries[name]), "day")
        detail = (
            f"Lives {lives}; {severity} findings may be excepted for {longest.of(severity)}. "
            f"{counted(count, 'finding')} not covered."
        )
        yield _remark(applied, entries[name], HygieneConcern.TOO_LONG, detail, findings=count)
    for (winner, name), count in applied.tally.overlaps.items():
        detail = f"{winner} is more specific, or first, and covers {counted(count, 'finding')} in the scope of both."
        yield _remark(applied, entries[name], HygieneConcern.OVERLAPPING, detail, findings=count, other=winner)


def _from_dates_and_limits(applied: AppliedRegister, entry: ExceptionEntry) -> Iterator[HygieneRemark]:
    """Yield what the date and the entry's own limits require, for an entry in force."""
    left = days_left(entry, applied.as_of)
    horizon = next((days for days in HORIZONS if left <= days), None)
    if horizon is not None:
        detail = (
            f"Expires on {entry.expires_on.isoformat()}, in {counted(left, 'day')}; reported within {horizon} days."
        )
        count = applied.tally.covered[entry.id]
        yield _remark(applied, entry, HygieneConcern.EXPIRING, detail, findings=count, within=horizon)
    if entry.review_by is not None and entry.review_by < applied.as_of:
        late = (applied.as_of - entry.review_by).days
        detail = f"A review was due by {entry.review_by.isoformat()}, {counted(late, 'day')} ago."
        yield _remark(applied, entry, HygieneConcern.REVIEW_PASSED, detail)
    failing = applied.tally.matched[entry.id, Status.FAIL]
    if entry.max_findings is not None and failing > entry.max_findings:
        detail = f"{counted(failing, 'finding')} fail in its scope; it was approved for {entry.max_findings} at most."
        yield _remark(applied, entry, HygieneConcern.GROWN, detail, findings=failing)


def _changed_meanings(applied: AppliedRegister, entry: ExceptionEntry) -> Iterator[HygieneRemark]:
    """Yield the requirements in an approved scope that other controls decide now: it covers those of its approval."""
    if not applied.requirements:
        return
    for name, recorded in entry.approved_meanings.items():
        then = sorted({applied.aliases.get(control, control) for control in recorded})
        now = sorted(applied.stands_for(name))
        if then != now:
            stood, stands = (", ".join(controls) or "no control" for controls in (then, now))
            detail = f"{name} stood for {stood} at its approval, which it covers; by the framework now: {stands}."
            yield _remark(applied, entry, HygieneConcern.MEANING_CHANGED, detail)


class _Census:
    """Everything that a scope may name and that exists."""

    def __init__(self, extent: Extent, aliases: Mapping[str, str]) -> None:
        accounts = (*extent.accounts, *extent.outside)
        self._extent = extent
        self._accounts = {account.id: account for account in accounts}
        self._units = frozenset(unit for account in accounts for unit in units_of(account))
        self._names = frozenset(
            {*aliases, *(name for names in (*extent.names.values(), *extent.beyond.values()) for name in names)}
        )

    def missing(self, entry: ExceptionEntry) -> Iterator[str]:
        """Yield a sentence for each account, unit, control or requirement of a scope that does not exist."""
        scope = entry.scope
        if self._extent.whole:
            yield from filter(None, map(self._missing_account, scope.accounts or ()))
            units = (unit for unit in scope.ous or () if not _matched(unit, self._units))
            yield from (f"No account is in the unit {unit}." for unit in units)
        for pattern in written_out(scope.controls or (), entry.approved_meanings):
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
        known = self._extent.all_frameworks or framework in self._extent.frameworks
        return pattern.startswith(REGEX) or not is_requirement or known


def _matched(pattern: str, values: Collection[str]) -> list[str]:
    if is_exact(pattern):
        return [pattern] if pattern in values else []
    return list(filter(Patterns([pattern]).match, values))


def _unused(found: Scanned, in_force: Iterable[ExceptionEntry], orphaned: Collection[str]) -> Iterator[HygieneRemark]:
    """Yield the entries in force that cover nothing, with the reason."""
    applied = found.applied
    too_long = {name for name, _ in applied.tally.too_long}
    for entry in in_force:
        reached = found.cells[entry.id]
        if applied.tally.covered[entry.id] or entry.id in too_long:
            continue
        if failing := applied.tally.matched[entry.id, Status.FAIL]:
            detail = f"Other exceptions cover {counted(failing, 'finding')}: all that fail in its scope."
            yield _remark(applied, entry, HygieneConcern.SHADOWED, detail, findings=failing)
        elif entry.id in orphaned and not reached:
            continue
        elif why := found.missing(entry):
            yield _remark(applied, entry, HygieneConcern.UNUSED_NOT_SCANNED, why)
        else:
            detail = f"Nothing in its scope fails; {reached:,} of {counted(reached, 'evaluation')} assessed."
            yield _remark(applied, entry, HygieneConcern.UNUSED_FIXED, detail)


def _expired_unseen(found: Scanned) -> Iterator[HygieneRemark]:
    """Yield the expired entries in whose scope nothing is known to fail, and not all was assessed."""
    applied = found.applied
    for entry in applied.register.exceptions:
        if applied.state(entry) is not EntryState.EXPIRED or applied.tally.matched[entry.id, Status.FAIL]:
            continue
        if why := found.missing(entry):
            yield _remark(applied, entry, HygieneConcern.EXPIRED_NOT_SCANNED, why)


def _unfinished(applied: AppliedRegister) -> Iterator[HygieneRemark]:
    """Yield the drafts, with what each lacks, and whatever has no owner."""
    for draft in applied.register.drafts:
        if applied.state(draft) is not EntryState.DRAFT:
            continue
        lacks = [key for key in REQUIRED if key != "requested_by" and getattr(draft, key) is None]
        detail = f"Lacks {', '.join(lacks)}." if lacks else "Complete, and not requested."
        yield _remark(applied, draft, HygieneConcern.DRAFT, detail)
        if draft.owner is None:
            yield _remark(applied, draft, HygieneConcern.NO_OWNER, "A draft that nobody is responsible for.")
    for wrong in applied.register.invalid:
        if wrong.kind is EXCEPTIONS and not wrong.texts.get("owner", "").strip():
            line = applied.register.document.line(wrong.place)
            yield HygieneRemark(
                concern=HygieneConcern.NO_OWNER,
                id=wrong.id,
                title=wrong.texts.get("title", ""),
                owner="",
                detail=f"An invalid entry, on line {line} of the register, that nobody is responsible for.",
            )


def hygiene_of(run: Run, applied: AppliedRegister, known: Collection[str]) -> list[HygieneRemark]:
    """Return what needs attention in the register, once all findings of an evaluated run have passed `applied`.

    `known` are the ids of all controls that exist. Raises ConfigError where the run's coverage cannot be read.
    """
    return review(scanned(run, applied, known))
