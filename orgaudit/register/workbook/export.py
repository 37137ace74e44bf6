"""Writes the register as a workbook for owners, with hidden what an import needs to merge their edits back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from typing import IO, Any

import msgspec
from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.comments import Comment
from openpyxl.styles import NamedStyle
from openpyxl.utils import get_column_letter
from openpyxl.workbook.protection import WorkbookProtection
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.register.edit import Ledger
from orgaudit.register.workbook import grammar, look
from orgaudit.register.workbook.columns import (
    BASE_SHEET,
    COVERED,
    DAYS_LEFT,
    HEADER_ROW,
    ROW_ID,
    STATE,
    TABLES,
    Column,
    Table,
)
from orgaudit.register.workbook.read import MARK, VERSION, digest
from orgaudit.spreadsheet.cells import MOST_ROWS
from orgaudit.spreadsheet.text import fitted, looks_like_formula, stored

EMPTY_ROWS = 40
_NOTE = (
    "White cells are yours; grey ones are computed. A new entry goes into an empty row, without an ID. "
    "A row that you delete here stays in the register."
)
_CHUNK = 30_000
_LINE, _MOST_LINES = 12.5, 8


class Computed(msgspec.Struct, frozen=True):
    """What is computed of an entry for a date; `covered` is None without a run."""

    state: str
    days_left: int | None = None
    covered: int | None = None


def write(file: IO[bytes], ledger: Ledger, computed: Mapping[str, Computed], on: date) -> None:
    """Write every entry of the ledger into a workbook; `computed` is by id, for the date `on`."""
    workbook = Workbook()
    workbook.remove(workbook.worksheets[0])
    _add_styles(workbook)
    records: list[tuple[str, ...]] = []
    for table in TABLES:
        entries = {name: ledger.entry(name, table.section) for name in _names(ledger, table)}
        texts = {name: _texts(table, entry, computed.get(name)) for name, entry in entries.items()}
        _write_table(workbook.create_sheet(table.sheet), table, texts, on)
        records += (_record(table.section, name, fields) for name, fields in texts.items())
    _write_base(workbook.create_sheet(BASE_SHEET), records, ledger.revision, on)
    workbook.security = WorkbookProtection(lockStructure=True)
    workbook.properties.creator = "orgaudit"
    workbook.properties.title = f"Exception register on {on}"
    workbook.save(file)


def _names(ledger: Ledger, table: Table) -> list[str]:
    """Return the ids of a section that a cell can hold; another one is no id, and `check` says so."""
    return [name for name in ledger.ids(table.section) if fitted(name) == name and grammar.normal(name) == name != ""]


def _texts(table: Table, entry: Mapping[str, Any], computed: Computed | None) -> dict[str, str]:
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


def _write_base(sheet: Worksheet, records: list[tuple[str, ...]], revision: str, on: date) -> None:
    top = ((MARK, VERSION), ("revision", f"sha256:{revision}"), ("written for", str(on)), ("digest", digest(records)))
    for row in (*top, ("do not change this sheet: the import merges by it",), *records):
        sheet.append([stored(text) for text in row])
        for cell in sheet[sheet.max_row]:
            cell.data_type = "s"  # a piece may begin as a formula does
    sheet.sheet_state = "hidden"
    sheet.protection.sheet = True


def _write_table(sheet: Worksheet, table: Table, entries: Mapping[str, Mapping[str, str]], on: date) -> None:
    last = HEADER_ROW + len(entries) + EMPTY_ROWS
    _write_head(sheet, table, on, len(entries))
    for row, fields in enumerate(entries.values(), HEADER_ROW + 1):
        _write_row(sheet, row, table, fields)
        sheet.row_dimensions[row].height = _height(table, fields)
    for row in range(HEADER_ROW + len(entries) + 1, last + 1):
        _write_row(sheet, row, table, {})
    for number, column in enumerate(table.columns, 1):
        _set_up_column(sheet, number, column)
    sheet.freeze_panes = f"C{HEADER_ROW + 1}"
    sheet.auto_filter.ref = f"A{HEADER_ROW}:{get_column_letter(len(table.columns))}{last}"
    _protect(sheet)
    _set_up_page(sheet)


def _write_head(sheet: Worksheet, table: Table, on: date, count: int) -> None:
    sheet.cell(1, 2, f"{table.sheet}: {count} on {on}").font = look.TITLE
    sheet.cell(1, 7, _NOTE).font = look.QUIET
    for number in (2, 7):
        sheet.cell(1, number).alignment = look.MIDDLE
    for row, height in ((1, 30), (2, 16), (HEADER_ROW, 30)):
        sheet.row_dimensions[row].height = height
    shown = ""
    for number, column in enumerate(table.columns, 1):
        band, header = sheet.cell(2, number), sheet.cell(HEADER_ROW, number, column.title)
        if column.band != shown and column.key != ROW_ID:
            shown = column.band
            sheet.cell(2, number, shown)
        for each in (band, header):
            each.font, each.fill = look.HEADER, look.fill(look.BANDS[column.band])
            each.alignment = look.CENTRED
        band.alignment = look.MIDDLE
        header.comment = Comment(column.help, "orgaudit", height=110, width=260)


def _write_row(sheet: Worksheet, row: int, table: Table, fields: Mapping[str, str]) -> None:
    for number, column in enumerate(table.columns, 1):
        _write_cell(sheet.cell(row, number), column, fields.get(column.key, ""))


def _write_cell(cell: Cell | Any, column: Column, text: str) -> None:  # noqa: ANN401 - the stub names merged cells too
    """Give a cell its value and look; a text stays one even where it begins as a formula does."""
    cell.style = _style_name(column)
    if text:
        value = _value(column, text)
        cell.value = value
        if isinstance(value, str):
            cell.data_type = "s"
            if looks_like_formula(value):
                cell.quotePrefix = True


def _style_name(column: Column) -> str:
    kind = {grammar.DAY: "date", grammar.NUMBER: "number"}.get(column.form, "text")
    return f"Register {kind}" if column.editable else f"Register {kind}, computed"


def _add_styles(workbook: Workbook) -> None:
    """Add the style of each kind of cell; by name they are set much faster than part by part."""
    columns = {_style_name(column): column for table in TABLES for column in table.columns}
    for name, column in columns.items():
        style = NamedStyle(name, number_format=_number_format(column))
        style.font = look.CELL if column.editable else look.QUIET
        style.alignment, style.border = look.WRAPPED, look.UNDERLINED
        style.protection = look.UNLOCKED if column.editable else look.LOCKED
        if not column.editable:
            style.fill = look.COMPUTED
        workbook.add_named_style(style)


def _value(column: Column, text: str) -> str | int | date:
    """Return a date or a number where the text stands for one, so that sheets sort and filter by it."""
    if column.form is grammar.DAY:
        try:
            return grammar.day(text)
        except ValueError:
            return stored(text)
    if column.form is grammar.NUMBER and text.removeprefix("-").isdecimal():
        return int(text)
    return stored(text)


def _number_format(column: Column) -> str:
    return {grammar.DAY: "yyyy-mm-dd", grammar.NUMBER: "0"}.get(column.form, "@")


def _height(table: Table, fields: Mapping[str, str]) -> float:
    """Return a row's height for its longest text, up to a limit, because no program finds it for wrapped text."""
    lines = max(
        sum(1 + len(line) // max(1, int(column.width * 1.1)) for line in fields.get(column.key, "").split("\n"))
        for column in table.columns
        if column.key != "history"
    )
    return _LINE * min(lines, _MOST_LINES) + 4


def _set_up_column(sheet: Worksheet, number: int, column: Column) -> None:
    letter = get_column_letter(number)
    dimension = sheet.column_dimensions[letter]
    dimension.width = column.width
    # rows past the styled ones are to be written in too, as text that stays text
    dimension.protection = look.UNLOCKED if column.editable else look.LOCKED
    dimension.number_format, dimension.alignment, dimension.font = _number_format(column), look.WRAPPED, look.CELL
    dimension.hidden = column.key == ROW_ID
    cells = f"{letter}{HEADER_ROW + 1}:{letter}{MOST_ROWS}"
    for validation in _validations(column):
        validation.add(cells)
        sheet.add_data_validation(validation)
    if column.key == STATE:
        for rule in look.state_rules():
            sheet.conditional_formatting.add(cells, rule)


def _validations(column: Column) -> Iterator[DataValidation]:
    said: dict[str, Any] = {"allow_blank": True, "errorTitle": column.title, "showErrorMessage": True}
    if column.choices:
        listed = ", ".join(column.choices)
        yield DataValidation(
            "list", formula1=f'"{",".join(column.choices)}"', error=f"Choose one of: {listed}"[:255], **said
        )
    elif column.form is grammar.DAY and column.editable:
        yield DataValidation(
            "date", operator="greaterThan", formula1="36526", error="A date, such as 2025-03-31.", **said
        )
    elif column.form is grammar.NUMBER and column.editable:
        yield DataValidation(
            "whole", operator="greaterThan", formula1="0", error="A whole number of 1 or more.", **said
        )


def _protect(sheet: Worksheet) -> None:
    """Lock what is computed; without a password, because it keeps from slips and not from people."""
    sheet.protection.sheet = True
    for allowed in ("formatColumns", "formatRows", "autoFilter", "sort", "insertRows", "deleteRows"):
        setattr(sheet.protection, allowed, False)


def _set_up_page(sheet: Worksheet) -> None:
    sheet.sheet_view.showGridLines = False
    sheet.sheet_view.zoomScale = 100
    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 8
    sheet.page_setup.scale = 75
    sheet.page_setup.pageOrder = "overThenDown"
    sheet.print_title_rows, sheet.print_title_cols = f"2:{HEADER_ROW}", "A:B"
