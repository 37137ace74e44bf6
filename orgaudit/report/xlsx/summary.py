"""The summary: one printed page, coverage first, every figure a formula over the tables behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from textwrap import shorten

import msgspec
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.report.completeness import completeness_of
from orgaudit.report.figures import AccountScore, Completeness, Rated, RatedCounts, RequirementStatus
from orgaudit.report.view import View
from orgaudit.report.xlsx.charts import LISTS, Lists, summary_charts
from orgaudit.report.xlsx.tables import Tables
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.archive import Link
from orgaudit.spreadsheet.look import Look
from orgaudit.spreadsheet.rows import CellWriter, Content, Formula, row
from orgaudit.spreadsheet.workbook import WorkbookWriter
from orgaudit.store.seal import Standing

TITLE = "Summary"
FIRST, LAST = 2, 25
"""The page is 24 narrow columns between two margins."""

WIDTH = LAST - FIRST + 1
CHART_ROW, CHART_ROWS = 21, 17
LISTED, NAMED = 12, 3
"""How many frameworks are listed, and how many accounts and exceptions are named."""

FRAMEWORK_CHARACTERS, SENTENCE_CHARACTERS = 60, 170
"""What fits on a line of the page: a text that is longer would widen what is printed."""

HEIGHTS = {1: 30, 2: 18, 3: 18, 4: 20, 5: 24, 7: 32, 8: 15, 9: 30, 10: 4, 13: 32, 14: 15, 15: 6, 18: 32, 19: 15}

_BAND = Look(fill=look.NAVY, ink=look.WHITE, vertical="center", horizontal="left", wrap=False, indent=1)
_HEADING = Look(size=12, bold=True, ink=look.NAVY, vertical="center", wrap=False, line=look.NAVY)
_LABEL = Look(ink=look.MUTED, fill=look.TILE, vertical="center", horizontal="left", wrap=False, indent=1, gap=True)
_FIGURE = replace(_LABEL, size=20, bold=True, ink=look.NAVY)
_SENTENCE = Look(ink=look.INK, vertical="center")
_ENTRY = Look(vertical="center", wrap=False, line=look.LINE)
_QUIET, _COUNT = replace(_ENTRY, ink=look.MUTED), replace(_ENTRY, number_format="#,##0", horizontal="right")

_OUTCOMES = {
    "failing": {RequirementStatus.FAIL},
    "passing": {RequirementStatus.PASS, RequirementStatus.NOT_APPLICABLE},
    "not assessed": {RequirementStatus.NOT_ASSESSED},
    "manual": {RequirementStatus.MANUAL},
}
"""The columns of the list of frameworks: how many of their requirements have one of the statuses."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure with its name above and what it means below."""

    label: str
    figure: Formula
    below: Formula | str
    target: str
    number_format: str = "#,##0"
    ink: str = look.NAVY


class _Page:
    """The cells of the page, put in any order and written row by row."""

    def __init__(self, book: WorkbookWriter, sheet: Worksheet) -> None:
        self._book, self._sheet = book, sheet
        self._rows: dict[int, dict[int, str]] = {}

    def put(self, number: int, column: int, content: Content, style: Look, *, span: int = 1, target: str = "") -> None:
        """Put a content into `span` merged cells, as a link where a target sheet is named."""
        places = [f"{get_column_letter(each)}{number}" for each in range(column, column + span)]
        for index, place in enumerate(places):
            shown = replace(style, gap=style.gap and place == places[-1])
            cell = CellWriter(self._sheet, shown).cell(place, None if index else content)
            self._rows.setdefault(number, {})[column + index] = cell
        if target:
            self._book.links[TITLE].append(Link(places[0], target))
        if span > 1:
            self._sheet.merged_cells.add(f"{places[0]}:{places[-1]}")

    def tile(self, number: int, column: int, tile: Tile, *, span: int) -> None:
        """Put a tile of three rows."""
        self.put(number, column, tile.label, _LABEL, span=span)
        figure = replace(_FIGURE, number_format=tile.number_format, ink=tile.ink)
        self.put(number + 1, column, tile.figure, figure, span=span, target=tile.target)
        self.put(number + 2, column, tile.below, replace(_LABEL, size=8, wrap=True), span=span)

    def heading(self, number: int, text: str, column: int = FIRST, span: int = WIDTH) -> None:
        """Put a ruled heading."""
        self.put(number, column, text, _HEADING, span=span)

    def write(self, heights: dict[int, float]) -> None:
        """Write every row to the sheet."""
        self._book.rows[TITLE].append(
            row(number, [cell for _, cell in sorted(self._rows.get(number, {}).items())], heights.get(number, 16))
            for number in range(1, max(self._rows) + 1)
        )


