"""The hidden sheet: the figures behind page one that no other table has, in blocks that its formulas name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date

from orgaudit.report.figures import RatedCounts
from orgaudit.report.late import late_by_account
from orgaudit.report.unit_map import HeatMap, heat_map
from orgaudit.report.view import View
from orgaudit.report.xlsx.tables import Tables
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import CellWriter, Content, Formula, row
from orgaudit.spreadsheet.text import criterion
from orgaudit.spreadsheet.workbook import WorkbookWriter
from orgaudit.store.comparison import Point

LISTS = "Lists"
_LETTERS = "ABCDEFGH"
_CRITERION = "Criterion"
"""The column that finds a name: what it holds, no character of it is taken for a wildcard."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of the hidden sheet below a header, which is in `row`; an empty block keeps one empty row."""

    row: int
    header: tuple[str, ...]
    rows: tuple[tuple[Content, ...], ...]

    @property
    def last(self) -> int:
        """The last row that holds a record."""
        return self.row + max(len(self.rows), 1)

    def column(self, title: str) -> str:
        """Return the range of a column in a formula."""
        letter = _LETTERS[self.header.index(title)]
        return f"{LISTS}!${letter}${self.row + 1}:${letter}${self.last}"

    def cell(self, title: str, index: int) -> str:
        """Return the place of a column's cell in the record of this index, in a formula."""
        return f"{LISTS}!${_LETTERS[self.header.index(title)]}${self.row + 1 + index}"


@dataclass(frozen=True, slots=True)
class Lists:
    """What the hidden sheet holds, and the map that two of its blocks are of."""

    points: Block
    accounts: Block
    heat: Block
    regions: Block
    map: HeatMap


def lists(tables: Tables, view: View) -> Lists:
    """Return the hidden sheet's blocks."""
    found = heat_map(view)
    blocks: list[Block] = []
    for header, rows in (
        (
            ("Date", "Run", "Rate", "Critical and high", "Coverage", "Overdue"),
            (_point(point) for point in view.comparison.points),
        ),
        (
            ("Account id", "Map row", "Open issues", "Overdue issues", "Rated", "Rated as passed", "Assessed"),
            _accounts(tables, view, found.row_of, {score.id: score.rated.counts for score in view.accounts}),
        ),
        (
            ("Account id", "Map row", "Map column", "Open issues", "Assessed", "Not assessed"),
            ((it.account_id, it.row, it.column, it.open, it.assessed, it.unseen) for it in found.cells),
        ),
        (("Region", _CRITERION, "Accounts"), _regions(tables, view)),
    ):
        row_number = blocks[-1].last + 2 if blocks else 1
        records = tuple(_placed(cells, row_number + number) for number, cells in enumerate(rows, 1))
        blocks.append(Block(row_number, header, records))
    points, accounts, heat, regions = blocks
    return Lists(points, accounts, heat, regions, found)


def _placed(cells: tuple[Content, ...], number: int) -> tuple[Content, ...]:
    """Return a record with the row's number in its formulas, for which `@` stands."""
    return tuple(
        replace(it, formula=it.formula.replace("@", str(number))) if isinstance(it, Formula) else it for it in cells
    )


def overdue(point: Point) -> int | None:
    """Return what is late in a run, issues and exceptions; None where it has no due dates."""
    return None if point.overdue_issues is None else point.overdue_issues + point.overdue_exceptions


def _point(point: Point) -> tuple[Content, ...]:
    return (point.date, point.run, point.rate, point.critical + point.high, point.coverage, overdue(point))


def _accounts(
    tables: Tables, view: View, row_of: Mapping[str, int], rated: Mapping[str, RatedCounts]
) -> Iterator[tuple[Content, ...]]:
    late = late_by_account(view)
    formula = "+".join(
        f"SUMIFS(Accounts[{it.capitalize()} counted],Accounts[Account id],$A@)" for it in look.SEVERITIES
    )
    for score in view.accounts:
        counts = rated.get(score.id, RatedCounts())
        yield (
            score.id,
            row_of[score.ou_path],
            tables.formula(formula, score.counted_issues.total),
            late.get(score.id, 0),
            counts.total,
            counts.passed,
            score.evaluations_assessed,
        )


def _regions(tables: Tables, view: View) -> Iterator[tuple[Content, ...]]:
    formula = "+".join(f'COUNTIFS(Coverage[Region],$B@,Coverage[State],"{state}")' for state in ("AUDITED", "PARTIAL"))
    for score in (score for score in view.regions if score.accounts):
        yield score.region, criterion(score.region), tables.formula(formula, score.accounts_assessed)


def write_lists(book: WorkbookWriter, blocks: Lists) -> None:
    """Write the hidden sheet."""
    sheet = book.sheet(LISTS, widths=(30, 30, 14, 14, 14, 14, 14))
    sheet.sheet_state = "hidden"
    texts, numbers, days = (CellWriter(sheet, style) for style in (look.TEXT, _PLAIN, look.DATE))

    def cell(content: Content, number: int, letter: str) -> str:
        writer = texts if isinstance(content, str) else days if isinstance(content, date) else numbers
        return writer.cell(f"{letter}{number}", content)

    for block in (blocks.points, blocks.accounts, blocks.heat, blocks.regions):
        book.rows[LISTS].append(
            row(number, [cell(content, number, letter) for letter, content in zip(_LETTERS, contents, strict=False)])
            for number, contents in enumerate((block.header, *block.rows), block.row)
        )


_PLAIN = look.Look(horizontal="right", wrap=False)
