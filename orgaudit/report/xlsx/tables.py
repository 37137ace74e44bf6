"""The sheets that are tables: declared over the view, and laid out before the first is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from orgaudit.report.view import View
from orgaudit.spreadsheet.links import LONGEST_TEXT, Goal
from orgaudit.spreadsheet.rows import Column, Formula, Result
from orgaudit.spreadsheet.workbook import WHOLE, PrintedPage, SheetPart, WorkbookWriter

R = TypeVar("R")

NOTHING = "\u2013"
"""What stands for what was not assessed, or cannot be compared or computed."""


@dataclass(frozen=True, slots=True)
class Below(Generic[R]):
    """A second table below the one of a sheet; an optional one is written where it has records.

    `total` is for records that are a stream.
    """

    name: str
    title: str
    columns: tuple[Column[R], ...]
    records: Callable[[View], Iterable[R]]
    optional: bool = True
    total: Callable[[View], int] | None = None

    def count(self, view: View) -> int:
        """Return how many records the table has."""
        return _count(self, view)


@dataclass(frozen=True, slots=True)
class TableSheet(Generic[R]):
    """A table with a sheet of its own; an optional one is written where it has records.

    The columns may depend on the view. In the note `{as_of}` is the report's date and `{below}` the place of the table
    below. `total` is for records that are a stream. `groups` are the records to which other cells lead, counted from 0,
    by the key of a goal. The table has the name of the sheet, or one of its own.
    """

    title: str
    index: str
    columns: tuple[Column[R], ...] | Callable[[View], tuple[Column[R], ...]]
    records: Callable[[View], Iterable[R]]
    note: str | Callable[[View], str]
    key_columns: int = 1
    page: PrintedPage = WHOLE
    total: Callable[[View], int] | None = None
    optional: bool = False
    below: Below[Any] | None = None
    groups: Callable[[View], Mapping[str, int]] | None = None
    table: str = ""
    header_height: float | None = None

    @property
    def name(self) -> str:
        """The table's name."""
        return self.table or self.title

    def count(self, view: View) -> int:
        """Return how many records the table has."""
        return _count(self, view)

    def columns_of(self, view: View) -> tuple[Column[R], ...]:
        """Return the columns for this view."""
        return self.columns if isinstance(self.columns, tuple) else self.columns(view)

    def note_of(self, view: View, below: str) -> str:
        """Return the note, with how much is printed where that is not all, and that a part has nothing to list."""
        note = self.note if isinstance(self.note, str) else self.note(view)
        rows, total = self.page.rows, self.count(view)
        printed = f" The first {rows:,} of {total:,} rows are printed." if rows and rows < total else ""
        empty = "" if total or not view.part else " Nothing is listed: this part has none."
        # A note may hold what people wrote, braces too.
        return note.replace("{as_of}", str(view.as_of)).replace("{below}", below) + printed + empty


def _count(table: Below[Any] | TableSheet[Any], view: View) -> int:
    return table.total(view) if table.total else sum(1 for _ in table.records(view))


def by_key(keys: Iterable[str]) -> dict[str, int]:
    """Return the place of the first record with each key."""
    places: dict[str, int] = {}
    for place, key in enumerate(keys):
        places.setdefault(key, place)
    return places


_CALL = re.compile(r"\w+\([^()]*?(?P<table>\w+)\[[^()]*\)")


def _name(call: re.Match[str]) -> str:
    return call["table"].replace("_", " ")


def _literal(result: Result) -> str:
    """Return a figure or a text as a formula, which may hold texts of a limited length only."""
    if not isinstance(result, str):
        return repr(result)
    pieces = [result[start : start + LONGEST_TEXT] for start in range(0, max(len(result), 1), LONGEST_TEXT)]
    return "&".join('"' + piece.replace('"', '""') + '"' for piece in pieces)


