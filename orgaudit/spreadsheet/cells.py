"""Reads the cells of a workbook's sheets with openpyxl, behind the guard: nothing is computed, and nothing left out."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any, TypeAlias
from xml.etree.ElementTree import Element, iterparse

from openpyxl.reader.excel import ExcelReader
from openpyxl.styles.stylesheet import apply_stylesheet
from openpyxl.utils import get_column_letter, range_boundaries
from openpyxl.utils.datetime import CALENDAR_MAC_1904
from openpyxl.worksheet._reader import ROW_TAG, WorkSheetParser
from openpyxl.xml.constants import ARC_STYLE, SHARED_STRINGS, SHEET_MAIN_NS

from orgaudit.spreadsheet.guard import GuardedArchive

MOST_ROWS = 20_000
MOST_COLUMNS = 200
MOST_CELLS = 600_000
_MOST_STRINGS = MOST_CELLS
_EXACT = 1e15
"""Below it a double holds every whole number."""


@dataclass(frozen=True, slots=True)
class FormulaCell:
    """A cell whose text is a formula and not a value."""


@dataclass(frozen=True, slots=True)
class ErrorCell:
    """A cell that shows an error, such as #N/A."""

    text: str


CellValue: TypeAlias = str | int | float | bool | date | FormulaCell | ErrorCell
"""What a cell holds; a date may have a time and then is a datetime."""

SheetCells: TypeAlias = dict[int, dict[int, CellValue]]
"""The cells of a sheet that hold anything, by row and column, both from 1."""


@dataclass(frozen=True, slots=True)
class Merge:
    """Cells that are merged into one: the first and the last column and row, both from 1."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet: its cells, which of them are merged, and whether its workbook counts days from 1904."""

    cells: SheetCells
    merges: tuple[Merge, ...]
    since_1904: bool


def read_sheets(path: Path) -> dict[str, SheetCells]:
    """Return the cells of a workbook's sheets by name; raises ConfigError as read_layouts does."""
    return {name: sheet.cells for name, sheet in read_layouts(path).items()}


