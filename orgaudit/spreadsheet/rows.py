"""The rows of a table as a sheet's XML. openpyxl makes everything else; a cell of its own takes ten times as long."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from itertools import groupby
from typing import Any, Generic, TypeAlias, TypeVar
from xml.sax.saxutils import escape

from openpyxl.utils import get_column_letter
from openpyxl.utils.datetime import to_excel
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.archive import Link
from orgaudit.spreadsheet.links import Goal, SheetLinks
from orgaudit.spreadsheet.look import Look, Tone
from orgaudit.spreadsheet.text import CELL_LIMIT, looks_like_formula, printable, stored

K = TypeVar("K")
R = TypeVar("R")
R_contra = TypeVar("R_contra", contravariant=True)

HEADER_HEIGHT = 32.0
LINE_HEIGHT, ROW_PADDING, MOST_LINES = 12.0, 3.0, 6
UNFITTED_LINES, WHOLE_LINES = 2, 33
"""The lines of rows that are not fitted to anything, and the most that fit into the 409 points of a row."""

CHARACTERS = 1.15
"""How many characters of the sheets' type one unit of a column's width takes."""

REMEMBERED, SHORT = 2048, 24
"""How many contents of a column are kept with their cells, and texts up to which length: longer ones seldom repeat.

Those of columns that say what they depend on are kept whatever their length.
"""

Result: TypeAlias = str | int | float
"""What a formula shows."""

_NOT_FIRST, _NOT_LAST = " \n+-=@", " \n"
"""What a text neither begins nor ends with that stands in a cell as it is: no formula, and no space that gets lost."""

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
    `goal` is where a cell leads: a record of a table, an address, or nowhere. `of` is what the content and the goal
    depend on, where many records have the same: each is made once for all of them, together with those of the columns
    beside it that have the same `of`. No column with it has formulas.
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
    of: Callable[[R_contra], Hashable] | None = None


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
        _writer(sheet, column, letters, most_lines if index in fitted else 0, links)
        for index, column in enumerate(columns)
    ]
    parts = [(part.read, part.known, part.make) for part in _parts(columns, writers)]
    heights = [UNFITTED_LINES if not fitted else max(lines, 1) for lines in range(most_lines + 1)]
    beginnings = [f' ht="{LINE_HEIGHT * lines + ROW_PADDING:g}" customHeight="1">' for lines in heights]

    def rows() -> Iterator[str]:
        number = first - 1
        for number, record in enumerate(records, first):
            made = [known.get(key := read(record)) or make(key, record, number) for read, known, make in parts]
            lines = max([lines for _, lines in made]) if fitted else 0
            yield f'<row r="{number}"{beginnings[lines]}{"".join([cells for cells, _ in made])}</row>'
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
        self._plain, self._quoted = f'<c s="{plain.style_id}"', f'<c s="{quoted.style_id}"'
        self._text = f'{self._plain} t="inlineStr"><is><t>'

    def cell(self, place: str, content: Content) -> str:
        """Return a cell with its content."""
        return f'<c r="{place}"{self.unplaced(content).removeprefix("<c")}'

    def unplaced(self, content: Content) -> str:
        """Return a cell that stands behind the one before; a text stays text whatever it begins with."""
        if content is None or content == "":
            return f"{self._plain}/>"
        if isinstance(content, str):
            if _is_plain(content):
                return f"{self._text}{content}</t></is></c>"
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


Made: TypeAlias = tuple[str, int]
"""Cells side by side, and the number of lines that they take; 0 in columns to which rows are not fitted."""


def _is_plain(text: str) -> bool:
    """Return whether a text, which is not empty, stands in a cell as it is; most do."""
    if not text.isascii() or "_x" in text or len(text) > CELL_LIMIT:
        return False
    if text[0] in _NOT_FIRST or text[-1] in _NOT_LAST or "&" in text or "<" in text or ">" in text:
        return False
    return text.isprintable() or text.replace("\n", "").isprintable()


class _ColumnWriter:
    """Writes a column's cells.

    The cells of a record stand one after another from the first column on, so none names its place: the file is half as
    large, and takes half the time. `known` are the last cells by what `read` finds: what they hold, or depend on.
    """

    def __init__(
        self,
        sheet: Worksheet,
        column: Column[Any],
        letters: dict[str, str],
        most_lines: int,
    ) -> None:
        self.known: dict[Any, Made] = {}
        self._letters, self._most_lines = letters, most_lines
        self._room = max(int(column.width * CHARACTERS) - 1, 1)
        self._writer = CellWriter(sheet, column.look)
        self.content: Callable[[Any], Content] = column.content
        self.read: Callable[[Any], Any] = column.content

    def make(self, content: Any, record: Any, number: int) -> Made:  # noqa: ANN401, ARG002 - what `read` has found
        """Return a record's cell in a row of this number."""
        if isinstance(content, str):
            made = self._writer.unplaced(content), self._lines(content) if self._most_lines else 0
            return made if len(content) > SHORT else _kept(self.known, content, made)
        made = self.cell(content, number)
        return _kept(self.known, content, made) if isinstance(content, date | None) else made

    def cell(self, content: Content, number: int) -> Made:
        """Return the cell with this content in a row of this number."""
        lines = self._lines(content if isinstance(content, str) else "") if self._most_lines else 0
        return self._writer.unplaced(self._placed(content, number)), lines

    def _placed(self, content: Content, number: int) -> Content:
        """Return a content whose references, where it is a formula, are cells of a row."""
        if isinstance(content, Formula) and "[" in content.formula:
            formula = REFERENCE.sub(lambda title: f"{self._letters[title[1]]}{number}", content.formula)
            return Formula(formula, content.result)
        return content

    def _lines(self, text: str) -> int:
        # No program but Excel fits a row to its text by itself.
        if len(text) <= self._room and "\n" not in text:
            return 1
        return min(sum(_wrapped(line, self._room) for line in text.split("\n", self._most_lines)), self._most_lines)


