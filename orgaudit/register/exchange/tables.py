"""Finds the table in a spreadsheet that people made: its sheet, its header row, and its rows with merged cells filled.

Every row that holds anything becomes a row of the table or is listed as left out, with the reason.
"""

from __future__ import annotations

import csv
import io
import re
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from openpyxl.utils import get_column_letter

from orgaudit.errors import ConfigError
from orgaudit.register.exchange import headers
from orgaudit.register.exchange.days import text_of
from orgaudit.register.exchange.foreign import SkippedEntry
from orgaudit.settings.documents import content_of, nearest
from orgaudit.spreadsheet import cells
from orgaudit.spreadsheet.cells import CellValue, FormulaCell, Sheet

MOST_BYTES = 16 * 1024 * 1024

_SHOWN_ROWS, _SHOWN_CELLS, _SHOWN_TEXT = 5, 6, 32
_SEARCHED_LINES = 50
_WIDE = 3
"""From this many columns on, a row with one cell only is taken for a heading or a note."""

_LABELLED = 3
"""The most cells of a row that says who changed the table and when."""

_LARGEST_SUM = 10**9
_TOTAL = re.compile(r"(?:(?:grand|sub)[- ]?)?(?:total|sum)s?(?: [\w ]{1,24})?[: =]*\d*", re.IGNORECASE)
_FOOTER = re.compile(
    r"(?:(?:last|date) (?:updated?|changed|modified|reviewed|edited|saved)"
    r"|(?:updated|generated|exported|printed|reviewed) (?:on|at|by)"
    r"|page \d|end of (?:list|register|table|file|document)|legend\b|confidential\b)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FlatTable:
    """A flat table: its headers, each row with where it is in the file, and what of the file is not in it, and why."""

    file: str
    header: str
    headers: tuple[str, ...]
    rows: tuple[tuple[str, dict[str, CellValue]], ...]
    left_out: tuple[SkippedEntry, ...] = ()
    since_1904: bool = False


@dataclass(slots=True)
class _Grid:
    """A sheet, or the only one of a CSV file: its cells by row and column, and those that merged cells hide."""

    file: str
    name: str
    cells: dict[int, dict[int, CellValue]]
    hidden: tuple[SkippedEntry, ...] = ()
    since_1904: bool = False

    def place(self, row: int) -> str:
        """Return where a row is."""
        return f"{self.file}: {self.name}!{row}" if self.name else f"{self.file}:{row}"


def table(
    file: Path, *, sheet: str | None = None, header_row: int | None = None, named: Collection[str] = ()
) -> FlatTable:
    """Return the table of an .xlsx or .csv file; raises ConfigError where it is not clear which it is.

    `named` are headers that its header row has.
    """
    grids = [grid for grid in _grids(file, sheet) if grid.cells]
    if not grids:
        raise ConfigError("is empty; a row of it must name the columns", file=str(file))
    found = {grid.name: _header_of(grid, header_row, named) for grid in grids}
    chosen = [grid for grid in grids if found[grid.name] is not None]
    if len(chosen) > 1:
        names = ", ".join(repr(grid.name) for grid in chosen)
        raise ConfigError(f"{len(chosen)} sheets hold a table: {names}; choose one with --sheet NAME", file=str(file))
    if not chosen:
        raise _no_header(grids, header_row)
    others = [
        SkippedEntry(
            f"{file}: {grid.name}", f"another sheet, with {_rows(grid)}; --sheet {_quoted(grid.name)} reads it"
        )
        for grid in grids
        if grid is not chosen[0]
    ]
    return _table(chosen[0], found[chosen[0].name] or 0, others)


def _header_of(grid: _Grid, header_row: int | None, named: Collection[str]) -> int | None:
    if header_row is None:
        return headers.find_header(grid.cells, named)
    return header_row if header_row in grid.cells and header_row != max(grid.cells) else None


def _no_header(grids: list[_Grid], header_row: int | None) -> ConfigError:
    """Return an error that shows how each sheet begins."""
    what = "no row is recognized as the header" if header_row is None else f"row {header_row} has no rows below it"
    if header_row is not None and all(header_row not in grid.cells for grid in grids):
        what = f"row {header_row} is empty"
    lines = [f"{what}; give --header-row N with the number of the row that names the columns"]
    for grid in grids:
        lines += [f"sheet {grid.name!r}, which --sheet {_quoted(grid.name)} reads:"] if len(grids) > 1 else []
        lines += [f"  {number}: {_shown(grid.cells[number])}" for number in sorted(grid.cells)[:_SHOWN_ROWS]]
    return ConfigError("\n".join(lines), file=grids[0].file)


def _shown(row: Mapping[int, CellValue]) -> str:
    texts = [" ".join(text_of(row[column]).split()) for column in sorted(row)]
    short = [text if len(text) <= _SHOWN_TEXT else f"{text[: _SHOWN_TEXT - 1]}…" for text in texts[:_SHOWN_CELLS]]
    return " | ".join([*short, *(["…"] if len(texts) > _SHOWN_CELLS else [])])


def _rows(grid: _Grid) -> str:
    return f"{len(grid.cells)} row{'s' * (len(grid.cells) != 1)}"


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[\w.-]+", name) else f'"{name}"'


def _table(grid: _Grid, header: int, others: Iterable[SkippedEntry]) -> FlatTable:
    top = headers.titles(grid.cells[header])
    below = {number: grid.cells[number] for number in sorted(grid.cells) if number > header}
    for column in sorted({column for row in below.values() for column in row} - top.keys()):
        top[column] = f"(column {get_column_letter(column)})"
    names = tuple(top[column] for column in sorted(top))
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigError(f"two columns are called {twice[0]!r}; name them apart", file=grid.place(header))
    left_out = [
        SkippedEntry(grid.place(number), f"above the header row: {_shown(grid.cells[number])}")
        for number in sorted(grid.cells)
        if number < header
    ]
    rows = []
    for number, row in below.items():
        if reason := _no_entry(grid, header, number, len(names)):
            left_out.append(SkippedEntry(grid.place(number), reason))
        else:
            rows.append((grid.place(number), {top[column]: row[column] for column in sorted(row)}))
    return FlatTable(
        file=grid.file,
        header=grid.place(header),
        headers=names,
        rows=tuple(rows),
        left_out=(*left_out, *grid.hidden, *others),
        since_1904=grid.since_1904,
    )


def _no_entry(grid: _Grid, header: int, number: int, width: int) -> str:
    """Return why a row below the header is not an entry, else nothing; raises ConfigError for a second table."""
    row = grid.cells[number]
    top = headers.titles(grid.cells[header])
    same = sum(text == top.get(column) for column, text in headers.titles(row).items())
    if same == len(row) or same >= max(_WIDE, len(row) - 1):
        return "repeats the header"
    if headers.is_second_header(row):
        message = f"is a second header row; move the table below it to a sheet of its own ({_shown(row)})"
        raise ConfigError(message, file=grid.place(number))
    first, *others = (row[column] for column in sorted(row))
    if _TOTAL.fullmatch(text_of(first)) and all(map(_is_sum, others)):
        return f"a total and not an entry: {_shown(row)}"
    if len(row) <= _LABELLED < width and _FOOTER.match(text_of(first)):
        return f"a footer and not an entry: {_shown(row)}"
    if len(row) == 1 and width >= _WIDE:
        return f"only one cell is filled, so it is taken for a heading or a note: {_shown(row)}"
    return ""


def _is_sum(cell: CellValue) -> bool:
    text = text_of(cell)
    return isinstance(cell, FormulaCell) or (re.fullmatch(r"\d+", text) is not None and int(text) < _LARGEST_SUM)


def _grids(file: Path, sheet: str | None) -> list[_Grid]:
    if file.suffix.lower() not in {".xlsx", ".xlsm"}:
        if sheet is not None:
            raise ConfigError("only a workbook has sheets; leave --sheet out", file=str(file), key="--sheet")
        return [_from_csv(file)]
    found = cells.read_layouts(file)
    if sheet is not None and sheet not in found:
        remedy = nearest(sheet, found)
        raise ConfigError("; ".join(filter(None, (f"no sheet {sheet!r}", remedy))), file=str(file), key="--sheet")
    return [_filled(str(file), name, it) for name, it in found.items() if sheet in {None, name}]


def _filled(file: str, name: str, sheet: Sheet) -> _Grid:
    """Return a sheet in which what is merged over rows stands in each of them, where the row holds anything else.

    Of what is merged over columns, the value stands in the first. What a merged cell hides is not read.
    """
    grid = {row: dict(values) for row, values in sheet.cells.items()}
    numbers = sorted(grid)
    spans = [numbers[bisect_left(numbers, it.top) : bisect_right(numbers, it.bottom)] for it in sheet.merges]
    if sum(map(len, spans)) > cells.MOST_CELLS:
        raise ConfigError(f"{name}: more is merged than there are cells; clear what holds nothing", file=file)
    hidden = []
    for merge, span in zip(sheet.merges, spans, strict=True):
        for row in span:
            covered = [column for column in grid[row] if merge.left <= column <= merge.right]
            for column in covered:
                if (column, row) != (merge.left, merge.top):
                    text = text_of(grid[row].pop(column))
                    place = f"{file}: {name}!{cells.place(column, row)}"
                    hidden.append(SkippedEntry(place, f"hidden by the merged cell above or left of it: {text}"))
    used = {row for row, values in grid.items() if values}
    for merge, span in zip(sheet.merges, spans, strict=True):
        value = grid.get(merge.top, {}).get(merge.left)
        if value is not None:
            for row in used.intersection(span):
                grid[row][merge.left] = value
    return _Grid(file, name, {row: grid[row] for row in numbers if row in used}, tuple(hidden), sheet.since_1904)


def _from_csv(file: Path) -> _Grid:
    text = _decoded(content_of(file, MOST_BYTES, "split it"), file)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text), strict=True)
    found: dict[int, dict[int, CellValue]] = {}
    line = 1
    try:
        for count, row in enumerate(reader):
            if len(row) > cells.MOST_COLUMNS:
                raise ConfigError(
                    f"has more than {cells.MOST_COLUMNS} columns; delete the empty ones", file=str(file), line=line
                )
            if count > cells.MOST_ROWS:
                raise ConfigError(f"has more than {cells.MOST_ROWS} rows; split it", file=str(file))
            filled: dict[int, CellValue] = {column: cell for column, cell in enumerate(row, 1) if cell.strip()}
            if filled:
                found[line] = filled
            line = reader.line_num + 1
    except csv.Error as error:
        raise ConfigError(
            f"is not CSV ({error}); save it as .csv or .xlsx again", file=str(file), line=reader.line_num
        ) from error
    return _Grid(str(file), "", found)


def _delimiter(text: str) -> str:
    """Return what separates the cells: that with which a row is best recognized as the header."""
    lines = [line for line, _ in zip(_lines(text), range(_SEARCHED_LINES), strict=False)]

    def fits(mark: str) -> tuple[int, int]:
        scores = [headers.score(dict(enumerate(line.split(mark)))) for line in lines]
        return max(scores, default=0), max((line.count(mark) for line in lines), default=0)

    return max(",;\t|", key=fits)


def _lines(text: str) -> Iterator[str]:
    return (line for line in io.StringIO(text) if line.strip())


def _decoded(content: bytes, file: Path) -> str:
    if b"\0" in content and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ConfigError("is not text; save it as .csv or .xlsx", file=str(file))
    for encoding in ("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig", "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ConfigError("has an unknown encoding; save it as UTF-8", file=str(file))
