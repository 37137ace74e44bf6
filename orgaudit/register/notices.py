"""What each owner's exceptions need soon: those that expire, are due for review, or wait; as text and a calendar."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeAlias

import msgspec

from orgaudit.model import EntryState
from orgaudit.register.entries import EventType, ExceptionDraft, ExceptionEntry
from orgaudit.register.file.load import Register
from orgaudit.register.state import CLOSED, last_day, pending_amendment, state_of
from orgaudit.settings.people import address_of, identity
from orgaudit.spreadsheet.text import displayed, one_line
from orgaudit.words import counted


class DueEvent(StrEnum):
    """What falls due."""

    EXPIRED = "expired"
    EXPIRES = "expires"
    REVIEW = "review"
    DRAFT = "draft"
    PENDING = "pending"
    RENEWAL = "renewal"
    AMENDMENT = "amendment"

    @property
    def waits(self) -> bool:
        """Whether it has no date of its own: somebody must act first."""
        return self in {DueEvent.DRAFT, DueEvent.PENDING, DueEvent.RENEWAL, DueEvent.AMENDMENT}


_WAITING = {
    DueEvent.DRAFT: "draft: complete it",
    DueEvent.RENEWAL: "renewal pending",
    DueEvent.AMENDMENT: "change pending",
}


class DueItem(msgspec.Struct, frozen=True, kw_only=True):
    """What one exception needs; `days` from the notice's date to `due_on`, negative where it has passed.

    What waits has no such date; it waits `since` a day, where the register knows that. `approver` is who approved the
    exception last.
    """

    id: str
    title: str
    event: DueEvent
    due_on: date | None = None
    days: int | None = None
    since: date | None = None
    ticket: str
    scope: str
    approver: str = ""

    @property
    def words(self) -> str:
        """What falls due and when, in a few words."""
        if self.days is None:
            since = f" since {self.since.isoformat()}" if self.since else ""
            return _WAITING.get(self.event) or f"pending{since}"
        when = counted(abs(self.days), "day")
        if self.event is DueEvent.EXPIRED:
            return f"expired {when} ago"
        verb = "expires" if self.event is DueEvent.EXPIRES else "review due"
        return f"{verb} today" if self.days == 0 else f"{verb} {when} ago" if self.days < 0 else f"{verb} in {when}"


NO_OWNER = "no owner"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What one owner's exceptions need; `address` is empty where there is none, `owner` where the register has none.

    What has no owner goes to the address of the audit team, where the settings name one.
    """

    owner: str
    address: str
    items: tuple[DueItem, ...]

    @property
    def heading(self) -> str:
        """The owner, as people read it."""
        return one_line(self.owner) or NO_OWNER


Notices: TypeAlias = Sequence[Notice]


def due(
    register: Register, as_of: date, within: int, *, person: Callable[[str], str] = str, audit_team: str = ""
) -> list[Notice]:
    """Return by owner what expires, has expired or is due for review until `within` days after a date, and what waits.

    An expired exception stays due until it is renewed, revoked, or superseded by one that is approved. Drafts and what
    waits for approval are always in it. What has no owner comes last, with the address of the audit team. `person`
    returns an owner with the name and the mail that are known of them.
    """
    owners: dict[str, list[tuple[str, DueItem]]] = {}
    for owner, item in _items(register, as_of, as_of + timedelta(days=within)):
        known = person(" ".join(owner.split()))
        owners.setdefault(identity(known), []).append((known, item))
    return [
        Notice(
            owner=max((owner for owner, _ in found), key=len),
            address=address_of(found[0][0] or audit_team),
            items=tuple(sorted((item for _, item in found), key=_order)),
        )
        for _, found in sorted(owners.items(), key=lambda pair: (not pair[0], pair[0]))
    ]


def _order(item: DueItem) -> tuple[date, str, str]:
    return item.due_on or date.max, item.id, item.event


def _items(register: Register, as_of: date, until: date) -> Iterator[tuple[str, DueItem]]:
    """Yield each date that falls due, and what waits, with the owner."""
    expiring = register.policy.expiring_days
    states = {entry.id: state_of(entry, as_of, expiring) for entry in (*register.exceptions, *register.drafts)}
    superseded = {entry.supersedes for entry in register.exceptions if states[entry.id].covers}
    for entry in (*register.exceptions, *register.drafts):
        owner, state = entry.owner or "", states[entry.id]
        if isinstance(entry, ExceptionEntry):
            for event, on in _dates(entry, state, as_of, until).items():
                if event is not DueEvent.EXPIRED or entry.id not in superseded:
                    yield owner, _item(entry, event, due_on=on, days=(on - as_of).days)
        for event, since in _waiting(entry, state, as_of).items():
            yield owner, _item(entry, event, since=since)