class _LinkedWriter(_ColumnWriter):
    """Writes the cells of a column that lead somewhere: kept are those without a link, and what has the same link."""

    def __init__(
        self,
        sheet: Worksheet,
        column: Column[Any],
        letters: dict[str, str],
        most_lines: int,
        *,
        goal: Callable[[Any], Goal | str | None],
        links: SheetLinks,
    ) -> None:
        super().__init__(sheet, column, letters, most_lines)
        self._letter, self._links = letters[column.title], links
        self._linked = CellWriter(sheet, look.linked(column.look))
        self._goal, self._keeps = goal, column.of is not None
        self._led: dict[Any, tuple[Made, Link]] = {}
        self.read = column.of or _nothing

    def make(self, key: Any, record: Any, number: int) -> Made:  # noqa: ANN401 - what `read` has found
        """Return a record's cell, which leads somewhere, or a plain one where that is not in the workbook."""
        place = f"{self._letter}{number}"
        if (led := self._led.get(key)) and self._links.again(led[1], place):
            return led[0]
        content, goal = self.content(record), self._goal(record)
        if goal is None or content is None or content == "":
            return self._once(key, self.cell(content, number))
        text = content if isinstance(content, str) else None
        fits = text is None or (len(text) <= self._room and "\n" not in text)
        found = self._links.to(goal, text, place, fits=fits)
        if found is None:
            return self._once(key, self.cell(content, number))
        lines = self._lines(text or "") if self._most_lines else 0
        if isinstance(found, str) and text:
            shown = Formula(found, printable(text))
            return self._once(key, (self._linked.unplaced(shown), lines))
        made = self._linked.unplaced(self._placed(content, number)), lines
        if self._keeps and text and isinstance(found, Link):
            _kept(self._led, key, (made, found))
        return made

    def _once(self, key: Any, made: Made) -> Made:  # noqa: ANN401 - what `read` has found
        return _kept(self.known, key, made) if self._keeps else made


def _writer(
    sheet: Worksheet, column: Column[Any], letters: dict[str, str], most_lines: int, links: SheetLinks | None
) -> _ColumnWriter:
    """Return what writes the cells of a column, which lead somewhere where there are links."""
    if column.goal is None or links is None:
        return _ColumnWriter(sheet, column, letters, most_lines)
    return _LinkedWriter(sheet, column, letters, most_lines, goal=column.goal, links=links)


class _SpanWriter:
    """Writes the cells of columns side by side that depend on the same, and keeps them by that."""

    def __init__(self, read: Callable[[Any], Hashable], writers: Sequence[_ColumnWriter]) -> None:
        self.read: Callable[[Any], Any] = read
        self.known: dict[Any, Made] = {}
        self._writers = writers

    def make(self, key: Any, record: Any, number: int) -> Made:  # noqa: ANN401 - what `read` has found
        """Return a record's cells in a row of this number."""
        cells, lines = zip(*(writer.cell(writer.content(record), number) for writer in self._writers), strict=True)
        return _kept(self.known, key, ("".join(cells), max(lines)))


def _parts(columns: Sequence[Column[Any]], writers: Sequence[_ColumnWriter]) -> Iterator[_ColumnWriter | _SpanWriter]:
    """Yield what writes the cells of a record, from the first column on."""

    def together(pair: tuple[Column[Any], _ColumnWriter]) -> object:
        column, writer = pair
        return writer if column.of is None or isinstance(writer, _LinkedWriter) else column.of

    for _, group in groupby(zip(columns, writers, strict=True), together):
        (column, writer), *more = group
        if column.of is None or isinstance(writer, _LinkedWriter):
            yield writer
        else:
            yield _SpanWriter(column.of, [writer, *(each for _, each in more)])


def _nothing(_: object) -> None:
    """Return nothing, by which no cell is known."""


def _kept(known: dict[Any, K], key: Any, made: K) -> K:  # noqa: ANN401 - what a column's cells depend on
    if len(known) == REMEMBERED:
        known.clear()
    known[key] = made
    return made


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