def write_summary(book: WorkbookWriter, view: View, tables: Tables, blocks: Lists) -> list[str]:
    """Write the page and return the alt texts of its charts."""
    sheet = book.sheet(TITLE, widths=[1.5, *[6.2] * WIDTH, 1.5], one_page=True)
    sheet.sheet_properties.tabColor = look.NAVY
    page = _Page(book, sheet)
    _put_title(page, view)
    fill = look.COMPLETE if view.summary.coverage.complete else look.INCOMPLETE
    page.put(4, 1, completeness_of(view), replace(_BAND, fill=fill, bold=True), span=LAST + 1)
    page.heading(5, "Coverage: what was assessed")
    page.put(9, FIRST, _not_assessed_sentence(view), _SENTENCE, span=WIDTH, target="Coverage")
    page.heading(11, "Result")
    page.heading(16, "Open issues by severity", FIRST, 12)
    page.heading(16, "Exceptions", FIRST + 12, 12)
    for number, span, tiles in (
        (6, 6, _coverage_tiles(view, tables, blocks)),
        (12, 6, _result_tiles(view, tables)),
        (17, 3, [*_severity_tiles(view, tables), *_exception_tiles(view, tables)]),
    ):
        for index, tile in enumerate(tiles):
            page.tile(number, FIRST + span * index, tile, span=span)
    if view.broad:
        page.put(20, FIRST, _broad_sentence(view), _SENTENCE, span=WIDTH, target="Exceptions")
    below = CHART_ROW + CHART_ROWS
    _put_index(page, tables, below)
    _put_frameworks(page, view, below)
    page.write({**HEIGHTS, 20: 36 if view.broad else 8})
    return summary_charts(sheet, blocks, first_row=CHART_ROW, last_row=below - 2, columns=((2, 9), (10, 17), (18, 25)))


def _put_title(page: _Page, view: View) -> None:
    manifest = view.manifest
    organization = manifest.organization.id if manifest.organization else "no organization"
    warning = "UNVERIFIED: changed after it was sealed  ·  " if view.standing is Standing.UNVERIFIED else ""
    frameworks = ", ".join(framework.id for framework in manifest.frameworks) or "no framework"
    run = (f"{warning}Organization {organization}", f"run {manifest.run_id}", f"exceptions as of {view.as_of}")
    made = (
        f"{_moment(manifest.started_at)} to {_moment(manifest.evaluated_at)}",
        f"orgaudit {manifest.tool_version}",
        shorten(frameworks, FRAMEWORK_CHARACTERS, placeholder=" …"),
        f"as {manifest.caller.arn}",
    )
    lines = (("AWS security audit", 20.0, True), ("  ·  ".join(run), 11.0, False), ("  ·  ".join(made), 9.0, False))
    for number, (text, size, bold) in enumerate(lines, 1):
        page.put(number, 1, text, replace(_BAND, size=size, bold=bold), span=LAST + 1)


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "not finished"


