"""The file of owners: a CSV table of accounts and units with owner, mail and environment, read with line numbers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import msgspec

from orgaudit.errors import ConfigError
from orgaudit.settings.account_digits import ACCOUNT_DIGITS, account_digits
from orgaudit.settings.documents import Problem, content_of, decoded, error_of, nearest
from orgaudit.settings.people import ADDRESS, Owner, address_of, checked_person
from orgaudit.settings.settings import Settings

MOST_ROWS = 100_000
MOST_CHARACTERS = 500
MOST_PROBLEMS = 1_000
"""The bounds of a file of owners: its rows, the text of a cell, and the problems that are listed of it."""

_HEADERS = {
    "account": "account|account id|account name|account id or name|account number|aws account|aws account id",
    "unit": "unit|unit id|unit path|ou|ou id|ou path|organizational unit|organisational unit",
    "owner": "owner|owner name|account owner|team",
    "mail": "mail|e mail|email|owner mail|owner email|mail address|email address|e mail address",
    "environment": "environment|env|stage",
}
"""The columns by their keys, with the words that may head them in any letter case; a hyphen or `_` is a space."""

_KEYS = {word: key for key, words in _HEADERS.items() for word in words.split("|")}


class OwnerRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the file of owners: for an account where it names one, else for all accounts of a unit."""

    line: int
    account: str = ""
    unit: str = ""
    owner: Owner = Owner()
    environment: str = ""


class OwnersFile(msgspec.Struct, frozen=True, kw_only=True):
    """The file of owners: its rows in order, and its SHA-256; without a file, no rows and no hash."""

    path: Path
    sha256: str = ""
    rows: tuple[OwnerRow, ...] = ()

    @property
    def people(self) -> dict[str, str]:
        """The name of each mail address that a row has both of: the first one."""
        found: dict[str, str] = {}
        for row in self.rows:
            if row.owner.name and row.owner.mail:
                found.setdefault(row.owner.mail, row.owner.name)
        return found


def owners_of(settings: Settings) -> OwnersFile:
    """Return the file of owners that the settings name; raises ConfigError with every problem of its form.

    It may be missing unless the settings name it.
    """
    path = settings.owners_path
    if not settings.owners_named and not path.exists():
        return OwnersFile(path=path)
    return read_owners(path)


def read_owners(path: Path) -> OwnersFile:
    """Return a file of owners; raises ConfigError with every problem that needs no list of accounts to be seen."""
    content = content_of(path)
    text = decoded(content, path).removeprefix("\ufeff")
    reader = _Reader(path)
    rows = tuple(reader.rows(text))
    if reader.problems:
        raise error_of_many(reader.problems)
    return OwnersFile(path=path, sha256=sha256(content).hexdigest(), rows=rows)


def error_of_many(problems: list[Problem]) -> ConfigError:
    """Return one error for all problems, of which the first thousand are listed."""
    if len(problems) <= MOST_PROBLEMS:
        return error_of(problems)
    more = f"{len(problems) - MOST_PROBLEMS:,} more problems are not listed; correct these first"
    return error_of([*problems[:MOST_PROBLEMS], Problem(file=problems[0].file, message=more)])


def once(
    rows: Iterable[OwnerRow], what: Callable[[OwnerRow], tuple[str, ...]], problem: Callable[[OwnerRow, str], None]
) -> list[OwnerRow]:
    """Return the rows without those for what an earlier one is for, each of which becomes a problem."""
    first: dict[tuple[str, ...], OwnerRow] = {}
    for row in rows:
        known = first.setdefault(what(row), row)
        if known is not row:
            problem(row, f"is there twice, first on line {known.line}; keep one row")
    return list(first.values())


