"""The rows of a table as a sheet's XML. openpyxl makes everything else; a cell of its own takes ten times as long."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Generic, TypeAlias, TypeVar
from xml.sax.saxutils import escape

from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import to_excel
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.links import Goal, SheetLinks
from orgaudit.spreadsheet.look import Look, Tone
from orgaudit.spreadsheet.text import looks_like_formula, printable, stored

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)

HEADER_HEIGHT = 32.0
LINE_HEIGHT, ROW_PADDING, MOST_LINES = 12.0, 3.0, 6
UNFITTED_LINES, WHOLE_LINES = 2, 33
"""The lines of rows that are not fitted to anything, and the most that fit into the 409 points of a row."""

CHARACTERS = 1.15
"""How many characters of the sheets' type one unit of a column's width takes."""

REMEMBERED, SHORT = 256, 80
"""How many texts of a column, and up to which length, are kept with what they make: names come again and again."""

Result: TypeAlias = str | int | float
"""What a formula shows."""

REFERENCE = re.compile(r"\[([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class Formula:
    """A formula, without its equals sign, and the result that it has."""

    formula: str
    result: Result


Content: TypeAlias = str | int | float | date | Formula | None
"""What is written into a cell."""


@dataclass(frozen=True, slots=True)
class Column(Generic[R_contra]):
    """One column of a table: how a record's content is found, and how it looks.

    In a formula, `[Title]` stands for that column's cell in the same row. A rule colours the cells that hold one of the
    `words`, in all rows or in those where the formula `when` holds, and those where the condition of a tone holds.
    `goal` is where a cell leads: a record of a table, an address, or nowhere.
    """

    title: str
    width: float
    content: Callable[[R_contra], Content]
    look: Look = look.TEXT
    words: tuple[str, ...] = ()
    when: str = ""
    tones: tuple[Tone, ...] = ()
    goal: Callable[[R_contra], Goal | str | None] | None = None
    heading: Look | None = None


def row(number: int, cells: Iterable[str], height: float | None = None) -> str:
    """Return a row of cells."""
    high = "" if height is None else f' ht="{height:g}" customHeight="1"'
    return f'<row r="{number}"{high}>{"".join(cells)}</row>'


def title_row(sheet: Worksheet, text: str, number: int, height: float | None = None) -> str:
    """Return a row that holds a table's title."""
    return row(number, [CellWriter(sheet, look.TITLE).cell(f"A{number}", text)], height)


def header_row(sheet: Worksheet, columns: Sequence[Column[R]], number: int, height: float | None = None) -> str:
    """Return the row of the columns' titles."""
    cells = []
    for index, column in enumerate(columns, 1):
        right = column.look.horizontal == "right"
        style = column.heading or (replace(look.HEADER, horizontal="center", indent=0) if right else look.HEADER)
        cells.append(CellWriter(sheet, style).cell(f"{get_column_letter(index)}{number}", column.title))
    return row(number, cells, height or HEADER_HEIGHT)


def record_rows(
    sheet: Worksheet,
    columns: Sequence[Column[R]],
    records: Iterable[R],
    *,
    first: int,
    total: int,
    fitted: Collection[int],
    most_lines: int = MOST_LINES,
    links: SheetLinks | None = None,
) -> Iterator[str]:
    """Return the rows of a table whose first record is in row `first`, each as XML; without records, an empty one.

    A row is as high as its text in the `fitted` columns, by index from 0, requires, up to `most_lines`, so that long
    texts in columns that are not printed or not visible leave no blank on the page; without any such column it has
    UNFITTED_LINES. Cells that lead somewhere do so where there are `links`. The styles are taken into the
    workbook at once, the records only as the rows are; raises ValueError then where they are not `total`, for which
    the table was laid out.
    """
    letters = {column.title: get_column_letter(index) for index, column in enumerate(columns, 1)}
    writers = [
        _ColumnWriter(sheet, column, letters, most_lines if index in fitted else 1, links)
        for index, column in enumerate(columns)
    ]

    def rows() -> Iterator[str]:
        number = first - 1
        for number, record in enumerate(records, first):
            cells, lines = zip(*(writer.cell(record, number) for writer in writers), strict=True)
            yield row(
                number,
                cells,
                LINE_HEIGHT * max((lines[index] for index in fitted), default=UNFITTED_LINES) + ROW_PADDING,
            )
        if number + 1 - first != total:
            raise ValueError(f"{number + 1 - first} records where {total} were announced")
        if not total:
            yield row(first, ())

    return rows()


