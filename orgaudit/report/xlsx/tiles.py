"""The four figures of page one, each with its change since the baseline and a line over the last runs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec
from openpyxl.utils import get_column_letter

from orgaudit.report.figures import Rated, RatedCounts
from orgaudit.report.view import View
from orgaudit.report.xlsx.charts import Spark, put_spark
from orgaudit.report.xlsx.formulas import (
    COUNT_CHANGE,
    POINTS,
    Tally,
    percent,
    percent_formula,
    sentence,
    share_change,
)
from orgaudit.report.xlsx.grid import FIRST, NOTE, WIDTH, Grid, day_words, plain, put_gap
from orgaudit.report.xlsx.lists import Lists, overdue
from orgaudit.report.xlsx.tables import NOTHING, Tables
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.look import Look
from orgaudit.spreadsheet.rows import Content, Formula
from orgaudit.words import counted

BETTER, WORSE = "1E6B47", "9B1C31"
_SPAN = 6
_LABEL = Look(
    size=10, bold=True, ink=look.INK, fill=look.TILE, vertical="center", horizontal="left", indent=1, gap=True
)
_FIGURE = Look(size=22, bold=True, ink=look.NAVY, fill=look.TILE, vertical="center", horizontal="left", indent=1)
_CHANGE = replace(_FIGURE, size=11, ink=look.MUTED, wrap=False)
_QUIET = replace(_LABEL, size=8, bold=False, ink=look.MUTED, horizontal="right")
_TILE_NOTE = replace(_QUIET, vertical="top", horizontal="left")

_RATE = ("Rated as passed", "Rated")
_EXCEPTED = ("Passed with exceptions", "Rated with exceptions")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One of the four figures: its result, what it was in the baseline, its note, and its line.

    `column` is that of the points, `values` what of it the line shows; `target` is the sheet that the figure leads to.
    """

    label: str
    figure: Content
    before: float | None
    note: Content
    column: str
    values: tuple[float | None, ...]
    target: str
    is_share: bool = False
    more_is_better: bool = False


def rate_formula(tables: Tables, framework: str, counts: RatedCounts) -> Formula:
    """Return the rate of a framework."""
    text = f'IFERROR({_share(framework, _RATE)},"{NOTHING}")'
    return tables.formula(text, NOTHING if counts.rate is None else counts.rate)


def rate_before(view: View) -> tuple[float | None, str]:
    """Return the headline rate of the baseline, or why it is not compared."""
    comparison, headline = view.comparison, view.summary.headline
    before = comparison.before
    if before is None:
        return None, f"Not compared: {plain(comparison.why_none) or 'the baseline has no figures'}"
    if headline is None or before.framework != headline.framework:
        return None, f"Not compared: the headline framework of the baseline is {plain(before.framework or 'none')}"
    if before.rate is None or headline.rated.counts.rate is None:
        return None, "Not compared: one of the two runs has no rate"
    return before.rate, ""


def rate_change(view: View, tables: Tables) -> Content:
    """Return how the headline rate changed since the baseline."""
    headline, (before, _) = view.summary.headline, rate_before(view)
    rate = headline.rated.counts.rate if headline else None
    if headline is None or rate is None or before is None:
        return NOTHING
    change = share_change(_share(headline.framework, _RATE), rate, before)
    return tables.formula(change.formula, change.result)