class _Reader:
    """Reads the rows of a file of owners; what is wrong becomes a problem, and the row is left out."""

    def __init__(self, path: Path) -> None:
        self._file = str(path)
        self.problems: list[Problem] = []

    def rows(self, text: str) -> list[OwnerRow]:
        """Return the rows; raises ConfigError where the text is not a table of owners at all."""
        lines = self._cells(text)
        line, header = next(lines, (1, []))
        columns = self._columns(line, header)
        if self.problems:
            return []
        found = [row for at, cells in lines if (row := self._row(at, columns, cells)) is not None]
        return once(found, _text_key, lambda row, message: self._wrong(row.line, _key_of(row), message))

    def _wrong(self, line: int, key: str, message: str) -> None:
        what, _, remedy = message.partition("; ")
        self.problems.append(Problem(file=self._file, line=line, key=key, message=what, remedy=remedy))

    def _cells(self, text: str) -> Iterator[tuple[int, list[str]]]:
        """Yield the line and the cells of each row that is not empty."""
        first = text.lstrip().partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
        line, count = 1, 0
        try:
            for cells in reader:
                found = [" ".join(cell.split()) for cell in cells]
                if any(found):
                    count += 1
                    if count > MOST_ROWS + 1:
                        raise ConfigError(
                            f"has more than {MOST_ROWS:,} rows; name accounts by their unit", file=self._file
                        )
                    yield line, found
                line = reader.line_num + 1
        except csv.Error as error:
            raise ConfigError(f"is not CSV ({error}); save it as CSV again", file=self._file, line=line) from error

    def _columns(self, line: int, header: list[str]) -> list[str]:
        """Return the key of each column; what is wrong with the header row becomes a problem."""
        keys: list[str] = []
        while header and not header[-1]:
            header.pop()
        for title in header:
            key = _KEYS.get(" ".join(re.sub(r"[-_]", " ", title).casefold().split()), "")
            if not key:
                remedy = nearest(title, _KEYS) if title else ""
                remedy = remedy if remedy.startswith("did") else f"the columns are {', '.join(_HEADERS)}"
                self._wrong(line, title, f"unknown column {title!r}; {remedy}")
            elif key in keys:
                self._wrong(line, title, f"a second column for {key}; keep one")
            keys.append(key)
        for needed in (("account", "unit"), ("owner", "mail", "environment")):
            if not self.problems and not {*needed} & {*keys}:
                self._wrong(line, "", f"no column is called {' or '.join(needed)}; name the columns in the first row")
        return keys

    def _row(self, line: int, columns: list[str], cells: list[str]) -> OwnerRow | None:
        before = len(self.problems)
        if any(cells[len(columns) :]):
            message = f"has {len(cells)} cells where the header has {len(columns)}; put text with commas in quotes"
            self._wrong(line, "", message)
            return None
        found = dict.fromkeys(_HEADERS, "") | dict(zip(columns, cells, strict=False))
        for key, cell in found.items():
            self._check_text(line, key, cell)
        if not found["account"] and not found["unit"]:
            self._wrong(line, "", "names neither an account nor a unit; write one of the two")
        if not (found["owner"] or found["mail"] or found["environment"]):
            self._wrong(line, "", "has neither owner, mail nor environment; write one, or remove the row")
        account = self._account(line, found["account"])
        owner = self._owner(line, found["owner"], found["mail"])
        if len(self.problems) > before:
            return None
        unit = found["unit"].rstrip("/")
        return OwnerRow(line=line, account=account, unit=unit, owner=owner, environment=found["environment"])

    def _check_text(self, line: int, key: str, cell: str) -> None:
        if len(cell) > MOST_CHARACTERS:
            self._wrong(line, key, f"has {len(cell):,} characters; at most {MOST_CHARACTERS} are read")
        elif not cell.isprintable():
            character = next(each for each in cell if not each.isprintable())
            self._wrong(line, key, f"holds the invisible character U+{ord(character):04X}; remove it")

    def _account(self, line: int, text: str) -> str:
        """Return an account's id or name; what a spreadsheet made of an id becomes a problem."""
        try:
            digits = account_digits(text)
        except ValueError as error:
            self._wrong(line, "account", str(error))
            return text
        if not digits:
            return text
        if len(digits) < ACCOUNT_DIGITS:
            full = digits.zfill(ACCOUNT_DIGITS)
            message = f"{text!r} has {len(digits)} digits and an account id has 12; did you mean {full}? "
            self._wrong(line, "account", f"{message}A spreadsheet drops zeros at the front of a number")
        elif len(digits) > ACCOUNT_DIGITS:
            self._wrong(line, "account", f"{text!r} has {len(digits)} digits; write the 12 of an account id")
        return digits

    def _owner(self, line: int, name: str, mail: str) -> Owner:
        """Return an owner by the cells of name and mail; a name may hold the mail, as in "Name <mail>"."""
        if mail and (not ADDRESS.fullmatch(mail) or not address_of(mail)):
            self._wrong(line, "mail", f"{mail!r} is not a mail address; write one such as name@example.com")
            return Owner()
        try:
            owner = Owner.of(checked_person(name))
        except ValueError as error:
            self._wrong(line, "owner", str(error))
            return Owner()
        if {"<", ">"} & {*owner.name}:
            self._wrong(line, "owner", f"{name!r} is not an owner; write < and > around a mail address only")
        if owner.mail and mail and owner.mail != mail.lower():
            self._wrong(line, "mail", f"{mail!r} is another address than that of the owner, {owner.mail}; keep one")
        return Owner(owner.name, owner.mail or mail.lower())


def _key_of(row: OwnerRow) -> str:
    return "account" if row.account else "unit"


def _text_key(row: OwnerRow) -> tuple[str, ...]:
    return (row.account.casefold(), row.unit)
