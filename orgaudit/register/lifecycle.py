"""The steps of an entry's life as rules: what each changes in it, what its history records, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

from pydantic import ValidationError

from orgaudit.model import EntryState
from orgaudit.register.entries import CompleteEntry, EntryKind, EventType, ExceptionEntry, RegisterEntry, identity
from orgaudit.register.file.yaml_text import same
from orgaudit.register.state import CLOSED, life_days, state_of
from orgaudit.settings.documents import dotted, explain

Data: TypeAlias = Mapping[str, Any]
"""An entry's keys and values as the register's file has them."""

_CLOSED = frozenset(CLOSED.values())


@dataclass(frozen=True, slots=True)
class Step:
    """Who takes a step, on which day, and why."""

    by: str
    on: date
    why: str


@dataclass(frozen=True, slots=True)
class EntryChange:
    """What a step changes: keys with their new values (None removes a key), and the event that the history gains."""

    changes: dict[str, Any] = field(default_factory=dict)
    event: dict[str, Any] = field(default_factory=dict)


def created(kind: EntryKind, entry: Data, step: Step, *, longest_days: int | None = None) -> EntryChange:
    """Return the beginning of a draft, or of an entry that needs no approval.

    Raises ValueError where what it has is wrong, or where it lives longer than policy allows.
    """
    _checked(kind.draft, entry, longest_days)
    return EntryChange({}, _event(entry, EventType.CREATED, step))


def requested(kind: EntryKind, entry: Data, step: Step) -> EntryChange:
    """Return what makes a draft, or a rejected or revoked entry, wait for approval.

    Raises ValueError where something is missing or wrong, or it is pending or approved already.
    """
    if (state := _approval_state(kind, entry, step.on)) not in {EntryState.DRAFT, *_CLOSED}:
        raise ValueError(f"{entry['id']} is {state} and was requested before")
    changes = kind.signed(entry, step.by, step.on)
    _checked(kind.model, _with(entry, changes))
    return EntryChange(changes, _event(entry, EventType.REQUESTED, step))


def approved(kind: EntryKind, entry: Data, step: Step, *, longest_days: int | None = None) -> EntryChange:
    """Return what makes a pending entry an approved one; `longest_days` is the longest life that policy allows.

    Raises ValueError where it is not requested, who requested it approves, it lives too long or is over already.
    """
    name = entry["id"]
    _must_be_pending(kind, entry, step.on, "approve")
    if identity(step.by) == identity(str(entry["requested_by"])):
        raise ValueError(f"{step.by} requested {name}, so another person must approve it")
    changes = {"approved_by": step.by, "approved_on": step.on}
    found = _checked(kind.model, _with(entry, changes), longest_days)
    if found.expires_on < step.on:
        raise ValueError(f"{name} ended on {found.expires_on}; renew it until a later day first")
    return EntryChange(changes, _event(entry, EventType.APPROVED, step))


def rejected(kind: EntryKind, entry: Data, step: Step) -> EntryChange:
    """Return what refuses a pending entry; raises ValueError where it is not pending."""
    _must_be_pending(kind, entry, step.on, "reject")
    return EntryChange({}, _event(entry, EventType.REJECTED, step))


def revoked(kind: EntryKind, entry: Data, step: Step) -> EntryChange:
    """Return what ends an approved entry before its last day; raises ValueError for one that was never in force."""
    state = _state(kind, entry, step.on)
    if state in _CLOSED:
        raise ValueError(f"{entry['id']} is {state} already")
    if not _is_approved(kind, entry):
        raise ValueError(f"{entry['id']} is {state} and was never in force; reject it")
    return EntryChange({}, _event(entry, EventType.REVOKED, step))


def renewed(
    kind: EntryKind, entry: Data, until: date, step: Step, *, longest_days: int | None = None, **new: object
) -> EntryChange:
    """Return what lets an approved entry live until a later day, by who requests that or answers again.

    `new` are other keys with new values. An exception is pending until it is approved again. Raises ValueError where it
    is closed and only a request reopens it, was never approved, the day is not later, or it lives too long.
    """
    name, state = entry["id"], _state(kind, entry, step.on)
    reopens = state in _CLOSED and not kind.needs_approval
    if state in _CLOSED and not reopens:
        raise ValueError(f"{name} is {state}; request it again")
    if not _is_approved(kind, entry):
        raise ValueError(f"{name} is {state} and was not approved yet; change its expires_on")
    was = _checked(kind.model, entry).expires_on
    if until <= was and not reopens:
        raise ValueError(f"{name} ends on {was} now; a renewal ends later")
    if until <= step.on and kind.needs_approval:
        raise ValueError(f"{until} is over; a renewal ends later than {step.on}")
    changes = {"expires_on": until, **kind.signed(entry, step.by, step.on), **new}
    _checked(kind.model, _with(entry, changes), longest_days)
    return EntryChange(changes, _event(entry, EventType.RENEWED, step, f"until {until}, was {was}"))


def edited(kind: EntryKind, old: Data, new: Data, step: Step) -> EntryChange:
    """Return what an edit of an entry changes; where it is about its substance, who edits answers for it.

    An approved exception needs a new approval then, which the editor may not give, and a later end of it is a renewal.
    Raises ValueError where the new entry is wrong, or a step makes the change and not an edit.
    """
    for key in kind.by_steps_only:
        if not same(old.get(key), new.get(key)):
            raise ValueError(f"{key} of {old['id']} is not edited by hand; approve, reject, renew or revoke it instead")
    changes = {key: new.get(key) for key in {**old, **new} if not same(old.get(key), new.get(key))}
    if not changes:
        return EntryChange()
    what, about = EventType.CHANGED, sorted(kind.substance & changes.keys())
    if kind.needs_approval:
        what, again = _approval_after(kind, old, new, step, about)
        changes |= again
    elif about:
        changes = kind.signed(old, step.by, step.on) | changes
    after = _with(old, changes)
    _checked(kind.model_of(after), after)
    return EntryChange(changes, _event(old, what, step, ", ".join(sorted(changes))))


def _approval_after(
    kind: EntryKind, old: Data, new: Data, step: Step, about: list[str]
) -> tuple[EventType, dict[str, Any]]:
    """Return what an edit is, and the keys by which it requests a new approval where `about` is what was approved."""
    state = _state(kind, old, step.on)
    if about and state in _CLOSED:
        raise ValueError(
            f"{old['id']} is {state}, so {', '.join(about)} cannot change; request it again or add another"
        )
    if state is EntryState.DRAFT:
        return EventType.REQUESTED if new.get("requested_by") else EventType.CHANGED, {}
    # Less than what was approved needs no new approval.
    if not about or (about == ["expires_on"] and not _ends_later(kind, old, new)):
        return EventType.CHANGED, {}
    is_renewal = _is_approved(kind, old) and _ends_later(kind, old, new)
    return EventType.RENEWED if is_renewal else EventType.CHANGED, kind.signed(old, step.by, step.on)


def renewals(entry: Data) -> int:
    """Return how often an entry has been renewed."""
    return sum(event.get("what") == EventType.RENEWED for event in entry.get("history") or ())


def _checked(model: type[RegisterEntry], entry: Data, longest_days: int | None = None) -> Any:  # noqa: ANN401 - of the model that was given
    """Return an entry as the model; raises ValueError with every problem, or where it lives longer than these days."""
    try:
        found = model.model_validate(dict(entry))
    except ValidationError as error:
        problems = [
            " ".join(part for part in (dotted(path), f"{message}; {remedy}" if remedy else message) if part)
            for path, message, remedy in explain(error, model, dict(entry))
        ]
        raise ValueError(f"{entry.get('id', 'the entry')}: {', '.join(problems)}") from error
    if longest_days is not None and isinstance(found, CompleteEntry) and (days := life_days(found)) > longest_days:
        narrower = ", or leave its most severe controls out of its scope" if isinstance(found, ExceptionEntry) else ""
        raise ValueError(
            f"{found.id} would live {days} days, and policy allows {longest_days} for what it covers; "
            f"set an earlier expires_on{narrower}"
        )
    return found


def _ends_later(kind: EntryKind, old: Data, new: Data) -> bool:
    return bool(_checked(kind.model, new).expires_on > _checked(kind.model, old).expires_on)


def _is_approved(kind: EntryKind, entry: Data) -> bool:
    return not kind.needs_approval or bool(entry.get("approved_by"))


def _must_be_pending(kind: EntryKind, entry: Data, on: date, verb: str) -> None:
    state = _approval_state(kind, entry, on)
    if state is EntryState.DRAFT:
        raise ValueError(f"{entry['id']} is a draft and not requested; request it before you {verb} it")
    if state in _CLOSED:
        raise ValueError(f"{entry['id']} is {state}; request it again before you {verb} it")
    if _is_approved(kind, entry):
        remedy = "renew it for a later end" if verb == "approve" else "revoke it to end it"
        raise ValueError(f"{entry['id']} is approved by {entry['approved_by']}; {remedy}")


def _approval_state(kind: EntryKind, entry: Data, on: date) -> EntryState:
    """Return the state of an entry of a kind that needs approval; raises ValueError for one of another kind."""
    if not kind.needs_approval:
        raise ValueError(f"{entry['id']} needs no approval")
    return _state(kind, entry, on)


def _state(kind: EntryKind, entry: Data, on: date) -> EntryState:
    return state_of(_checked(kind.model_of(entry), entry), on, 0)


def _with(entry: Data, changes: Data) -> dict[str, Any]:
    return {key: value for key, value in {**entry, **changes}.items() if value is not None}


def _event(entry: Data, what: EventType, step: Step, about: str = "") -> dict[str, Any]:
    """Return one line of history; raises ValueError without a person or a reason, or before the last event."""
    by, why = step.by.strip(), step.why.strip()
    if not by or not why:
        raise ValueError(f"{entry['id']}: give who does this and why")
    last = max((date.fromisoformat(str(event["when"])) for event in entry.get("history") or ()), default=step.on)
    if step.on < last:
        raise ValueError(f"the history of {entry['id']} goes on to {last}, so nothing can be added for {step.on}")
    return {"when": step.on, "who": by, "what": what.value, "why": f"{about}: {why}" if about else why}
