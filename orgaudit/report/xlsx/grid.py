"""The grid of page one: cells in any order over narrow columns, and rows as high as their text needs."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from unicodedata import east_asian_width

from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.archive import Link
from orgaudit.spreadsheet.look import Look
from orgaudit.spreadsheet.rows import CellWriter, Content, Formula, row
from orgaudit.spreadsheet.text import fitted, one_line
from orgaudit.spreadsheet.workbook import WorkbookWriter

FIRST, LAST = 2, 25
"""The page is 24 narrow columns between two margins."""

WIDTH = LAST - FIRST + 1
COLUMN_WIDTH, MARGIN_WIDTH = 7.6, 1.0
LINE, PADDING, LEAST_HEIGHT = 1.22, 4.0, 15.0
"""The height of a line in sizes of its type, what a row has beside its lines, and that of a row without text."""

_SIZE = 9.0
_CHARACTERS = 1.22
"""How many characters of type of that size one unit of width takes: columns that are merged have no gaps between."""

_BOLD, _INDENT = 0.93, 2.0
"""How much less fits of bold type, and what an indent takes, in characters."""


class Grid:
    """The cells of the page, written row by row at the end."""

    def __init__(self, book: WorkbookWriter, sheet: Worksheet) -> None:
        self.sheet, self._book = sheet, book
        self._cells: dict[int, dict[int, str]] = {}
        self._heights: dict[int, float] = {}

    def put(self, number: int, column: int, content: Content, style: Look, *, span: int = 1, target: str = "") -> str:
        """Put a content into `span` merged cells, as a link where a target sheet is named, and return its place."""
        places = [f"{get_column_letter(each)}{number}" for each in range(column, column + span)]
        for index, place in enumerate(places):
            shown = replace(style, gap=style.gap and place == places[-1])
            cell = CellWriter(self.sheet, shown).cell(place, None if index else content)
            self._cells.setdefault(number, {})[column + index] = cell
        if target:
            self._book.links[self.sheet.title].append(Link(places[0], target))
        if span > 1:
            self.sheet.merged_cells.add(f"{places[0]}:{places[-1]}")
        text = content.result if isinstance(content, Formula) else content
        shown_lines = lines(text, style, span) if isinstance(text, str) and style.wrap else 1
        self.heighten(number, shown_lines * style.size * LINE + PADDING)
        return places[0]

    def heighten(self, number: int, height: float) -> None:
        """Make a row at least so high."""
        self._heights[number] = max(height, self._heights.get(number, 0))

    def height(self, number: int) -> float:
        """Return how high a row is."""
        return self._heights.get(number, LEAST_HEIGHT)

    def write(self) -> None:
        """Write every row to the sheet."""
        last = max(self._cells)
        self._book.rows[self.sheet.title].append(
            row(number, [cell for _, cell in sorted(self._cells.get(number, {}).items())], self.height(number))
            for number in range(1, last + 1)
        )


def lines(text: str, style: Look, span: int) -> int:
    """Return how many lines a text takes in so many columns of the page."""
    room = (
        span * COLUMN_WIDTH * _CHARACTERS * _SIZE / style.size * (_BOLD if style.bold else 1) - _INDENT * style.indent
    )
    wide = "".join("mm" if east_asian_width(each) in "WF" else each for each in fitted(text))
    wrapped = (textwrap.wrap(line, max(math.floor(room), 1)) for line in wide.split("\n"))
    return sum(max(len(found), 1) for found in wrapped)


def plain(text: str, limit: int = 200) -> str:
    """Return a name or title as page one shows it: on one line; the middle of one that would fill the page is left out.

    The whole of it is on the sheet that holds its record.
    """
    shown = one_line(text)
    return shown if len(shown) <= limit else f"{shown[: limit * 2 // 3]} … {shown[-limit // 3 :]}"


HEADING = Look(size=12, bold=True, ink=look.NAVY, vertical="center", wrap=False, line=look.NAVY)
HEAD = Look(size=8, ink=look.MUTED, vertical="center", wrap=True, line=look.LINE)
ENTRY = Look(vertical="center", line=look.LINE)
QUIET = replace(ENTRY, ink=look.MUTED)
NUMBER = replace(ENTRY, wrap=False, horizontal="right", indent=1, number_format="#,##0")
DAY = replace(ENTRY, wrap=False, horizontal="left", number_format="yyyy-mm-dd")
STRONG = replace(ENTRY, bold=True)
NOTE = Look(size=8, ink=look.MUTED, vertical="center")


def put_heads(
    page: Grid,
    number: int,
    column: int,
    titles: Sequence[str],
    spans: Sequence[int],
    *,
    numbers: int = 0,
    centred: bool = False,
) -> None:
    """Put the heads of a panel's columns, of which the last `numbers` are right over their numbers."""
    for index, (title, span) in enumerate(zip(titles, spans, strict=True)):
        place = "center" if centred else "right" if index >= len(titles) - numbers else "left"
        style = replace(HEAD, horizontal=place, indent=0 if centred else 1) if index else HEAD
        page.put(number, column, plain(title), style, span=span)
        column += span


def put_gap(page: Grid, row: int) -> int:
    """Leave a low row empty and return the next."""
    page.put(row, FIRST, None, Look(size=2, wrap=False))
    return row + 1


def day_words(day: date) -> str:
    """Return a day as people write it, such as 30 September 2026."""
    return f"{day.day} {day:%B %Y}"
