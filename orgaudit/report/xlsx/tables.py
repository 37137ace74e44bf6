"""The sheets that are tables: declared over the view, and laid out before the first is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from orgaudit.report.view import View
from orgaudit.spreadsheet.rows import Column, Formula, Result
from orgaudit.spreadsheet.workbook import SheetPart, WorkbookWriter, print_to

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Below(Generic[R]):
    """A second table below the one of a sheet; an optional one is written where it has records."""

    name: str
    title: str
    columns: tuple[Column[R], ...]
    records: Callable[[View], Sequence[R]]
    optional: bool = True


@dataclass(frozen=True, slots=True)
class TableSheet(Generic[R]):
    """A table with a sheet of its own; an optional one is written where it has records.

    In the note `{as_of}` is the report's date and `{below}` the place of the table below. `total` is for records that
    are a stream. Printing stops after the column `printed_to`.
    """

    title: str
    index: str
    columns: tuple[Column[R], ...]
    records: Callable[[View], Iterable[R]]
    note: str
    key_columns: int = 1
    printed_to: str | None = None
    total: Callable[[View], int] | None = None
    optional: bool = False
    below: Below[Any] | None = None

    def count(self, view: View) -> int:
        """Return how many records the table has."""
        return self.total(view) if self.total else sum(1 for _ in self.records(view))


_CALL = re.compile(r"\w+\([^()]*?(?P<table>\w+)\[[^()]*\)")


class Tables:
    """The tables of one workbook, each with its place."""

    def __init__(self, book: WorkbookWriter, view: View, sheets: Iterable[TableSheet[Any]]) -> None:
        self._book, self._view = book, view
        self._parts: dict[str, list[SheetPart]] = {}
        self._sheets: list[TableSheet[Any]] = []
        for sheet in sheets:
            count, below = sheet.count(view), sheet.below
            if count or not sheet.optional:
                self._sheets.append(sheet)
                self._parts[sheet.title] = book.parts(sheet.title, count)
            if below and ((more := len(below.records(view))) or not below.optional):
                self._parts[below.name] = [book.below(sheet.title, count, below.name, more)]

    def formula(self, text: str, result: Result | None) -> Formula:
        """Return a formula over whole tables, with its result; None stands for one that cannot be computed.

        Each function of a table is taken of every part of it and added up; it is 0 where the table is not written.
        """
        return Formula(_CALL.sub(self._over, text), "n/a" if result is None else result)

    def _over(self, call: re.Match[str]) -> str:
        parts = self._parts.get(call["table"].replace("_", " "), [])
        calls = [call[0].replace(f"{call['table']}[", f"{part.table}[") for part in parts]
        return f"({'+'.join(calls)})" if len(calls) > 1 else "".join(calls) or "0"

    def first(self, *titles: str) -> str:
        """Return the first of these titles of which the workbook has a sheet, else the last of them."""
        return next((title for title in titles if title in self._parts), titles[-1])

    def index(self) -> list[tuple[str, int, str]]:
        """Return every sheet with how many records it has and what they are."""
        return [
            (part.sheet, part.records, sheet.index if part.sheet == sheet.title else f"{sheet.title}, continued")
            for sheet in self._sheets
            for part in self._parts[sheet.title]
        ]

    def write(self) -> None:
        """Write every table."""
        for sheet in self._sheets:
            below = sheet.below
            part = next(iter(self._parts.get(below.name, ())), None) if below else None
            written = self._book.table(
                sheet.title,
                sheet.columns,
                sheet.records(self._view),
                total=sum(each.records for each in self._parts[sheet.title]),
                note=sheet.note.format(as_of=self._view.as_of, below=f"row {part.row} of {part.sheet}" if part else ""),
                key_columns=sheet.key_columns,
                printed_to=sheet.printed_to,
            )
            if below and part:
                self._book.table_below(written, part, below.title, below.columns, below.records(self._view))
                if sheet.printed_to:
                    print_to(written, sheet.columns, sheet.printed_to, part.last)
