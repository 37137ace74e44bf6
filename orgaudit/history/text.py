"""The comparison of two runs as people read it: a sentence, the two runs, and a table of the kinds; and as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from orgaudit.store.comparison import Change, KindCount
from orgaudit.words import counted

COLUMNS = Change.__struct_fields__
"""The columns of `rows`."""


class Side(msgspec.Struct, frozen=True):
    """One of the two runs, and how much is open in it."""

    run: str
    date: str
    open: int


def opened_and_closed(kinds: Sequence[KindCount]) -> tuple[int, int]:
    """Return how much is open in the old run and in the new one, by the kinds of all changes between them."""
    both = sum(it.count for it in kinds if not it.kind.began and not it.kind.ended)
    return both + sum(it.count for it in kinds if it.kind.ended), both + sum(it.count for it in kinds if it.kind.began)


def lines(summary: str, sides: Iterable[Side], noun: str, kinds: Iterable[KindCount]) -> Iterator[str]:
    """Yield the lines of a text that fits 80 columns and more; `noun` is what is counted, as a plural."""
    yield f"{summary}."
    yield ""
    for side in sides:
        yield f"{side.date}  {side.open:>9,} open {noun}  {side.run}"
    yield ""
    yield f"{'':<52} {'all':>9} {'critical':>9} {'high':>9} {'medium':>9} {'low':>9}"
    for it in kinds:
        if it.count:
            figures = (it.count, it.critical, it.high, it.medium, it.low)
            yield " ".join([f"{it.kind:<52}", *(f"{figure:>9,}" for figure in figures)])


def rules_changed(controls: Sequence[str], cost: str = "") -> str:
    """Return which controls judge differently than before; `cost` is what it took to judge the old facts again."""
    return f"{counted(len(controls), 'control')} changed between the runs{cost}: {', '.join(controls)}"


def rows(changes: Iterable[Change]) -> Iterator[list[object]]:
    """Yield the cells of each change, in the order of COLUMNS."""
    for change in changes:
        yield [_in_a_cell(getattr(change, name)) for name in COLUMNS]


def _in_a_cell(value: object) -> object:
    return " ".join(value) if isinstance(value, tuple) else value
