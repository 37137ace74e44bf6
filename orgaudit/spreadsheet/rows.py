"""The rows of a table as a sheet's XML. openpyxl makes everything else; a cell of its own takes ten times as long."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Any, Generic, TypeAlias, TypeVar
from xml.sax.saxutils import escape

from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import to_excel
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.look import Look
from orgaudit.spreadsheet.text import CELL_LIMIT, looks_like_formula, printable, stored

R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)

HEADER_HEIGHT = 32.0
LINE_HEIGHT, ROW_PADDING, MOST_LINES = 12.0, 3.0, 6

CHARACTERS = 1.15
"""How many characters of the sheets' type one unit of a column's width takes."""

REMEMBERED, SHORT = 2048, 400
"""How many contents of a column, and texts up to which length, are kept with their cells: most come again and again."""

Result: TypeAlias = str | int | float
"""What a formula shows."""

_PLAIN = re.compile("[!-%'-*,.-;?A-~](?:[\\n -%'-;=?-~]*[!-%'-;=?-~])?")
"""Most texts: of ASCII, and with nothing in them that could be a formula, markup, or space that gets lost."""

_REFERENCE = re.compile(r"\[([^\]]+)\]")


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

    In a formula, `[Title]` stands for that column's cell in the same row.
    """

    title: str
    width: float
    content: Callable[[R_contra], Content]
    look: Look = look.TEXT
    words: tuple[str, ...] = ()


def row(number: int, cells: Iterable[str], height: float | None = None) -> str:
    """Return a row of cells."""
    high = "" if height is None else f' ht="{height:g}" customHeight="1"'
    return f'<row r="{number}"{high}>{"".join(cells)}</row>'


def title_row(sheet: Worksheet, text: str, number: int, height: float | None = None) -> str:
    """Return a row that holds a table's title."""
    return row(number, [CellWriter(sheet, look.TITLE).cell(f"A{number}", text)], height)


def header_row(sheet: Worksheet, columns: Sequence[Column[R]], number: int) -> str:
    """Return the row of the columns' titles."""
    cells = []
    for index, column in enumerate(columns, 1):
        right = column.look.horizontal == "right"
        style = replace(look.HEADER, horizontal="center", indent=0) if right else look.HEADER
        cells.append(CellWriter(sheet, style).cell(f"{get_column_letter(index)}{number}", column.title))
    return row(number, cells, HEADER_HEIGHT)


def record_rows(
    sheet: Worksheet,
    columns: Sequence[Column[R]],
    records: Iterable[R],
    *,
    first: int,
    total: int,
    fitted: Collection[int],
    most_lines: int = MOST_LINES,
) -> Iterator[str]:
    """Return the rows of a table whose first record is in row `first`, each as XML; without records, an empty one.

    A row is as high as its text in the `fitted` columns, by index from 0, requires, up to `most_lines`, so that long
    texts in columns that are not printed or not visible leave no blank on the page. The styles are taken into the
    workbook at once, the records only as the rows are; raises ValueError then where they are not `total`, for which
    the table was laid out.
    """
    letters = {column.title: get_column_letter(index) for index, column in enumerate(columns, 1)}
    writers = [
        _ColumnWriter(sheet, column, letters, most_lines if index in fitted else 0)
        for index, column in enumerate(columns)
    ]
    beginnings = [
        f' ht="{LINE_HEIGHT * max(lines, 1) + ROW_PADDING:g}" customHeight="1">' for lines in range(most_lines + 1)
    ]

    def rows() -> Iterator[str]:
        number = first - 1
        parts = [(column.content, writer.known, writer.make) for column, writer in zip(columns, writers, strict=True)]
        for number, record in enumerate(records, first):
            made = [known.get(content := read(record)) or make(content, number) for read, known, make in parts]
            cells, lines = zip(*made, strict=True)
            yield f'<row r="{number}"{beginnings[max(lines)]}{"".join(cells)}</row>'
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
            if _PLAIN.fullmatch(content) and "_x" not in content and len(content) <= CELL_LIMIT:
                return f'{self._plain} t="inlineStr"><is><t>{content}</t></is></c>'
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


class _ColumnWriter:
    """Writes a column's cells, each with the number of lines that it takes; 0 in a column to which rows are not fitted.

    The cells of a record stand one after another from the first column on, so none names its place: the file is half as
    large, and takes half the time. `known` are the last cells by what they hold.
    """

    def __init__(self, sheet: Worksheet, column: Column[Any], letters: dict[str, str], most_lines: int) -> None:
        self.known: dict[Content, tuple[str, int]] = {}
        self._letters, self._most_lines = letters, most_lines
        self._room = column.width * CHARACTERS
        self._writer = CellWriter(sheet, column.look)

    def make(self, content: Content, number: int) -> tuple[str, int]:
        """Return a cell in a row of this number."""
        if isinstance(content, str):
            made = f"<c{self._writer.behind(content)}", self._lines(content)
            return self._kept(content, made) if len(content) <= SHORT else made
        lines = min(1, self._most_lines)
        if isinstance(content, Formula) and "[" in content.formula:
            formula = _REFERENCE.sub(lambda title: f"{self._letters[title[1]]}{number}", content.formula)
            return f"<c{self._writer.behind(Formula(formula, content.result))}", lines
        made = f"<c{self._writer.behind(content)}", lines
        return self._kept(content, made) if isinstance(content, date | None) else made

    def _kept(self, content: Content, made: tuple[str, int]) -> tuple[str, int]:
        if len(self.known) == REMEMBERED:
            self.known.clear()
        self.known[content] = made
        return made

    def _lines(self, text: str) -> int:
        # No program but Excel fits a row to its text by itself.
        if not self._most_lines or (len(text) < self._room and "\n" not in text):
            return min(1, self._most_lines)
        lines = sum([1 + int(len(line) / self._room) for line in text.split("\n", self._most_lines)])
        return min(lines, self._most_lines)
