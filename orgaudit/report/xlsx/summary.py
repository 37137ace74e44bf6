"""The summary: one printed page, coverage first, every figure a formula over the tables behind it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from textwrap import shorten
from typing import NamedTuple

from openpyxl.cell import Cell
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.report.completeness import completeness_of
from orgaudit.report.figures import AccountScore, Completeness, RequirementStatus
from orgaudit.report.view import View
from orgaudit.report.xlsx.charts import LISTS, Lists, summary_charts
from orgaudit.report.xlsx.sheets import CLOSED
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.look import Look
from orgaudit.spreadsheet.rows import Formula, Value
from orgaudit.spreadsheet.workbook import Book, Part, over
from orgaudit.store.seal import Standing

TITLE = "Summary"
FIRST, LAST = 2, 25
"""The page is 24 narrow columns between two margins."""

CHART_ROW, CHART_ROWS = 21, 17
LISTED = 12
FRAMEWORK_CHARACTERS, SENTENCE_CHARACTERS = 60, 170
"""What fits on a line of the page: a text that is longer would widen what is printed."""

_BAND = Look(fill=look.NAVY, ink=look.WHITE, vertical="center", horizontal="left", wrap=False, indent=1)
_INCOMPLETE = _BAND._replace(fill=look.UNSEEN, bold=True)
_COMPLETE = _BAND._replace(fill=look.SEEN, bold=True)
_HEADING = Look(size=12, bold=True, ink=look.NAVY, vertical="center", wrap=False, line=look.NAVY)
_LABEL = Look(ink=look.MUTED, fill=look.TILE, vertical="center", horizontal="left", wrap=False, indent=1, gap=True)
_FIGURE = _LABEL._replace(size=20, bold=True, ink=look.NAVY)
_SENTENCE = Look(ink=look.INK, vertical="center")
_ENTRY = Look(vertical="center", wrap=False, line=look.LINE)


class Tile(NamedTuple):
    """A figure with its name above and what it means below."""

    label: str
    figure: Formula
    below: Formula | str
    target: str
    number_format: str = "#,##0"
    ink: str = look.NAVY


class _Page:
    """The cells of the page, put in any order and written row by row."""

    def __init__(self, book: Book, sheet: Worksheet) -> None:
        self._book = book
        self._sheet = sheet
        self._cells: dict[tuple[int, int], Cell] = {}

    def put(self, row: int, column: int, value: Value, style: Look, *, span: int = 1, target: str = "") -> None:
        """Put a value into `span` merged cells, as a link where a target sheet is named."""
        for extra in range(column, column + span):
            last = extra == column + span - 1
            shown = value if extra == column and not isinstance(value, Formula) else None
            self._cells[row, extra] = style._replace(gap=style.gap and last).cell(self._sheet, shown)
        cell = self._cells[row, column]
        if isinstance(value, Formula):
            self._book.results[TITLE][f"{get_column_letter(column)}{row}"] = value.result
            cell.value = value.formula
        if target:
            cell.hyperlink = Hyperlink(ref="A1", location=f"'{target}'!A1", tooltip=f"Go to {target}")
        if span > 1:
            end = get_column_letter(column + span - 1)
            self._sheet.merged_cells.add(f"{get_column_letter(column)}{row}:{end}{row}")

    def tile(self, row: int, column: int, tile: Tile, *, span: int) -> None:
        """Put a tile of three rows."""
        self.put(row, column, tile.label, _LABEL, span=span)
        figure = _FIGURE._replace(number_format=tile.number_format, ink=tile.ink)
        self.put(row + 1, column, tile.figure, figure, span=span, target=tile.target)
        self.put(row + 2, column, tile.below, _LABEL._replace(size=8, wrap=True), span=span)

    def heading(self, row: int, text: str, column: int = FIRST, span: int = LAST - FIRST + 1) -> None:
        """Put a ruled heading."""
        self.put(row, column, text, _HEADING, span=span)

    def write(self, heights: dict[int, float]) -> None:
        """Append every row to the sheet."""
        for row in range(1, max(row for row, _ in self._cells) + 1):
            self._sheet.row_dimensions[row].height = heights.get(row, 16)
            self._sheet.append([self._cells.get((row, column)) for column in range(1, LAST + 2)])


class Tables(NamedTuple):
    """The tables that the summary's formulas read."""

    accounts: Sequence[Part]
    controls: Sequence[Part]
    findings: Sequence[Part]
    coverage: Sequence[Part]
    exceptions: Sequence[Part]
    closed: Sequence[Part]