def read_layouts(path: Path) -> dict[str, Sheet]:
    """Return the sheets of a workbook by name; raises ConfigError for a file that is damaged, hostile or none."""
    with GuardedArchive(path) as archive, archive.explained(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # openpyxl warns of dates that are none, and of what it does not keep
        reader = ExcelReader(archive.fp, read_only=True, keep_links=False)  # type: ignore[arg-type]  # open by now
        reader.archive = archive
        reader.read_manifest()
        reader.read_workbook()
        if ARC_STYLE in archive.namelist():
            apply_stylesheet(archive, reader.wb)
        formats = {name: getattr(reader.wb, f"_{name}") for name in ("date_formats", "timedelta_formats")}
        if not reader.parser.sheets:
            raise archive.error("has no sheet; save it as .xlsx")
        strings = list(_strings(archive, reader))
        found: dict[str, Sheet] = {}
        count = 0
        since_1904 = reader.wb.epoch == CALENDAR_MAC_1904
        for sheet, relation in reader.parser.find_sheets():
            if relation.TargetMode != "External" and str(relation.Type).endswith("/worksheet"):
                with archive.open(str(relation.target)) as source:
                    parser = _SheetParser(source, strings, epoch=reader.wb.epoch, **formats)
                    cells = _cells(parser, archive, sheet.name, MOST_CELLS - count)
                found[sheet.name] = Sheet(cells, tuple(parser.merges), since_1904)
                count += sum(map(len, cells.values()))
        return found


def place(column: int, row: int) -> str:
    """Return how a sheet names a cell: AB12."""
    return f"{get_column_letter(column)}{row}"


_SHEET, _ITEM, _RUN, _TEXT, _MERGE = (
    f"{{{SHEET_MAIN_NS}}}{name}" for name in ("worksheet", "si", "r", "t", "mergeCell")
)


class _SheetParser(WorkSheetParser):
    """openpyxl's parser, of the rows and of what is merged.

    Its read-only sheets drop rows and cells that stand out of order, believe the sheet's own word on its size, and
    translate every shared formula.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401 - those of openpyxl
        super().__init__(*arguments, **named)
        self.merges: list[Merge] = []

    def parse(self) -> Generator[list[dict[str, Any]]]:
        for _, element in iterparse(self.source):  # noqa: S314 - the guard refuses document types
            if element.tag == ROW_TAG:
                yield self.parse_row(element)[1]  # type: ignore[arg-type]  # the stub knows another element
                element.clear()
                self.row_dimensions.clear()
            elif element.tag == _MERGE:
                self.merges.append(_merge(element.get("ref", "")))
        if element.tag != _SHEET:  # the last to end is the first that began
            raise ValueError("a sheet is another part")

    def parse_formula(self, element: Element) -> None:
        """Return nothing: that there is a formula is enough."""


def _merge(reference: str) -> Merge:
    left, top, right, bottom = range_boundaries(reference)
    if left is None or top is None or right is None or bottom is None:
        raise ValueError(f"{reference!r} is not a range of merged cells")
    return Merge(left, top, right, bottom)


def _cells(parser: _SheetParser, archive: GuardedArchive, sheet: str, budget: int) -> SheetCells:
    rows: SheetCells = {}
    for cell in (cell for row in parser.parse() for cell in row):
        value = _value(cell["data_type"], cell["value"])
        if value is None or value == "":
            continue
        row, column = cell["row"], cell["column"]
        if row < 1 or column in rows.get(row, ()):
            raise ValueError(f"{place(column, row)} is not a cell's place, or occurs twice")
        if row > MOST_ROWS:
            message = f"no more than {MOST_ROWS:,} rows are read; clear the rest"
        elif column > MOST_COLUMNS:
            message = f"no more than {MOST_COLUMNS} columns are read; clear the rest"
        elif not budget:
            message = f"no more than {MOST_CELLS:,} cells are read; clear the rest"
        else:
            budget -= 1
            rows.setdefault(row, {})[column] = value
            continue
        raise archive.error(f"{sheet}!{place(column, row)}: {message}")
    return rows


def _value(kind: str, value: Any) -> CellValue | None:  # noqa: ANN401 - what openpyxl found
    if kind == "f":
        return FormulaCell()
    if kind == "e":
        return ErrorCell(str(value))
    if isinstance(value, datetime):
        return value.date() if value.time() == time() else value
    if isinstance(value, str | time | timedelta):
        return _decoded(str(value))
    return value if value is None or isinstance(value, bool | date) else _number(value)


def _number(value: float) -> int | float:
    if not math.isfinite(value):
        raise ValueError(f"{value} is not a number")
    return int(value) if abs(value) < _EXACT and float(value).is_integer() else float(value)


def _strings(archive: GuardedArchive, reader: ExcelReader) -> Iterator[str]:
    """Yield the texts that cells refer to, without phonetic hints; openpyxl's own reader takes `x005F_` out of them."""
    part = reader.package.find(SHARED_STRINGS)  # type: ignore[no-untyped-call]
    if part is None:
        return
    count = 0
    with archive.open(part.PartName.removeprefix("/")) as source:
        for _, element in iterparse(source):  # noqa: S314 - the guard refuses document types
            if element.tag == _ITEM:
                count += 1
                if count > _MOST_STRINGS:
                    raise archive.error(f"has over {_MOST_STRINGS} texts; clear what is not needed")
                pieces = (piece for child in element if child.tag in {_TEXT, _RUN} for piece in (child, *child))
                yield "".join(piece.text or "" for piece in pieces if piece.tag == _TEXT)
                element.clear()


_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")


def _decoded(text: str) -> str:
    """Return a text without the escapes of the file's format; what is no character becomes U+FFFD."""
    text = _ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
