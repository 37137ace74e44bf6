"""The sheets that are tables: declared over the view, and laid out before the first is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from orgaudit.report.view import View
from orgaudit.spreadsheet.rows import Column
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


class Tables:
    """The tables of one workbook, each with its place."""

    def __init__(self, book: WorkbookWriter, view: View, sheets: Iterable[TableSheet[Any]]) -> None:
        self._book, self._view = book, view
        counts = [(sheet, sheet.count(view)) for sheet in sheets]
        self._counts = {sheet.title: count for sheet, count in counts}
        self._sheets = [sheet for sheet, count in counts if count or not sheet.optional]

    def parts(self, title: str) -> list[SheetPart]:
        """Return the parts of a table; none where it is not written."""
        return self._book.parts(title, self._counts[title]) if any(it.title == title for it in self._sheets) else []

    def over(self, term: str, *titles: str) -> str:
        """Return a formula's term for every part of these tables added up; `{}` in the term is the table's name."""
        return "+".join(term.replace("{}", part.table) for title in titles for part in self.parts(title))

    def index(self) -> list[tuple[str, int, str]]:
        """Return every sheet with how many records it has and what they are."""
        return [
            (part.sheet, part.records, sheet.index if part.sheet == sheet.title else f"{sheet.title}, continued")
            for sheet in self._sheets
            for part in self.parts(sheet.title)
        ]

    def write(self) -> None:
        """Write every table."""
        for sheet in self._sheets:
            self._write(sheet)

    def _write(self, sheet: TableSheet[Any]) -> None:
        view, count = self._view, self._counts[sheet.title]
        below, more = sheet.below, sheet.below.records(view) if sheet.below else ()
        part = self._book.below(sheet.title, count, below.name, len(more)) if below else None
        written = self._book.table(
            sheet.title,
            sheet.columns,
            sheet.records(view),
            total=count,
            note=sheet.note.format(as_of=view.as_of, below=f"row {part.row} of {part.sheet}" if part else ""),
            key_columns=sheet.key_columns,
            printed_to=sheet.printed_to,
        )
        if below and part and (more or not below.optional):
            self._book.table_below(written, part, below.title, below.columns, more)
            if sheet.printed_to:
                print_to(written, sheet.columns, sheet.printed_to, part.last)
