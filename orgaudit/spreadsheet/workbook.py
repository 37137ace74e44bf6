"""A workbook in the making: pages set for print; tables that are named, filtered, frozen, coloured and continued."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, islice, zip_longest
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
from orgaudit.spreadsheet.links import MOST_LINKS, Find, SheetLinks
from orgaudit.spreadsheet.rows import (
    REFERENCE,
    WHOLE_LINES,
    CellWriter,
    Column,
    header_row,
    record_rows,
    row,
    title_row,
)
from orgaudit.spreadsheet.text import printable, stored

R = TypeVar("R")
S = TypeVar("S")

ROW_LIMIT = 1_048_576
"""The rows of a sheet."""

OWN = "@"
"""What stands for a column itself in the conditions of its tones."""

NOTE_ROW, HEADER_ROW = 2, 4
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


@dataclass(frozen=True, slots=True)
class PrintedPage:
    """What of a table's sheet is printed: up to a column, and the first rows; nothing but its note with no rows.

    `below` are the first rows of the table below. `repeats` is whether the header is that of most rows on the sheet, so
    that it may stay in view.
    """

    to: str | None = None
    rows: int | None = None
    below: int | None = None
    repeats: bool = True

    def of(self, columns: Sequence[Column[R]]) -> range:
        """Return the printed columns, counted from 0."""
        return range(0 if self.rows == 0 else self._last(columns))

    def print(self, sheet: Worksheet, columns: Sequence[Column[R]], part: SheetPart) -> None:
        """Set the sheet's print area, where that is not all of it."""
        if self.to is None and self.rows is None:
            return
        last = part.last if self.rows is None else min(part.last, part.row + self.rows)
        sheet.print_area = f"A1:{get_column_letter(self._last(columns))}{last if self.rows != 0 else NOTE_ROW}"

    def print_below(
        self, sheet: Worksheet, above: Sequence[Column[R]], columns: Sequence[Column[S]], part: SheetPart
    ) -> None:
        """Set the print area of a sheet with a table below, where some of that is printed."""
        if self.below == 0 or (self.to is None and self.below is None):
            return
        wide = columns if self.to in {column.title for column in columns} else above
        last = part.last if self.below is None else min(part.last, part.row + self.below)
        sheet.print_area = f"A1:{get_column_letter(self._last(wide))}{last}"
        if not self.repeats:
            sheet.print_title_rows = f"{part.row}:{part.row}"

    def of_below(self, columns: Sequence[Column[R]]) -> range:
        """Return the printed columns of the table below, counted from 0."""
        return range(0 if self.below == 0 else self._last(columns))

    def _last(self, columns: Sequence[Column[R]]) -> int:
        titles = [column.title for column in columns]
        return titles.index(self.to) + 1 if self.to in titles else len(titles)


WHOLE = PrintedPage()


