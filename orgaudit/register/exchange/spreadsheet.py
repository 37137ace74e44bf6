"""Reads the rows of a spreadsheet of any columns as foreign entries; which column is which key is given."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from orgaudit.register.entries import ExceptionType
from orgaudit.register.exchange.accounts import account_ids
from orgaudit.register.exchange.days import LAST_MONTH, day_and_month, read_day, text_of
from orgaudit.register.exchange.foreign import ForeignEntry, ForeignFile, SkippedEntry
from orgaudit.register.exchange.prowler import checks
from orgaudit.register.exchange.tables import FlatTable
from orgaudit.register.names import KnownNames
from orgaudit.settings.documents import Problem, error_of, nearest
from orgaudit.spreadsheet.cells import CellValue, ErrorCell, FormulaCell

IGNORE = "-"
"""The key of a column that is left out; one without any key goes into the comments."""

_SCOPE = ("controls", "accounts", "ous", "regions", "resources")
_LISTS = (*_SCOPE, "compensating_controls", "evidence")
_DAYS = ("starts_on", "expires_on", "review_by", "approved_on")
_STARTS = ("starts_on",)
_FORMAT = re.compile(r"\b(?:(dd?)[-/. ]mm?|mm?[-/. ]dd?)[-/. ]yy", re.IGNORECASE)
"""How a header shows the form of its dates, with the day first or not."""

_TEXTS = ("title", "type", "justification", "owner", "ticket", "risk_statement", "comments", "severity_adjusted")
APPROVAL = ("requested_by", "approved_by", "approved_on")
"""A request or approval elsewhere, which is not one here and goes into the comments."""

KEYS = (*_TEXTS, *_LISTS, "starts_on", "expires_on", "review_by", "max_findings", *APPROVAL)
"""What a column may become."""

SETTABLE = tuple(key for key in KEYS if key not in APPROVAL)
"""What may be given for all rows at once, where no column has it."""


def check_mapping(headers: Collection[str], mapping: Mapping[str, str], file: str) -> None:
    """Raise ConfigError, with every problem, for a column or a key that does not exist."""
    used = [key for key in mapping.values() if key not in {IGNORE, *_LISTS, "comments"}]
    keys = (*KEYS, IGNORE)
    wrong = [
        *((f"no column {it!r}", nearest(it, headers)) for it in mapping if it not in headers),
        *((f"{it}: no key {key!r}", nearest(key, keys)) for it, key in mapping.items() if key not in keys),
        *((f"two columns become {key}", "choose one") for key in sorted({it for it in used if used.count(it) > 1})),
    ]
    if not wrong and not set(mapping.values()) - {IGNORE}:
        wrong = [("no column becomes any key", "map some")]
    if wrong:
        raise error_of([Problem(file=file, key="--map", message=message, remedy=remedy) for message, remedy in wrong])


def read_rows(
    found: FlatTable,
    mapping: Mapping[str, str],
    names: KnownNames,
    *,
    day_first: bool | None = None,
    given: Mapping[str, str] | None = None,
) -> ForeignFile:
    """Return the rows of a table; raises ConfigError for a wrong mapping or dates that can be read two ways.

    `day_first` decides what 03/04/2026 is, where no other date of its column does. `given` are the values that every
    row has of keys that no column has.
    """
    check_mapping(found.headers, mapping, found.file)
    columns = _Columns(mapping, _day_orders(found, mapping, day_first), names, found.since_1904)
    given = given or {}
    _check_given(given, columns)
    entries: list[ForeignEntry] = []
    skipped = list(found.left_out)
    for place, row in found.rows:
        reader = _RowReader(columns)
        reader.read(row)
        if not reader.has_any:
            reason = "; ".join(["no mapped column holds anything that can be read", *reader.comments])
            skipped.append(SkippedEntry(place, reason))
            continue
        for key, text in given.items():
            reader.take(key, "", text)
        entries.append(reader.entry(place))
    return ForeignFile(tuple(entries), tuple(skipped))


@dataclass(frozen=True, slots=True)
class _Columns:
    """What each column becomes, which columns of dates have the day first, and what the rows may name."""

    mapping: Mapping[str, str]
    orders: Mapping[str, bool]
    names: KnownNames
    since_1904: bool


def _check_given(given: Mapping[str, str], columns: _Columns) -> None:
    """Raise ConfigError, with every problem, for a value for all rows that cannot be one."""
    problems = []
    by_key = {key: header for header, key in columns.mapping.items()}
    for key, text in given.items():
        if key not in SETTABLE:
            problems.append((f"no key {key!r}", nearest(key, SETTABLE)))
        elif key in by_key:
            problems.append((f"{key} is the column {by_key[key]!r}", "write the value into its empty cells"))
        else:
            try:
                _RowReader(columns).take(key, "", text)
            except ValueError as error:
                problems.append((f"{key}: {error}", ""))
    if problems:
        raise error_of([Problem(file="", key="--set", message=message, remedy=remedy) for message, remedy in problems])


@dataclass(slots=True)
class _RowReader:
    """One row on its way to become a draft; what cannot be read becomes a note, and stays as a comment."""

    columns: _Columns
    data: dict[str, Any] = field(default_factory=dict)
    scope: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    whole: bool = True

    @property
    def has_any(self) -> bool:
        """Whether anything was read that is more than a comment."""
        return bool(self.data or self.scope)

    def read(self, row: Mapping[str, CellValue]) -> None:
        """Take over the cells of a row."""
        for header, cell in row.items():
            key = self.columns.mapping.get(header)
            if key == IGNORE:
                continue
            if key is None or key in APPROVAL or key == "comments":
                self.comments.append(text_of(cell) if key == "comments" else f"{header}: {text_of(cell)}")
                continue
            try:
                self.take(key, header, cell)
            except ValueError as error:
                self.notes.append(f"{key}: {error}")
                self.comments.append(f"{header}: {text_of(cell)}")
                self.whole = self.whole and key not in _SCOPE

    def entry(self, place: str) -> ForeignEntry:
        """Return the entry; without a scope where a part of it could not be read, since it would cover more."""
        if self.scope and self.whole:
            self.data["scope"] = self.scope
        elif self.scope:
            self.notes.append("scope: left out, since without that part it would cover more; write it by hand")
            self.comments += [f"{key}: {', '.join(value)}" for key, value in self.scope.items()]
        if self.comments:
            self.data["comments"] = "\n".join(self.comments)
        return ForeignEntry(place=place, data=self.data, notes=tuple(self.notes))

    def take(self, key: str, header: str, cell: CellValue) -> None:
        """Take over one value; raises ValueError where it cannot be one of its key."""
        if isinstance(cell, FormulaCell | ErrorCell):
            raise ValueError("the cell holds a formula or an error; write its value")  # noqa: TRY004 - for people
        if key in _DAYS:
            self.data[key] = self._day(key, header, cell)
        elif key == "max_findings":
            self.data[key] = _number(cell)
        elif key == "accounts":
            self._add(key, account_ids(cell, self.columns.names))
        elif key == "controls":
            self._add(key, list(self._controls(_parts(cell))))
        elif key in _SCOPE:
            self._add(key, _parts(cell))
        elif key in _LISTS:
            self.data[key] = self.data.get(key, []) + _items(cell)
        elif key == "type":
            self.data[key] = _kind(text_of(cell))
        elif key == "comments":
            self.comments.append(text_of(cell))
        else:
            self.data[key] = text_of(cell).lower() if key == "severity_adjusted" else text_of(cell)

    def _add(self, key: str, values: list[str]) -> None:
        if values:
            self.scope[key] = list(dict.fromkeys([*self.scope.get(key, []), *values]))

    def _day(self, key: str, header: str, cell: CellValue) -> date:
        columns = self.columns
        found = read_day(
            cell, day_first=columns.orders.get(header), start=key in _STARTS, since_1904=columns.since_1904
        )
        if found.derived:
            self.notes.append(f"{key}: {text_of(cell)!r} is read as {found.day}")
        return found.day

    def _controls(self, words: list[str]) -> Iterator[str]:
        names = self.columns.names
        for word in (_unbracketed(word, names) for word in words):
            mapped = [control for control in checks().get(word, ()) if control in names.controls]
            if mapped and word not in names.control_names:
                yield from mapped
            else:
                yield names.control(word)


def _unbracketed(word: str, names: KnownNames) -> str:
    """Return the id in `[EC2.7]`, as Security Hub begins its titles; a pattern in brackets stays."""
    inner = word.removeprefix("[").removesuffix("]")
    return inner if word == f"[{inner}]" and inner in names.control_names else word


def _items(cell: CellValue) -> list[str]:
    return [part.strip() for part in re.split(r"[;\n]", text_of(cell)) if part.strip()]


def _parts(cell: CellValue) -> list[str]:
    return [part for part in re.split(r"[\s,;]+", text_of(cell)) if part]


def _number(cell: CellValue) -> int:
    text = text_of(cell)
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(f"{text!r} is not a whole number; write one such as 12")
    return int(text)


def _kind(text: str) -> str:
    name = re.sub(r"[^a-z]+", "_", text.casefold()).strip("_")
    near = {"accepted_risk": "risk_acceptance", "accept": "risk_acceptance", "acceptance": "risk_acceptance"}
    name = near.get(name, name)
    if name not in set(ExceptionType):
        raise ValueError(f"{text!r} is not one of {', '.join(ExceptionType)}")
    return name


def _day_orders(found: FlatTable, mapping: Mapping[str, str], given: bool | None) -> dict[str, bool]:
    """Return which columns of dates have the day first; raises ConfigError for one that nothing decides."""
    orders: dict[str, bool] = {}
    problems: list[Problem] = []
    for header in (header for header, key in mapping.items() if key in _DAYS and key not in APPROVAL):
        pairs = [
            (place, text_of(row[header]), pair)
            for place, row in found.rows
            if header in row and (pair := day_and_month(row[header]))
        ]
        sure = {first > LAST_MONTH for _, _, (first, second) in pairs if max(first, second) > LAST_MONTH}
        sure |= {bool(match[1]) for match in [_FORMAT.search(header)] if match}
        if given is not None or len(sure) == 1:
            orders[header] = sure.pop() if given is None else given
            continue
        problems += [
            Problem(file=place, key=header, message=f"{text!r} can be read two ways", remedy="give --dates dmy or mdy")
            for place, text, (first, second) in pairs
            if first != second and max(first, second) <= LAST_MONTH
        ]
    if problems:
        raise error_of(problems)
    return orders
