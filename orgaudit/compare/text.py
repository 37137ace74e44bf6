"""A second opinion as people read it, in lines that fit a width; and as cells."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from orgaudit.compare.records import Outcome, Row, Tool
from orgaudit.compare.stage import Agreed, Count, Exceptions, Export
from orgaudit.spreadsheet.text import inert, one_line
from orgaudit.words import counted

COLUMNS = Row.__struct_fields__
"""The columns of `cells`."""

MOST_EVIDENCE = 240
"""Characters of evidence that are shown of one disagreement; --json has all."""

_HEADS = {
    Outcome.DISAGREEMENT: "disagree",
    Outcome.CONTRADICTION: "they contradict themselves",
    Outcome.THEIRS_ONLY: "only {tool} has an answer",
    Outcome.OURS_ONLY: "only orgaudit has an answer",
    Outcome.UNDECIDED: "decided by neither",
    Outcome.AGREEMENT: "agree",
}
_FIGURE = 9


def heading(run_id: str, tool: Tool, file: str, export: Export) -> Iterator[str]:
    """Yield what was compared, and what of the export was left out."""
    yield f"Run {run_id} beside {tool}: {one_line(file)}"
    left = "".join(f"; {count:,} {why} left out" for why, count in export.left.items())
    yield f"{counted(export.read, 'finding')} of {counted(len(export.accounts), 'account')} of theirs{left}"


def summary(counts: Sequence[Count], tool: Tool, width: int) -> Iterator[str]:
    """Yield how much became of what, each with what it consists of."""
    room = width - _FIGURE - 1
    for outcome, head in _HEADS.items():
        own = [count for count in counts if count.outcome is outcome]
        total = sum(count.count for count in own)
        yield f"{head.format(tool=tool):<{room}} {total:>{_FIGURE},}"
        merged: dict[str, int] = {}
        for count in own:
            text = _part(count, tool)
            merged[text] = merged.get(text, 0) + count.count
        for text, number in merged.items():
            yield f"  {text:<{room - 2}} {number:>{_FIGURE},}"


def _part(count: Count, tool: Tool) -> str:
    statuses = " · ".join(
        f"{name} {status}" for name, status in (("orgaudit", count.ours), (str(tool), count.theirs)) if status
    )
    return str(count.why) if count.why else statuses


def agreements(found: Sequence[Agreed], exceptions: Exceptions, tool: Tool, width: int) -> Iterator[str]:
    """Yield the agreements by control, and who accepts the failures that both see."""
    if not found:
        return
    room = width - 2 * (_FIGURE + 1)
    yield ""
    yield f"{'Agreements by control':<{room}} {'PASS':>{_FIGURE}} {'FAIL':>{_FIGURE}}"
    for each in found:
        *above, last = textwrap.wrap(" + ".join(each.controls), room, subsequent_indent="  ") or [""]
        yield from above
        yield f"{last:<{room}} {each.passed:>{_FIGURE},} {each.failed:>{_FIGURE},}"
    if exceptions.both or exceptions.ours_only or exceptions.theirs_only:
        yield (
            f"accepted failures: {exceptions.both:,} by both, {exceptions.ours_only:,} in our register alone, "
            f"{exceptions.theirs_only:,} in {tool} alone"
        )


def disagreement(row: Row, tool: Tool, width: int) -> Iterator[str]:
    """Yield one disagreement: what it is about, both reasons, our evidence, and what is known of it."""
    yield from _wrapped("", " + ".join(row.controls), width, "")
    yield from _wrapped("  ", f"{row.account_id} {row.region} {row.resource}", width)
    ours = f" (exception {row.our_exception})" if row.our_exception else ""
    yield from _wrapped("  ", f"orgaudit {row.ours}{ours}: {row.our_reason}", width)
    evidence = bytes(row.evidence).decode()
    if evidence != "{}":
        cut = evidence if len(evidence) <= MOST_EVIDENCE else f"{evidence[:MOST_EVIDENCE]}…"
        yield from _wrapped("    ", f"evidence: {cut}", width)
    theirs = " (suppressed)" if row.their_exception else ""
    date = f" on {row.their_date}" if row.their_date else ""
    yield from _wrapped("  ", f"{tool} {row.theirs}{theirs}{date}: {row.their_reason}", width)
    if row.known:
        yield from _wrapped("    ", f"known difference: {row.known}", width)


def _wrapped(indent: str, text: str, width: int, further: str = "  ") -> list[str]:
    return textwrap.wrap(one_line(text), width, initial_indent=indent, subsequent_indent=indent + further)


def cells(rows: Iterable[Row]) -> Iterator[list[object]]:
    """Yield the cells of each row, in the order of COLUMNS, of which no program takes one for a formula."""
    for row in rows:
        yield [_cell(getattr(row, name)) for name in COLUMNS]


def _cell(value: object) -> object:
    if isinstance(value, msgspec.Raw):
        return one_line(bytes(value).decode())
    if value is None or isinstance(value, tuple):
        return inert(" ".join(value or ()))
    return inert(one_line(value)) if isinstance(value, str) else value
