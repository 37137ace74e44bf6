"""Reads an edited workbook: each row's texts with their cells, and what the register held when it was written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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
VERSION = "1"
BASE_ROW = 6
"""The hidden sheet's first row of an entry; above it stand the mark and what the workbook was written from."""

_ANEW = "export the register anew, and edit that workbook"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedRow:
    """One row: the id it belongs to (None: a new entry), its texts by column key, and the cell of each key."""

    sheet: str
    id: str | None
    texts: dict[str, str]
    cells: dict[str, str]

    def place(self, key: str) -> str:
        """Return where a column's cell is: Exceptions!H12."""
        return f"{self.sheet}!{self.cells[key]}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EditedWorkbook:
    """A workbook as read: `base` is texts by section, id and column key; `revision` is the register's of then."""

    file: str
    revision: str
    base: dict[str, dict[str, dict[str, str]]]
    rows: dict[str, list[EditedRow]]


def read(path: Path) -> EditedWorkbook:
    """Return a workbook; raises ConfigError where it is hostile, not an export, or a cell holds more than a value."""
    sheets, file = cells.read_sheets(path), str(path)
    for name in (BASE_SHEET, *(table.sheet for table in TABLES)):
        if name not in sheets:
            hidden = "hidden " if name == BASE_SHEET else ""
            raise ConfigError(f"has no {hidden}sheet {name!r}, so it is not a register workbook; {_ANEW}", file=file)
    revision, base = _base(sheets[BASE_SHEET], file)
    problems: list[Problem] = []
    rows = {table.section: list(_rows(table, sheets[table.sheet], file, problems)) for table in TABLES}
    for table in TABLES:
        problems += _misplaced(rows[table.section], base.get(table.section, {}), file)
    if problems:
        raise error_of(problems)
    return EditedWorkbook(file=file, revision=revision, base=base, rows=rows)


def digest(rows: list[tuple[str, ...]]) -> str:
    """Return the SHA-256 of the hidden sheet's entries, by which an import sees whether it was changed."""
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _base(rows: SheetCells, file: str) -> tuple[str, dict[str, dict[str, dict[str, str]]]]:
    top = [[str(value) for _, value in sorted(rows.get(row, {}).items())] for row in range(1, BASE_ROW)]
    mark, revision, _, stamp = (line[-1] if line else "" for line in top[:4])
    if top[0][:1] != [MARK]:
        raise ConfigError(f"its hidden sheet {BASE_SHEET!r} is not what orgaudit wrote; {_ANEW}", file=file)
    if mark != VERSION:
        raise ConfigError(f"was written by another version of orgaudit (format {mark}); {_ANEW}", file=file)
    texts = (map(str, dict(sorted(found.items())).values()) for row, found in sorted(rows.items()) if row >= BASE_ROW)
    records = [tuple(found) for found in texts]
    if digest(records) != stamp:
        raise ConfigError(f"its hidden sheet {BASE_SHEET!r} was changed; {_ANEW}", file=file)
    base: dict[str, dict[str, dict[str, str]]] = {}
    try:
        for section, name, *chunks in records:
            base.setdefault(section, {})[name] = msgspec.json.decode("".join(chunks), type=dict[str, str])
    except (ValueError, msgspec.MsgspecError) as error:
        raise ConfigError(f"its hidden sheet {BASE_SHEET!r} cannot be read; {_ANEW}", file=file) from error
    return revision.removeprefix("sha256:"), base


def _rows(table: SectionSheet, found: SheetCells, file: str, problems: list[Problem]) -> Iterator[EditedRow]:
    columns = _columns_by_place(table, found.get(HEADER_ROW, {}), file)

    def problem(number: int, row: int, message: str) -> None:
        problems.append(Problem(file=file, key=f"{table.sheet}!{place(number, row)}", message=message))

    for row in sorted(row for row in found if row > HEADER_ROW):
        texts: dict[str, str] = {}
        for number, value in found[row].items():
            column = columns.get(number)
            try:
                text = grammar.normal(_text(value, in_column=column is not None))
            except ValueError as error:
                problem(number, row, str(error))
                continue
            if text and column is not None:
                texts[column.key] = text
        if texts:
            numbers = {column.key: number for number, column in columns.items()}
            hidden, shown = texts.pop(ROW_ID, None), texts.pop("id", None)
            if hidden is None or hidden == shown:
                places = {key: place(number, row) for key, number in numbers.items()}
                yield EditedRow(sheet=table.sheet, id=shown, texts=texts, cells=places)
                continue
            message = f"the id of this row is {hidden} and not {shown or 'empty'}; write {hidden} back"
            problem(numbers["id"], row, f"{message}; a new entry begins in an empty row")


def _columns_by_place(table: SectionSheet, headers: Mapping[int, CellValue], file: str) -> dict[int, Field]:
    by_title = {column.title: column for column in table.columns}
    found: dict[int, Field] = {}
    for number, title in headers.items():
        where = f"{table.sheet}!{place(number, HEADER_ROW)}"
        column = by_title.pop(str(title), None)
        if column is None:
            message = f"{title!s:.60} is not a column of a register, or is there twice; {_ANEW}"
            raise ConfigError(message, file=file, key=where)
        found[number] = column
    if by_title:
        row = f"{table.sheet}!{HEADER_ROW}:{HEADER_ROW}"
        raise ConfigError(f"the columns {', '.join(by_title)} are missing; {_ANEW}", file=file, key=row)
    return found


def _text(value: CellValue, *, in_column: bool) -> str:
    """Return a cell's text; raises ValueError for anything but a value in a column."""
    if not in_column and not (isinstance(value, str) and not value.strip()):
        raise ValueError("stands in a column without a title; move it into the column that it is for")
    if isinstance(value, FormulaCell):
        raise ValueError("holds a formula, and only values are read; write the value itself")  # noqa: TRY004 - for people
    if isinstance(value, ErrorCell):
        raise ValueError(f"shows the error {value.text}; write the value itself")  # noqa: TRY004
    if isinstance(value, datetime):
        raise ValueError(f"{value:%Y-%m-%d %H:%M} has a time; write the day alone")  # noqa: TRY004
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else str(value)


def _misplaced(rows: list[EditedRow], base: Mapping[str, object], file: str) -> Iterator[Problem]:
    """Yield a problem for each row whose id the workbook was not written with, or that is there twice."""
    first: dict[str, EditedRow] = {}
    for row in rows:
        if row.id is None or (row.id in base and first.setdefault(row.id, row) is row):
            continue
        message = f"{row.id} is not an id of this export; clear it for a new entry, or export anew"
        if row.id in base:
            message = f"{row.id} stands in {first[row.id].place('id')} already; delete one of the two rows"
        yield Problem(file=file, key=row.place("id"), message=message)
