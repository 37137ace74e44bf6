"""The state of an exception, computed for a date and never stored."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from orgaudit.model import EntryState
from orgaudit.register.entries import EventType, ExceptionDraft, ExceptionEntry

_CLOSING = {EventType.REJECTED: EntryState.REJECTED, EventType.REVOKED: EntryState.REVOKED}
_REOPENING = {EventType.REQUESTED, EventType.APPROVED, EventType.RENEWED}


def today(moment: datetime, time_zone: str) -> date:
    """Return the register's date at a moment: a day ends when it ends in the register's time zone."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def state_of(entry: ExceptionDraft, on: date, expiring_days: int) -> EntryState:
    """Return an exception's state on a date; `expiring_days` days left, or fewer, make it expiring."""
    if (closed := _closed(entry, on)) is not None:
        return closed
    if not isinstance(entry, ExceptionEntry):
        return EntryState.DRAFT
    if entry.approved_by is None or on < entry.valid_from:
        return EntryState.PENDING
    if on > entry.expires_on:
        return EntryState.EXPIRED
    return EntryState.EXPIRING if days_left(entry, on) <= expiring_days else EntryState.ACTIVE


def days_left(entry: ExceptionEntry, on: date) -> int:
    """Return the days to the last day that an exception covers: 0 on that day, negative once it has expired."""
    return (entry.expires_on - on).days


def _closed(entry: ExceptionDraft, on: date) -> EntryState | None:
    """Return REJECTED or REVOKED when, up to a date, that is the last word of the history."""
    state: EntryState | None = None
    for event in entry.history:
        if event.when <= on:
            state = None if event.what in _REOPENING else _CLOSING.get(event.what, state)
    return state
