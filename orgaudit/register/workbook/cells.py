"""Reads the cells of a workbook's sheets: texts, numbers, dates, and formulas as what they are; nothing is computed."""

from __future__ import annotations

import math
import posixpath
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TypeAlias

import msgspec

from orgaudit.spreadsheet.guard import Archive

MOST_ROWS = 20_000
MOST_COLUMNS = 200
MOST_CELLS = 600_000
_MOST_STRINGS = MOST_CELLS


class Formula(msgspec.Struct, frozen=True):
    """A cell whose text is a formula and no value."""


class Failed(msgspec.Struct, frozen=True):
    """A cell that shows an error, such as #N/A."""

    text: str


Cell: TypeAlias = str | int | float | bool | date | Formula | Failed
"""What a cell holds; a date may have a time and then is a datetime."""

Rows: TypeAlias = dict[int, dict[int, Cell]]
"""The cells of a sheet that hold anything, by row and column, both from 1."""


def read_sheets(path: Path) -> dict[str, Rows]:
    """Return the sheets of a workbook by name; raises ConfigError for a file that is damaged, hostile or none."""
    with Archive(path) as archive:
        workbook = _Workbook(archive)
        strings = _strings(archive, workbook.part("sharedStrings"))
        dates = _date_styles(archive, workbook.part("styles"))
        budget = _Budget()
        sheets = {}
        for name, part in workbook.sheets():
            reader = _SheetReader(
                archive, name, strings=strings, dates=dates, first_day=workbook.first_day, budget=budget
            )
            archive.parse(part, reader.start, reader.end, reader.text)
            sheets[name] = reader.rows
        return sheets


def place(column: int, row: int) -> str:
    """Return how a sheet names a cell: AB12."""
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(65 + rest) + letters
    return f"{letters}{row}"


class _Workbook:
    """The names of the sheets and where the parts are."""

    def __init__(self, archive: Archive) -> None:
        self.first_day = date(1899, 12, 30)
        self._archive = archive
        self._names: list[tuple[str, str]] = []
        main = next(iter(self._targets("", "officeDocument").values()), "")
        if not main:
            raise archive.error("is no workbook; save it as .xlsx")
        self._main = main
        archive.parse(main, self._start)
        if not self._names:
            raise archive.error(f"{main} names no sheet; save it as .xlsx")

    def part(self, kind: str) -> str | None:
        return next(iter(self._targets(self._main, kind).values()), None)

    def sheets(self) -> list[tuple[str, str]]:
        parts = self._targets(self._main, "worksheet")
        return [(name, parts[relation]) for name, relation in self._names if relation in parts]

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "sheet":
            self._names.append((attributes.get("name", ""), attributes.get("id", "")))
        elif name == "workbookPr" and attributes.get("date1904", "0") in {"1", "true", "on"}:
            self.first_day = date(1904, 1, 1)

    def _targets(self, part: str, kind: str) -> dict[str, str]:
        """Return the parts of a kind that a part relates to, by relation; links out of the file are left alone."""
        found: dict[str, str] = {}
        folder, name = posixpath.split(part)

        def start(element: str, attributes: Mapping[str, str]) -> None:
            is_kind = attributes.get("Type", "").endswith(f"/{kind}")
            if element == "Relationship" and is_kind and attributes.get("TargetMode") != "External":
                target = posixpath.normpath(posixpath.join("/", folder, attributes.get("Target", "")))
                found[attributes.get("Id", "")] = target.removeprefix("/")

        self._archive.parse(posixpath.join(folder, "_rels", f"{name}.rels"), start)
        return found


def _strings(archive: Archive, part: str | None) -> list[str]:
    """Return the table of texts that cells refer to."""
    strings: list[str] = []
    pieces: list[str] = []
    open_text = _OpenText()

    def start(name: str, _: Mapping[str, str]) -> None:
        open_text.begins(name)
        if name == "si":
            pieces.clear()
            if len(strings) == _MOST_STRINGS:
                raise archive.error(f"has over {_MOST_STRINGS} texts; a register has not")

    def end(name: str) -> None:
        open_text.ends(name)
        if name == "si":
            strings.append(_decoded("".join(pieces)))

    def text(data: str) -> None:
        if open_text.counts:
            pieces.append(data)

    if part is not None:
        archive.parse(part, start, end, text)
    return strings


class _OpenText:
    """Tells whether characters belong to a text: they are in its `t`, and not in the phonetic hints beside it."""

    def __init__(self) -> None:
        self._in_text = False
        self._in_hint = False

    @property
    def counts(self) -> bool:
        return self._in_text and not self._in_hint

    def begins(self, name: str) -> None:
        self._in_text = self._in_text or name == "t"
        self._in_hint = self._in_hint or name == "rPh"

    def ends(self, name: str) -> None:
        self._in_text = self._in_text and name != "t"
        self._in_hint = self._in_hint and name != "rPh"


# https://learn.microsoft.com/dotnet/api/documentformat.openxml.spreadsheet.numberingformat lists the built-in ones
_BUILT_IN_DATES = frozenset(map(str, (*range(14, 18), 22, *range(27, 32), 36, *range(50, 59))))
_NOT_CODE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')


