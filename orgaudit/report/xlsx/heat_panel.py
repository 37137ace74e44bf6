"""The heat map on page one: numbers in its cells, coloured by rule, and what the colours mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from openpyxl.utils import get_column_letter

from orgaudit.report.view import View
from orgaudit.report.xlsx.cells import NO_UNIT
from orgaudit.report.xlsx.grid import ENTRY, FIRST, HEADING, LAST, NOTE, NUMBER, STRONG, WIDTH, Grid, plain, put_heads
from orgaudit.report.xlsx.lists import Block, Lists
from orgaudit.report.xlsx.tables import NOTHING
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.look import Look
from orgaudit.spreadsheet.rows import Content, Formula
from orgaudit.words import counted

_UNIT_CHARACTERS = 110
_UNIT_SPAN = 6
_HOT, _UNDER = "E8A39B", ("F9DEDC", "8C1D18")
_CENTRED = replace(NUMBER, horizontal="center", indent=0)


def put_heat_map(page: Grid, view: View, blocks: Lists, top: int) -> int:
    """Put the map of units and sections, and return the last row."""
    found = blocks.map
    what = "severity" if found.by_severity else "section of the headline framework"
    page.put(top, FIRST, f"Where the issues are: open issues by unit and {what}", HEADING, span=WIDTH)
    titles = [*found.columns, "All open issues", "Rate"]
    spans = _shares(WIDTH - _UNIT_SPAN, len(titles))
    put_heads(page, top + 1, FIRST, ("Unit", *titles), (_UNIT_SPAN, *spans), centred=True)
    names = [plain(unit, _UNIT_CHARACTERS) or NO_UNIT for unit in found.units]
    if found.others:
        names.append(counted(found.others, "other unit"))
    first = top + 2
    for index, name in enumerate(names):
        page.put(first + index, FIRST, name, ENTRY, span=_UNIT_SPAN)
        _put_cells(page, blocks, spans, first + index, index)
    last = first + len(names) - 1
    page.put(last + 1, FIRST, "All units", STRONG, span=_UNIT_SPAN)
    _put_cells(page, blocks, spans, last + 1, None)
    _colour(page, view, spans, first, last)
    page.put(last + 2, FIRST, _legend(view, blocks), NOTE, span=WIDTH)
    return last + 2


def _shares(room: int, count: int) -> list[int]:
    """Return the widths of so many columns: as equal as they can be, the first the widest."""
    return [room // count + (index < room % count) for index in range(count)]


def _put_cells(page: Grid, blocks: Lists, spans: Sequence[int], number: int, row: int | None) -> None:
    """Put the figures of one row of the map, or of all of them."""
    column, sections = FIRST + _UNIT_SPAN, len(blocks.map.columns)
    for place, span in enumerate(spans):
        if place < sections:
            content, style = _section(blocks, row, place)
        elif place == sections:
            content, style = _open(blocks.accounts, _which(row)), replace(_CENTRED, bold=True)
        else:
            content, style = _rate(blocks.accounts, row), replace(_CENTRED, number_format="0.0 %")
        page.put(number, column, content, replace(style, bold=True) if row is None else style, span=span)
        column += span


def _which(row: int | None, place: int | None = None) -> tuple[tuple[str, int], ...]:
    """Return the columns and numbers by which the records of a place of the map are found."""
    asked = (("Map row", row), ("Map column", place))
    return tuple((title, number) for title, number in asked if number is not None)


def _section(blocks: Lists, row: int | None, place: int) -> tuple[Content, Look]:
    which = _which(row, place)
    partial = _sum(blocks.heat, "Not assessed", which)[1]
    return _open(blocks.heat, which), replace(_CENTRED, number_format='#,##0"*"') if partial else _CENTRED


def _open(block: Block, which: tuple[tuple[str, int], ...]) -> Formula:
    assessed, seen = _sum(block, "Assessed", which)
    opened, count = _sum(block, "Open issues", which)
    return Formula(f'IF({assessed}=0,"{NOTHING}",{opened})', count if seen else NOTHING)


def _rate(block: Block, row: int | None) -> Formula:
    assessed, seen = _sum(block, "Assessed", _which(row))
    passed, share = _sum(block, "Rated as passed", _which(row))
    rated, whole = _sum(block, "Rated", _which(row))
    rate = share / whole if whole and seen else NOTHING
    return Formula(f'IF({assessed}*{rated}=0,"{NOTHING}",{passed}/{rated})', rate)


def _sum(block: Block, title: str, which: tuple[tuple[str, int], ...]) -> tuple[str, int]:
    """Return the sum of a column over the records that are asked for, as a formula and as a number."""
    places = [(block.header.index(name), number) for name, number in which]
    column = block.header.index(title)
    total = sum(_number(record[column]) for record in block.rows if all(record[at] == number for at, number in places))
    asked = "".join(f",{block.column(name)},{number}" for name, number in which)
    return (f"SUMIFS({block.column(title)}{asked})" if asked else f"SUM({block.column(title)})"), total


def _number(content: Content) -> int:
    return int(str(content.result if isinstance(content, Formula) else content))


def _colour(page: Grid, view: View, spans: Sequence[int], first: int, last: int) -> None:
    left = FIRST + _UNIT_SPAN
    right = left + sum(spans[:-2]) - 1
    cells = f"{get_column_letter(left)}{first}:{get_column_letter(right)}{last}"
    if first <= last:
        page.sheet.conditional_formatting.add(cells, look.heat(_HOT))
    put_threshold(page, view, LAST - spans[-1] + 1, first, last + 1)


def put_threshold(page: Grid, view: View, column: int, first: int, last: int) -> None:
    """Let a rule colour the rates in a column that are under the threshold of the settings."""
    fill, ink = _UNDER
    rule = look.compared("lessThan", view.settings.pass_rate_threshold, ink, fill)
    page.sheet.conditional_formatting.add(f"{get_column_letter(column)}{first}:{get_column_letter(column)}{last}", rule)


def _legend(view: View, blocks: Lists) -> str:
    found = blocks.map
    twice = "" if found.by_severity else " An issue that touches two sections is in both; one of none is in All only."
    partial = " * a part was not assessed." if any(it.unseen for it in found.cells) else ""
    return (
        f"The redder, the more open issues; {NOTHING} nothing was assessed.{partial}{twice} A rate in red, here and "
        f"under Frameworks, is under {view.settings.pass_rate_threshold * 100:.4g} %, the threshold of the settings."
    )