def put_tiles(page: Grid, view: View, tables: Tables, blocks: Lists, top: int) -> tuple[int, list[str]]:
    """Put the four figures, and what they are compared with; return the last row and the alt texts of the lines."""
    alt_texts = []
    tiles = (
        _rate_tile(view, tables),
        _urgent_tile(view, tables),
        _coverage_tile(view, tables, blocks),
        _overdue_tile(view, tables, blocks),
    )
    page.heighten(top + 1, 32)
    page.heighten(top + 2, 18)
    for index, tile in enumerate(tiles):
        left = FIRST + _SPAN * index
        half = _SPAN // 2
        page.put(top, left, tile.label, _LABEL, span=_SPAN)
        style = replace(_FIGURE, wrap=False, number_format="0.0 %" if tile.is_share else "#,##0")
        place = page.put(top + 1, left, tile.figure, style, span=half, target=tile.target)
        page.put(top + 2, left, _change(tile, place), _change_look(page, tile, top + 2, left), span=half)
        spark = Spark(tile.label, tile.column, tile.values, tile.is_share)
        has_line = len(spark.known) > 1
        page.put(top + 1, left + half, None, _QUIET, span=half)
        page.put(top + 2, left + half, None if has_line else _no_line(view), _QUIET, span=half)
        if has_line:
            put_spark(page.sheet, blocks.points, spark, first=(top + 1, left + half), last=(top + 2, left + _SPAN - 1))
            alt_texts.append(spark.alt_text(view.comparison.points))
        page.put(top + 3, left, tile.note, _TILE_NOTE, span=_SPAN)
    page.put(top + 4, FIRST, since_words(view), NOTE, span=WIDTH)
    return put_gap(page, top + 5), alt_texts


def _share(framework: str, columns: tuple[str, str]) -> str:
    passed, rated = (f'SUMIFS(Frameworks[{column}],Frameworks[Framework],"{framework}")' for column in columns)
    return f"{passed}/{rated}"


def _rate_tile(view: View, tables: Tables) -> Tile:
    headline, points = view.summary.headline, view.comparison.points
    name, rated = (headline.framework, headline.rated) if headline else ("", Rated())
    excepted = rated.with_exceptions.rate
    text = f'IFERROR({percent_formula(_share(name, _EXCEPTED))},"{NOTHING}")&" with exceptions"'
    note = tables.formula(text, f"{NOTHING if excepted is None else percent(excepted)} with exceptions")
    return Tile(
        label="Headline rate",
        figure=rate_formula(tables, name, rated.counts) if headline else NOTHING,
        before=rate_before(view)[0],
        note=note if headline else "no framework of which the run holds all controls",
        column="Rate",
        values=tuple(it.rate if headline and it.framework == name else None for it in points),
        target="Frameworks",
        is_share=True,
        more_is_better=True,
    )


def _urgent_tile(view: View, tables: Tables) -> Tile:
    issues, before = view.summary.issues, view.comparison.before
    counts = msgspec.structs.asdict(issues)
    opened = {it: f"SUM(Accounts[{it.capitalize()} counted])" for it in look.SEVERITIES}
    return Tile(
        label="Open critical and high issues",
        figure=_where_assessed(view, tables, f"{opened['critical']}+{opened['high']}", issues.critical + issues.high),
        before=None if before is None else before.critical + before.high,
        note=sentence(
            tables,
            "of ",
            ("+".join(opened.values()), issues.total, "open issue"),
            *(part for it in look.SEVERITIES for part in (", ", (opened[it], counts[it]), f" {it}")),
        ),
        column="Critical and high",
        values=tuple(it.critical + it.high for it in view.comparison.points),
        target="Accounts",
    )


def _where_assessed(view: View, tables: Tables, formula: str, count: int) -> Formula:
    """Return a count, or that there is none where nothing was assessed."""
    is_known = view.nothing_to_assess or view.summary.coverage.evaluations_assessed
    assessed = f'IF(SUM(Accounts[Assessed])=0,"{NOTHING}",{formula})'
    return tables.formula(assessed, count if is_known else NOTHING)


def _coverage_tile(view: View, tables: Tables, blocks: Lists) -> Tile:
    totals, before = view.summary.coverage, view.comparison.before
    accounts, unseen = "COUNTA(Accounts[Account id])", 'COUNTIFS(Accounts[Coverage],"NOT_ASSESSED")'
    regions, missing = blocks.regions.column("Accounts"), "SUM(Accounts[Evaluations])-SUM(Accounts[Assessed])"
    share = f'IFERROR(SUM(Accounts[Assessed])/SUM(Accounts[Evaluations]),"{NOTHING}")'
    return Tile(
        label="Coverage: what was assessed",
        figure=tables.formula(share, NOTHING if totals.share is None else totals.share),
        before=None if before is None or totals.share is None else before.coverage,
        note=sentence(
            tables,
            (f"{accounts}-{unseen}", totals.accounts_assessed),
            " of ",
            (accounts, totals.accounts, "account"),
            ", ",
            (f'COUNTIF({regions},">0")', totals.regions_assessed),
            " of ",
            (f"COUNT({regions})", totals.regions, "region"),
            "; ",
            (missing, totals.evaluations - totals.evaluations_assessed, "evaluation"),
            " not assessed, ",
            ("SUM(Coverage[Blocked by policy])", totals.evaluations_blocked),
            " of them blocked by policy",
        ),
        column="Coverage",
        values=tuple(it.coverage for it in view.comparison.points),
        target="Coverage",
        is_share=True,
        more_is_better=True,
    )


