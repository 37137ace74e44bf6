"""Reads a flat spreadsheet of any columns: which column is which key is guessed by its header, or given."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orgaudit.errors import ConfigError
from orgaudit.register.entries import ExceptionType
from orgaudit.register.exchange.days import LAST_MONTH, TWO_WAYS, day, text_of
from orgaudit.register.exchange.foreign import ForeignEntry, ForeignFile, SkippedEntry
from orgaudit.register.exchange.prowler import checks
from orgaudit.register.patterns import is_exact
from orgaudit.settings.documents import Problem, error_of, nearest
from orgaudit.spreadsheet import cells
from orgaudit.spreadsheet.cells import CellValue, ErrorCell, FormulaCell

IGNORE = "-"
"""The key of a column that is left out; one without any key goes into the comments."""

MOST_BYTES = 16 * 1024 * 1024

_SCOPE = ("controls", "accounts", "ous", "regions", "resources")
_LISTS = (*_SCOPE, "compensating_controls", "evidence")
_DAYS = ("starts_on", "expires_on", "review_by", "approved_on")
_TEXTS = ("title", "type", "justification", "owner", "ticket", "risk_statement", "comments", "severity_adjusted")
_APPROVAL = ("requested_by", "approved_by", "approved_on")
KEYS = (*_TEXTS, *_LISTS, "starts_on", "expires_on", "review_by", "max_findings", *_APPROVAL)
"""What a column may become. A request or approval elsewhere is not one here, so those three go into the comments."""

_WORDS = {
    "title": "title name summary subject exception headline",
    "type": "type kind category",
    "justification": "justification|business justification|reason|rationale|why",
    "owner": "owner|risk owner|exception owner|responsible|contact|owner email",
    "requested_by": "requested by|requester|requestor|raised by|submitted by",
    "approved_by": "approved by|approver|accepted by|sign off|signed off by",
    "approved_on": "approved on|approval date|date approved|accepted on",
    "ticket": "ticket|jira|issue|reference|ref|ticket id|change",
    "starts_on": "starts on|start|start date|valid from|effective date|from|opened",
    "expires_on": "expires on|expiry|expiry date|expires|expiration|expiration date|end|end date|valid until|until|due",
    "controls": "controls|control|control id|check|check id|rule|finding|policy|requirement",
    "accounts": "accounts|account|account id|aws account|aws account id|account number|account ids",
    "ous": "ous|ou|unit|organizational unit",
    "regions": "regions|region|aws region",
    "resources": "resources|resource|arn|resource arn|resource id|asset|affected resource|affected resources",
    "compensating_controls": "compensating controls|compensating control|mitigation|mitigations|mitigating controls",
    "evidence": "evidence|link|links|url|attachment",
    "risk_statement": "risk statement|risk|risk description|impact|description",
    "review_by": "review by|review|review date|next review",
    "max_findings": "max findings|count|number of findings",
    "severity_adjusted": "severity adjusted|severity",
    "comments": "comments|comment|notes|note|remarks",
}
_BY_WORD = {
    word: key for key, words in _WORDS.items() for word in (words.split("|") if "|" in words else words.split())
}
_SIGNIFICANT = {
    **dict.fromkeys(("until", "expires", "expiry", "expiration"), "expires_on"),
    **dict.fromkeys(("owner", "responsible"), "owner"),
    **dict.fromkeys(("justification", "reason", "rationale"), "justification"),
    **dict.fromkeys(("control", "controls", "check", "rule"), "controls"),
    **dict.fromkeys(("account", "accounts"), "accounts"),
    **dict.fromkeys(("region", "regions"), "regions"),
    **dict.fromkeys(("resource", "resources", "arn"), "resources"),
    **dict.fromkeys(("ticket", "jira"), "ticket"),
}
"""Words that show what a column is, wherever they are in a header that shows it no other way."""


@dataclass(frozen=True, slots=True)
class FlatTable:
    """A flat table: its headers, and each further row that holds anything with where it is in the file."""

    file: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, dict[str, CellValue]], ...]


def table(file: Path) -> FlatTable:
    """Return the first sheet, or the only table, of an .xlsx or .csv file; raises ConfigError."""
    lines = _from_xlsx(file) if file.suffix.lower() in {".xlsx", ".xlsm"} else _from_csv(file)
    top, rest = next(lines, None), lines
    if top is None:
        raise ConfigError("is empty; its first row must name the columns", file=str(file))
    headers = {number: " ".join(str(cell).split()) for number, cell in top[1].items() if str(cell).strip()}
    names = tuple(headers.values())
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"two columns are called {twice[0]!r}; name them apart", file=str(file))
    rows = []
    for place, row in rest:
        values = {headers[number]: cell for number, cell in row.items() if number in headers and str(cell).strip()}
        if values:
            rows.append((place, values))
    return FlatTable(str(file), names, tuple(rows))


def guess(headers: Sequence[str]) -> dict[str, str]:
    """Return a key for each header that reads like one; a key is given once, to the first header."""
    words = {header: re.sub(r"[^a-z0-9]+", " ", header.casefold()).strip() for header in headers}
    found: dict[str, str] = {}
    for header, text in words.items():
        key = _BY_WORD.get(text)
        if key and key not in found.values():
            found[header] = key
    for header, text in words.items():
        keys = {_SIGNIFICANT[word] for word in text.split() if word in _SIGNIFICANT} - set(found.values())
        if header not in found and len(keys) == 1:
            found[header] = keys.pop()
    return {header: found[header] for header in headers if header in found}


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
    file: Path, mapping: Mapping[str, str], controls: Collection[str], *, day_first: bool | None = None
) -> ForeignFile:
    """Return the rows of a file; raises ConfigError for a wrong mapping or dates that can be read two ways.

    `day_first` decides what 03/04/2026 is, where no other date of its column does.
    """
    found = table(file)
    check_mapping(found.headers, mapping, found.file)
    orders = _day_orders(found, mapping, day_first)
    entries: list[ForeignEntry] = []
    skipped: list[SkippedEntry] = []
    for place, row in found.rows:
        entry = _RowReader(mapping, orders, controls).entry(place, row)
        if set(entry.data) - {"comments"}:
            entries.append(entry)
        else:
            skipped.append(SkippedEntry(place, "no mapped column holds anything that can be read"))
    return ForeignFile(tuple(entries), tuple(skipped))


@dataclass(slots=True)
class _RowReader:
    """One row on its way to become a draft; what cannot be read becomes a note, and stays as a comment."""

    mapping: Mapping[str, str]
    orders: Mapping[str, bool]
    controls: Collection[str]
    data: dict[str, Any] = field(default_factory=dict)
    scope: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    whole: bool = True

    def entry(self, place: str, row: Mapping[str, CellValue]) -> ForeignEntry:
        for header, cell in row.items():
            key = self.mapping.get(header)
            if key == IGNORE:
                continue
            if key is None or key in _APPROVAL or key == "comments":
                self.comments.append(text_of(cell) if key == "comments" else f"{header}: {text_of(cell)}")
                if key in _APPROVAL:
                    self.notes.append(f"{key}: kept as a comment: it did not happen in this register")
                continue
            try:
                self._take(key, header, cell)
            except ValueError as error:
                self.notes.append(f"{key}: {error}")
                self.comments.append(f"{header}: {text_of(cell)}")
                self.whole = self.whole and key not in _SCOPE
        if self.scope and self.whole:
            self.data["scope"] = self.scope
        elif self.scope:
            self.notes.append("scope: left out, since without that part it would cover more; write it by hand")
            self.comments += [f"{key}: {', '.join(value)}" for key, value in self.scope.items()]
        if self.comments:
            self.data["comments"] = "\n".join(self.comments)
        return ForeignEntry(place=place, data=self.data, notes=tuple(self.notes))

    def _take(self, key: str, header: str, cell: CellValue) -> None:
        if isinstance(cell, FormulaCell | ErrorCell):
            raise ValueError("the cell holds a formula or an error; write its value")  # noqa: TRY004 - for people
        if key in _DAYS:
            self.data[key] = day(cell, day_first=self.orders.get(header))
        elif key == "max_findings":
            self.data[key] = _number(cell)
        elif key == "accounts":
            self.scope[key] = self.scope.get(key, []) + _accounts(cell)
        elif key == "controls":
            self.scope[key] = list(dict.fromkeys([*self.scope.get(key, []), *self._ours(_parts(cell))]))
        elif key in _SCOPE:
            self.scope[key] = self.scope.get(key, []) + _parts(cell)
        elif key in _LISTS:
            self.data[key] = self.data.get(key, []) + _items(cell)
        elif key == "type":
            self.data[key] = _kind(text_of(cell))
        else:
            self.data[key] = text_of(cell).lower() if key == "severity_adjusted" else text_of(cell)

    def _ours(self, names: list[str]) -> Iterator[str]:
        for name in names:
            if name in self.controls or ":" in name or not is_exact(name):
                yield name
            elif mapped := [control for control in checks().get(name, ()) if control in self.controls]:
                yield from mapped
            else:
                message = f"{name!r} is not a control"
                raise ValueError("; ".join(filter(None, (message, nearest(name, self.controls)))))


def _items(cell: CellValue) -> list[str]:
    return [part.strip() for part in re.split(r"[;\n]", text_of(cell)) if part.strip()]


def _parts(cell: CellValue) -> list[str]:
    return [part for part in re.split(r"[\s,;]+", text_of(cell)) if part]


def _accounts(cell: CellValue) -> list[str]:
    """Return account ids; a spreadsheet that takes them for numbers loses their leading zeros and their dashes stay."""
    found = []
    items = [part.strip() for part in re.split(r"[,;\n]", text_of(cell)) if part.strip()]
    for part in (each for item in items for each in (item.split() if re.fullmatch(r"[\d\s-]+", item) else [item])):
        digits = part.replace("-", "")
        if isinstance(cell, int | float) and re.fullmatch(r"\d{1,12}", digits, re.ASCII):
            digits = digits.zfill(12)
        if not re.fullmatch(r"\d{12}", digits, re.ASCII):
            raise ValueError(f"{part!r} is not an account id; write 12 digits")
        found.append(digits)
    return found


def _number(cell: CellValue) -> int:
    text = text_of(cell)
    if not re.fullmatch(r"[0-9]{1,9}", text):
        raise ValueError(f"{text!r} is not a whole number")
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
    for header in (header for header, key in mapping.items() if key in _DAYS and key not in _APPROVAL):
        pairs = [
            (place, text_of(row[header]), match)
            for place, row in found.rows
            if header in row and (match := TWO_WAYS.fullmatch(text_of(row[header])))
        ]
        sure = {int(match[1]) > LAST_MONTH for _, _, match in pairs if max(int(match[1]), int(match[3])) > LAST_MONTH}
        if given is not None or len(sure) == 1:
            orders[header] = sure.pop() if given is None else given
            continue
        problems += [
            Problem(file=place, key=header, message=f"{text!r} can be read two ways", remedy="give --dates dmy or mdy")
            for place, text, match in pairs
            if int(match[1]) != int(match[3]) and max(int(match[1]), int(match[3])) <= LAST_MONTH
        ]
    if problems:
        raise error_of(problems)
    return orders


def _from_xlsx(file: Path) -> Iterator[tuple[str, dict[int, CellValue]]]:
    sheets = cells.read_sheets(file)
    name, rows = next(((name, rows) for name, rows in sheets.items() if rows), ("", {}))
    for number in sorted(rows):
        yield f"{file}: {name}!{number}", rows[number]


def _from_csv(file: Path) -> Iterator[tuple[str, dict[int, CellValue]]]:
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", file=str(file)) from error
    if len(content) > MOST_BYTES:
        raise ConfigError(f"is larger than {MOST_BYTES >> 20} MB; split it", file=str(file))
    text = _decoded(content, file)
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t|", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        for row in itertools.islice(reader, cells.MOST_ROWS + 1):
            if reader.line_num and len(row) > cells.MOST_COLUMNS:
                raise ConfigError(f"has more than {cells.MOST_COLUMNS} columns", file=str(file), line=reader.line_num)
            yield f"{file}:{reader.line_num}", dict(enumerate(row, 1))
    except csv.Error as error:
        raise ConfigError(f"is not CSV ({error})", file=str(file), line=reader.line_num) from error
    if next(reader, None) is not None:
        raise ConfigError(f"has more than {cells.MOST_ROWS} rows; split it", file=str(file))


def _decoded(content: bytes, file: Path) -> str:
    if b"\0" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError("is not text; save it as .csv or .xlsx", file=str(file))
    for encoding in ("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ConfigError("has an unknown encoding; save it as UTF-8", file=str(file))