def write_summary(book: Book, view: View, blocks: Lists, contents: Sequence[tuple[str, int, str]]) -> list[str]:
    """Write the page and return the alt texts of its charts; `contents` are sheets, their rows and what they show."""
    sheet = book.sheet(TITLE, widths=[1.5, *[6.2] * (LAST - FIRST + 1), 1.5], one_page=True)
    sheet.sheet_properties.tabColor = look.NAVY
    tables = Tables(
        accounts=book.parts("Accounts", len(view.accounts)),
        controls=book.parts("Controls", len(view.controls)),
        findings=book.parts("Findings", view.findings_total),
        coverage=book.parts("Coverage", view.account_regions_total),
        exceptions=book.parts("Exceptions", len(view.kept)),
        closed=book.parts(CLOSED, len(view.closed)) if view.closed else (),
    )
    page = _Page(book, sheet)
    _put_title(page, view)
    band = _COMPLETE if view.summary.coverage.complete else _INCOMPLETE
    page.put(4, 1, completeness_of(view), band, span=LAST + 1)
    page.heading(5, "Coverage: what this report can speak for")
    for number, tile in enumerate(_coverage_tiles(view, tables, blocks)):
        page.tile(6, FIRST + 6 * number, tile, span=6)
    page.put(9, FIRST, _not_assessed_sentence(view), _SENTENCE, span=LAST - FIRST + 1, target="Coverage")
    page.heading(11, "Result")
    for number, tile in enumerate(_result_tiles(view, tables)):
        page.tile(12, FIRST + 6 * number, tile, span=6)
    page.heading(16, "Open findings by severity", FIRST, 12)
    page.heading(16, "Exceptions", FIRST + 12, 12)
    for number, tile in enumerate((*_severity_tiles(view, tables), *_exception_tiles(view, tables))):
        page.tile(17, FIRST + 3 * number, tile, span=3)
    if view.broad:
        page.put(20, FIRST, _broad_sentence(view), _SENTENCE, span=LAST - FIRST + 1, target="Exceptions")
    below = CHART_ROW + CHART_ROWS
    _put_contents(page, below, contents)
    _put_frameworks(page, view, below)
    heights = {1: 30, 2: 18, 3: 18, 4: 20, 5: 24, 7: 32, 8: 15, 9: 30, 10: 4, 13: 32, 14: 15, 15: 6, 18: 32, 19: 15}
    page.write({**heights, 20: 36 if view.broad else 8})
    return summary_charts(sheet, blocks, first_row=CHART_ROW, last_row=below - 2, columns=((2, 9), (10, 17), (18, 25)))


def _put_title(page: _Page, view: View) -> None:
    manifest = view.manifest
    organization = manifest.organization.id if manifest.organization else "no organization"
    warning = "UNVERIFIED: changed after it was sealed  ·  " if view.standing is Standing.UNVERIFIED else ""
    frameworks = ", ".join(framework.id for framework in manifest.frameworks)
    lines = (
        ("AWS security audit", 20.0, True),
        (
            f"{warning}Organization {organization}  ·  run {manifest.run_id}"
            f"  ·  exceptions as of {view.as_of.isoformat()}",
            11.0,
            False,
        ),
        (
            f"{_moment(manifest.started_at)} to {_moment(manifest.evaluated_at)}  ·  orgaudit {manifest.tool_version}"
            f"  ·  {shorten(frameworks or 'no framework', FRAMEWORK_CHARACTERS, placeholder=' …')}"
            f"  ·  as {manifest.caller.arn}",
            9.0,
            False,
        ),
    )
    for row, (text, size, bold) in enumerate(lines, 1):
        page.put(row, 1, text, _BAND._replace(size=size, bold=bold), span=LAST + 1)


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else "not over"


