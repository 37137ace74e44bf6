"""Reads an edited workbook: each row's texts with their cells, and what the register held when it was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from pathlib import Path

import msgspec

from orgaudit.errors import ConfigError
from orgaudit.register.workbook import grammar
from orgaudit.register.workbook.columns import BASE_SHEET, HEADER_ROW, ROW_ID, TABLES, Field, SectionSheet
from orgaudit.settings.documents import Problem, error_of
from orgaudit.spreadsheet import cells
from orgaudit.spreadsheet.cells import CellValue, ErrorCell, FormulaCell, SheetCells, place

MARK = "orgaudit register workbook"
VERSION = "2"
BASE_ROW = 6
"""The hidden sheet's first row of an entry; above it stand the mark and what the workbook was written from."""

_ANEW = "export the register anew, and edit that workbook"


class EditedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row: the id it belongs to (None: a new entry), its texts by column key, and the cell of each key."""

    sheet: str
    id: str | None
    texts: dict[str, str]
    cells: dict[str, str]

    def place(self, key: str) -> str:
        """Return where a column's cell is: Exceptions!H12."""
        return f"{self.sheet}!{self.cells[key]}"


class EditedWorkbook(msgspec.Struct, frozen=True, kw_only=True):
    """A workbook as read: `base` is texts by section, id and column key; `revision` is the register's of then."""

    file: str
    revision: str
    base: dict[str, dict[str, dict[str, str]]]
    lines: dict[str, list[EditedRow]]


def read(path: Path) -> EditedWorkbook:
    """Return a workbook; raises ConfigError where it is hostile, was not exported, or a cell holds an invalid value."""
    sheets = cells.read_sheets(path)
    for name in (BASE_SHEET, *(table.sheet for table in TABLES)):
        if name not in sheets:
            hidden = "hidden " if name == BASE_SHEET else ""
            raise ConfigError(
                f"has no {hidden}sheet {name!r}, so it is not a register's workbook; {_ANEW}", file=str(path)
            )
    revision, base = _base(sheets[BASE_SHEET], str(path))
    problems: list[Problem] = []
    lines = {table.section: list(_lines(table, sheets[table.sheet], str(path), problems)) for table in TABLES}
    for table in TABLES:
        problems += _misplaced(lines[table.section], base.get(table.section, {}), str(path))
    if problems:
        raise error_of(problems)
    return EditedWorkbook(file=str(path), revision=revision, base=base, lines=lines)


def digest(rows: list[tuple[str, ...]]) -> str:
    """Return the SHA-256 of the hidden sheet's entries, which shows whether they were changed."""
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _base(rows: SheetCells, file: str) -> tuple[str, dict[str, dict[str, dict[str, str]]]]:
    top = [[str(value) for _, value in sorted(rows.get(row, {}).items())] for row in range(1, BASE_ROW)]
    mark, revision, _, stamp = (line[-1] if line else "" for line in top[:4])
    if top[0][:1] != [MARK]:
        raise ConfigError(f"its hidden sheet {BASE_SHEET!r} is not what orgaudit wrote; {_ANEW}", file=file)
    if mark != VERSION:
        raise ConfigError(f"was written by another version of orgaudit (format {mark}); {_ANEW}", file=file)
    records = [
        tuple(str(value) for _, value in sorted(found.items()))
        for row, found in sorted(rows.items())
        if row >= BASE_ROW
    ]
    if digest(list(records)) != stamp:
        raise ConfigError(f"its hidden sheet {BASE_SHEET!r} was changed; {_ANEW}", file=file)
    base: dict[str, dict[str, dict[str, str]]] = {}
    try:
        for section, name, *chunks in records:
            base.setdefault(section, {})[name] = msgspec.json.decode("".join(chunks), type=dict[str, str])
    except (ValueError, msgspec.MsgspecError) as error:
        raise ConfigError(f"its hidden sheet {BASE_SHEET!r} cannot be read; {_ANEW}", file=file) from error
    return revision.removeprefix("sha256:"), base


def _lines(table: SectionSheet, rows: SheetCells, file: str, problems: list[Problem]) -> Iterator[EditedRow]:
    columns = _columns_by_place(table, rows.get(HEADER_ROW, {}), file)
    for row in sorted(row for row in rows if row > HEADER_ROW):
        texts: dict[str, str] = {}
        for number, value in rows[row].items():
            where = f"{table.sheet}!{place(number, row)}"
            column = columns.get(number)
            try:
                text = grammar.normal(_text(value, in_column=column is not None))
            except ValueError as error:
                message, _, remedy = str(error).partition("; ")
                problems.append(Problem(file=file, key=where, message=message, remedy=remedy))
                continue
            if text and column is not None:
                texts[column.key] = text
        if texts:
            places = {column.key: place(number, row) for number, column in columns.items()}
            hidden, shown = texts.pop(ROW_ID, None), texts.pop("id", None)
            if hidden is not None and hidden != shown:
                message = f"the id of this row is {hidden} and not {shown or 'empty'}"
                remedy = f"write {hidden} back; a new entry begins in an empty row"
                where = f"{table.sheet}!{places['id']}"
                problems.append(Problem(file=file, key=where, message=message, remedy=remedy))
                continue
            yield EditedRow(sheet=table.sheet, id=shown, texts=texts, cells=places)


def _columns_by_place(table: SectionSheet, headers: Mapping[int, CellValue], file: str) -> dict[int, Field]:
    by_title = {column.title: column for column in table.columns}
    found: dict[int, Field] = {}
    for number, title in headers.items():
        where = f"{table.sheet}!{place(number, HEADER_ROW)}"
        column = by_title.pop(str(title), None)
        if column is None:
            raise ConfigError(
                f"{title!s:.60} is not a column of a register, or occurs twice; {_ANEW}", file=file, key=where
            )
        found[number] = column
    if by_title:
        row = f"{table.sheet}!{HEADER_ROW}:{HEADER_ROW}"
        raise ConfigError(f"the columns {', '.join(by_title)} are missing; {_ANEW}", file=file, key=row)
    return found


def _text(value: CellValue, *, in_column: bool) -> str:
    """Return a cell's text; raises ValueError for an invalid value, or one outside the columns."""
    if not in_column and not (isinstance(value, str) and not value.strip()):
        raise ValueError("stands in a column without a title; move it into the column that it is for")
    if isinstance(value, FormulaCell):
        raise ValueError("holds a formula, and only values are read; write the value itself")  # noqa: TRY004 - for people
    if isinstance(value, ErrorCell):
        raise ValueError(f"shows the error {value.text}; write the value itself")  # noqa: TRY004
    if isinstance(value, datetime):
        if value != datetime.combine(value, datetime.min.time()):
            raise ValueError(f"{value:%Y-%m-%d %H:%M} has a time; write the day alone")
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else str(value)


def _misplaced(lines: list[EditedRow], base: Mapping[str, object], file: str) -> Iterator[Problem]:
    """Yield a problem for each row whose id the workbook was not written with, or that is there twice."""
    first: dict[str, EditedRow] = {}
    for line in lines:
        if line.id is None:
            continue
        if line.id not in base:
            message, remedy = f"{line.id} is not an id of this export", "clear it for a new entry, or export anew"
        elif line.id in first:
            message = f"{line.id} stands in {first[line.id].place('id')} already"
            remedy = "delete one of the two rows; a new entry begins in an empty row"
        else:
            first[line.id] = line
            continue
        yield Problem(file=file, key=line.place("id"), message=message, remedy=remedy)