def _coverage_tiles(view: View, tables: Tables, blocks: Lists) -> list[Tile]:
    totals = view.summary.coverage
    accounts, unseen = "COUNTA(Accounts[Account id])", 'COUNTIFS(Accounts[Coverage],"NOT_ASSESSED")'
    partial = _phrase(tables, 'COUNTIFS(Accounts[Coverage],"PARTIAL")', totals.accounts_partial, "of them only in part")
    regions = f"{LISTS}!$C${blocks.regions.row + 1}:$C${blocks.regions.last}"
    by_region = f"{totals.account_regions_assessed:,} of {totals.account_regions:,} regions of assessed accounts"
    share = 'IFERROR(SUM(Accounts[Assessed])/SUM(Accounts[Evaluations]),"n/a")'
    not_applicable = _phrase(
        tables, "SUM(Coverage[Not applicable])", totals.evaluations_not_applicable, "of them not applicable"
    )
    missing = totals.evaluations - totals.evaluations_assessed
    blocked = "of them blocked by policy; none counts as passed"
    return [
        Tile(
            "Accounts assessed",
            tables.formula(
                f'({accounts}-{unseen})&" of "&{accounts}', f"{totals.accounts_assessed} of {totals.accounts}"
            ),
            partial,
            "Accounts",
        ),
        Tile(
            "Regions audited",
            Formula(
                f'COUNTIF({regions},">0")&" of "&COUNT({regions})', f"{totals.regions_assessed} of {totals.regions}"
            ),
            by_region,
            "Coverage",
        ),
        Tile("Evaluations assessed", tables.formula(share, totals.share), not_applicable, "Coverage", "0.0 %"),
        Tile(
            "Evaluations not assessed",
            tables.formula("SUM(Accounts[Evaluations])-SUM(Accounts[Assessed])", missing),
            _phrase(tables, "SUM(Coverage[Blocked by policy])", totals.evaluations_blocked, blocked),
            "Coverage",
            ink=look.INCOMPLETE if missing else look.NAVY,
        ),
    ]


def _result_tiles(view: View, tables: Tables) -> list[Tile]:
    summary, headline = view.summary, view.summary.headline
    rated = headline.rated if headline else Rated()
    name = headline.framework if headline else "no framework"
    opened = "+".join(f"SUM(Accounts[{it.capitalize()} counted])" for it in look.SEVERITIES)
    found = _phrase(tables, "SUM(Controls[Open])", summary.counts.open, "open findings")
    excepted = tables.formula("SUM(Controls[Excepted])", summary.counts.covered)
    unseen = f"{rated.counts.not_assessed:,} of {rated.counts.total:,} requirements x accounts not assessed"
    without = "without failures under an exception"
    rates = (
        (f"Rate, {name}", _rate_formula(tables, name, ("Rated as passed", "Rated"), rated.counts), unseen),
        (
            "Rate with exceptions",
            _rate_formula(tables, name, ("Passed with exceptions", "Rated with exceptions"), rated.with_exceptions),
            without,
        ),
    )
    return [
        *(Tile(label, formula, below, "Frameworks", "0.0 %") for label, formula, below in rates),
        Tile(
            "Open issues",
            tables.formula(opened, summary.issues.total),
            found,
            "Accounts",
            ink=_alarming(summary.issues.total),
        ),
        Tile("Findings under an exception", excepted, "failed, and accepted by an owner", "Exceptions"),
    ]


def _rate_formula(tables: Tables, framework: str, columns: tuple[str, str], counts: RatedCounts) -> Formula:
    """Return the share of two columns of a framework's requirements."""
    passed, rated = (f'SUMIFS(Frameworks[{column}],Frameworks[Framework],"{framework}")' for column in columns)
    return tables.formula(f'IFERROR({passed}/{rated},"n/a")', counts.rate)


def _severity_tiles(view: View, tables: Tables) -> list[Tile]:
    counts = msgspec.structs.asdict(view.summary.issues)
    return [
        Tile(
            it.capitalize(),
            tables.formula(f"SUM(Accounts[{it.capitalize()} counted])", counts[it]),
            "open",
            "Accounts",
            ink=ink,
        )
        for it, ink in look.SEVERITIES.items()
    ]