class WorkbookWriter:
    """A workbook in the making; a context that closes its sheets' temporary files.

    Beside it, by sheet: the rows that come after openpyxl's last one, and the links. `find` is where the record is that
    a cell leads to.
    """

    def __init__(self, *, footer: str, row_limit: int = ROW_LIMIT, link_limit: int = MOST_LINKS) -> None:
        self.workbook = Workbook(write_only=True)
        self.rows: dict[str, list[Iterable[str]]] = {}
        self.links: dict[str, list[Link]] = {}
        self._footer = printable(footer).replace("&", "&&")
        self._row_limit, self._link_limit = row_limit, link_limit
        self.find: Find = lambda _: None

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
        """Write the workbook; the same content and stamp make the same bytes.

        A link to a sheet that the workbook does not have is left out.
        """
        self.workbook.properties.title, self.workbook.properties.creator = title, creator
        sheets = {sheet.title for sheet in self.workbook.worksheets}
        for found in self.links.values():  # the same lists go on to grow while the rows are written
            found[:] = [link for link in found if link.address or link.sheet in sheets]
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

    def parts(self, title: str, records: int, table: str = "") -> list[SheetPart]:
        """Return how a table that begins its sheet is laid out: one part, or as many as the row limit requires.

        The table has the sheet's title, or a name of its own.
        """
        room, name = self._row_limit - HEADER_ROW, (table or title).replace(" ", "_")
        counts = [min(room, records - start) for start in range(0, max(records, 1), room)]
        return [
            SheetPart(title if n == 1 else f"{title} {n}", name if n == 1 else f"{name}_{n}", HEADER_ROW, count)
            for n, count in enumerate(counts, 1)
        ]

    def below(self, title: str, records: int, name: str, more: int) -> list[SheetPart]:
        """Return where a table of `more` records goes below the `records` of the table that begins the sheet.

        What the sheet has no room for is on sheets of their own.
        """
        above = self.parts(title, records)
        start = above[-1].last + 3
        here = max(min(more, self._row_limit - start), 0)
        parts = [SheetPart(above[-1].sheet, name, start, here)] if here or start < self._row_limit else []
        rest = self.parts(title, more - here) if more > here or not parts else []
        sheets, tables = len(above), len(parts)
        return parts + [
            SheetPart(
                f"{title} {n + sheets}", name if n + tables == 1 else f"{name}_{n + tables}", HEADER_ROW, it.records
            )
            for n, it in enumerate(rest, 1)
        ]

    def table(
        self,
        columns: Sequence[Column[R]],
        records: Iterable[R],
        *,
        parts: Sequence[SheetPart],
        note: str,
        page: PrintedPage = WHOLE,
        key_columns: int = 1,
        header_height: float | None = None,
        below: Sequence[Column[S]] = (),
    ) -> Worksheet:
        """Write a table on the sheets that `parts` gave, and return the last of them; rows fit what is printed.

        The sheets are as wide as the table, and the columns of the one `below`, require.
        """
        iterator = iter(records)
        for number, part in enumerate(parts, 1):
            place = f"Sheet {number} of {len(parts)}. " if len(parts) > 1 else ""
            sheet = self._begun(part, _widths(columns, below), place + note)
            sheet.freeze_panes = f"{get_column_letter(key_columns + 1)}{HEADER_ROW + 1 if page.repeats else 1}"
            self._records(
                sheet,
                part,
                columns,
                _share(iterator, part, parts),
                fitted=page.of(columns),
                header_height=header_height,
            )
            page.print(sheet, columns, part)
        return sheet

    def table_below(
        self,
        sheet: Worksheet,
        parts: Sequence[SheetPart],
        title: str,
        columns: Sequence[Column[R]],
        records: Iterable[R],
        *,
        page: PrintedPage = WHOLE,
    ) -> None:
        """Write a second table below the one on the sheet, and on more sheets, at the places that `below` gave."""
        iterator = iter(records)
        for part in parts:
            if part.row == HEADER_ROW:
                sheet = self._begun(part, _widths(columns), f"{title}, continued.")
                sheet.freeze_panes = f"B{HEADER_ROW + 1}"
            else:
                self.rows[part.sheet].append([title_row(sheet, title, part.row - 1, height=26)])
            self._records(sheet, part, columns, _share(iterator, part, parts), fitted=page.of_below(columns))

    def _begun(self, part: SheetPart, widths: Sequence[float], note: str) -> Worksheet:
        """Return a new sheet with its title, its note and the way back."""
        sheet = self.sheet(part.sheet, widths=widths)
        sheet.print_title_rows = f"{HEADER_ROW}:{HEADER_ROW}"
        notes, links = CellWriter(sheet, look.NOTE), CellWriter(sheet, look.linked(look.NOTE))
        self.rows[part.sheet].append(
            (
                title_row(sheet, part.sheet, 1, height=26),
                row(2, [notes.cell("A2", note)]),
                row(3, [links.cell("A3", "Back to the summary")]),
            )
        )
        self.links[part.sheet].append(Link("A3", "Summary"))
        return sheet

    def _records(
        self,
        sheet: Worksheet,
        part: SheetPart,
        columns: Sequence[Column[R]],
        records: Iterable[R],
        *,
        fitted: range,
        header_height: float | None = None,
    ) -> None:
        header = header_row(sheet, columns, part.row, header_height)
        rows = record_rows(
            sheet,
            columns,
            records,
            first=part.row + 1,
            total=part.records,
            fitted=fitted,
            most_lines=WHOLE_LINES,
            links=SheetLinks(self.links[part.sheet], self.find, self._link_limit),
        )
        self.rows[part.sheet].append(chain([header], rows))
        _name_table(sheet, part.table, [column.title for column in columns], part.row, part.last)
        colour(sheet, columns, part.row + 1, part.last)


def colour(sheet: Worksheet, columns: Sequence[Column[R]], first: int, last: int) -> None:
    """Let rules colour the words of each column in these rows, and what its tones are for."""
    letters = {column.title: get_column_letter(index) for index, column in enumerate(columns, 1)}

    def in_row(condition: str) -> str:
        return REFERENCE.sub(lambda title: f"${letters[title[1]]}{first}", condition)

    for column in columns:
        letters[OWN] = letters[column.title]
        cells = f"{letters[column.title]}{first}:{letters[column.title]}{last}"
        for rule in look.tone_rules(column.words, in_row(f"[{OWN}]"), in_row(column.when)):
            sheet.conditional_formatting.add(cells, rule)
        for tone in column.tones:
            sheet.conditional_formatting.add(cells, look.condition_rule(in_row(tone.condition), tone))


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


def _widths(columns: Sequence[Column[R]], below: Sequence[Column[S]] = ()) -> list[float]:
    """Return the widths of a sheet's columns, for two tables one above the other."""
    widths = ([column.width for column in columns], [column.width for column in below])
    return [max(pair) for pair in zip_longest(*widths, fillvalue=0.0)]


def _share(records: Iterator[R], part: SheetPart, parts: Sequence[SheetPart]) -> Iterator[R]:
    """Return the records of a part; the last one takes all that are left, so that none is lost unnoticed."""
    return records if part is parts[-1] else islice(records, part.records)


def _place(columns: Sequence[Column[R]], title: str) -> int:
    return 1 + [column.title for column in columns].index(title)


def _name_table(sheet: Worksheet, name: str, titles: Sequence[str], first: int, last: int) -> None:
    reference = f"A{first}:{get_column_letter(len(titles))}{last}"
    table = Table(
        name=name,
        displayName=name,
        ref=reference,
        tableColumns=[TableColumn(id=index, name=stored(title)) for index, title in enumerate(titles, 1)],
        autoFilter=AutoFilter(ref=reference),
        tableStyleInfo=TableStyleInfo(name="TableStyleLight1", showRowStripes=False),
    )
    sheet.tables.add(table)
