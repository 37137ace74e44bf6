"""The lower part of page one: decisions, what is late, what to do first, frameworks, and the heat map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from orgaudit.report.decisions import decisions
from orgaudit.report.framework_scores import FrameworkScore, framework_scores
from orgaudit.report.late import late
from orgaudit.report.view import View
from orgaudit.report.xlsx import grid
from orgaudit.report.xlsx.formulas import POINTS, sentence, share_change
from orgaudit.report.xlsx.grid import ENTRY, FIRST, HEADING, NOTE, NUMBER, QUIET, STRONG, Grid, plain, put_heads
from orgaudit.report.xlsx.heat_panel import put_threshold
from orgaudit.report.xlsx.tables import NOTHING, Tables
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import Content, Formula
from orgaudit.words import counted

DECISIONS, LATE, ACTIONS, FRAMEWORKS = 5, 5, 5, 6
"""How many of each the page shows."""

LEFT, RIGHT, RIGHT_SPAN = FIRST, FIRST + 14, 10
"""Where the left and the right half begin; a column between them stays empty."""

LEFT_SPAN = RIGHT - LEFT - 1
UNASSIGNED = "unassigned"


def put_decisions(page: Grid, view: View, tables: Tables, top: int) -> int:
    """Put what waits for a decision, and return the last row."""
    found = decisions(view)
    page.put(top, LEFT, f"Decisions for you ({len(found):,})", HEADING, span=LEFT_SPAN)
    spans = (5, 3, 2, 3)
    put_heads(page, top + 1, LEFT, ("What to decide", "Owner", "By", "If nothing is decided"), spans)
    for number, it in enumerate(found[:DECISIONS], top + 2):
        cells = (
            (plain(it.what, 600), ENTRY),
            (plain(it.owner) or UNASSIGNED, QUIET),
            (it.on or "next audit", grid.DAY),
            (it.otherwise, QUIET),
        )
        _put_row(page, number, LEFT, spans, cells)
    bottom = top + 2 + min(len(found), DECISIONS)
    if not found:
        page.put(bottom, LEFT, "Nothing waits for a decision.", NOTE, span=LEFT_SPAN)
        bottom += 1
    elif len(found) > DECISIONS:
        more = f"and {len(found) - DECISIONS:,} more: {tables.named('Exceptions', 'Accounts')}"
        page.put(bottom, LEFT, more, look.linked(NOTE), span=LEFT_SPAN, target="Exceptions")
        bottom += 1
    page.put(bottom, LEFT, _register(view, tables), NOTE, span=LEFT_SPAN, target="Exceptions")
    return bottom


def _register(view: View, tables: Tables) -> Formula:
    """Return the sentence of the register in figures."""
    totals = view.summary.exceptions
    covering = 'COUNTIFS(Exceptions[State],"active"{0})+COUNTIFS(Exceptions[State],"expiring"{0})'
    expired = 'COUNTIFS(Exceptions[State],"expired")+COUNTIFS(Closed_exceptions[State],"expired")'
    return sentence(
        tables,
        "Exceptions: ",
        (covering.format(""), totals.active + totals.expiring),
        " in force, ",
        ('COUNTIFS(Exceptions[State],"expiring")', totals.expiring),
        " of them expiring, ",
        (covering.format(",Exceptions[Findings covered],0"), totals.unused),
        " covering nothing; ",
        (expired, totals.expired),
        " expired, with ",
        ("SUM(Exceptions[Failing after expiry])", totals.expired_matching, "finding"),
        " that still fail; ",
        ("ROWS(Problems[Location])", totals.problems),
        " invalid.",
    )


def put_late(page: Grid, view: View, tables: Tables, top: int) -> int:
    """Put what is late, by owner, and return the last row."""
    found = late(view)
    page.put(top, RIGHT, "Late", HEADING, span=RIGHT_SPAN)
    spans = (4, 4, 1, 1)
    if not found:
        page.put(top + 1, RIGHT, nothing_late(view), NOTE, span=RIGHT_SPAN)
        return top + 1
    put_heads(page, top + 1, RIGHT, ("Owner", "Most urgent", "Days late", "Issues"), spans, numbers=2)
    for number, it in enumerate(found[:LATE], top + 2):
        days = replace(NUMBER, number_format="#,##0")
        item = f"{it.severity}: {plain(it.item)}"
        cells = ((plain(it.owner) or UNASSIGNED, STRONG), (item, ENTRY), (it.days, days), (it.issues, NUMBER))
        _put_row(page, number, RIGHT, spans, cells)
    bottom = top + 1 + min(len(found), LATE)
    if len(found) > LATE:
        sheet = tables.first("Open", "Findings")
        bottom += 1
        more = f"and {len(found) - LATE:,} more: {sheet}"
        page.put(bottom, RIGHT, more, look.linked(NOTE), span=RIGHT_SPAN, target=sheet)
    return bottom


def nothing_late(view: View) -> str:
    """Return that nothing is late, or why that is not known."""
    if not view.summary.coverage.looked_at and not view.nothing_to_assess:
        return f"{NOTHING} Nothing was assessed, so what is late is not known."
    if view.manifest.remediation_days:
        return "Nothing is past its due date, and no exception is past its last day with failures."
    return f"{NOTHING} The run is of a version without due dates; no exception is past its last day with failures."


def put_actions(page: Grid, view: View, top: int) -> int:
    """Put the first actions and the share of the risk that they remove, and return the last row."""
    shown = view.actions.actions[:ACTIONS]
    page.put(top, LEFT, "Do these first", HEADING, span=LEFT_SPAN)
    for number, action in enumerate(shown, top + 1):
        page.put(number, LEFT, action.rank, replace(STRONG, horizontal="center"))
        page.put(number, LEFT + 1, plain(action.title, 400), ENTRY, span=LEFT_SPAN - 1)
    bottom = top + 1 + len(shown)
    page.put(bottom, LEFT, share_words(view), replace(NOTE, bold=True), span=LEFT_SPAN)
    return bottom


def share_words(view: View) -> str:
    """Return what the actions remove together, in words."""
    shown = view.actions.actions[:ACTIONS]
    if view.nothing_to_assess:
        return "No action: no issue is in this part."
    if not view.summary.coverage.looked_at:
        return f"{NOTHING} Nothing was assessed, so what to do first is not known."
    if not shown:
        return "No action: no issue is open in what was assessed."
    last, total = shown[-1], view.actions.open
    share = NOTHING if last.share_so_far is None else f"{last.share_so_far:.1%}".replace("%", " %")
    which = "This action removes" if len(shown) == 1 else f"These {len(shown)} actions remove"
    closed = sum(action.closes.issues for action in shown)
    return (
        f"{which} {share} of the risk: {last.points_so_far:,} of {total.points:,} points, "
        f"{closed:,} of {counted(total.issues, 'issue')}; {counted(view.actions.count, 'action')} in all"
    )


def put_frameworks(page: Grid, view: View, tables: Tables, top: int) -> int:
    """Put the frameworks with the share that is met, and return the last row."""
    scores = framework_scores(view)
    page.put(top, RIGHT, "Frameworks", HEADING, span=RIGHT_SPAN)
    spans = (4, 2, 2, 2)
    put_heads(page, top + 1, RIGHT, ("Framework", "Share met", "Change", "Manual answered"), spans, numbers=3)
    room = len(scores) if len(scores) <= FRAMEWORKS else FRAMEWORKS - 1
    for number, score in enumerate(scores[:room], top + 2):
        _put_framework(page, tables, score, number, spans)
    bottom = top + 1 + room
    if room:
        put_threshold(page, view, RIGHT + spans[0], top + 2, bottom)
    if len(scores) > room:
        bottom += 1
        more = f"and {len(scores) - room:,} more: {tables.named('Frameworks')}"
        page.put(bottom, RIGHT, more, NOTE if view.part else look.linked(NOTE), span=RIGHT_SPAN, target="Frameworks")
    return bottom


def _put_framework(page: Grid, tables: Tables, score: FrameworkScore, number: int, spans: Sequence[int]) -> None:
    name = score.framework.id
    which = f'Frameworks[Framework],"{name}"'
    by_hand = f'COUNTIFS({which},Frameworks[Decided by],"manual"'
    rate = f"SUMIFS(Frameworks[Rated as passed],{which})/SUMIFS(Frameworks[Rated],{which})"
    title = f"{plain(score.framework.title)} {plain(score.framework.version)}".strip()
    rate_look = replace(NUMBER, number_format="0.0 %")
    cells: list[tuple[Content, look.Look]] = [
        (title if score.rate is not None else f"{title} ({NOTHING}: {score.why})", ENTRY),
        (tables.formula(rate, score.rate) if score.rate is not None else NOTHING, rate_look),
        (_change_of(tables, score, rate), replace(NUMBER, number_format=POINTS)),
        (
            tables.formula(
                f'IF({by_hand})=0,"none",({by_hand})-{by_hand},Frameworks[Status],"MANUAL"))&" of "&{by_hand}))',
                f"{score.answered} of {score.manual}" if score.manual else "none",
            ),
            NUMBER,
        ),
    ]
    _put_row(page, number, RIGHT, spans, cells)


def _change_of(tables: Tables, score: FrameworkScore, rate: str) -> Content:
    if score.before is None or score.rate is None:
        return NOTHING
    change = share_change(rate, score.rate, score.before)
    return tables.formula(change.formula, change.result)


def _put_row(
    page: Grid, number: int, column: int, spans: Sequence[int], cells: Sequence[tuple[Content, look.Look]]
) -> None:
    for index, ((content, style), span) in enumerate(zip(cells, spans, strict=True)):
        apart = replace(style, horizontal="left", indent=1) if index and style.horizontal in {None, "left"} else style
        page.put(number, column, content, apart, span=span)
        column += span
