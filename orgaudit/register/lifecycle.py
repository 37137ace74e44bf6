"""The steps of an entry's life as rules: what each changes in it, what its history records, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

from orgaudit.model import EntryState
from orgaudit.register.amendment import proposed
from orgaudit.register.entries import Amendment, EntryKind, EventType
from orgaudit.register.file.yaml_text import same
from orgaudit.register.state import CLOSED, state_of
from orgaudit.register.validity import checked
from orgaudit.settings.people import identity

Data: TypeAlias = Mapping[str, Any]
"""An entry's keys and values as the register's file has them."""

Meanings: TypeAlias = Callable[[Mapping[str, Any] | None], Mapping[str, list[str]]]
"""The controls that each requirement in a scope stands for."""

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
    checked(kind.draft, entry, longest_days)
    return EntryChange({}, event(entry, EventType.CREATED, step))


def requested(kind: EntryKind, entry: Data, step: Step, *, longest_days: int | None = None) -> EntryChange:
    """Return what makes a draft, or a rejected or revoked entry, wait for approval.

    Raises ValueError where something is missing or wrong, it is pending or approved already, or it would live longer
    than `longest_days` if it were approved on this day.
    """
    if (state := _approval_state(kind, entry, step.on)) not in {EntryState.DRAFT, *_CLOSED}:
        raise ValueError(f"{entry['id']} is {state} and was requested before")
    changes = kind.signed(entry, step.by, step.on)
    checked(kind.model, _with(entry, changes), longest_days, step.on)
    return EntryChange(changes, event(entry, EventType.REQUESTED, step))


def approved(
    kind: EntryKind, entry: Data, step: Step, *, longest_days: int | None = None, meanings: Meanings | None = None
) -> EntryChange:
    """Return what makes a pending entry an approved one, or what an approved amendment changes.

    `longest_days` is the longest life that policy allows for the entry as `proposed`. By `meanings` the history records
    which controls the requirements in a scope stand for that is approved now. Raises ValueError where nothing is
    requested, who requested it approves, it lives too long or is over already.
    """
    name, amendment, proposal = entry["id"], entry.get("amendment"), proposed(entry)
    _must_wait(kind, entry, step.on, "approve")
    if identity(step.by) == identity(str(proposal["requested_by"])):
        raise ValueError(f"{step.by} requested {name}, so another person must approve it")
    changes: dict[str, Any] = {"approved_by": step.by, "approved_on": step.on}
    found = checked(kind.model, _with(proposal, changes), longest_days)
    if found.expires_on < step.on:
        remedy = "reject its amendment, and renew it until a later day" if amendment else "set a later expires_on first"
        raise ValueError(f"{name} ended on {found.expires_on}; {remedy}")
    recorded = meanings(proposal.get("scope")) if meanings else {}
    stands_for = {"stands_for": dict(recorded)} if recorded else {}
    if not amendment:
        return EntryChange(changes, event(entry, EventType.APPROVED, step, until=found.expires_on) | stands_for)
    about = amendment["changes"]
    is_renewal = list(about) == ["expires_on"]
    changes = {**about, "requested_by": proposal["requested_by"], **changes, "amendment": None}
    what = EventType.RENEWED if is_renewal else EventType.APPROVED
    noted = event(entry, what, step, _until(entry, about), until=found.expires_on)
    return EntryChange(changes, noted | (stands_for if "scope" in about else {}))


def rejected(kind: EntryKind, entry: Data, step: Step) -> EntryChange:
    """Return what refuses a pending entry, or an amendment of an approved one, which stands as it was approved.

    Raises ValueError where nothing waits for approval.
    """
    _must_wait(kind, entry, step.on, "reject")
    if amendment := entry.get("amendment"):
        about = _until(entry, amendment["changes"])
        return EntryChange({"amendment": None}, event(entry, EventType.AMENDMENT_REJECTED, step, about))
    return EntryChange({}, event(entry, EventType.REJECTED, step))


def revoked(kind: EntryKind, entry: Data, step: Step) -> EntryChange:
    """Return what ends an approved entry before its last day; raises ValueError for one that was never in force."""
    state = _state(kind, entry, step.on)
    if state in _CLOSED:
        raise ValueError(f"{entry['id']} is {state} already")
    if not _is_approved(kind, entry):
        raise ValueError(f"{entry['id']} is {state} and was never in force; reject it")
    dropped = {"amendment": None} if entry.get("amendment") else {}
    return EntryChange(dropped, event(entry, EventType.REVOKED, step))


def renewed(
    kind: EntryKind, entry: Data, until: date, step: Step, *, longest_days: int | None = None, **new: object
) -> EntryChange:
    """Return what lets an approved entry live until a later day, by who requests that or answers again.

    `new` are other keys with new values. An exception gets an amendment, and what was approved stands until that is
    approved. Raises ValueError where it is closed and only a request reopens it, was never approved, has an amendment
    already, the day is not later, or it would live too long.
    """
    name, state = entry["id"], _state(kind, entry, step.on)
    reopens = state in _CLOSED and not kind.needs_approval
    if state in _CLOSED and not reopens:
        raise ValueError(f"{name} is {state}; request it again")
    if not _is_approved(kind, entry):
        raise ValueError(f"{name} is {state} and was not approved yet; change its expires_on")
    was = checked(kind.model, entry).expires_on
    if until <= was and not reopens:
        raise ValueError(f"{name} ends on {was} now; a renewal ends later")
    if until <= step.on and kind.needs_approval:
        raise ValueError(f"{until} is over; a renewal ends later than {step.on}")
    changes = {"expires_on": until, **new}
    if kind.needs_approval:
        return _amended(kind, entry, changes, step, longest_days=longest_days)
    changes = {"expires_on": until, **kind.signed(entry, step.by, step.on), **new}
    checked(kind.model, _with(entry, changes), longest_days)
    return EntryChange(changes, event(entry, EventType.RENEWED, step, _until(entry, changes)))


def edited(kind: EntryKind, old: Data, new: Data, step: Step, *, longest_days: int | None = None) -> EntryChange:
    """Return what an edit of an entry changes; where it is about its substance, who edits answers for it.

    What an approval is about becomes an amendment, but for an earlier last day, which takes effect at once. Raises
    ValueError where the new entry is wrong, or a step makes the change and not an edit.
    """
    for key in kind.by_steps_only:
        if not same(old.get(key), new.get(key)):
            raise ValueError(f"{key} of {old['id']} is not edited by hand; approve, reject, renew or revoke it instead")
    changes = {key: new.get(key) for key in {**old, **new} if not same(old.get(key), new.get(key))}
    about = sorted(kind.substance & changes.keys())
    if about and (state := _state(kind, old, step.on)) in _CLOSED and kind.needs_approval:
        raise ValueError(
            f"{old['id']} is {state}, so {', '.join(about)} cannot change; request it again or add another"
        )
    if about and kind.needs_approval and old.get("approved_by"):
        return _edited_in_force(kind, old, changes, step, longest_days)
    if not changes:
        return EntryChange()
    what = EventType.CHANGED
    if kind.needs_approval and _state(kind, old, step.on) is EntryState.DRAFT:
        what = EventType.REQUESTED if new.get("requested_by") else EventType.CHANGED
    elif about:
        changes = {**kind.signed(old, step.by, step.on), **changes}
    after = _with(old, changes)
    checked(kind.model_of(after), after, longest_days, step.on)
    return EntryChange(changes, event(old, what, step, ", ".join(sorted(changes))))


def corrected(kind: EntryKind, old: Data, new: Data, step: Step) -> EntryChange:
    """Return what an edit of a wrong entry changes, which needs not be valid after it: no step could be taken on it.

    Where it is about its substance, an approval of before ends, and who answers for an attestation is who edits it.
    """
    changes = {key: new.get(key) for key in {**old, **new} if old.get(key) != new.get(key)}
    if kind.substance & changes.keys():
        signed = kind.signed(old, step.by, step.on)
        changes = {key: value for key, value in signed.items() if key != "requested_by"} | changes
    return EntryChange(changes, event(old, EventType.CHANGED, step, ", ".join(sorted(changes))))


def _edited_in_force(
    kind: EntryKind, old: Data, changes: dict[str, Any], step: Step, longest_days: int | None
) -> EntryChange:
    """Return an edit of an approved entry: what its approval is about waits in an amendment, the rest is changed."""
    direct = {key: value for key, value in changes.items() if key not in kind.substance}
    asked = {key: value for key, value in changes.items() if key in kind.substance}
    until = None
    if asked.get("expires_on") and not _ends_later(kind, old, _with(old, {"expires_on": asked["expires_on"]})):
        until = direct["expires_on"] = asked.pop("expires_on")
    if asked and same(asked, (old.get("amendment") or {}).get("changes")):
        asked = {}
    checked(kind.model, _with(old, direct))
    if asked:
        return _amended(kind, old, asked, step, direct=direct, longest_days=longest_days)
    if not direct:
        return EntryChange()
    return EntryChange(direct, event(old, EventType.CHANGED, step, ", ".join(sorted(direct)), until=until))


def _amended(
    kind: EntryKind,
    entry: Data,
    asked: Data,
    step: Step,
    *,
    direct: Data | None = None,
    longest_days: int | None = None,
) -> EntryChange:
    """Return the request of an amendment; `direct` changes at once.

    Raises ValueError where there is one already, or it could not be approved on this day.
    """
    name, after = entry["id"], _with(entry, direct or {})
    if entry.get("amendment"):
        waiting = Amendment.model_validate(entry["amendment"]).words
        raise ValueError(f"{name} has an amendment already ({waiting}); approve or reject it first")
    if "requested_by" in asked:
        raise ValueError(f"{name} is approved, so its requested_by does not change; a new request names who makes it")
    if "starts_on" in asked and _state(kind, entry, step.on) is not EntryState.SCHEDULED:
        raise ValueError(f"{name} began on {entry['starts_on']}, so its starts_on cannot change")
    amendment = {"requested_by": step.by, "requested_on": step.on, "why": step.why, "changes": dict(asked)}
    # Judged as if it were approved on this day, by a person who is not known yet.
    checked(kind.model, proposed({**after, "amendment": amendment}), longest_days, step.on)
    about = _until(entry, {**asked, **(direct or {})})
    noted = event(entry, EventType.AMENDED, step, about, until=after["expires_on"])
    return EntryChange({**(direct or {}), "amendment": amendment}, noted)


def _until(entry: Data, changes: Data) -> str:
    """Return what changes, in a few words."""
    named = [f"until {changes['expires_on']}, was {entry['expires_on']}"] if "expires_on" in changes else []
    signature = {"expires_on", "attested_by", "attested_on"}
    return ", ".join([*named, *sorted(key for key in changes if key not in signature)])


def renewals(entry: Data) -> int:
    """Return how often an entry has been renewed: approved, or answered again, with a later last day."""
    count, until = 0, None
    for past in entry.get("history") or ():
        now = past.get("until")
        later = past.get("what") == EventType.APPROVED and until and now and str(now) > str(until)
        count += bool(past.get("what") == EventType.RENEWED or later)
        until = now or until
    return count


def _ends_later(kind: EntryKind, old: Data, new: Data) -> bool:
    return bool(checked(kind.model, new).expires_on > checked(kind.model, old).expires_on)


def _is_approved(kind: EntryKind, entry: Data) -> bool:
    return not kind.needs_approval or bool(entry.get("approved_by"))


def _must_wait(kind: EntryKind, entry: Data, on: date, verb: str) -> None:
    """Raise ValueError where neither an entry nor an amendment of it waits for approval."""
    state = _approval_state(kind, entry, on)
    if state is EntryState.DRAFT:
        raise ValueError(f"{entry['id']} is a draft and not requested; request it before you {verb} it")
    if state in _CLOSED:
        raise ValueError(f"{entry['id']} is {state}; request it again before you {verb} it")
    if _is_approved(kind, entry) and not entry.get("amendment"):
        remedy = "renew it for a later end" if verb == "approve" else "revoke it to end it"
        raise ValueError(f"{entry['id']} is approved by {entry['approved_by']}; {remedy}")


def _approval_state(kind: EntryKind, entry: Data, on: date) -> EntryState:
    """Return the state of an entry of a kind that needs approval; raises ValueError for one of another kind."""
    if not kind.needs_approval:
        raise ValueError(f"{entry['id']} needs no approval")
    return _state(kind, entry, on)


def _state(kind: EntryKind, entry: Data, on: date) -> EntryState:
    return state_of(checked(kind.model_of(entry), entry), on, 0)


def _with(entry: Data, changes: Data) -> dict[str, Any]:
    return {key: value for key, value in {**entry, **changes}.items() if value is not None}


def event(entry: Data, what: EventType, step: Step, about: str = "", until: date | None = None) -> dict[str, Any]:
    """Return an event for an entry's history; raises ValueError without a person or a reason, or before the last."""
    by, why = step.by.strip(), step.why.strip()
    if not by or not why:
        raise ValueError(f"{entry['id']}: give who does this and why")
    last = max(_days_of(entry), default=step.on)
    if step.on < last:
        raise ValueError(f"the history of {entry['id']} goes on to {last}, so nothing can be added for {step.on}")
    noted = {"when": step.on, "who": by, "what": what.value, "why": f"{about}: {why}" if about else why}
    return noted if until is None else noted | {"until": until}


def _days_of(entry: Data) -> Iterator[date]:
    """Yield the days of an entry's history; what is wrong in it has none."""
    history = entry.get("history")
    for past in history if isinstance(history, list | tuple) else ():
        with suppress(TypeError, ValueError, KeyError):
            yield date.fromisoformat(str(past["when"]))