class CellWriter:
    """Writes cells of one look in a workbook."""

    def __init__(self, sheet: Worksheet, style: Look) -> None:
        plain, quoted = style.cell(sheet), style.cell(sheet)
        quoted.quotePrefix = True
        self._plain, self._quoted = f' s="{plain.style_id}"', f' s="{quoted.style_id}"'

    def cell(self, place: str, content: Content) -> str:
        """Return a cell with its content."""
        return f'<c r="{place}"{self.behind(content)}'

    def behind(self, content: Content) -> str:
        """Return a cell from behind its place; a text stays text whatever it begins with."""
        if content is None or content == "":
            return f"{self._plain}/>"
        if isinstance(content, str):
            text = stored(content)
            space = ' xml:space="preserve"' if text != text.strip() else ""
            style = self._quoted if looks_like_formula(content) else self._plain
            return f'{style} t="inlineStr"><is><t{space}>{escape(text)}</t></is></c>'
        if isinstance(content, Formula):
            kind = ' t="str"' if isinstance(content.result, str) else ""
            formula, result = escape(content.formula), escape(printable(str(content.result)))
            return f"{self._plain}{kind}><f>{formula}</f><v>{result}</v></c>"
        if isinstance(content, datetime):
            content = content.astimezone(UTC).replace(tzinfo=None)
        number = to_excel(content) if isinstance(content, date) else content  # type: ignore[no-untyped-call]
        return f"{self._plain}><v>{number}</v></c>"


class _ColumnWriter(Generic[R]):
    """Writes a column's cells, each with the number of lines that it takes."""

    def __init__(
        self,
        sheet: Worksheet,
        column: Column[R],
        letters: dict[str, str],
        most_lines: int,
        links: SheetLinks | None = None,
    ) -> None:
        self._letter, self._letters = letters[column.title], letters
        self._content, self._room, self._most_lines = (
            column.content,
            max(int(column.width * CHARACTERS) - 1, 1),
            most_lines,
        )
        self._writer = CellWriter(sheet, column.look)
        self._known_text = lru_cache(REMEMBERED)(self._text)
        self._goal, self._links = column.goal if links else None, links
        self._linked = CellWriter(sheet, look.linked(column.look)) if self._goal else self._writer

    def cell(self, record: R, number: int) -> tuple[str, int]:
        content = self._content(record)
        if self._goal and content not in {None, ""} and (goal := self._goal(record)):
            return self._leading(content, goal, number)
        if isinstance(content, str):
            behind, lines = (self._known_text if len(content) <= SHORT else self._text)(content)
            return f'<c r="{self._letter}{number}"{behind}', lines
        place = f"{self._letter}{number}"
        return self._writer.cell(place, self._placed(content, number)), 1

    def _placed(self, content: Content, number: int) -> Content:
        if isinstance(content, Formula):
            formula = REFERENCE.sub(lambda title: f"{self._letters[title[1]]}{number}", content.formula)
            return Formula(formula, content.result)
        return content

    def _leading(self, content: Content, goal: Goal | str, number: int) -> tuple[str, int]:
        """Return a cell that leads somewhere, or a plain one where that is not in the workbook."""
        place, text = f"{self._letter}{number}", content if isinstance(content, str) else None
        fits = text is None or (len(text) <= self._room and "\n" not in text)
        found = self._links.to(goal, text, place, fits=fits) if self._links else None
        writer = self._writer if found is None else self._linked
        shown = Formula(found, printable(text)) if isinstance(found, str) and text else self._placed(content, number)
        return writer.cell(place, shown), self._lines(text) if text else 1

    def _text(self, text: str) -> tuple[str, int]:
        return self._writer.behind(text), self._lines(text)

    def _lines(self, text: str) -> int:
        # No program but Excel fits a row to its text by itself.
        if self._most_lines == 1 or (len(text) <= self._room and "\n" not in text):
            return 1
        return min(sum(_wrapped(line, self._room) for line in text.split("\n", self._most_lines)), self._most_lines)


def _wrapped(line: str, room: int) -> int:
    """Return how many lines a text takes where words stay whole, but for those that are longer than a line."""
    lines, used = 1, 0
    for word in line.split(" "):
        length = len(word)
        if used + 1 + length <= room and used:
            used += 1 + length
            continue
        lines += bool(used) + (length - 1) // room if length else 0
        used = length % room or min(length, room)
    return lines
