"""How the answers to queries are written: CSV, JSON, and a table that fits the terminal."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import islice
from typing import TextIO

import msgspec
from rich.cells import cell_len, set_cell_size

from orgaudit.model import Json
from orgaudit.spreadsheet.text import one_line
from orgaudit.store.query import Answer
from orgaudit.words import counted

ROWS = 100
"""The rows that a table shows; the others are counted."""
NARROWEST, GAP = 10, "  "
"""The columns of text that the narrowest column of a table has, and what stands between columns."""


def write_csv(answer: Answer, file: TextIO) -> None:
    """Write an answer as CSV with line feeds, as scripts read it; texts are as they are."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows(map(in_a_cell, row) for row in answer.rows)


def write_json(answer: Answer, file: TextIO) -> None:
    """Write a list of objects, row by row: an answer may be larger than the memory."""
    before = "["
    for row in answer.rows:
        file.write(f"{before}{as_json(dict(zip(answer.columns, row, strict=True)))}")
        before = ","
    file.write("]\n" if before == "," else "[]\n")


def write_table(answer: Answer, file: TextIO, width: int) -> None:
    """Write the first rows as a table of this width, and what is left out: columns, rows and ends of texts."""
    shown = [[one_line(str(in_a_cell(value))) for value in row] for row in islice(answer.rows, ROWS)]
    rest = sum(1 for _ in answer.rows)
    names = list(map(one_line, answer.columns))
    widths = _fitting(names, shown, width)
    file.writelines(f"{line}\n" for line in _lines(names, shown, widths))
    cut = len(names) - len(widths)
    if left := [counted(rest, "more row")] * bool(rest) + [counted(cut, "more column")] * bool(cut):
        file.write(f"and {' and '.join(left)}: --format csv or json has all\n")
    if not rest and not cut:
        file.write(f"{counted(len(shown), 'row')}\n")


def in_a_cell(value: object) -> str:
    """Return what CSV and tables show of a value: JSON for lists and structures, ISO 8601 for times."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime | date):
        return value.isoformat()
    return as_json(value) if isinstance(value, dict | list | tuple | bytes) else str(value)


def as_json(value: Json) -> str:
    """Return a value as JSON, also with the numbers of more than 64 bits that SQL has, and keys that are no texts."""
    try:
        return msgspec.json.encode(value).decode()
    except (OverflowError, TypeError):
        return json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def _plain(value: Json) -> Json:
    if isinstance(value, dict):
        return {in_a_cell(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return list(map(_plain, value))
    return value if value is None or isinstance(value, str | int) else msgspec.to_builtins(value)


def _fitting(names: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """Return the widths of the columns that fit: the widest are narrowed, and the last left out, where they must."""
    widths = [max(map(cell_len, column)) for column in zip(names, *rows, strict=True)]
    count = len(widths)
    while count > 1 and sum(min(each, NARROWEST) + len(GAP) for each in widths[:count]) - len(GAP) > width:
        count -= 1
    room = width - len(GAP) * (count - 1)
    most = max(widths[:count])
    while most > NARROWEST and sum(min(each, most) for each in widths[:count]) > room:
        most -= 1
    return [min(each, most, room) for each in widths[:count]]


def _lines(names: Sequence[str], rows: Iterable[Sequence[str]], widths: Sequence[int]) -> Iterator[str]:
    for cells in (names, ["-" * size for size in widths], *rows):
        fitted = (_fit(cell, size) for cell, size in zip(cells, widths, strict=False))
        yield GAP.join(fitted).rstrip()


def _fit(text: str, size: int) -> str:
    return set_cell_size(text, size) if cell_len(text) <= size else set_cell_size(text, size - 1) + "…"
