"""The register's first sheet: for whom it is, what to do with it, what its colours mean, and an example of a row."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from openpyxl.utils import get_column_letter

from orgaudit.register.workbook.columns import EXCEPTIONS, SET_STATE, WHY
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.look import Look
from orgaudit.spreadsheet.rows import CellWriter, Content, row
from orgaudit.spreadsheet.workbook import WorkbookWriter

SHEET = "Read me"
_WIDTHS = (2.0, 23.0, 18.0, 14.0, 18.0, 11.0, 22.0, 9.0, 20.0, 13.0, 9.0, 16.0)
_LINE = 150
"""The most characters of a line; no text wraps on this sheet, so that every program shows all of it."""

_EXAMPLE = {
    "title": "Sandbox trails stay off",
    "type": "risk acceptance",
    "owner": "Ana Silva <ana@example.com>",
    "justification": "Sandboxes hold no customer data.",
    "ticket": "SEC-123",
    "scope.controls": "cloudtrail_trail_logging",
    "scope.accounts": "111122223333",
    SET_STATE: "pending",
    WHY: "agreed in the review",
}
_PARAGRAPHS = (
    ("What to do", "Edit the white cells of the next two sheets, and give the reason under Why this change."),
    ("", "Save the file as .xlsx and return it to the person who sent it, who takes your edits into the register."),
    ("", ""),
    ("Owners", ""),
    (
        "A new entry",
        "Write it into the first empty row, as in the example below, and leave ID, State and Days left empty: it gets "
        "its ID when the file is imported. It stays a draft until it is complete and you choose pending.",
    ),
    (
        "Request approval",
        "Choose pending under Set state. A new entry starts on the day of the import; for another day, fill in First "
        "day, which is folded behind Last day.",
    ),
    (
        "A later end, a new scope",
        "Change the cell. What was approved stays in force until the change is approved; until then the change is "
        "shown under Pending change.",
    ),
    ("No longer needed", "Choose revoked under Set state. A row that you delete stays in the register."),
    ("", ""),
    ("Approvers", ""),
    (
        "Decide",
        "Choose approve or reject under Decision where the state is pending or Pending change shows something, and "
        "give the reason under Why this change.",
    ),
)
_OF_THE_FILE = (
    ("The file", ""),
    (
        "Import",
        "All edits are taken or none: a wrong value is reported with its cell, and the register stays as it was. What "
        "others changed meanwhile stays; where both sides changed one value, both are shown and you decide.",
    ),
    (
        "Folded columns",
        "A + above a column unfolds more columns on its right. The sheets are protected against slips, without a "
        "password: in Excel choose Review, Unprotect Sheet first, or select the columns on both sides, right-click, "
        "and choose Unhide.",
    ),
    ("", ""),
    ("Colours", ""),
)
_EXAMPLE_DAYS = 90
_STATES = (
    ("active", "approved and in force"),
    ("expiring", "its end is near: fix the findings, or request a later last day. pending: waits for approval"),
    (
        "expired",
        "it covers nothing: its findings are open again. invalid: wrong or incomplete, it covers nothing either",
    ),
    (
        "draft",
        "not requested yet. scheduled: approved, begins later. rejected and revoked: closed, kept for the record",
    ),
)


@dataclass(frozen=True, slots=True)
class Readers:
    """For whom a workbook is: their name, the ids of their entries (None: all), and who approves what they request."""

    name: str = ""
    ids: Collection[str] | None = None
    approvers: tuple[str, ...] = ()


def write_instructions(book: WorkbookWriter, on: date, readers: Readers) -> None:
    """Write the sheet; nothing on it is read back."""
    sheet = book.sheet(SHEET, widths=_WIDTHS, one_page=True)
    sheet.protection.sheet = True
    plain = Look(size=10, wrap=False, vertical="center", horizontal="left", indent=1)
    writers: dict[Look, CellWriter] = {}

    def line(number: int, cells: dict[int, tuple[Content, Look]], height: float = 15) -> str:
        written = []
        for column, (content, style) in cells.items():
            writer = writers.setdefault(style, CellWriter(sheet, style))
            written.append(writer.cell(f"{get_column_letter(column)}{number}", content))
        return row(number, written, height)

    rows = [line(1, {2: ("Exception register: read this first", look.TITLE)}, 30)]
    for label, text in _lines(on, readers):
        heading = label != "" and text == ""
        style = replace(plain, bold=True, ink=look.NAVY, size=12 if heading else plain.size)
        rows.append(line(len(rows) + 1, {2: (label, style), 3: (text, plain)}, 20 if heading else 15))
    rows += [line(len(rows) + 1 + at, cells) for at, cells in enumerate(_colours(plain))]
    rows.append(line(len(rows) + 1, {}))
    rows += [line(len(rows) + 1 + at, cells, 30) for at, cells in enumerate(_example(on, plain))]
    book.rows[SHEET].append(rows)


def _lines(on: date, readers: Readers) -> Iterator[tuple[str, str]]:
    """Yield the lines as a label and a text; those of one paragraph after the first have no label."""
    for label, text in _paragraphs(on, readers):
        pieces = textwrap.wrap(text, _LINE) or [""]
        yield from ((label if at == 0 else "", piece) for at, piece in enumerate(pieces))


def _paragraphs(on: date, readers: Readers) -> Iterator[tuple[str, str]]:
    whose = f"{readers.name}, with their own entries only" if readers.name else "everyone who owns or approves an entry"
    approvers = ", ".join(readers.approvers) or "Another person than the one who requests"
    yield "", f"Written by orgaudit on {on}, for {whose}."
    yield "", ""
    yield from _PARAGRAPHS
    yield "Who approves", f"{approvers}. Nobody approves their own request."
    yield "", ""
    yield from _OF_THE_FILE


def _colours(plain: Look) -> Iterator[dict[int, tuple[Content, Look]]]:
    framed = replace(plain, line=look.LINE, grid=look.LINE)
    yield {2: ("white", framed), 3: ("yours to edit", plain)}
    locked = replace(framed, fill=look.COMPUTED, ink=look.MUTED)
    yield {
        2: ("grey", locked),
        3: ("computed by orgaudit, or set by a step such as an approval; it cannot be edited", plain),
    }
    for state, meaning in _STATES:
        fill, ink = look.TONES[state]
        yield {2: (state, replace(plain, fill=fill, ink=ink, bold=True)), 3: (meaning, plain)}


def _example(on: date, plain: Look) -> Iterator[dict[int, tuple[Content, Look]]]:
    """Yield the head and the row of an example of a new entry."""
    values: dict[str, Content] = {**_EXAMPLE, "expires_on": on + timedelta(days=_EXAMPLE_DAYS)}
    shown = [column for column in EXCEPTIONS.columns if column.key in values]
    heads = {at: (column.title, replace(look.HEADER, wrap=True)) for at, column in enumerate(shown, 3)}
    yield {2: ("Example of a new row", replace(plain, bold=True, ink=look.NAVY)), **heads}
    cell = replace(plain, size=9, line=look.LINE, grid=look.LINE, wrap=True, vertical="top", horizontal="left")
    day = replace(cell, number_format=look.DATE.number_format)
    yield {at: (values[column.key], day if column.key == "expires_on" else cell) for at, column in enumerate(shown, 3)}
