"""A workbook in the making: pages set for print; tables that are named, filtered, frozen, coloured and continued."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice
from typing import IO, TypeVar, cast

from openpyxl import Workbook
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.filters import AutoFilter
from openpyxl.worksheet.header_footer import HeaderFooterItem
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.table import Table, TableColumn, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.archive import Link, save
from orgaudit.spreadsheet.rows import CellWriter, Column, header_row, record_rows, row, title_row
from orgaudit.spreadsheet.text import printable

R = TypeVar("R")

ROW_LIMIT = 1_048_576
"""The rows of a sheet."""

HEADER_ROW = 4
"""Every sheet of a table begins with its title, a note and an empty row."""

A3, A4 = 8, 9
"""Paper sizes, as the file's format numbers them."""


@dataclass(frozen=True, slots=True)
class SheetPart:
    """A table on one sheet: its name in formulas, where it is, and which of the records it holds."""

    sheet: str
    table: str
    row: int
    records: int

    @property
    def last(self) -> int:
        """The table's last row; one without records has an empty one."""
        return self.row + max(self.records, 1)


class WorkbookWriter:
    """A workbook in the making; a context that closes its sheets' temporary files.

    Beside it, by sheet: the rows that come after openpyxl's last one, and the links.
    """

    def __init__(self, *, footer: str, row_limit: int = ROW_LIMIT) -> None:
        self.workbook = Workbook(write_only=True)
        self.rows: dict[str, list[Iterable[str]]] = {}
        self.links: dict[str, list[Link]] = {}
        self._footer = printable(footer).replace("&", "&&")
        self._row_limit = row_limit

    def __enter__(self) -> WorkbookWriter:
        return self

    def __exit__(self, *_: object) -> None:
        for sheet in self.workbook.worksheets:
            if not getattr(sheet, "closed", True):
                with suppress(OSError):
                    sheet.close()

    def save(
        self, file: IO[bytes], *, title: str, creator: str, stamp: datetime, alt_texts: Sequence[str] = ()
    ) -> None:
        """Write the workbook; the same content and stamp make the same bytes."""
        self.workbook.properties.title, self.workbook.properties.creator = title, creator
        save(self.workbook, file, stamp=stamp, rows=self.rows, links=self.links, alt_texts=alt_texts)

    def sheet(self, title: str, *, widths: Sequence[float], one_page: bool = False) -> Worksheet:
        """Return a new sheet: landscape, one page wide, with the footer and the page below."""
        # a write-only sheet offers all of a worksheet that is used here, but its stub does not say so
        sheet = cast(Worksheet, self.workbook.create_sheet(title))
        self.rows[title], self.links[title] = [], []
        sheet.sheet_view.showGridLines = False
        sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        sheet.page_setup.orientation = "landscape"
        sheet.page_setup.paperSize = A4
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

    def parts(self, title: str, records: int) -> list[SheetPart]:
        """Return how a table that begins its sheet is laid out: one part, or as many as the row limit requires."""
        room, name = self._row_limit - HEADER_ROW, title.replace(" ", "_")
        counts = [min(room, records - start) for start in range(0, max(records, 1), room)]
        return [
            SheetPart(title if n == 1 else f"{title} {n}", name if n == 1 else f"{name}_{n}", HEADER_ROW, count)
            for n, count in enumerate(counts, 1)
        ]

    def below(self, title: str, records: int, name: str, more: int) -> SheetPart:
        """Return where a table of `more` records goes below the `records` of the table that has the sheet's title."""
        above = self.parts(title, records)[-1]
        return SheetPart(above.sheet, name, above.last + 3, more)

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
            place = f"Sheet {number} of {len(parts)}. " if len(parts) > 1 else ""
            notes, links = CellWriter(sheet, look.NOTE), CellWriter(sheet, look.linked(look.NOTE))
            self.rows[part.sheet].append(
                (
                    title_row(sheet, part.sheet, 1, height=26),
                    row(2, [notes.cell("A2", place + note)]),
                    row(3, [links.cell("A3", "Back to the summary")]),
                )
            )
            self.links[part.sheet].append(Link("A3", "Summary"))
            self._records(sheet, part, columns, islice(iterator, part.records), printed)
            if printed_to:
                print_to(sheet, columns, printed_to, part.last)
        return sheet

    def table_below(
        self, sheet: Worksheet, part: SheetPart, title: str, columns: Sequence[Column[R]], records: Iterable[R]
    ) -> None:
        """Write a second table below the one on the sheet, at the place that `below` gave."""
        self.rows[part.sheet].append([title_row(sheet, title, part.row - 1)])
        self._records(sheet, part, columns, records, len(columns))

    def _records(
        self, sheet: Worksheet, part: SheetPart, columns: Sequence[Column[R]], records: Iterable[R], fitted: int
    ) -> None:
        header = header_row(sheet, columns, part.row)
        rows = record_rows(sheet, columns, records, first=part.row + 1, total=part.records, fitted=range(fitted))
        self.rows[part.sheet].append(chain([header], rows))
        _name_table(sheet, part.table, [column.title for column in columns], part.row, part.last)
        colour(sheet, columns, part.row + 1, part.last)


def colour(sheet: Worksheet, columns: Sequence[Column[R]], first: int, last: int) -> None:
    """Let a rule colour the words of each column in these rows."""
    for index, column in enumerate(columns, 1):
        for rule in look.tone_rules(column.words):
            letter = get_column_letter(index)
            sheet.conditional_formatting.add(f"{letter}{first}:{letter}{last}", rule)


def print_to(sheet: Worksheet, columns: Sequence[Column[R]], title: str, row: int) -> None:
    """Let printing stop after the column of this title, and after a row."""
    sheet.print_area = f"A1:{get_column_letter(_place(columns, title))}{row}"


def limit_to(sheet: Worksheet, cells: str, title: str, limit: str | Sequence[str]) -> None:
    """Let spreadsheet programs accept only one of some words, a `date`, or a `whole` number of 1 or more."""
    if isinstance(limit, str):
        lowest, text = {
            "date": ("36526", "A date, such as 2025-03-31."),
            "whole": ("0", "A whole number of 1 or more."),
        }[limit]
        validation = DataValidation(limit, operator="greaterThan", formula1=lowest, error=text)  # type: ignore[arg-type]
    else:
        words = ", ".join(limit)
        validation = DataValidation("list", formula1=f'"{",".join(limit)}"', error=f"Choose one of: {words}"[:255])
    validation.allow_blank = validation.showErrorMessage = True
    validation.errorTitle = title
    validation.add(cells)
    sheet.data_validations.append(validation)


def _place(columns: Sequence[Column[R]], title: str) -> int:
    return 1 + [column.title for column in columns].index(title)


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
