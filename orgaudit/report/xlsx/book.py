"""Streams tables into sheets: named, filtered, frozen, coloured, and continued past a sheet's last row."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime
from itertools import islice
from typing import Generic, NamedTuple, TypeAlias, TypeVar, cast

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.filters import AutoFilter
from openpyxl.worksheet.header_footer import HeaderFooterItem
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.table import Table, TableColumn, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.report.xlsx import look
from orgaudit.report.xlsx.archive import Result
from orgaudit.report.xlsx.look import Look
from orgaudit.report.xlsx.text import cell_text, looks_like_formula

R = TypeVar("R")

ROW_LIMIT = 1_048_576
"""The rows of a sheet."""

HEADER_ROW = 4
"""Every sheet of a table begins with its title, a note and an empty row."""


LINE_HEIGHT, ROW_PADDING, MOST_LINES = 12.0, 3.0, 6

CHARACTERS = 1.15
"""How many characters of the sheets' type one unit of a column's width takes."""


class Formula(NamedTuple):
    """A formula and the result that it has."""

    formula: str
    result: Result


Value: TypeAlias = str | int | float | date | Formula | None


class Column(NamedTuple, Generic[R]):
    """One column of a table: how a record's value is found, and how it looks.

    In a formula, `[Title]` stands for that column's cell in the same row.
    """

    title: str
    width: float
    value: Callable[[R], Value]
    look: Look = look.TEXT
    words: tuple[str, ...] = ()


class Part(NamedTuple):
    """A table on one sheet: its name in formulas, where it is, and which of the records it holds."""

    sheet: str
    table: str
    row: int
    records: int


class Book:
    """A workbook in the making, with the results of its formulas; a context that closes its sheets' temporary files."""

    def __init__(self, *, footer: str, row_limit: int = ROW_LIMIT) -> None:
        self.workbook = Workbook(write_only=True)
        self.results: dict[str, dict[str, Result]] = {}
        self._footer = footer.replace("&", "&&")
        self._row_limit = row_limit

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *_: object) -> None:
        for sheet in self.workbook.worksheets:
            if not getattr(sheet, "closed", True):
                with suppress(OSError):
                    sheet.close()

    def sheet(self, title: str, *, widths: Sequence[float], one_page: bool = False) -> Worksheet:
        """Return a new sheet: landscape, one page wide, with the run and the page in its footer."""
        # a write-only sheet offers all of a worksheet that is used here, but its stub does not say so
        sheet = cast(Worksheet, self.workbook.create_sheet(title))
        self.results[title] = {}
        sheet.sheet_view.showGridLines = False
        sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        sheet.page_setup.orientation = "landscape"
        sheet.page_setup.paperSize = 9
        sheet.page_setup.fitToWidth = 1
        sheet.page_setup.fitToHeight = 1 if one_page else 0
        sheet.page_margins.left = sheet.page_margins.right = 0.4
        sheet.page_margins.top, sheet.page_margins.bottom = 0.4, 0.7
        sheet.page_margins.footer = 0.3
        footer = cast(HeaderFooterItem, sheet.oddFooter)
        footer.left.text = self._footer
        footer.right.text = "Page &P of &N"
        for index, width in enumerate(widths, 1):
            sheet.column_dimensions[get_column_letter(index)].width = width
        return sheet

    def parts(self, title: str, records: int) -> list[Part]:
        """Return how a table that begins its sheet is laid out: one part, or as many as the row limit asks for."""
        room, name = self._row_limit - HEADER_ROW, title.replace(" ", "_")
        counts = [min(room, records - start) for start in range(0, max(records, 1), room)]
        return [
            Part(title if n == 1 else f"{title} {n}", name if n == 1 else f"{name}_{n}", HEADER_ROW, count)
            for n, count in enumerate(counts, 1)
        ]

    def table(
        self,
        title: str,
        columns: Sequence[Column[R]],
        records: Iterable[R],
        *,
        total: int,
        note: str,
        key_columns: int = 1,
        printed_to: str | None = None,
    ) -> Worksheet:
        """Write a table of `total` records, on as many sheets as it needs, and return the last of them.

        Printing stops after the column `printed_to`, where that is given.
        """
        iterator = iter(records)
        parts = self.parts(title, total)
        for number, part in enumerate(parts, 1):
            sheet = self.sheet(part.sheet, widths=[column.width for column in columns])
            sheet.freeze_panes = f"{get_column_letter(key_columns + 1)}{HEADER_ROW + 1}"
            sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
            sheet.row_dimensions[1].height = 26
            place = f"Sheet {number} of {len(parts)}. " if len(parts) > 1 else ""
            sheet.append([look.TITLE.cell(sheet, part.sheet)])
            sheet.append([look.NOTE.cell(sheet, place + note)])
            sheet.append([link(sheet, "Back to the summary", "Summary", look.NOTE)])
            self.rows(sheet, part, columns, islice(iterator, part.records))
            if printed_to:
                printed = 1 + [column.title for column in columns].index(printed_to)
                sheet.print_area = f"A1:{get_column_letter(printed)}{part.row + max(part.records, 1)}"
        return sheet

    def rows(self, sheet: Worksheet, part: Part, columns: Sequence[Column[R]], records: Iterable[R]) -> None:
        """Write a table's header and records at the sheet's next row, which is `part.row`."""
        sheet.row_dimensions[part.row].height = 32
        sheet.append([_header(column).cell(sheet, column.title) for column in columns])
        letters = {column.title: get_column_letter(index) for index, column in enumerate(columns, 1)}
        writers = [_CellWriter(sheet, column, letters, self.results[part.sheet]) for column in columns]
        last = part.row
        for last, record in enumerate(records, part.row + 1):
            cells = [writer.cell(record, last) for writer in writers]
            lines = max(writer.lines for writer in writers)
            sheet.row_dimensions[last].height = LINE_HEIGHT * min(lines, MOST_LINES) + ROW_PADDING
            sheet.append(cells)
            del sheet.row_dimensions[last]
        if last == part.row:
            last += 1
            sheet.append([])
        _name_table(sheet, part.table, [column.title for column in columns], part.row, last)
        for column in columns:
            for rule in look.tone_rules(column.words):
                letter = letters[column.title]
                sheet.conditional_formatting.add(f"{letter}{part.row + 1}:{letter}{last}", rule)


