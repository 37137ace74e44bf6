"""The page's tables: rows of the workbook's sheets, with the same words and figures, as cells that a template shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar
from urllib.parse import urlencode

from orgaudit.report.view import View
from orgaudit.report.xlsx.tables import NOTHING, TableSheet
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import Column, Content, Formula
from orgaudit.spreadsheet.text import printable
from orgaudit.words import rate

R = TypeVar("R")

NAMES, PROSE = 18, 34
"""The widths in the workbook from which on a column holds names, and sentences."""

_TONES = {
    look.good("").fill: "good",
    look.bad("").fill: "bad",
    look.warning("").fill: "warn",
    look.unseen("").fill: "unseen",
    look.light("").fill: "light",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """One cell: its text, the class of its tone, and the fragment that it leads to."""

    text: str
    tone: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Head:
    """A column: its title, and the class of what its cells are."""

    title: str
    kind: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its heads and rows, which may be a stream; `printed` is how many rows are printed, 0 for all."""

    caption: str
    heads: tuple[Head, ...]
    rows: Iterable[tuple[Shown, ...]]
    count: int
    printed: int = 0
    left_out: str = ""
    tall: bool = False


@dataclass(frozen=True, slots=True)
class Pick(Generic[R]):
    """A column of a sheet that the page shows too: where its cells lead, whether their words are coloured, or how."""

    title: str
    goal: Callable[[R], str] | None = None
    toned: Callable[[R], bool] | None = None
    tone: Callable[[R], str] | None = None
    is_command: bool = False


def tone_of(word: str) -> str:
    """Return the class of a word that the workbook colours, empty for any other."""
    if word in look.SEVERITIES:
        return f"severity {word}"
    return f"tone {_TONES.get(look.TONES[word][0], 'quiet')}" if word in look.TONES else ""


def findings_of(**asked: str) -> str:
    """Return the fragment that leads to the findings of this filter."""
    return "#" + urlencode({name: value for name, value in asked.items() if value})


def table(
    sheet: TableSheet[Any],
    view: View,
    caption: str,
    picks: Sequence[Pick[Any]],
    *,
    records: Sequence[Any] | None = None,
    printed: int = 0,
    tall: bool = False,
) -> Table:
    """Return the table of some columns of a sheet, of all its records or of these."""
    found = tuple(sheet.records(view)) if records is None else records
    return table_of(sheet.columns_of(view), caption, picks, found, count=len(found), printed=printed, tall=tall)


def table_of(
    columns: Iterable[Column[Any]],
    caption: str,
    picks: Sequence[Pick[Any]],
    records: Iterable[Any],
    *,
    count: int,
    printed: int = 0,
    left_out: str = "",
    tall: bool = False,
) -> Table:
    """Return the table of some columns; the records may be a stream of `count`."""
    by_title = {column.title: column for column in columns}
    chosen = [(by_title[pick.title], pick) for pick in picks]
    heads = tuple(Head(column.title, _kind(column, pick)) for column, pick in chosen)
    return Table(caption, heads, _rows(chosen, records), count, printed, left_out, tall)


def _rows(chosen: Sequence[tuple[Column[Any], Pick[Any]]], records: Iterable[Any]) -> Iterator[tuple[Shown, ...]]:
    for record in records:
        yield tuple([_shown(column, pick, record) for column, pick in chosen])


def _kind(column: Column[Any], pick: Pick[Any]) -> str:
    """Return what the cells of a column are, which decides how wide it may become and whether its words wrap."""
    if column.look.horizontal == "right":
        return "number"
    if pick.is_command:
        return "code"
    return "short" if column.width < NAMES else "name" if column.width < PROSE else "prose"


def _shown(column: Column[R], pick: Pick[R], record: R) -> Shown:
    content = column.content(record)
    text = words_of(content.result if isinstance(content, Formula) else content, column)
    tone = "code" if pick.is_command else ""
    if pick.tone is not None:
        tone = pick.tone(record)
    elif column.words and (pick.toned is None or pick.toned(record)):
        tone = tone_of(text)
    return Shown(text, tone, pick.goal(record) if pick.goal is not None and text not in {"", "0", NOTHING} else "")


def words_of(content: Content, column: Column[Any]) -> str:
    """Return what a cell of a column shows, as text."""
    if content is None:
        return ""
    if isinstance(content, str):
        return printable(content)
    if isinstance(content, date):
        return content.isoformat()
    if isinstance(content, int | float):
        return rate(content) if "%" in column.look.number_format else f"{content:,}"
    raise TypeError(f"{type(content)} is no content")
