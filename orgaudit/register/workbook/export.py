"""Writes the register as a workbook for owners, with hidden what an import needs to merge their edits back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from functools import partial
from typing import IO, Any

from openpyxl.cell import Cell
from openpyxl.comments import Comment
from openpyxl.utils import get_column_letter
from openpyxl.workbook.protection import WorkbookProtection
from openpyxl.worksheet.properties import PageSetupProperties
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.model import EntryState
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.workbook import grammar
from orgaudit.register.workbook.columns import (
    BASE_SHEET,
    COVERED,
    DAYS_LEFT,
    HEADER_ROW,
    ROW_ID,
    STATE,
    TABLES,
    Field,
    SectionSheet,
)
from orgaudit.register.workbook.read import MARK, VERSION, digest
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.cells import MOST_ROWS
from orgaudit.spreadsheet.look import Look
from orgaudit.spreadsheet.rows import CellWriter, Column, Content, record_rows, row
from orgaudit.spreadsheet.text import fitted
from orgaudit.spreadsheet.workbook import A3, WorkbookWriter, colour, limit_to

EMPTY_ROWS = 40
MOST_LINES = 8
BANDS = {
    "Register": "4A5663",
    "What": look.NAVY,
    "Who": "2F5D62",
    "When": "5E548E",
    "In scope": look.LINK,
    "Not in scope": "8A4F2D",
    "Limits": "6B5900",
    "Risk": "8C1D18",
    "Record": "4A5663",
    "Your request": "1E6B47",
}
"""The colour of each group of columns."""

_NOTE = (
    "White cells are for your edits; grey ones are computed. Write a new entry into an empty row, without an ID. "
    "A row that you delete here stays in the register."
)
_CHUNK = 30_000


@dataclass(frozen=True, slots=True)
class Computed:
    """What is computed of an entry for a date; `covered` is None without a run."""

    state: str
    days_left: int | None = None
    covered: int | None = None


def write(file: IO[bytes], ledger: RegisterEditor, computed: Mapping[str, Computed], on: date) -> None:
    """Write every entry of the ledger into a workbook; `computed` is by id, for the date `on`."""
    title = f"Exception register on {on}"
    with WorkbookWriter(footer=title) as book:
        records: list[tuple[str, ...]] = []
        for table in TABLES:
            entries = {name: ledger.entry(name, table.section) for name in _names(ledger, table)}
            texts = {name: _texts(table, entry, computed.get(name)) for name, entry in entries.items()}
            _write_table(book, table, texts, on)
            records += (_record(table.section, name, fields) for name, fields in texts.items())
        _write_base(book, records, ledger.revision, on)
        book.workbook.security = WorkbookProtection(lockStructure=True)
        book.save(file, title=title, creator="orgaudit", stamp=datetime.combine(on, time(), UTC))


def _names(ledger: RegisterEditor, table: SectionSheet) -> list[str]:
    """Return the ids of a section that a cell can hold; `check` reports any other as invalid."""
    return [name for name in ledger.ids(table.section) if fitted(name) == name and grammar.normal(name) == name != ""]


def _texts(table: SectionSheet, entry: Mapping[str, Any], computed: Computed | None) -> dict[str, str]:
    found = {**table.texts(entry), ROW_ID: str(entry["id"])}
    if computed is not None:
        numbers = {DAYS_LEFT: computed.days_left, COVERED: computed.covered}
        found |= {STATE: computed.state, **{key: str(number) for key, number in numbers.items() if number is not None}}
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
    _set_up(sheet, f"{get_column_letter(len(columns))}{HEADER_ROW + total}")
    for number, (column, written) in enumerate(zip(table.columns, columns, strict=True), 1):
        _set_up_column(sheet, number, column, written.look)
    colour(sheet, columns, first, MOST_ROWS)
    _write_head(sheet, table, f"{table.sheet}: {len(entries)} on {on}")
    # past the history there is nothing yet, and it is too long to fit
    fitting = [column.key for column in table.columns].index("history")
    rows = (*entries.values(), *({} for _ in range(EMPTY_ROWS)))
    book.rows[table.sheet].append(
        record_rows(sheet, columns, rows, first=first, total=total, fitted=fitting, most_lines=MOST_LINES)
    )


def _column(column: Field) -> Column[Mapping[str, str]]:
    base = {grammar.DAY: look.DATE, grammar.NUMBER: look.NUMBER}.get(column.form, look.TEXT)
    style = replace(base, horizontal="left", wrap=True, grid=look.LINE, locked=not column.editable)
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
    sheet.append([None, look.TITLE.cell(sheet, title), *[None] * 4, look.NOTE.cell(sheet, _NOTE)])
    bands: list[Cell] = []
    headers: list[Cell] = []
    shown = ""
    for column in table.columns:
        style = replace(look.HEADER, fill=BANDS[column.band])
        begins = column.band != shown and column.key != ROW_ID
        shown = column.band if begins else shown
        bands.append(replace(style, horizontal=None, indent=0, wrap=False).cell(sheet, shown if begins else None))
        header = style.cell(sheet, column.title)
        header.comment = Comment(column.help, "orgaudit", height=110, width=260)
        headers.append(header)
    sheet.append(bands)
    sheet.append(headers)


def _set_up_column(sheet: Worksheet, number: int, column: Field, style: Look) -> None:
    letter = get_column_letter(number)
    # rows past the written ones are to be written in too, as text that stays text
    replace(style, line=None, grid=None, fill=None, ink=look.INK).apply(sheet.column_dimensions[letter])
    sheet.column_dimensions[letter].hidden = column.key == ROW_ID
    limit = column.choices or {grammar.DAY: "date", grammar.NUMBER: "whole"}.get(column.form)
    if limit and column.editable:
        limit_to(sheet, f"{letter}{HEADER_ROW + 1}:{letter}{MOST_ROWS}", column.title, limit)


def _set_up(sheet: Worksheet, last: str) -> None:
    """Freeze, filter, lock and set for print; without a password, because that keeps from slips and not from people."""
    sheet.freeze_panes = f"C{HEADER_ROW + 1}"
    sheet.auto_filter.ref = f"A{HEADER_ROW}:{last}"
    sheet.protection.sheet = True
    for allowed in ("formatColumns", "formatRows", "autoFilter", "sort", "insertRows", "deleteRows"):
        setattr(sheet.protection, allowed, False)
    sheet.sheet_view.zoomScale = 100
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=False)
    sheet.page_setup.paperSize = A3
    sheet.page_setup.scale = 75
    sheet.page_setup.pageOrder = "overThenDown"
    sheet.print_title_rows, sheet.print_title_cols = f"2:{HEADER_ROW}", "A:B"
