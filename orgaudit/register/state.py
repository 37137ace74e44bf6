"""The state of an exception, computed for a date and never stored."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from orgaudit.register.entries import Action, Draft, Entry


class State(StrEnum):
    """Where an exception stands in its life on a date."""

    DRAFT = "draft"
    PENDING = "pending"
    ACTIVE = "active"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    REJECTED = "rejected"
    REVOKED = "revoked"
    INVALID = "invalid"

    @property
    def covers(self) -> bool:
        """Tell whether an exception in this state covers findings."""
        return self in {State.ACTIVE, State.EXPIRING}


_CLOSING = {Action.REJECTED: State.REJECTED, Action.REVOKED: State.REVOKED}
_REOPENING = {Action.REQUESTED, Action.APPROVED, Action.RENEWED}


def today(moment: datetime, time_zone: str) -> date:
    """Return the register's date at a moment: a day ends when it ends in the register's time zone."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def state_of(entry: Draft, on: date, expiring_days: int) -> State:
    """Return an exception's state on a date; `expiring_days` days left, or fewer, make it expiring."""
    if (closed := _closed(entry, on)) is not None:
        return closed
    if not isinstance(entry, Entry):
        return State.DRAFT
    if entry.approved_by is None or on < entry.valid_from:
        return State.PENDING
    if on > entry.expires_on:
        return State.EXPIRED
    return State.EXPIRING if days_left(entry, on) <= expiring_days else State.ACTIVE


def days_left(entry: Entry, on: date) -> int:
    """Return the days to the last day that an exception covers: 0 on that day, negative once it has expired."""
    return (entry.expires_on - on).days


def _closed(entry: Draft, on: date) -> State | None:
    """Return REJECTED or REVOKED when, up to a date, that is the last word of the history."""
    state: State | None = None
    for event in entry.history:
        if event.when <= on:
            state = None if event.what in _REOPENING else _CLOSING.get(event.what, state)
    return state