class Tables:
    """The tables of one workbook, each with its place."""

    def __init__(self, book: WorkbookWriter, view: View, sheets: Iterable[TableSheet[Any]]) -> None:
        self._book, self._view = book, view
        self._parts: dict[str, list[SheetPart]] = {}
        self._sheets: list[TableSheet[Any]] = []
        self._groups: dict[str, Mapping[str, int]] = {}
        self._known: set[str] = set()
        for sheet in sheets:
            count, below = sheet.count(view), sheet.below
            self._known |= {sheet.name, *([below.name] if below else [])}
            if count or not sheet.optional:
                self._sheets.append(sheet)
                self._parts[sheet.name] = book.parts(sheet.title, count, sheet.table)
            if below and ((more := below.count(view)) or not below.optional):
                self._parts[below.name] = book.below(sheet.title, count, below.name, more)
        book.find = self.find

    def formula(self, text: str, result: Result | None) -> Formula:
        """Return a formula over whole tables, with its result; None stands for one that cannot be computed.

        Each function of a table is taken of every part of it and added up; it is 0 where the table has no records and
        is not written. A workbook that is without one of the tables has the result itself.
        """
        shown = "n/a" if result is None else result
        if any(_name(call) not in self._known for call in _CALL.finditer(text)):
            return Formula(_literal(shown), shown)
        return Formula(_CALL.sub(self._over, text), shown)

    def _over(self, call: re.Match[str]) -> str:
        parts = self._parts.get(_name(call), [])
        calls = [call[0].replace(f"{call['table']}[", f"{part.table}[") for part in parts]
        return f"({'+'.join(calls)})" if len(calls) > 1 else "".join(calls) or "0"

    def first(self, *titles: str) -> str:
        """Return the first of these titles of which the workbook has a sheet, else the last of them."""
        return next((title for title in titles if title in self._parts), titles[-1])

    def named(self, *titles: str) -> str:
        """Return which of these sheets to look in; for those that the workbook does not have, the whole report."""
        there = [title for title in titles if title in self._parts]
        return ", ".join([*there, *(["in the whole report"] if len(there) < len(titles) else [])])

    def find(self, goal: Goal) -> tuple[str, int] | None:
        """Return the sheet and the row of a record, or None where the workbook does not have it."""
        place = self._groups_of(goal.table).get(goal.key)
        if place is None:
            return None
        for part in self._parts[goal.table]:
            if place < part.records:
                return part.sheet, part.row + 1 + place
            place -= part.records
        return None

    def _groups_of(self, table: str) -> Mapping[str, int]:
        if table not in self._groups:
            found = next((sheet for sheet in self._sheets if sheet.name == table), None)
            self._groups[table] = found.groups(self._view) if found and found.groups else {}
        return self._groups[table]

    def index(self) -> list[tuple[str, int, str]]:
        """Return every sheet with how many records it has and what they are."""
        entries = []
        for sheet in self._sheets:
            below = self._parts.get(sheet.below.name, []) if sheet.below else []
            first, *more = self._parts[sheet.name]
            entries.append((first.sheet, first.records, sheet.index))
            continued = {part.sheet: part.records for part in (*more, *below) if part.sheet != first.sheet}
            entries += [(title, records, f"{sheet.title}, continued") for title, records in continued.items()]
        return entries

    def write(self) -> None:
        """Write every table."""
        for sheet in self._sheets:
            self._write(sheet)

    def _write(self, sheet: TableSheet[Any]) -> None:
        below, parts, columns = sheet.below, self._parts[sheet.name], sheet.columns_of(self._view)
        lower: Sequence[SheetPart] = self._parts.get(below.name, ()) if below else ()
        written = self._book.table(
            columns,
            sheet.records(self._view),
            parts=parts,
            note=sheet.note_of(self._view, f"row {lower[0].row} of {lower[0].sheet}" if lower else ""),
            key_columns=sheet.key_columns,
            page=sheet.page,
            header_height=sheet.header_height,
            below=below.columns if below and lower else (),
        )
        if below and lower:
            records = below.records(self._view)
            self._book.table_below(written, lower, below.title, below.columns, records, page=sheet.page)
            if lower[0].sheet == parts[-1].sheet:
                sheet.page.print_below(written, columns, below.columns, lower[0])
