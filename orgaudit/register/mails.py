"""One mail for each owner whose exceptions need something, with the owner's own entries as a workbook."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from itertools import count as counting

import msgspec

from orgaudit.mail import LINE, Attachment, Draft, encoded
from orgaudit.register.entries import KINDS
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.notices import DueEvent, DueItem, Notice, Notices
from orgaudit.settings.people import address_of, identity
from orgaudit.spreadsheet.text import one_line
from orgaudit.words import counted

WORKBOOK = "your-exceptions.xlsx"
"""What the attached workbook is called."""


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Who sends the mails and when, and who approves where the register does not show that yet."""

    person: str
    moment: datetime
    approvers: tuple[str, ...] = ()


def mails(
    notices: Notices, as_of: date, sender: Sender, workbook: Callable[[Notice], bytes]
) -> Iterator[tuple[str, bytes]]:
    """Yield (file name, message) for each owner with an address; raises ValueError for a sender without one.

    `workbook` returns the register of one owner.
    """
    if address_of(sender.person) == "":
        raise ValueError(f"{sender.person!r} is not a sender; write Name <name@example.com>")
    taken: set[str] = set()
    for notice in notices:
        if not notice.address:
            continue
        stem = re.sub(r"[^a-z0-9@._-]", "_", notice.address.casefold())
        names = (f"{stem}.eml" if number == 1 else f"{stem}-{number}.eml" for number in counting(1))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        yield name, _mail(notice, as_of, sender, workbook(notice))


def ids_of(ledger: RegisterEditor, owner: str, person: Callable[[str], str] = str) -> frozenset[str]:
    """Return the ids of the exceptions that a person owns and of the attestations that they gave.

    `person` is as in `notices.due`.
    """
    keys = {"exceptions": "owner", "attestations": "attested_by"}
    return frozenset(
        name
        for section in KINDS
        for name in ledger.ids(section)
        if identity(person(str(ledger.entry(name, section).get(keys[section]) or ""))) == identity(owner)
    )


def _mail(notice: Notice, as_of: date, sender: Sender, workbook: bytes) -> bytes:
    return encoded(
        Draft(
            to=notice.owner or notice.address,
            sender=sender.person,
            subject=_subject(notice, as_of),
            moment=sender.moment,
            lines=tuple(_letter(notice, as_of, sender)),
            attachment=Attachment(WORKBOOK, workbook),
        )
    )


def _subject(notice: Notice, as_of: date) -> str:
    number = len({item.id for item in notice.items})
    needs = "needs" if number == 1 else "need"
    return f"{counted(number, 'security exception')} {needs} your attention {_by_when(notice, as_of)}"


def _by_when(notice: Notice, as_of: date) -> str:
    """Return the earliest date of a notice as the day to answer by; today where it has passed."""
    days = [item.due_on for item in notice.items if item.due_on is not None]
    if not days:
        return "as soon as you can"
    return "today" if min(days) <= as_of else f"by {min(days).isoformat()}"


def _letter(notice: Notice, as_of: date, sender: Sender) -> Iterator[str]:
    """Yield the lines: two sentences on what to do, the entries, and how the command line does the same."""
    when = _by_when(notice, as_of)
    yield "Hello,"
    yield ""
    sentences = (
        f"please open the attached workbook {WORKBOOK} and {_what_to_do(notice)} on its sheet Exceptions; "
        f"the sheet Read me shows how. Send the file back to {one_line(sender.person)} {when}: an expired exception "
        "covers nothing, and its findings are open again."
    )
    yield from textwrap.wrap(sentences, LINE, break_long_words=False, break_on_hyphens=False)
    if not notice.owner:
        yield ""
        yield "These entries have no owner; name one for each in the workbook."
    for item in notice.items:
        yield ""
        yield f"{item.id}: {one_line(item.title) or 'without a title'}"
        on = f" ({item.due_on.isoformat()})" if item.due_on else ""
        ticket = f", ticket {one_line(item.ticket)}" if item.ticket else ""
        since = f", requested on {item.since.isoformat()}" if item.since and item.event is not DueEvent.PENDING else ""
        yield f"  {item.words}{on}{since}{ticket}"
        if item.scope:
            yield f"  {one_line(item.scope)}"
        yield f"  who approves: {_approver(item, notice, sender.approvers)}"
    yield ""
    yield "-- "
    yield f"As of {as_of.isoformat()}. With the command line instead:"
    yield "  orgaudit exceptions renew ID --until DATE --why TEXT"
    yield "  orgaudit exceptions revoke ID --why TEXT"


_DEEDS = {
    DueEvent.EXPIRED: "request a later last day or choose revoked",
    DueEvent.EXPIRES: "request a later last day or choose revoked",
    DueEvent.REVIEW: "set the next review",
    DueEvent.DRAFT: "complete the drafts",
    **dict.fromkeys((DueEvent.PENDING, DueEvent.RENEWAL, DueEvent.AMENDMENT), "see what waits for approval"),
}


def _what_to_do(notice: Notice) -> str:
    events = {item.event for item in notice.items}
    *others, last = dict.fromkeys(deed for event, deed in _DEEDS.items() if event in events)
    return f"{', '.join(others)} and {last}" if others else last


def _approver(item: DueItem, notice: Notice, approvers: Sequence[str]) -> str:
    """Return who approves an exception: who did last, else those of the settings but for the owner."""
    others = [one_line(person) for person in approvers if identity(person) != identity(notice.owner)]
    return one_line(item.approver) or ", ".join(others) or "another person than the one who requests it"
