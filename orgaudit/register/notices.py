"""Which exceptions of each owner expire or are due for review soon: as text, JSON, a calendar, and mails."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from typing import TypeAlias

import msgspec

from orgaudit.model import EntryState
from orgaudit.register.entries import ADDRESS, identity
from orgaudit.register.file.load import Register
from orgaudit.register.state import state_of


class DueEvent(StrEnum):
    """What falls due."""

    EXPIRED = "expired"
    EXPIRES = "expires"
    REVIEW = "review"


class DueItem(msgspec.Struct, frozen=True, kw_only=True):
    """One date of one exception; `days` from the notice's date to it, negative where it has passed."""

    id: str
    title: str
    event: DueEvent
    due_on: date
    days: int
    ticket: str
    scope: str

    @property
    def words(self) -> str:
        """What falls due and when, in a few words."""
        when = f"{abs(self.days)} {'day' if abs(self.days) == 1 else 'days'}"
        if self.event is DueEvent.EXPIRED:
            return f"expired {when} ago"
        verb = "expires" if self.event is DueEvent.EXPIRES else "review due"
        return f"{verb} today" if self.days == 0 else f"{verb} {when} ago" if self.days < 0 else f"{verb} in {when}"


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """The due dates of one owner; `address` is empty where the register names none."""

    owner: str
    address: str
    items: tuple[DueItem, ...]


Notices: TypeAlias = Sequence[Notice]


def due(register: Register, as_of: date, within: int) -> list[Notice]:
    """Return what expires, has expired or is due for review until `within` days after a date, by owner.

    An expired exception stays due until it is renewed, revoked, or superseded by one that is approved.
    """
    owners: dict[str, list[tuple[str, DueItem]]] = {}
    for owner, item in _items(register, as_of, as_of + timedelta(days=within)):
        owners.setdefault(identity(owner), []).append((" ".join(owner.split()), item))
    return [
        Notice(
            owner=max((owner for owner, _ in found), key=len),
            address=_address(found[0][0]),
            items=tuple(sorted((item for _, item in found), key=lambda item: (item.due_on, item.id, item.event))),
        )
        for _, found in sorted(owners.items())
    ]


def _items(register: Register, as_of: date, until: date) -> Iterator[tuple[str, DueItem]]:
    """Yield each date that falls due, with the owner."""
    states = {entry.id: state_of(entry, as_of, register.policy.expiring_days) for entry in register.exceptions}
    superseded = {entry.supersedes for entry in register.exceptions if states[entry.id].covers}
    for entry in register.exceptions:
        state, dates = states[entry.id], {}
        if state is EntryState.EXPIRED and entry.id not in superseded:
            dates[DueEvent.EXPIRED] = entry.expires_on
        if state.covers and entry.expires_on <= until:
            dates[DueEvent.EXPIRES] = entry.expires_on
        if state.covers and entry.review_by is not None and entry.review_by <= until:
            dates[DueEvent.REVIEW] = entry.review_by
        for event, on in dates.items():
            about = {"id": entry.id, "title": entry.title, "ticket": entry.ticket, "scope": str(entry.scope)}
            yield entry.owner, DueItem(event=event, due_on=on, days=(on - as_of).days, **about)


def _address(owner: str) -> str:
    found = ADDRESS.search(owner)
    if not found:
        return ""
    try:
        return Address(addr_spec=found[0]).addr_spec
    except (MessageError, ValueError):
        return ""


def calendar(notices: Notices, as_of: date) -> bytes:
    """Return the dates as an iCalendar file (RFC 5545): an all-day event each, the same uid for the same date."""
    stamp = datetime.combine(as_of, time(), UTC).strftime("%Y%m%dT%H%M%SZ")
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//orgaudit//exceptions//EN", "METHOD:PUBLISH"]
    for notice in notices:
        for item in notice.items:
            lines += _event(notice, item, stamp)
    return "".join(f"{_folded(line)}\r\n" for line in (*lines, "END:VCALENDAR")).encode()


