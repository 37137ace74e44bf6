"""People as files, tags and the register name them: who is the same person, how to reach them, and what they own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.errors import MessageError
from email.headerregistry import Address
from functools import lru_cache

import msgspec

ADDRESS = re.compile(r"[^\s<>@]+@[^\s<>@]+")
"""An e-mail address within a person's name and address."""


def identity(person: str) -> str:
    """Return what identifies a person: the e-mail address where there is one, else the name, without letter case."""
    address = ADDRESS.search(person)
    return (address[0] if address else " ".join(person.split())).casefold()


@lru_cache(maxsize=4096)
def address_of(person: str) -> str:
    """Return the e-mail address within a person's name and address; nothing where there is none that can be used."""
    found = ADDRESS.search(person)
    if not found or not found[0].isprintable():
        return ""
    try:
        return Address(addr_spec=found[0]).addr_spec
    except (MessageError, ValueError):
        return ""


def checked_person(text: str) -> str:
    """Return a person as it is written; raises ValueError where it has an @ and is neither a mail nor Name <mail>."""
    if "@" in text and not re.fullmatch(r"[^<>@]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+", text):
        raise ValueError(f"{text!r} is not an owner; write Name <name@example.com>, or a team's name")
    return text


class Owner(msgspec.Struct, frozen=True):
    """Who is responsible: a name, a mail address in lower case, or both; neither is nobody.

    As text it is "Name <mail>", the name or the mail.
    """

    name: str = ""
    mail: str = ""

    def __bool__(self) -> bool:
        return bool(self.name or self.mail)

    def __str__(self) -> str:
        return f"{self.name} <{self.mail}>" if self.name and self.mail else self.name or self.mail

    @classmethod
    def of(cls, text: str) -> Owner:
        """Return the owner that a text names, such as "Jo Okafor <jo@example.com>", a mail, or a team's name."""
        mail = address_of(text)
        if not mail:
            return cls(" ".join(text.split()))
        name, bracket, rest = text.partition("<")
        if not bracket or rest.strip() != f"{mail}>":  # a mail somewhere in a tag's value
            name = ADDRESS.sub(" ", text, count=1).strip(" ,;:-")
        return cls(" ".join(name.split()), mail.lower())


class AccountOwner(msgspec.Struct, frozen=True, kw_only=True):
    """Who owns an account, how to reach them, and the account's environment; empty where nothing names it."""

    account_id: str
    owner: str = ""
    contact: str = ""
    environment: str = ""


class OwnershipRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a run keeps of `[ownership]`, so that an old run has its owners without the file.

    `accounts` are those in scope and out of it; `people` maps mail addresses to names, as the file has them; `file` and
    `sha256` are those of the file of owners, empty without one. A run without owners has an empty record.
    """

    owner_tags: tuple[str, ...] = ()
    contact_tags: tuple[str, ...] = ()
    audit_team: str = ""
    file: str = ""
    sha256: str = ""
    accounts: tuple[AccountOwner, ...] = ()
    people: dict[str, str] = {}


class People:
    """Completes a person by what the file of owners knows: the mail of a name, and one name for each mail."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = names
        self._mails: dict[str, set[str]] = {}
        for mail, name in names.items():
            self._mails.setdefault(name.casefold(), set()).add(mail)

    def complete(self, owner: Owner) -> Owner:
        """Return an owner with the name of its mail; one without a mail gets the only one that its name has."""
        if owner.mail:
            return Owner(self._names.get(owner.mail, owner.name), owner.mail)
        mails = self._mails.get(owner.name.casefold(), set())
        if len(mails) != 1:
            return owner
        [mail] = mails
        return Owner(self._names[mail], mail)

    def person(self, text: str) -> str:
        """Return a person as the register writes it, completed where that adds or corrects anything."""
        if not text.strip() or ("@" in text and not address_of(text)):
            return text
        owner = Owner.of(text)
        completed = self.complete(owner)
        return text if completed == owner else str(completed)