def _coverage_tiles(view: View, tables: Tables, blocks: Lists) -> list[Tile]:
    totals = view.summary.coverage
    accounts = over(tables.accounts, "COUNTA({}[Account id])")
    unseen = over(tables.accounts, 'COUNTIFS({}[Coverage],"NOT_ASSESSED")')
    partial = over(tables.accounts, 'COUNTIFS({}[Coverage],"PARTIAL")')
    assessed = over(tables.accounts, "SUM({}[Assessed])")
    planned = over(tables.accounts, "SUM({}[Evaluations])")
    figures = f"{LISTS}!$C${blocks.regions.row + 1}:$C${blocks.regions.last}"
    missing = totals.evaluations - totals.evaluations_assessed

    def total(column: str) -> str:
        return over(tables.coverage, f"SUM({{}}[{column}])")

    return [
        Tile(
            "Accounts assessed",
            Formula(
                f'=({accounts}-({unseen}))&" of "&({accounts})', f"{totals.accounts_assessed} of {totals.accounts}"
            ),
            Formula(f'=({partial})&" of them only in part"', f"{totals.accounts_partial} of them only in part"),
            "Accounts",
        ),
        Tile(
            "Regions audited",
            Formula(
                f'=COUNTIF({figures},">0")&" of "&COUNT({figures})', f"{totals.regions_assessed} of {totals.regions}"
            ),
            f"{totals.account_regions_assessed:,} of {totals.account_regions:,} regions of assessed accounts",
            "Coverage",
        ),
        Tile(
            "Evaluations assessed",
            Formula(f'=IFERROR(({assessed})/({planned}),"n/a")', "n/a" if totals.share is None else totals.share),
            Formula(
                f'=({total("Not applicable")})&" of them not applicable"',
                f"{totals.evaluations_not_applicable} of them not applicable",
            ),
            "Coverage",
            "0.0 %",
        ),
        Tile(
            "Evaluations not assessed",
            Formula(f"={planned}-({assessed})", missing),
            Formula(
                f'=({total("Blocked by policy")})&" of them blocked by policy; none counts as passed"',
                f"{totals.evaluations_blocked} of them blocked by policy; none counts as passed",
            ),
            "Coverage",
            ink=look.UNSEEN if missing else look.NAVY,
        ),
    ]


def _result_tiles(view: View, tables: Tables) -> list[Tile]:
    counts = view.summary.counts
    passed = over(tables.controls, "SUM({}[Passed])")
    failed = over(tables.controls, "SUM({}[Failed])")
    remaining = over(tables.controls, "SUM({}[Open])")
    counted = '{}[Counted],"yes"'
    rates = (counts.pass_rate, counts.pass_rate_with_exceptions)
    raw, excepted = ("n/a" if rate is None else rate for rate in rates)
    return [
        Tile(
            "Pass rate",
            Formula(f'=IFERROR(({passed})/({passed}+{failed}),"n/a")', raw),
            "passed / (passed + failed)",
            "Controls",
            "0.0 %",
        ),
        Tile(
            "Pass rate with exceptions",
            Formula(f'=IFERROR(({passed})/({passed}+{remaining}),"n/a")', excepted),
            "without failures under an exception",
            "Controls",
            "0.0 %",
        ),
        Tile(
            "Open findings",
            Formula("=" + over(tables.findings, f'COUNTIFS({{}}[Open],"yes",{counted})'), counts.open),
            "failed, and no exception in force",
            "Findings",
            ink=look.SEVERITIES["critical"] if counts.open else look.NAVY,
        ),
        Tile(
            "Findings under an exception",
            Formula("=" + over(tables.controls, "SUM({}[Excepted])"), counts.covered),
            "failed, and accepted by an owner",
            "Exceptions",
        ),
    ]


def _severity_tiles(view: View, tables: Tables) -> list[Tile]:
    return [
        Tile(
            severity.capitalize(),
            Formula(
                "="
                + over(tables.findings, f'COUNTIFS({{}}[Severity],"{severity}",{{}}[Open],"yes",{{}}[Counted],"yes")'),
                getattr(view.summary.open, severity),
            ),
            "open",
            "Findings",
            ink=colour,
        )
        for severity, colour in look.SEVERITIES.items()
    ]


