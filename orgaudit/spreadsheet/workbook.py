"""Streams tables into sheets: named, filtered, frozen, coloured, and continued past a sheet's last row."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import NamedTuple, TypeVar, cast

from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.filters import AutoFilter
from openpyxl.worksheet.header_footer import HeaderFooterItem
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.table import Table, TableColumn, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.look import Look
from orgaudit.spreadsheet.rows import Column, Result, table_rows, title_row
from orgaudit.spreadsheet.text import printable

R = TypeVar("R")

ROW_LIMIT = 1_048_576
"""The rows of a sheet."""

HEADER_ROW = 4
"""Every sheet of a table begins with its title, a note and an empty row."""


class Part(NamedTuple):
    """A table on one sheet: its name in formulas, where it is, and which of the records it holds."""

    sheet: str
    table: str
    row: int
    records: int

    @property
    def last(self) -> int:
        """Return the table's last row; one without records has an empty one."""
        return self.row + max(self.records, 1)


class Book:
    """A workbook in the making; a context that closes its sheets' temporary files.

    Beside it, by sheet: the results of formulas in openpyxl's own cells, and the rows that come after its last one.
    """

    def __init__(self, *, footer: str, row_limit: int = ROW_LIMIT) -> None:
        self.workbook = Workbook(write_only=True)
        self.results: dict[str, dict[str, Result]] = {}
        self.rows: dict[str, list[Iterable[str]]] = {}
        self._footer = printable(footer).replace("&", "&&")
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
        self.results[title], self.rows[title] = {}, []
        sheet.sheet_view.showGridLines = False
        sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        sheet.page_setup.orientation = "landscape"
        sheet.page_setup.paperSize = 9
        sheet.page_setup.fitToWidth = 1
        sheet.page_setup.fitToHeight = 1 if one_page else 0
        sheet.print_options.horizontalCentered = one_page
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

    def below(self, title: str, records: int, name: str, more: int) -> Part:
        """Return where a table of `more` records goes below the `records` of the table that has the sheet's title."""
        above = self.parts(title, records)[-1]
        return Part(above.sheet, name, above.last + 3, more)

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

        Printing stops after the column `printed_to`, where that is given, and rows fit what is printed.
        """
        iterator = iter(records)
        printed = _place(columns, printed_to) if printed_to else len(columns)
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
            self._rows(sheet, part, columns, islice(iterator, part.records), printed)
            if printed_to:
                print_to(sheet, columns, printed_to, part.last)
        return sheet

    def table_below(
        self, sheet: Worksheet, part: Part, title: str, columns: Sequence[Column[R]], records: Iterable[R]
    ) -> None:
        """Write a second table below the one on the sheet, at the place that `below` gave."""
        self.rows[part.sheet].append([title_row(sheet, title, part.row - 1)])
        self._rows(sheet, part, columns, records, len(columns))

    def _rows(
        self, sheet: Worksheet, part: Part, columns: Sequence[Column[R]], records: Iterable[R], fitted: int
    ) -> None:
        rows = table_rows(sheet, columns, records, first=part.row, total=part.records, fitted=fitted)
        self.rows[part.sheet].append(rows)
        first, last = part.row, part.last
        _name_table(sheet, part.table, [column.title for column in columns], first, last)
        for index, column in enumerate(columns, 1):
            for rule in look.tone_rules(column.words):
                letter = get_column_letter(index)
                sheet.conditional_formatting.add(f"{letter}{first + 1}:{letter}{last}", rule)


def print_to(sheet: Worksheet, columns: Sequence[Column[R]], title: str, row: int) -> None:
    """Let printing stop after the column of this title, and after a row."""
    sheet.print_area = f"A1:{get_column_letter(_place(columns, title))}{row}"


def _place(columns: Sequence[Column[R]], title: str) -> int:
    return 1 + [column.title for column in columns].index(title)


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