def _item(
    entry: ExceptionDraft,
    event: DueEvent,
    *,
    due_on: date | None = None,
    days: int | None = None,
    since: date | None = None,
) -> DueItem:
    return DueItem(
        id=entry.id,
        title=entry.title or "",
        event=event,
        due_on=due_on,
        days=days,
        since=since,
        ticket=entry.ticket or "",
        scope="" if entry.scope is None else str(entry.scope),
        approver=entry.approved_by or "",
    )


def _dates(entry: ExceptionEntry, state: EntryState, as_of: date, until: date) -> dict[DueEvent, date]:
    """Return the dates of an entry that have passed or fall due until a day."""
    ends = last_day(entry, as_of)
    if state is EntryState.EXPIRED:
        return {DueEvent.EXPIRED: ends}
    if not state.covers:
        return {}
    dates = {DueEvent.EXPIRES: ends, DueEvent.REVIEW: entry.review_by}
    return {event: on for event, on in dates.items() if on is not None and on <= until}


def _waiting(entry: ExceptionDraft, state: EntryState, as_of: date) -> dict[DueEvent, date | None]:
    """Return what of an entry waits, and since when."""
    if state is EntryState.DRAFT:
        return {DueEvent.DRAFT: None}
    if state is EntryState.PENDING:
        asked = [event.when for event in entry.history if event.what in _REQUESTS and event.when <= as_of]
        return {DueEvent.PENDING: asked[-1] if asked else None}
    if (amendment := pending_amendment(entry, as_of)) is not None and state not in CLOSED.values():
        return {DueEvent.RENEWAL if amendment.renews else DueEvent.AMENDMENT: amendment.requested_on}
    return {}


_REQUESTS = {EventType.REQUESTED, EventType.CHANGED}
"""The events after which an exception may wait for approval."""


def calendar(notices: Notices, as_of: date) -> bytes:
    """Return the dates as an iCalendar file (RFC 5545): an all-day event each, the same uid for the same date.

    What waits has no date and is not in it.
    """
    stamp = datetime.combine(as_of, time(), UTC).strftime("%Y%m%dT%H%M%SZ")
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//orgaudit//exceptions//EN", "METHOD:PUBLISH"]
    for notice in notices:
        for item in notice.items:
            if item.due_on is not None:
                lines += _event(notice, item, item.due_on, stamp)
    return "".join(f"{_folded(line)}\r\n" for line in (*lines, "END:VCALENDAR")).encode()


def _event(notice: Notice, item: DueItem, on: date, stamp: str) -> list[str]:
    what = {DueEvent.EXPIRED: "has expired", DueEvent.EXPIRES: "expires", DueEvent.REVIEW: "is due for review"}[
        item.event
    ]
    kind = "review" if item.event is DueEvent.REVIEW else "expiry"
    about = f"{item.title}\nOwner: {notice.heading}\nTicket: {item.ticket}\nScope: {item.scope}"
    return [
        "BEGIN:VEVENT",
        f"UID:{item.id}-{kind}-{on:%Y%m%d}@orgaudit",
        f"DTSTAMP:{stamp}",
        f"DTSTART;VALUE=DATE:{on:%Y%m%d}",
        f"DTEND;VALUE=DATE:{on + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_escaped(f'{item.id} {what}: {item.title}')}",
        f"DESCRIPTION:{_escaped(about)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _escaped(text: str) -> str:
    return re.sub(r"([\\;,])", r"\\\1", displayed(text)).replace("\n", r"\n")


def _folded(line: str) -> str:
    """Return a content line in pieces of at most 75 octets, never parting a character."""
    pieces, size = [""], 0
    for character in line:
        octets = len(character.encode())
        if size + octets > 75:  # noqa: PLR2004 - RFC 5545, section 3.1
            pieces.append("")
            size = 1  # the space that begins a continuation counts
        pieces[-1] += character
        size += octets
    return "\r\n ".join(pieces)


def text(notices: Notices) -> Iterator[str]:
    """Yield the lines of a plain text that fits 80 columns, one owner after another."""
    for notice in notices:
        yield _titled(notice)
        for item in notice.items:
            on = item.due_on.isoformat() if item.due_on else "-"
            yield f"  {item.id:<14} {on:<10}  {item.words:<24} {one_line(item.title):.26}".rstrip()
        yield ""
    owners = sum(bool(notice.owner) for notice in notices)
    yield f"{dates_and_waiting(notices)} for {counted(owners, 'owner')}"


def _titled(notice: Notice) -> str:
    if notice.owner:
        return notice.heading if notice.address else f"{notice.heading} (no address)"
    return f"{notice.heading}, to the audit team: {notice.address}" if notice.address else notice.heading


def dates_and_waiting(notices: Iterable[Notice]) -> str:
    """Return how many dates there are and how many entries wait, in words."""
    items = [item for notice in notices for item in notice.items]
    waiting = sum(item.event.waits for item in items)
    return counted(len(items) - waiting, "date") + (f" and {waiting} waiting" if waiting else "")