def _overdue_tile(view: View, tables: Tables, blocks: Lists) -> Tile:
    before, known = view.comparison.before, bool(view.manifest.remediation_days)
    late = f"SUM({blocks.accounts.column('Overdue issues')})"
    ended = 'COUNTIFS(Exceptions[Failing after expiry],">0")'
    issues = sum(int(str(it[3])) for it in blocks.accounts.rows)
    exceptions = sum(score.expired > 0 for score in view.kept)
    past: Tally = (ended, exceptions, "exception")
    whole: tuple[str | Tally, ...] = ((late, issues, "issue"), " past the due date, ", past, " past the last day")
    return Tile(
        label="Overdue",
        figure=_where_assessed(view, tables, f"{late}+{ended}", issues + exceptions) if known else NOTHING,
        before=overdue(before) if before and known else None,
        note=sentence(tables, *(whole if known else (f"{NOTHING} the run has no due dates; ", *whole[2:]))),
        column="Overdue",
        values=tuple(overdue(it) for it in view.comparison.points),
        target=tables.first("Open", "Findings"),
    )


def _no_line(view: View) -> str:
    points = view.comparison.points
    if not points:
        return "no earlier figures"
    if view.part and view.comparison.baseline is not None:
        return "no earlier figures of this part"
    if not points[-1].whole_scope:
        return "no line: a part of the scope"
    return "first audit" if len(points) == 1 else "no line: one figure"


def _change(tile: Tile, place: str) -> Content:
    result = tile.figure.result if isinstance(tile.figure, Formula) else tile.figure
    if tile.before is None or not isinstance(result, int | float):
        return NOTHING
    if tile.is_share:
        return share_change(place, result, tile.before)
    return Formula(f"{place}-{tile.before!r}", result - tile.before)


def _change_look(page: Grid, tile: Tile, row: int, column: int) -> Look:
    """Return the look of a change, which rules colour by whether it is better or worse."""
    if tile.before is not None:
        place = f"{get_column_letter(column)}{row}"
        up, down = (BETTER, WORSE) if tile.more_is_better else (WORSE, BETTER)
        page.sheet.conditional_formatting.add(place, look.compared("greaterThan", 0, up))
        page.sheet.conditional_formatting.add(place, look.compared("lessThan", 0, down))
    return replace(_CHANGE, number_format=POINTS if tile.is_share else COUNT_CHANGE)


def since_words(view: View) -> str:
    """Return what the changes are since, or why there are none."""
    comparison = view.comparison
    if comparison.baseline is None or comparison.baseline_date is None:
        return f"{NOTHING} Not compared: {plain(comparison.why_none)}."
    if view.part:
        day = day_words(comparison.baseline_date)
        return (
            f"{NOTHING} No change and no line: {plain(comparison.why_none)}. "
            f"What changed since {day}, run {plain(comparison.baseline)}, is on the sheet Changes."
        )
    rules = f" {counted(len(comparison.rules), 'control')} judged by other rules since." if comparison.rules else ""
    why = rate_before(view)[1]
    rate = f" Headline rate: {why[0].lower()}{why[1:]}." if why else ""
    return (
        f"▲ ▼ change since {day_words(comparison.baseline_date)}, run {plain(comparison.baseline)}; pt: percentage "
        f"points; green is better, red worse.{rate}{rules} The lines are the last "
        f"{counted(len(comparison.points), 'audit')}."
    )