def _event(notice: Notice, item: DueItem, stamp: str) -> list[str]:
    what = {DueEvent.EXPIRED: "has expired", DueEvent.EXPIRES: "expires", DueEvent.REVIEW: "is due for review"}[
        item.event
    ]
    kind = "review" if item.event is DueEvent.REVIEW else "expiry"
    about = f"{item.title}\nOwner: {notice.owner}\nTicket: {item.ticket}\nScope: {item.scope}"
    return [
        "BEGIN:VEVENT",
        f"UID:{item.id}-{kind}-{item.due_on:%Y%m%d}@orgaudit",
        f"DTSTAMP:{stamp}",
        f"DTSTART;VALUE=DATE:{item.due_on:%Y%m%d}",
        f"DTEND;VALUE=DATE:{item.due_on + timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_escaped(f'{item.id} {what}: {item.title}')}",
        f"DESCRIPTION:{_escaped(about)}",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
    ]


def _escaped(text: str) -> str:
    text = re.sub(r"([\\;,])", r"\\\1", text)
    text = re.sub(r"\r\n|\r|\n", r"\\n", text)
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", " ", text)


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


def mails(notices: Notices, as_of: date, sender: str, moment: datetime) -> Iterator[tuple[str, bytes]]:
    """Yield (file name, message) for each owner with an address; raises ValueError for a sender without one."""
    if _address(sender) == "":
        raise ValueError(f"{sender!r} is not a sender; write Name <name@example.com>")
    taken: set[str] = set()
    for notice in addressed(notices):
        stem = re.sub(r"[^a-z0-9@._-]", "_", notice.address.casefold())
        name = next(name for name in _names(stem) if name not in taken)
        taken.add(name)
        yield name, _mail(notice, as_of, sender, moment).as_bytes(policy=SMTP)


def addressed(notices: Notices) -> list[Notice]:
    """Return the notices whose owner has an address."""
    return [notice for notice in notices if notice.address]


def _names(stem: str) -> Iterator[str]:
    yield f"{stem}.eml"
    yield from (f"{stem}-{number}.eml" for number in range(2, 1_000_000))


def _mail(notice: Notice, as_of: date, sender: str, moment: datetime) -> EmailMessage:
    message = EmailMessage()
    message["From"] = _mailbox(sender)
    message["To"] = _mailbox(notice.owner)
    count = len({item.id for item in notice.items})
    message["Subject"] = f"{count} security {'exception needs' if count == 1 else 'exceptions need'} your attention"
    message["Date"] = moment
    message["X-Unsent"] = "1"  # mail programs that know it open the file as a draft
    message.set_content("\n".join(_letter(notice, as_of)) + "\n", cte="quoted-printable")
    return message


def _mailbox(person: str) -> Address:
    name = " ".join(re.sub(r"<[^>]*>", "", person).split())
    address = _address(person)
    return Address("" if name == address else name, addr_spec=address)


def _letter(notice: Notice, as_of: date) -> Iterator[str]:
    yield "Hello,"
    yield ""
    yield f"as of {as_of.isoformat()} these exceptions of yours expire, have expired, or are due for review."
    yield "An expired exception covers nothing: its findings are open again."
    for item in notice.items:
        yield ""
        yield f"{item.id}: {item.title}"
        yield f"  {item.words} ({item.due_on.isoformat()}), ticket {item.ticket}"
        yield f"  {item.scope}"
    yield ""
    yield "Fix what they cover, or request a renewal in time; it needs a new approval:"
    yield "  orgaudit exceptions renew ID"
    yield "Close what is no longer needed:"
    yield "  orgaudit exceptions revoke ID"


def text(notices: Notices) -> Iterator[str]:
    """Yield the lines of a plain text that fits 80 columns, one owner after another."""
    for notice in notices:
        yield notice.owner if notice.address else f"{notice.owner} (no address)"
        for item in notice.items:
            yield f"  {item.id:<14} {item.due_on.isoformat()}  {item.words:<24} {item.title:.26}".rstrip()
        yield ""
    yield f"{_count(notices)} for {len(notices)} {'owner' if len(notices) == 1 else 'owners'}"


def _count(notices: Iterable[Notice]) -> str:
    count = sum(len(notice.items) for notice in notices)
    return f"{count} date" if count == 1 else f"{count} dates"
