"""The heat map: what is open in each account by control, or by section where the accounts are too many for a page."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from orgaudit.report.heat import Cell, by_control, by_section, sections
from orgaudit.report.view import View
from orgaudit.report.xlsx.cells import SEVERITY_WORDS
from orgaudit.report.xlsx.tables import NOTHING, TableSheet
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.links import Goal
from orgaudit.spreadsheet.rows import Column, Content
from orgaudit.spreadsheet.text import fitted, one_line
from orgaudit.spreadsheet.workbook import PrintedPage

MOST_ACCOUNTS = 30
"""How many accounts fit on the width of a page, each with its controls below; more are rows, by section."""

PRINTED = 60
NAME, MOST_OF_NAME = 60, 40
"""The characters of a section's and of an account's name in the header."""

MANY, SOME = 10, 3
"""From how many on a cell has the tones of much and of some."""

_FIXED = ("Account", "Account id", "Open issues")
_HEADING = replace(look.HEADER, rotation=90, vertical="bottom", horizontal="center", indent=0, size=8)
_HEADING_HEIGHT = 175.0
_CELL = replace(look.NUMBER, horizontal="center", indent=0)
_TONES = (
    look.unseen(f'[@]="{NOTHING}"'),
    look.bad(f"AND(ISNUMBER([@]),[@]>={MANY})"),
    look.warning(f"AND(ISNUMBER([@]),[@]>={SOME})"),
    look.light("AND(ISNUMBER([@]),[@]>0)"),
    look.good("AND(ISNUMBER([@]),[@]=0)"),
)


@dataclass(frozen=True, slots=True)
class HeatRow:
    """A control or an account with the cells of its row, by the id of their column."""

    id: str
    name: str
    detail: str
    open: int
    cells: Mapping[str, Cell]


def shown(cell: Cell) -> Content:
    """Return what is open, a dash where not all was assessed, and nothing where nothing applies."""
    if cell.open:
        return cell.open
    return NOTHING if cell.unseen else 0 if cell.judged else ""


def _cell(key: str, title: str) -> Column[HeatRow]:
    return Column(title, 6, lambda row: shown(row.cells.get(key, Cell())), _CELL, tones=_TONES, heading=_HEADING)


def _is_by_control(view: View) -> bool:
    return len(view.accounts) <= MOST_ACCOUNTS


def _rows(view: View) -> Iterator[HeatRow]:
    """Yield a row a control, or an account, the worst first."""
    if _is_by_control(view):
        cells = by_control(view)
        for control in view.controls:
            yield HeatRow(
                control.id, control.title, control.severity.value, control.counts.open, cells.get(control.id, {})
            )
    else:
        cells = by_section(view)
        for score in view.accounts:
            yield HeatRow(score.id, score.name, score.id, score.issues.total, cells.get(score.id, {}))


def _columns(view: View) -> tuple[Column[HeatRow], ...]:
    if _is_by_control(view):
        names = [(score.id, f"{_short(score.name, MOST_OF_NAME)} {score.id}".strip()) for score in view.accounts]
        return (
            Column("Control", 68, lambda row: row.name, goal=lambda row: Goal("Controls", row.id)),
            Column("Severity", 10, lambda row: row.detail, words=SEVERITY_WORDS, when="[Open]>0"),
            *(_cell(key, title) for key, title in names),
            Column("Open", 8, lambda row: row.open, look.NUMBER),
        )
    titles: dict[str, str] = {}
    for section in sections(view):
        titles[section] = _unlike(_short(section, NAME) or "no section", titles.values())
    return (
        Column("Account", 32, lambda row: fitted(row.name, NAME), goal=lambda row: Goal("Accounts", row.id)),
        Column("Account id", 15, lambda row: row.id),
        *(_cell(key, title) for key, title in titles.items()),
        Column("Open issues", 8, lambda row: row.open, look.NUMBER),
    )


def _short(name: str, limit: int) -> str:
    name = one_line(name)
    return name if len(name) <= limit else name[: limit - 1] + "…"


def _unlike(title: str, others: Collection[str]) -> str:
    """Return a title that no other column has: a table's columns need names of their own, whatever their case."""
    taken, found, number = {other.lower() for other in (*_FIXED, *others)}, title, 1
    while found.lower() in taken:
        number += 1
        found = f"{title} {number}"
    return found


def _note(view: View) -> str:
    what = "Open findings by control and account" if _is_by_control(view) else "Open issues by account and section"
    return (
        f"{what}, the worst first. {NOTHING} stands for what was not assessed, at least in part; empty: does not apply."
    )


HEAT_MAP = TableSheet(
    "Heat map",
    "where the open findings are",
    _columns,
    _rows,
    _note,
    page=PrintedPage(rows=PRINTED),
    total=lambda view: len(view.controls if _is_by_control(view) else view.accounts),
    header_height=_HEADING_HEIGHT,
)