def _exception_tiles(view: View, tables: Tables) -> list[Tile]:
    totals = view.summary.exceptions

    def entries(state: str) -> str:
        return over([*tables.exceptions, *tables.closed], f'COUNTIFS({{}}[State],"{state}")')

    outlived = over(tables.exceptions, "SUM({}[Failing after expiry])")
    unused = over(tables.exceptions, 'COUNTIFS({}[State],"%s",{}[Findings covered],0)')
    return [
        Tile(
            "In force",
            Formula(f"={entries('active')}+{entries('expiring')}", totals.active + totals.expiring),
            Formula(f'=({entries("expiring")})&" expiring"', f"{totals.expiring} expiring"),
            "Exceptions",
        ),
        Tile(
            "Expired",
            Formula(f"={entries('expired')}", totals.expired),
            Formula(f'=({outlived})&" still failing"', f"{totals.expired_matching} still failing"),
            "Exceptions",
            ink=look.SEVERITIES["critical"] if totals.expired_matching else look.NAVY,
        ),
        Tile(
            "Unused",
            Formula(f"={unused % 'active'}+{unused % 'expiring'}", totals.unused),
            "cover nothing",
            "Exceptions",
        ),
        Tile(
            "Invalid",
            Formula("=ROWS(Problems[Place])" if totals.problems else "=0", totals.problems),
            "problems found",
            "Exceptions",
            ink=look.SEVERITIES["critical"] if totals.problems else look.NAVY,
        ),
    ]


def _broad_sentence(view: View) -> str:
    named = "; ".join(
        f"{score.entry.id} ({score.entry.scope}; {score.covered:,} findings; {score.entry.owner}, "
        f"until {score.entry.expires_on})"
        for score in view.broad[:3]
    )
    more = f"; and {len(view.broad) - 3} more" if len(view.broad) > 3 else ""  # noqa: PLR2004 - as many as are named
    return f"Broad exceptions in force, for all controls or all accounts: {named}{more}."


def _not_assessed_sentence(view: View) -> str:
    unseen = [score for score in view.accounts if score.completeness is Completeness.NOT_ASSESSED]
    gaps = "".join(f" Not read when accounts were discovered: {gap.message}." for gap in view.manifest.discovery_gaps)
    return _unseen_accounts(view, unseen) + gaps


def _unseen_accounts(view: View, unseen: Sequence[AccountScore]) -> str:
    if not unseen:
        regions = [score.region for score in view.regions if not score.accounts_assessed]
        return f"Not audited anywhere: {', '.join(regions)}." if regions else "Every account in scope was assessed."
    named = "; ".join(f"{score.name or 'account'} {score.id} ({score.reason or score.state})" for score in unseen[:3])
    more = f"; and {len(unseen) - 3} more" if len(unseen) > 3 else ""  # noqa: PLR2004 - as many as are named
    return shorten(f"Not assessed: {named}{more}.", SENTENCE_CHARACTERS, placeholder=" …")


def _put_contents(page: _Page, row: int, contents: Sequence[tuple[str, int, str]]) -> None:
    page.heading(row, "In this workbook", FIRST, 12)
    for number, (title, rows, text) in enumerate(contents, row + 1):
        page.put(number, FIRST, title, _ENTRY._replace(ink=look.LINK, underline=True), span=3, target=title)
        page.put(number, FIRST + 3, rows, _ENTRY._replace(number_format="#,##0", horizontal="right"), span=2)
        page.put(number, FIRST + 5, text, _ENTRY._replace(ink=look.MUTED, horizontal="left", indent=1), span=7)


def _put_frameworks(page: _Page, view: View, row: int) -> None:
    column = FIRST + 13
    page.heading(row, "Requirements", column, 11)
    header = ("failing", "passing", "not assessed", "manual")
    style = _ENTRY._replace(ink=look.MUTED, size=9, horizontal="right", wrap=True)
    page.put(row + 1, column, "", style, span=3)
    for number, word in enumerate(header):
        page.put(row + 1, column + 3 + 2 * number, word, style, span=2)
    for number, framework in enumerate(view.manifest.frameworks[:LISTED], row + 2):
        statuses = [score.status for score in view.requirements if score.framework == framework.id]
        figures = (
            statuses.count(RequirementStatus.FAIL),
            statuses.count(RequirementStatus.PASS) + statuses.count(RequirementStatus.NOT_APPLICABLE),
            statuses.count(RequirementStatus.NOT_ASSESSED),
            statuses.count(RequirementStatus.MANUAL),
        )
        page.put(number, column, framework.id, _ENTRY, span=3, target="Frameworks")
        for place, figure in enumerate(figures):
            page.put(number, column + 3 + 2 * place, figure, _ENTRY._replace(horizontal="right"), span=2)
