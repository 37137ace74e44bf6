"""A mail with a workbook, as a draft that a mail program opens and a person sends; nothing is sent from here."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8

from orgaudit.settings.people import address_of
from orgaudit.spreadsheet.text import one_line

LINE = 76
"""How wide the lines of a letter are."""

_XLSX = ("application", "vnd.openxmlformats-officedocument.spreadsheetml.sheet")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A workbook that goes with a mail: what it is called there, and its bytes."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A mail to one person, given as a name with an address or as an address.

    Without a sender, the mail program that sends it fills in its own. `key` is what tells it from every other mail: the
    same draft has the same Message-ID and the same bytes; without a key it gets the Message-ID when it is sent.
    """

    to: str
    sender: str
    subject: str
    moment: datetime
    lines: tuple[str, ...]
    attachment: Attachment | None
    key: str = ""


def encoded(draft: Draft) -> bytes:
    """Return a draft as the bytes of an .eml file (RFC 5322)."""
    message = EmailMessage()
    if draft.sender:
        message["From"] = _mailbox(draft.sender)
    message["To"] = _mailbox(draft.to)
    message["Subject"] = one_line(draft.subject)
    message["Date"] = draft.moment
    if draft.key:
        message["Message-ID"] = f"<{_digest(draft.key)}@orgaudit>"
    message["X-Unsent"] = "1"  # mail programs that know it open the file as a draft
    message.set_content("\n".join(draft.lines) + "\n", cte="quoted-printable")
    if draft.attachment is not None:
        main, sub = _XLSX
        message.add_attachment(draft.attachment.content, maintype=main, subtype=sub, filename=draft.attachment.name)
        # Base64 holds no "=_", so no line of a part can be taken for the boundary.
        message.set_boundary(f"=_{_digest(draft.subject + draft.to + draft.key)}")
    ascii_only = all(address_of(person).isascii() for person in (draft.sender, draft.to))
    return message.as_bytes(policy=SMTP if ascii_only else SMTPUTF8)


def _mailbox(person: str) -> Address:
    name, address = one_line(re.sub(r"<[^>]*>", "", person)), address_of(person)
    return Address("" if name == address else name, addr_spec=address)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