def _exception_tiles(view: View, tables: Tables) -> list[Tile]:
    totals = view.summary.exceptions
    expired = 'COUNTIFS(Exceptions[State],"expired")+COUNTIFS(Closed_exceptions[State],"expired")'
    covering = 'COUNTIFS(Exceptions[State],"active"{0})+COUNTIFS(Exceptions[State],"expiring"{0})'
    expiring = _phrase(tables, 'COUNTIFS(Exceptions[State],"expiring")', totals.expiring, "expiring")

    def tile(label: str, formula: str, result: int, below: Formula | str, alarming: int = 0) -> Tile:
        return Tile(label, tables.formula(formula, result), below, "Exceptions", ink=_alarming(alarming))

    failing, problems = totals.expired_matching, totals.problems
    still_failing = _phrase(tables, "SUM(Exceptions[Failing after expiry])", failing, "still failing")
    return [
        tile("In force", covering.format(""), totals.active + totals.expiring, expiring),
        tile("Expired", expired, totals.expired, still_failing, failing),
        tile("Unused", covering.format(",Exceptions[Findings covered],0"), totals.unused, "cover nothing"),
        tile("Invalid", "ROWS(Problems[Location])", problems, "problems found", problems),
    ]


def _phrase(tables: Tables, formula: str, number: int, text: str) -> Formula:
    return tables.formula(f'({formula})&" {text}"', f"{number} {text}")


def _alarming(count: int) -> str:
    return look.SEVERITIES["critical"] if count else look.NAVY


def _named(names: Sequence[str]) -> str:
    more = f"; and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{'; '.join(names[:NAMED])}{more}."


def _broad_sentence(view: View) -> str:
    names = [
        f"{score.entry.id} ({score.entry.scope}; {score.covered:,} findings; {score.entry.owner}, "
        f"until {score.entry.expires_on})"
        for score in view.broad
    ]
    return f"Broad exceptions in force, for all controls or all accounts: {_named(names)}"


def _not_assessed_sentence(view: View) -> str:
    unseen = [score for score in view.accounts if score.completeness is Completeness.NOT_ASSESSED]
    gaps = "".join(f" Not read when accounts were discovered: {gap.message}." for gap in view.manifest.discovery_gaps)
    return _unseen_accounts(view, unseen) + gaps


def _unseen_accounts(view: View, unseen: Sequence[AccountScore]) -> str:
    if not unseen:
        regions = [score.region for score in view.regions if not score.accounts_assessed]
        return f"Not audited anywhere: {', '.join(regions)}." if regions else "Every account in scope was assessed."
    names = [f"{score.name or 'account'} {score.id} ({score.reason or score.state})" for score in unseen]
    return shorten(f"Not assessed: {_named(names)}", SENTENCE_CHARACTERS, placeholder=" …")


def _put_index(page: _Page, tables: Tables, top: int) -> None:
    page.heading(top, "In this workbook", FIRST, 12)
    for number, (title, records, text) in enumerate(tables.index(), top + 1):
        page.put(number, FIRST, title, look.linked(_ENTRY), span=3, target=title)
        page.put(number, FIRST + 3, records, _COUNT, span=2)
        page.put(number, FIRST + 5, text, replace(_QUIET, horizontal="left", indent=1), span=7)


def _put_frameworks(page: _Page, view: View, top: int) -> None:
    column = FIRST + 13
    page.heading(top, "Requirements", column, 11)
    head = replace(_QUIET, size=9, horizontal="right", wrap=True)
    page.put(top + 1, column, "", head, span=3)
    frameworks = view.manifest.frameworks[:LISTED]
    for number, framework in enumerate(frameworks, top + 2):
        page.put(number, column, framework.id, _ENTRY, span=3, target="Frameworks")
    for place, (word, statuses) in enumerate(_OUTCOMES.items()):
        page.put(top + 1, column + 3 + 2 * place, word, head, span=2)
        found = Counter(score.framework for score in view.requirements if score.status in statuses)
        for number, framework in enumerate(frameworks, top + 2):
            page.put(number, column + 3 + 2 * place, found[framework.id], replace(_ENTRY, horizontal="right"), span=2)