class _CellWriter(Generic[R]):
    """Makes a column's cells; one cell object serves all rows, because openpyxl writes a row when it is appended."""

    def __init__(
        self, sheet: Worksheet, column: Column[R], letters: dict[str, str], results: dict[str, Result]
    ) -> None:
        self._column = column
        self._letters = letters
        self._results = results
        self._cell = column.look.cell(sheet)
        self._quoted = column.look.cell(sheet)
        self._quoted.quotePrefix = True
        self.lines = 1

    def cell(self, record: R, row: int) -> Cell:
        value = self._column.value(record)
        self.lines = 1
        if isinstance(value, str):
            self.lines = _lines(value, self._column.width)
            return text_cell(self._quoted if looks_like_formula(value) else self._cell, value)
        if isinstance(value, Formula):
            self._results[f"{self._letters[self._column.title]}{row}"] = value.result
            value = re.sub(r"\[([^\]]+)\]", lambda match: f"{self._letters[match[1]]}{row}", value.formula)
        if isinstance(value, datetime):
            value = value.astimezone(UTC).replace(tzinfo=None)
        self._cell.value = value
        return self._cell


def text_cell(cell: Cell, value: str) -> Cell:
    """Set a cell's text so that it stays text whatever it begins with, and return the cell."""
    cell.value = cell_text(value)
    cell.data_type = "s"
    return cell


def _header(column: Column[R]) -> Look:
    return look.HEADER._replace(horizontal="center", indent=0) if column.look.horizontal == "right" else look.HEADER


def _lines(text: str, width: float) -> int:
    """Return about how many lines a text takes in a column; no program but Excel fits rows by itself."""
    return sum(1 + int(len(line) / (width * CHARACTERS)) for line in text.split("\n", MOST_LINES))


def link(sheet: Worksheet, text: str, target: str, base: Look, row: int = 1) -> Cell:
    """Return a cell that leads to a row of another sheet."""
    cell = base._replace(ink=look.LINK, underline=True).cell(sheet, text)
    cell.hyperlink = Hyperlink(ref="A1", location=f"'{target}'!A{row}", tooltip=f"Go to {target}")
    return cell


def over(parts: Sequence[Part], term: str) -> str:
    """Return the formula term for every part of a table added up; `{}` in the term is the table's name."""
    return "+".join(term.replace("{}", part.table) for part in parts)


def _name_table(sheet: Worksheet, name: str, titles: Sequence[str], first: int, last: int) -> None:
    reference = f"A{first}:{get_column_letter(len(titles))}{last}"
    table = Table(
        name=name,
        displayName=name,
        ref=reference,
        tableColumns=[TableColumn(id=index, name=title) for index, title in enumerate(titles, 1)],
        autoFilter=AutoFilter(ref=reference),
        tableStyleInfo=TableStyleInfo(name="TableStyleLight1", showRowStripes=False),
    )
    sheet.tables.add(table)
