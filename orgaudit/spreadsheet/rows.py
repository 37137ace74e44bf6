"""The rows of a table as a sheet's XML. openpyxl makes everything else; a cell of its own takes ten times as long."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Generic, NamedTuple, TypeAlias, TypeVar
from xml.sax.saxutils import escape

from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import to_excel
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.look import Look
from orgaudit.spreadsheet.text import looks_like_formula, printable, stored

R = TypeVar("R")

HEADER_HEIGHT = 32.0
LINE_HEIGHT, ROW_PADDING, MOST_LINES = 12.0, 3.0, 6

CHARACTERS = 1.15
"""How many characters of the sheets' type one unit of a column's width takes."""

REMEMBERED, SHORT = 256, 80
"""How many texts of a column, and up to which length, are kept with what they make: names come again and again."""

Result: TypeAlias = str | int | float
"""What a formula shows."""

_COLUMN = re.compile(r"\[([^\]]+)\]")


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


def title_row(sheet: Worksheet, text: str, row: int) -> str:
    """Return a row that holds a table's title."""
    return f'<row r="{row}"><c r="A{row}"{_Style(sheet, look.TITLE).text(text)}</row>'


def table_rows(
    sheet: Worksheet, columns: Sequence[Column[R]], records: Iterable[R], *, first: int, total: int, fitted: int
) -> Iterator[str]:
    """Return the rows of a table whose header is in row `first`, each as XML; without records, an empty one.

    A row is as high as its text in the first `fitted` columns asks for, so that long texts to the right of those that
    are printed leave no blank on the page. The styles are taken into the workbook at once, the records only as the rows
    are; raises ValueError then where they are not `total`, for which the table was laid out.
    """
    letters = {column.title: get_column_letter(index) for index, column in enumerate(columns, 1)}
    titles = [(f'<c r="{letters[each.title]}{first}"', _Style(sheet, _header(each)), each.title) for each in columns]
    header = _row(first, HEADER_HEIGHT, (cell + style.text(title) for cell, style, title in titles))
    writers = [_ColumnWriter(sheet, column, letters) for column in columns]

    def rows() -> Iterator[str]:
        yield header
        number = first
        for number, record in enumerate(records, first + 1):
            cells, lines = zip(*(writer.cell(record, number) for writer in writers), strict=True)
            yield _row(number, LINE_HEIGHT * min(max(lines[:fitted]), MOST_LINES) + ROW_PADDING, cells)
        if number - first != total:
            raise ValueError(f"{number - first} records where {total} were announced")
        if not total:
            yield f'<row r="{first + 1}"/>'

    return rows()


def _header(column: Column[R]) -> Look:
    return look.HEADER._replace(horizontal="center", indent=0) if column.look.horizontal == "right" else look.HEADER


def _row(number: int, height: float, cells: Iterable[str]) -> str:
    return f'<row r="{number}" ht="{height:g}" customHeight="1">{"".join(cells)}</row>'


class _Style:
    """One look in a workbook; what it returns is the rest of a cell, from behind its reference."""

    def __init__(self, sheet: Worksheet, style: Look) -> None:
        plain, quoted = style.cell(sheet), style.cell(sheet)
        quoted.quotePrefix = True
        self.attribute, self._quoted = f' s="{plain.style_id}"', f' s="{quoted.style_id}"'

    def text(self, value: str) -> str:
        """Return a cell whose text stays text whatever it begins with."""
        if not value:
            return f"{self.attribute}/>"
        text = stored(value)
        space = ' xml:space="preserve"' if text != text.strip() else ""
        style = self._quoted if looks_like_formula(value) else self.attribute
        return f'{style} t="inlineStr"><is><t{space}>{escape(text)}</t></is></c>'


class _ColumnWriter(Generic[R]):
    """Makes a column's cells, each with the number of lines that it takes."""

    def __init__(self, sheet: Worksheet, column: Column[R], letters: dict[str, str]) -> None:
        self._letter, self._letters = letters[column.title], letters
        self._value, self._room = column.value, column.width * CHARACTERS
        self._style = _Style(sheet, column.look)
        self._known_text = lru_cache(REMEMBERED)(self._text)

    def cell(self, record: R, row: int) -> tuple[str, int]:
        value = self._value(record)
        if isinstance(value, str):
            rest, lines = (self._known_text if len(value) <= SHORT else self._text)(value)
            return f'<c r="{self._letter}{row}"{rest}', lines
        return f'<c r="{self._letter}{row}"{self._style.attribute}{self._rest(value, row)}', 1

    def _text(self, value: str) -> tuple[str, int]:
        # No program but Excel fits a row to its text by itself.
        lines = sum(1 + int(len(line) / self._room) for line in value.split("\n", MOST_LINES))
        return self._style.text(value), lines

    def _rest(self, value: float | date | Formula | None, row: int) -> str:
        if value is None:
            return "/>"
        if isinstance(value, Formula):
            formula = _COLUMN.sub(lambda match: f"{self._letters[match[1]]}{row}", value.formula.removeprefix("="))
            kind = ' t="str"' if isinstance(value.result, str) else ""
            return f"{kind}><f>{escape(formula)}</f><v>{escape(printable(str(value.result)))}</v></c>"
        if isinstance(value, datetime):
            value = value.astimezone(UTC).replace(tzinfo=None)
        number = to_excel(value) if isinstance(value, date) else value  # type: ignore[no-untyped-call]
        return f"><v>{number}</v></c>"
