"""Markdown of what is written elsewhere: plain text, docstrings in the house's grammar, and tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import compress


def inline(text: str) -> str:
    """Return plain text as Markdown that shows it as it is, in a line or a cell; what is in backticks is code."""
    parts = " ".join(text.split()).split("`")
    whole = len(parts) % 2 == 1
    shown = [part if whole and number % 2 else _plain(part) for number, part in enumerate(parts)]
    return "`".join(shown).replace("|", "\\|")


def _plain(text: str) -> str:
    """Return text of which nothing is taken for markup, with its addresses as links."""
    parts = re.split(r"(https?://[^\s,;]+[^\s,;.)])", text)
    return "".join(f"<{part}>" if number % 2 else _escaped(part) for number, part in enumerate(parts))


def _escaped(text: str) -> str:
    entities = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([*\[\]~]|(?<!\w)_|_(?!\w)|^#)", r"\\\1", entities)


def code(text: str) -> str:
    """Return text as code in a line or a cell, and nothing for none."""
    escaped = text.replace("|", "\\|")
    return f"`{escaped}`" if text else ""


def paragraphs(docstring: str) -> list[str]:
    """Return the lines of a docstring, which is plain text with code in backticks; its paragraphs are kept."""
    text = re.sub(r"\n +", "\n", docstring.strip())
    return [line for paragraph in text.split("\n\n") if paragraph for line in (inline(paragraph), "")]


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table of Markdown, without columns that are empty, and none where it has no rows."""
    found = list(rows)
    kept = [any(row[number] for row in found) for number in range(len(heads))]
    if found:
        yield f"| {' | '.join(compress(heads, kept))} |"
        yield f"|{'---|' * sum(kept)}"
        yield from (f"| {' | '.join(compress(row, kept))} |" for row in found)
        yield ""
