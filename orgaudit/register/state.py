"""The state of an entry, computed for a date and never stored."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from orgaudit.model import EntryState, Severity
from orgaudit.register.entries import Amendment, Attestation, CompleteEntry, EventType, RegisterEntry
from orgaudit.settings.sections import RegisterSettings

CLOSED = {EventType.REJECTED: EntryState.REJECTED, EventType.REVOKED: EntryState.REVOKED}
"""The events that close an entry, and the state that follows."""


def today(moment: datetime, time_zone: str) -> date:
    """Return the register's date at a moment: a day ends when it ends in the register's time zone."""
    return moment.astimezone(ZoneInfo(time_zone)).date()


def state_of(entry: RegisterEntry, on: date, expiring_days: int) -> EntryState:
    """Return an entry's state on a date; `expiring_days` days left, or fewer, make it expiring."""
    closed: EntryState | None = None
    for event in entry.history:
        if event.when <= on:
            closed = None if event.what in entry.reopened_by else CLOSED.get(event.what, closed)
    if closed is not None:
        return closed
    if not isinstance(entry, CompleteEntry):
        return EntryState.DRAFT
    if entry.last_day(on) is None:
        return EntryState.PENDING
    if on < entry.begins_on:
        return EntryState.SCHEDULED
    left = days_left(entry, on)
    if left < 0:
        return EntryState.EXPIRED
    return EntryState.EXPIRING if left <= expiring_days else EntryState.ACTIVE


def pending_amendment(entry: RegisterEntry, on: date) -> Amendment | None:
    """Return what waits for approval within an approved entry on a date, if anything does."""
    if isinstance(entry, Attestation) or entry.amendment is None or entry.amendment.requested_on > on:
        return None
    return entry.amendment


def last_day(entry: CompleteEntry, on: date) -> date:
    """Return the last day on which an entry is in force, as approved on a date, or else as requested."""
    return entry.last_day(on) or entry.expires_on


def days_left(entry: CompleteEntry, on: date) -> int:
    """Return the days to the last day on which an entry is in force: 0 on that day, negative once it has expired."""
    return (last_day(entry, on) - on).days


def life_days(entry: CompleteEntry) -> int:
    """Return the days from an entry's first valid day to the last; a new approval or answer starts them again."""
    return (entry.expires_on - entry.valid_from).days


def longest_life(policy: RegisterSettings) -> int:
    """Return the days that no entry may exceed: the longest life of any severity."""
    return max(map(policy.longest_days.of, Severity))