def _date_styles(archive: Archive, part: str | None) -> frozenset[int]:
    """Return the numbers of the cell styles that show a number as a day."""
    custom: dict[str, str] = {}
    formats: list[str] = []
    inside: list[str] = []

    def start(name: str, attributes: Mapping[str, str]) -> None:
        inside.append(name)
        if name == "numFmt":
            custom[attributes.get("numFmtId", "")] = attributes.get("formatCode", "")
        elif name == "xf" and "cellXfs" in inside:
            formats.append(attributes.get("numFmtId", "0"))

    def end(_name: str) -> None:
        inside.pop()

    if part is not None:
        archive.parse(part, start, end)
    return frozenset(
        index
        for index, key in enumerate(formats)
        if (set(_NOT_CODE.sub("", custom[key]).lower()) & set("yd") if key in custom else key in _BUILT_IN_DATES)
    )


class _Budget(msgspec.Struct):
    """How many cells the sheets may still hold together."""

    cells: int = MOST_CELLS


_READERS: dict[str, Callable[[str, list[str]], Cell]] = {
    "s": lambda text, strings: strings[int(text)],
    "str": lambda text, _: _decoded(text),
    "inlineStr": lambda text, _: _decoded(text),
    "e": lambda text, _: Failed(text),
    "b": lambda text, _: text in {"1", "true"},
    "d": lambda text, _: datetime.fromisoformat(text),
}
"""How a cell's characters read, by its type; a number's depend on its style too."""

_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")


class _SheetReader:
    """Takes in one sheet's elements as they pass and keeps the cells that hold anything."""

    def __init__(
        self,
        archive: Archive,
        name: str,
        *,
        strings: list[str],
        dates: frozenset[int],
        first_day: date,
        budget: _Budget,
    ) -> None:
        self.rows: Rows = {}
        self._archive, self._name, self._strings = archive, name, strings
        self._dates, self._first_day, self._budget = dates, first_day, budget
        self._row = self._column = 0
        self._cell: Mapping[str, str] | None = None
        self._pieces: list[str] = []
        self._in_value = self._is_formula = False
        self._open_text = _OpenText()

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._cell is not None:
            self._open_text.begins(name)
            self._in_value = self._in_value or name == "v"
            self._is_formula = self._is_formula or name == "f"
        elif name == "c":
            self._cell = attributes
            self._pieces.clear()
            self._is_formula = False
            self._place(attributes.get("r"))
        elif name == "row":
            given = attributes.get("r", "")
            self._row = int(given) if given.isdecimal() else self._row + 1
            self._column = 0

    def text(self, data: str) -> None:
        if self._in_value or self._open_text.counts:
            self._pieces.append(data)

    def end(self, name: str) -> None:
        if self._cell is None:
            return
        self._open_text.ends(name)
        self._in_value = self._in_value and name != "v"
        if name == "c":
            value: Cell | None = Formula() if self._is_formula else self._value("".join(self._pieces), self._cell)
            if value is not None and value != "":
                self._keep(value)
            self._cell = None

    def _place(self, reference: str | None) -> None:
        self._column += 1
        if reference is None:
            return
        if (match := _REFERENCE.fullmatch(reference)) is None:
            raise ValueError(f"{reference:.20} names no cell")
        self._row, self._column = int(match[2]), 0
        for letter in match[1]:
            self._column = self._column * 26 + ord(letter) - 64

    def _keep(self, value: Cell) -> None:
        where = f"{self._name}!{place(self._column, self._row)}"
        if self._row > MOST_ROWS:
            raise self._archive.error(f"{where}: a register has no more than {MOST_ROWS:,} rows; clear the rest")
        if self._column > MOST_COLUMNS:
            raise self._archive.error(f"{where}: a register has no such column; clear it")
        self._budget.cells -= 1
        if self._budget.cells < 0:
            raise self._archive.error(f"{where}: a register has no more than {MOST_CELLS:,} cells; clear the rest")
        self.rows.setdefault(self._row, {})[self._column] = value

    def _value(self, text: str, cell: Mapping[str, str]) -> Cell | None:
        kind = cell.get("t", "n")
        if not text:
            return None
        if kind in _READERS:
            return _READERS[kind](text, self._strings)
        return self._number(text, is_date=int(cell.get("s", "0")) in self._dates)

    def _number(self, text: str, *, is_date: bool) -> Cell:
        number = float(text)
        if not math.isfinite(number):
            raise ValueError(f"{text} is no number")
        if not is_date:
            return int(number) if number.is_integer() and abs(number) < 1e15 else number  # noqa: PLR2004 - what a double tells apart
        try:
            if number.is_integer():
                return self._first_day + timedelta(days=number)
            return datetime.combine(self._first_day, datetime.min.time()) + timedelta(days=number)
        except OverflowError:
            return Failed(text)


_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


def _decoded(text: str) -> str:
    """Return a text without the escapes of the file's format; what is no character becomes U+FFFD."""
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
