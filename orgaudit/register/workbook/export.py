"""Writes the register as a workbook for owners, with hidden what an import needs to merge their edits back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import partial
from itertools import accumulate
from typing import IO, Any

from openpyxl.cell import Cell
from openpyxl.comments import Comment
from openpyxl.utils import get_column_letter
from openpyxl.workbook.protection import WorkbookProtection
from openpyxl.worksheet.properties import Outline
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.model import EntryState
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.workbook import grammar
from orgaudit.register.workbook.columns import (
    BASE_SHEET,
    COVERED,
    DAYS_LEFT,
    HEADER_ROW,
    PENDING,
    ROW_ID,
    STATE,
    TABLES,
    Field,
    SectionSheet,
)
from orgaudit.register.workbook.instructions import Readers, write_instructions
from orgaudit.register.workbook.read import MARK, VERSION, digest
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.cells import MOST_ROWS
from orgaudit.spreadsheet.look import Look
from orgaudit.spreadsheet.rows import CellWriter, Column, Content, record_rows, row
from orgaudit.spreadsheet.text import fitted
from orgaudit.spreadsheet.workbook import WorkbookWriter, colour, limit_to

EMPTY_ROWS = 40
MOST_LINES = 6
ENTRIES_ON_A_PAGE = 10
BANDS = {
    "Register": "4A5663",
    "What": look.NAVY,
    "Who": "2F5D62",
    "When": "5E548E",
    "Why": "8C1D18",
    "Record": "4A5663",
    "In scope": look.LINK,
    "Not in scope": "8A4F2D",
    "Limits": "6B5900",
    "Change": "1E6B47",
}
"""The colour of each group of columns."""

_NOTE = (
    "White cells are for your edits; grey ones are computed. The first sheet shows how to edit, request and approve."
)
_NOTE_FROM = 55.0
"""How far right of the sheet's title the note stands, in units of a column's width."""

_CHUNK = 30_000


@dataclass(frozen=True, slots=True)
class Computed:
    """What is computed of an entry for a date; `covered` is None without a run, `pending` whether a change waits."""

    state: str
    days_left: int | None = None
    covered: int | None = None
    pending: bool = False


def write(
    file: IO[bytes],
    ledger: RegisterEditor,
    computed: Mapping[str, Computed],
    on: date,
    readers: Readers = Readers(),  # noqa: B008 - it is frozen
) -> None:
    """Write the entries of the ledger that are for these readers into a workbook.

    `computed` is by id, for the date `on`.
    """
    title = f"Exception register on {on}"
    with WorkbookWriter(footer=title) as book:
        write_instructions(book, on, readers)
        records: list[tuple[str, ...]] = []
        for table in TABLES:
            entries = {name: ledger.entry(name, table.section) for name in _names(ledger, table, readers)}
            texts = {name: _texts(table, entry, computed.get(name)) for name, entry in entries.items()}
            _write_table(book, table, texts, on)
            records += (_record(table.section, name, fields) for name, fields in texts.items())
        _write_base(book, records, ledger.revision, on)
        book.workbook.security = WorkbookProtection(lockStructure=True)
        book.save(file, title=title, creator="orgaudit", stamp=datetime.combine(on, time(), UTC))


def _names(ledger: RegisterEditor, table: SectionSheet, readers: Readers) -> list[str]:
    """Return the ids of a section that a cell can hold; `check` reports any other as invalid."""
    names = (name for name in ledger.ids(table.section) if readers.ids is None or name in readers.ids)
    return [name for name in names if fitted(name) == name and grammar.normal(name) == name != ""]


def _texts(table: SectionSheet, entry: Mapping[str, Any], computed: Computed | None) -> dict[str, str]:
    found = {**table.texts(entry), ROW_ID: str(entry["id"])}
    if computed is not None:
        numbers = {DAYS_LEFT: computed.days_left, COVERED: computed.covered}
        found |= {key: str(number) for key, number in numbers.items() if number is not None}
        found |= {STATE: computed.state, PENDING: table.pending(entry) if computed.pending else ""}
    known = {column.key for column in table.columns}
    return {key: fitted(text) for key, text in found.items() if key in known and text}


def _record(section: str, name: str, fields: Mapping[str, str]) -> tuple[str, ...]:
    # an underscore is written as an escape of JSON, so that no program takes a part of it for an escape of its own
    text = json.dumps({key: value for key, value in fields.items() if key not in {ROW_ID, "id"}}).replace(
        "_", "\\u005f"
    )
    return (section, name, *(text[at : at + _CHUNK] for at in range(0, len(text), _CHUNK)))


def _write_base(book: WorkbookWriter, records: list[tuple[str, ...]], revision: str, on: date) -> None:
    sheet = book.sheet(BASE_SHEET, widths=())
    sheet.sheet_state = "hidden"
    sheet.protection.sheet = True
    texts = CellWriter(sheet, Look(wrap=False))
    top = ((MARK, VERSION), ("revision", f"sha256:{revision}"), ("written for", str(on)), ("digest", digest(records)))
    book.rows[BASE_SHEET].append(
        row(number, (texts.cell(f"{get_column_letter(at)}{number}", text) for at, text in enumerate(cells, 1)))
        for number, cells in enumerate((*top, ("do not change this sheet: the import merges by it",), *records), 1)
    )


def _write_table(book: WorkbookWriter, table: SectionSheet, entries: Mapping[str, Mapping[str, str]], on: date) -> None:
    sheet = book.sheet(table.sheet, widths=[column.width for column in table.columns])
    first, total = HEADER_ROW + 1, len(entries) + EMPTY_ROWS
    columns = [_column(column) for column in table.columns]
    _set_up(sheet, get_column_letter(len(columns)), HEADER_ROW + total)
    _set_up_print(sheet, get_column_letter(len(columns)), len(entries))
    for number, (column, written) in enumerate(zip(table.columns, columns, strict=True), 1):
        _set_up_column(sheet, number, column, written.look)
        # the column beside a folded group shows the group's +
        folds = any(next_one.folded for next_one in table.columns[number : number + 1])
        sheet.column_dimensions[get_column_letter(number)].collapsed = folds and not column.folded
    colour(sheet, columns, first, MOST_ROWS)
    _write_head(sheet, table, f"{table.sheet}: {len(entries)} on {on}")
    visible = [index for index, column in enumerate(table.columns) if _is_visible(column)]
    rows = (*entries.values(), *({} for _ in range(EMPTY_ROWS)))
    book.rows[table.sheet].append(
        record_rows(sheet, columns, rows, first=first, total=total, fitted=visible, most_lines=MOST_LINES)
    )


def _is_visible(column: Field) -> bool:
    return not column.folded and column.key != ROW_ID


def _column(column: Field) -> Column[Mapping[str, str]]:
    base = {grammar.DAY: look.DATE, grammar.NUMBER: look.NUMBER}.get(column.form, look.TEXT)
    style = replace(base, horizontal="left", indent=0, wrap=True, grid=look.LINE, locked=not column.editable)
    if not column.editable:
        style = replace(style, ink=look.MUTED, fill=look.COMPUTED)
    words = tuple(EntryState) if column.key == STATE else ()
    return Column(column.title, column.width, partial(_content, column), style, words)


def _content(column: Field, fields: Mapping[str, str]) -> Content:
    """Return a date or a number where the text stands for one, so that sheets sort and filter by it."""
    text = fields.get(column.key, "")
    if column.form is grammar.DAY and text:
        try:
            return grammar.day(text)
        except ValueError:
            return text
    if column.form is grammar.NUMBER and text.removeprefix("-").isdecimal():
        return int(text)
    return text


def _write_head(sheet: Worksheet, table: SectionSheet, title: str) -> None:
    for number, height in ((1, 30), (2, 16), (HEADER_ROW, 30)):
        sheet.row_dimensions[number].height = height
    top: list[Cell | None] = [None, look.TITLE.cell(sheet, title)]
    places = accumulate((column.width * _is_visible(column) for column in table.columns), initial=0.0)
    at = next(
        index
        for index, (place, column) in enumerate(zip(places, table.columns, strict=False))
        if place >= _NOTE_FROM and _is_visible(column)
    )
    sheet.append([*top, *[None] * (at - len(top)), look.NOTE.cell(sheet, _NOTE)])
    bands: list[Cell] = []
    headers: list[Cell] = []
    shown = ""
    for column in table.columns:
        style = replace(look.HEADER, fill=BANDS[column.band], indent=0)
        begins = column.band != shown and column.key != ROW_ID
        shown = column.band if begins else shown
        bands.append(replace(style, horizontal=None, wrap=False).cell(sheet, shown if begins else None))
        header = style.cell(sheet, column.title)
        header.comment = Comment(column.help, "orgaudit", height=110, width=260)
        headers.append(header)
    sheet.append(bands)
    sheet.append(headers)


def _set_up_column(sheet: Worksheet, number: int, column: Field, style: Look) -> None:
    letter = get_column_letter(number)
    # rows past the written ones are to be written in too, as text that stays text
    replace(style, line=None, grid=None, fill=None, ink=look.INK).apply(sheet.column_dimensions[letter])
    sheet.column_dimensions[letter].hidden = not _is_visible(column)
    sheet.column_dimensions[letter].outlineLevel = int(column.folded)
    limit = column.choices or {grammar.DAY: "date", grammar.NUMBER: "whole"}.get(column.form)
    if limit and column.editable:
        limit_to(sheet, f"{letter}{HEADER_ROW + 1}:{letter}{MOST_ROWS}", column.title, limit)


def _set_up(sheet: Worksheet, column: str, row: int) -> None:
    """Freeze, filter, fold and lock; without a password, because that keeps from slips and not from people."""
    sheet.freeze_panes = f"C{HEADER_ROW + 1}"
    sheet.auto_filter.ref = f"A{HEADER_ROW}:{column}{row}"
    sheet.protection.sheet = True
    for allowed in ("formatColumns", "formatRows", "autoFilter", "sort", "insertRows", "deleteRows"):
        setattr(sheet.protection, allowed, False)
    sheet.sheet_view.zoomScale = 100
    # each group stands behind the visible column that it belongs to, so its + is above that column
    sheet.sheet_properties.outlinePr = Outline(summaryRight=False)
    sheet.sheet_format.outlineLevelCol = 1


def _set_up_print(sheet: Worksheet, column: str, entries: int) -> None:
    """Print what is visible one page wide and at most a page for ten entries; the empty rows are not printed."""
    sheet.page_setup.fitToHeight = max(1, -(-entries // ENTRIES_ON_A_PAGE))
    sheet.page_margins.left = sheet.page_margins.right = sheet.page_margins.top = 0.3
    sheet.print_title_rows = f"2:{HEADER_ROW}"
    sheet.print_area = f"A1:{column}{HEADER_ROW + max(entries, 1)}"
