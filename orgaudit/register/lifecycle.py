"""The steps of an exception's life as rules: what each changes in its entry, what the history says, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, TypeAlias

import msgspec
from pydantic import ValidationError

from orgaudit.model import EntryState
from orgaudit.register.entries import EventType, ExceptionDraft, ExceptionEntry, identity
from orgaudit.register.file.splice import same
from orgaudit.register.state import state_of
from orgaudit.settings.documents import dotted, explain

Data: TypeAlias = Mapping[str, Any]
"""An entry's keys and values as the register's file has them."""

APPROVED_FIELDS = frozenset(
    {
        "title",
        "type",
        "scope",
        "justification",
        "requested_by",
        "starts_on",
        "expires_on",
        "severity_adjusted",
        "risk_statement",
        "compensating_controls",
        "max_findings",
        "broad",
        "supersedes",
    }
)
"""What an approval is about: another value in one of these asks for a new approval."""

_BY_STEPS_ONLY = ("id", "approved_by", "approved_on", "history")


class EntryChange(msgspec.Struct, frozen=True):
    """What a step changes: keys with their new values (None removes a key), and the event that the history gains."""

    changes: dict[str, Any]
    event: dict[str, Any]


def created(entry: Data, by: str, on: date, why: str) -> EntryChange:
    """Return the beginning of a draft; raises ValueError where what it has is wrong."""
    _checked(entry, ExceptionDraft)
    return EntryChange({}, _event(entry, EventType.CREATED, by, on, why))


def requested(entry: Data, by: str, on: date, why: str) -> EntryChange:
    """Return what makes a draft, or a rejected or revoked exception, wait for approval.

    Raises ValueError where something is missing or wrong, or it waits or is approved already.
    """
    if (state := _state(entry, on)) not in {EntryState.DRAFT, EntryState.REJECTED, EntryState.REVOKED}:
        raise ValueError(f"{entry['id']} is {state} and was requested before")
    changes = {"requested_by": by, **_unapproved(entry)}
    _checked(_with(entry, changes), ExceptionEntry)
    return EntryChange(changes, _event(entry, EventType.REQUESTED, by, on, why))


def approved(entry: Data, by: str, on: date, why: str, *, longest_days: int | None = None) -> EntryChange:
    """Return what makes a pending exception an approved one; `longest_days` is the longest life that policy allows.

    Raises ValueError where nobody asked for it, who asked approves, it lives too long or is over already.
    """
    name = entry["id"]
    _must_wait(entry, on, "approve")
    if identity(by) == identity(str(entry["requested_by"])):
        raise ValueError(f"{by} requested {name}, so somebody else must approve it")
    changes = {"approved_by": by, "approved_on": on}
    checked = _checked(_with(entry, changes), ExceptionEntry)
    if checked.expires_on < on:
        raise ValueError(f"{name} ended on {checked.expires_on}; renew it until a later day first")
    if longest_days is not None and checked.life_days > longest_days:
        raise ValueError(
            f"{name} would live {checked.life_days} days, and policy allows {longest_days} for the severity of "
            "what it covers; change expires_on, or leave those controls out of its scope"
        )
    return EntryChange(changes, _event(entry, EventType.APPROVED, by, on, why))


def rejected(entry: Data, by: str, on: date, why: str) -> EntryChange:
    """Return what refuses a pending exception; raises ValueError where it does not wait for approval."""
    _must_wait(entry, on, "reject")
    return EntryChange({}, _event(entry, EventType.REJECTED, by, on, why))


def revoked(entry: Data, by: str, on: date, why: str) -> EntryChange:
    """Return what ends an approved exception before its day; raises ValueError for one that nobody approved."""
    state = _state(entry, on)
    if state in {EntryState.REJECTED, EntryState.REVOKED}:
        raise ValueError(f"{entry['id']} is {state} already")
    if not entry.get("approved_by"):
        raise ValueError(f"{entry['id']} is {state} and was never in force; reject it")
    return EntryChange({}, _event(entry, EventType.REVOKED, by, on, why))


def renewed(entry: Data, until: date, by: str, on: date, why: str) -> EntryChange:
    """Return what lets an exception that was approved wait for approval until a later day; `by` asks for it.

    Raises ValueError where it is closed, was never approved, or the day is not later.
    """
    name, state = entry["id"], _state(entry, on)
    if state in {EntryState.REJECTED, EntryState.REVOKED}:
        raise ValueError(f"{name} is {state}; request it again")
    if not entry.get("approved_by"):
        raise ValueError(f"{name} is {state} and was not approved yet; change its expires_on")
    was = _checked(entry, ExceptionEntry).expires_on
    if until <= was:
        raise ValueError(f"{name} ends on {was} now; a renewal ends later")
    if until <= on:
        raise ValueError(f"{until} is over; a renewal ends later than {on}")
    changes = {"expires_on": until, "requested_by": by, **_unapproved(entry)}
    _checked(_with(entry, changes), ExceptionEntry)
    return EntryChange(changes, _event(entry, EventType.RENEWED, by, on, f"until {until}, was {was}: {why}"))


def edited(old: Data, new: Data, by: str, on: date, why: str = "edited") -> EntryChange:
    """Return what an edit of an entry changes; in what an approval is about, it asks for a new approval.

    Then who edits is who asks, so that nobody approves an edit of their own. A later end of an approved exception is a
    renewal. Raises ValueError where the new entry is wrong, or the edit is for a step of its own to make.
    """
    for key in _BY_STEPS_ONLY:
        if not same(old.get(key), new.get(key)):
            raise ValueError(f"{key} of {old['id']} is not edited by hand; approve, reject, renew or revoke it instead")
    changes = {key: new.get(key) for key in {**old, **new} if not same(old.get(key), new.get(key))}
    if not changes:
        return EntryChange({}, {})
    state, what = _state(old, on), EventType.CHANGED
    about = sorted(APPROVED_FIELDS & changes.keys())
    if about and state in {EntryState.REJECTED, EntryState.REVOKED}:
        raise ValueError(
            f"{old['id']} is {state}, so {', '.join(about)} cannot change; request it again or add another"
        )
    if state is EntryState.DRAFT:
        what = EventType.REQUESTED if new.get("requested_by") else EventType.CHANGED
    elif about and not _is_shorter_only(old, new, about):
        if old.get("approved_by") and _ends_later(old, new):
            what = EventType.RENEWED
        changes |= {"requested_by": by, **_unapproved(old)}
    after = _with(old, changes)
    _checked(after, ExceptionEntry if after.get("requested_by") else ExceptionDraft)
    return EntryChange(changes, _event(old, what, by, on, f"{', '.join(sorted(changes))}: {why}"))


def renewals(entry: Data) -> int:
    """Return how often an entry has been renewed."""
    return sum(event.get("what") == EventType.RENEWED for event in entry.get("history") or ())


def _is_shorter_only(old: Data, new: Data, about: list[str]) -> bool:
    # Less than what was approved needs nobody's word.
    return about == ["expires_on"] and not _ends_later(old, new)


def _ends_later(old: Data, new: Data) -> bool:
    return bool(_checked(new, ExceptionEntry).expires_on > _checked(old, ExceptionEntry).expires_on)


def _unapproved(entry: Data) -> dict[str, None]:
    return {key: None for key in ("approved_by", "approved_on") if key in entry}


def _must_wait(entry: Data, on: date, verb: str) -> None:
    state = _state(entry, on)
    if state is EntryState.DRAFT:
        raise ValueError(f"{entry['id']} is a draft that nobody asked for; request it before you {verb} it")
    if state in {EntryState.REJECTED, EntryState.REVOKED}:
        raise ValueError(f"{entry['id']} is {state}; request it again before you {verb} it")
    if entry.get("approved_by"):
        mend = "renew it for a later end" if verb == "approve" else "revoke it to end it"
        raise ValueError(f"{entry['id']} is approved by {entry['approved_by']}; {mend}")


def _state(entry: Data, on: date) -> EntryState:
    asked = any(entry.get(key) for key in ("requested_by", "approved_by", "approved_on"))
    return state_of(_checked(entry, ExceptionEntry if asked else ExceptionDraft), on, 0)


def _with(entry: Data, changes: Data) -> dict[str, Any]:
    return {key: value for key, value in {**entry, **changes}.items() if value is not None}


def _checked(entry: Data, model: type[ExceptionDraft]) -> Any:  # noqa: ANN401 - of the model that was given
    """Return an entry as the model; raises ValueError with every problem."""
    try:
        return model.model_validate(dict(entry))
    except ValidationError as error:
        problems = [
            " ".join(part for part in (dotted(path), f"{message}; {mend}" if mend else message) if part)
            for path, message, mend in explain(error, model, dict(entry))
        ]
        raise ValueError(f"{entry.get('id', 'the entry')}: {', '.join(problems)}") from error


def _event(entry: Data, what: EventType, by: str, on: date, why: str) -> dict[str, Any]:
    """Return one line of history; raises ValueError where it says nothing or would stand before an earlier one."""
    if not by.strip() or not why.strip():
        raise ValueError(f"{entry['id']}: say who does this and why")
    last = max((date.fromisoformat(str(event["when"])) for event in entry.get("history") or ()), default=on)
    if on < last:
        raise ValueError(f"the history of {entry['id']} goes on to {last}, so nothing can be added for {on}")
    return {"when": on, "who": by.strip(), "what": what.value, "why": why.strip()}
