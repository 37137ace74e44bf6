"""What waits for a person's decision: exceptions of the register, and accounts that could not be entered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum

from orgaudit.model import EntryState
from orgaudit.report.figures import AccountScore, ExceptionScore, fix_of_state
from orgaudit.report.view import View
from orgaudit.words import counted

ENDING_DAYS = 30
"""How many days before its last day an exception asks for a decision."""

NAMED = 5
"""How many accounts of one cause are named."""


class DecisionKind(IntEnum):
    """What is to be decided, the most pressing first."""

    APPROVAL = 1
    RENEWAL = 2
    ENDING = 3
    ACCOUNT = 4
    BROAD = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision: what it is about, whose it is, by when, and what happens if nothing is decided.

    `owner` is empty where nobody is named, `on` None where no day ends it. `subjects` are the ids of what it is about:
    one exception, or the accounts that one cause keeps out.
    """

    kind: DecisionKind
    what: str
    owner: str
    on: date | None
    otherwise: str
    subjects: tuple[str, ...]


def decisions(view: View) -> tuple[Decision, ...]:
    """Return what is to be decided, by kind and then by day; each exception is there once, as its most pressing."""
    found = [*_of_exceptions(view.kept), *_of_accounts(view)]
    return tuple(sorted(found, key=lambda it: (it.kind, it.on or date.max, it.what)))


def _of_exceptions(scores: Iterable[ExceptionScore]) -> Iterator[Decision]:
    for score in scores:
        entry = score.entry
        kind = _kind(score)
        if kind is None:
            continue
        broad = f" Broad: {entry.scope}." if entry.broad else ""
        yield Decision(
            kind=kind,
            what=f"{_VERBS[kind]} {entry.id}: {entry.title}.{broad}",
            owner=entry.owner,
            on=entry.starts_on if entry.state is EntryState.PENDING else entry.expires_on,
            otherwise=_otherwise(score, kind),
            subjects=(entry.id,),
        )


_VERBS = {
    DecisionKind.APPROVAL: "Approve or reject",
    DecisionKind.RENEWAL: "Approve or reject the renewal of",
    DecisionKind.ENDING: "Renew or let end",
    DecisionKind.BROAD: "Narrow or keep the broad",
}


def _kind(score: ExceptionScore) -> DecisionKind | None:
    """Return the most pressing decision that an exception needs, or None."""
    entry = score.entry
    if entry.renewal_pending:
        return DecisionKind.RENEWAL
    if entry.state is EntryState.PENDING or entry.amendment:
        return DecisionKind.APPROVAL
    if entry.state.covers and entry.days_left is not None and entry.days_left <= ENDING_DAYS:
        return DecisionKind.ENDING
    return DecisionKind.BROAD if entry.broad and entry.state.covers else None


def _otherwise(score: ExceptionScore, kind: DecisionKind) -> str:
    """Return what happens if nothing is decided about an exception."""
    entry, covered = score.entry, counted(score.covered, "finding")
    if entry.state is EntryState.PENDING:
        return f"It covers nothing, and {counted(entry.failing, 'failing finding')} in its scope may stay open."
    if kind is DecisionKind.APPROVAL:
        return "It stays as it was approved, without the change."
    if entry.state is EntryState.EXPIRED:
        return f"It stays ended, and {counted(score.expired, 'finding')} of it stay open."
    if kind is DecisionKind.BROAD:
        return f"It hides whatever fails in its scope{_until(entry.expires_on)}; {covered} today."
    if not score.covered:
        return "It ends, which changes nothing: it covers no finding today."
    opens = entry.expires_on + timedelta(days=1) if entry.expires_on else None
    return f"From {opens} on it covers nothing: {covered} open again." if opens else "It covers nothing."


def _until(day: date | None) -> str:
    return f" until {day}" if day else ""


def _of_accounts(view: View) -> Iterator[Decision]:
    """Yield a decision for the accounts of one owner that one cause keeps out."""
    gaps = {record.account_id: record.gap for record in view.manifest.records}
    owners = {owner.account_id: owner.owner for owner in view.manifest.owners}
    causes: dict[tuple[str, str, str], list[AccountScore]] = {}
    for score in sorted(view.accounts, key=lambda it: it.id):
        gap = gaps.get(score.id)
        if gap is not None or score.id not in gaps:
            fix = gap.reason.remediation(gap.action) if gap else "Audit again: the run has no record of it."
            if score.state != "ACTIVE":
                fix = fix_of_state(score.state)
            causes.setdefault((owners.get(score.id, ""), score.state, fix), []).append(score)
    for (owner, _, fix), scores in causes.items():
        yield Decision(
            kind=DecisionKind.ACCOUNT,
            what=f"Let the audit into {_named(scores)}. {fix}",
            owner=owner,
            on=None,
            otherwise=f"Nobody knows what fails in {'it' if len(scores) == 1 else 'them'}; the audit stays incomplete, "
            f"with {counted(sum(score.evaluations for score in scores), 'evaluation')} not assessed.",
            subjects=tuple(score.id for score in scores),
        )


def _named(scores: list[AccountScore]) -> str:
    names = [f"{score.name} ({score.id})" if score.name else score.id for score in scores]
    more = f" and {counted(len(names) - NAMED, 'more account')}" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
