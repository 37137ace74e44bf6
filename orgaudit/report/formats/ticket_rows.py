"""Tickets as rows of CSV (RFC 4180): one line a ticket, a text never a formula, and no longer than its field."""

from __future__ import annotations

import codecs
import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from orgaudit.spreadsheet.text import fitted, inert
from orgaudit.store.run import writing


def write_rows(path: Path, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Write rows under their heads, in UTF-8 without a mark, which importers would read as of the first head."""
    with writing(path) as file:
        table = csv.writer(codecs.getwriter("utf-8")(file), lineterminator="\r\n")
        table.writerow(heads)
        table.writerows(rows)


def cell(text: str, limit: int) -> str:
    """Return a text as a cell has it, with at most this many characters."""
    return inert(fitted(text, limit - 1))
