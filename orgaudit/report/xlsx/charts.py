"""The charts of the summary, and the hidden sheet that holds their figures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import NamedTuple

import msgspec
from openpyxl.chart import BarChart, Reference, Series
from openpyxl.chart.axis import ChartLines
from openpyxl.chart.data_source import NumData, NumVal, StrData, StrRef, StrVal
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText, Text
from openpyxl.chart.title import Title
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.drawing.text import CharacterProperties, Font, Paragraph, ParagraphProperties, RegularTextRun
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.report.view import View
from orgaudit.report.xlsx.sheets import NO_UNIT
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import Formula, Value
from orgaudit.spreadsheet.text import criterion, stored
from orgaudit.spreadsheet.workbook import Book, Part, over

TOP = 10
LISTS = "Lists"
NAME = 1
"""The column of a block that holds the name, counted from 0."""

CHART_GAP = 340_000
"""How far a chart reaches into its last column, in EMU, so that the next begins after a gap."""


class Block(NamedTuple):
    """Rows of the hidden sheet: a header, then a label, the name by which figures are looked up, and the figures.

    In the sheet the name is the criterion that finds it, so that no character of it is taken for a wildcard.
    """

    row: int
    header: tuple[str, ...]
    rows: tuple[tuple[Value, ...], ...]

    @property
    def last(self) -> int:
        """Return the last row that holds a record; an empty block keeps one empty row."""
        return self.row + max(len(self.rows), 1)


class Lists(NamedTuple):
    """What the hidden sheet holds."""

    units: Block
    controls: Block
    accounts: Block
    regions: Block


def lists(book: Book, view: View) -> Lists:
    """Return the hidden sheet's blocks, with formulas over the tables."""
    findings = book.parts("Findings", view.findings_total)
    units = Block(1, ("Unit", "", *look.SEVERITIES), tuple(_unit_rows(view, findings)))
    controls = Block(units.last + 2, ("Control", "", "Open"), tuple(_control_rows(view, book)))
    accounts = Block(controls.last + 2, ("Account", "", "Open"), tuple(_account_rows(view, book)))
    coverage = book.parts("Coverage", view.account_regions_total)
    regions = Block(accounts.last + 2, ("Region", "", "Accounts"), tuple(_region_rows(view, coverage, accounts.last)))
    return Lists(units, controls, accounts, regions)


def write_lists(book: Book, blocks: Lists) -> None:
    """Write the hidden sheet."""
    sheet = book.sheet(LISTS, widths=(40, 40, 12, 12, 12, 12))
    sheet.sheet_state = "hidden"
    row = 0
    for block in blocks:
        while row < block.row - 1:
            sheet.append([])
            row += 1
        for values in (block.header, *block.rows):
            row += 1
            sheet.append([_list_cell(book, sheet, value, row, column) for column, value in enumerate(values)])


def summary_charts(
    sheet: Worksheet, blocks: Lists, *, first_row: int, last_row: int, columns: Sequence[tuple[int, int]]
) -> list[str]:
    """Put each chart over its first to last column of these rows, and return their alt texts in the same order."""
    plans = (
        ("Open findings by unit and severity", blocks.units, tuple(look.SEVERITIES.values())),
        ("Ten worst controls, open findings", blocks.controls, (look.NAVY,)),
        ("Ten worst accounts, open findings", blocks.accounts, (look.NAVY,)),
    )
    alt_texts = []
    for (title, block, palette), (left, right) in zip(plans, columns, strict=True):
        chart = _chart(title, block, palette)
        chart.anchor = TwoCellAnchor(  # type: ignore[assignment]  # the stub knows cell names only
            _from=AnchorMarker(col=left - 1, row=first_row - 1),
            to=AnchorMarker(col=right, row=last_row) if right == columns[-1][1] else _before(right, last_row),
        )
        sheet.add_chart(chart)
        alt_texts.append(_alt_text(title, block))
    return alt_texts


def _before(right: int, last_row: int) -> AnchorMarker:
    return AnchorMarker(col=right - 1, row=last_row, colOff=CHART_GAP)


def _unit_rows(view: View, findings: Sequence[Part]) -> list[tuple[Value, ...]]:
    rows: list[tuple[Value, ...]] = []
    for number, score in enumerate(islice(view.units, TOP), 2):
        figures = msgspec.structs.asdict(score.open)
        cells = [
            Formula(
                "="
                + over(
                    findings,
                    f'COUNTIFS({{}}[Unit],$B{number},{{}}[Severity],"{severity}",{{}}[Open],"yes",{{}}[Counted],"yes")',
                ),
                figures[severity],
            )
            for severity in look.SEVERITIES
        ]
        name = score.unit or NO_UNIT
        rows.append((_short(name.rpartition("/")[2]), name, *cells))
    return rows


def _control_rows(view: View, book: Book) -> list[tuple[Value, ...]]:
    parts = book.parts("Controls", len(view.controls))
    worst = [score for score in view.controls if score.counts.open][:TOP]
    return [(_short(score.id), score.id, Formula(_looked_up(parts, "Control"), score.counts.open)) for score in worst]


def _account_rows(view: View, book: Book) -> list[tuple[Value, ...]]:
    parts = book.parts("Accounts", len(view.accounts))
    worst = sorted((score for score in view.accounts if score.counts.open), key=lambda score: -score.counts.open)[:TOP]
    return [
        (_short(score.name or score.id), score.id, Formula(_looked_up(parts, "Account id"), score.counts.open))
        for score in worst
    ]


def _region_rows(view: View, coverage: Sequence[Part], above: int) -> list[tuple[Value, ...]]:
    rows: list[tuple[Value, ...]] = []
    for number, score in enumerate((score for score in view.regions if score.accounts), above + 3):
        terms = (f'COUNTIFS({{}}[Region],$B{number},{{}}[State],"{state}")' for state in ("AUDITED", "PARTIAL"))
        formula = "=" + "+".join(over(coverage, term) for term in terms)
        rows.append((score.region, score.region, Formula(formula, score.accounts_assessed)))
    return rows


def _looked_up(parts: Sequence[Part], key: str) -> str:
    return "=" + over(parts, f"SUMIFS({{}}[Open],{{}}[{key}],$B@)")


def _short(text: str, limit: int = 30) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _list_cell(book: Book, sheet: Worksheet, value: Value, row: int, column: int) -> object:
    if isinstance(value, Formula):
        book.results[LISTS][f"{'ABCDEF'[column]}{row}"] = value.result
        cell = look.NUMBER.cell(sheet)
        cell.value = value.formula.replace("$B@", f"$B{row}")
        return cell
    if not isinstance(value, str):
        return value
    return look.TEXT.cell(sheet, criterion(value) if column == NAME and value else value)


def _chart(title: str, block: Block, palette: Sequence[str]) -> BarChart:
    chart = BarChart()
    chart.type = "bar"
    chart.grouping = "stacked"
    chart.overlap = 100
    chart.gapWidth = 45
    chart.visible_cells_only = False
    chart.title = Title(tx=Text(rich=_rich(_type(1100, look.INK, bold=True), title)), overlay=False)
    categories = Reference(range_string=f"{LISTS}!$A${block.row + 1}:$A${block.last}")
    for number, colour in enumerate(palette):
        column = "CDEF"[number]
        values = Reference(range_string=f"{LISTS}!${column}${block.row + 1}:${column}${block.last}")
        series = Series(values, title=block.header[2 + number])
        series.graphicalProperties = GraphicalProperties(solidFill=colour)
        series.graphicalProperties.line.noFill = True
        series.invertIfNegative = False
        series.val.numRef.numCache = _numbers(block, 2 + number)
        chart.series.append(series)
    chart.set_categories(categories)
    for series in chart.series:
        series.cat.numRef, series.cat.strRef = None, _labels(block, series.cat.numRef.f)
    chart.legend = chart.legend if len(palette) > 1 else None
    if chart.legend:
        chart.legend.position = "b"
        chart.legend.txPr = _rich(_type(800, look.MUTED))
    _style_axes(chart)
    return chart


def _labels(block: Block, formula: str) -> StrRef:
    points = [StrVal(idx=index, v=stored(str(row[0]))) for index, row in enumerate(block.rows)]
    return StrRef(f=formula, strCache=StrData(ptCount=len(points), pt=points))


def _numbers(block: Block, column: int) -> NumData:
    results = [row[column] for row in block.rows]
    points = [NumVal(idx=n, v=str(cell.result)) for n, cell in enumerate(results) if isinstance(cell, Formula)]
    return NumData(formatCode="General", ptCount=len(points), pt=points)


def _type(size: int, ink: str, *, bold: bool = False) -> CharacterProperties:
    return CharacterProperties(sz=size, b=bold, solidFill=ink, latin=Font(typeface=look.FONT))


def _rich(style: CharacterProperties, text: str = "") -> RichText:
    runs = [RegularTextRun(rPr=style, t=text)] if text else []
    return RichText(p=[Paragraph(pPr=ParagraphProperties(defRPr=style), r=runs, endParaRPr=None)])


def _style_axes(chart: BarChart) -> None:
    small = _rich(_type(800, look.MUTED))
    for axis in (chart.x_axis, chart.y_axis):
        axis.delete = False
        axis.txPr = small
        axis.majorTickMark = "none"
        axis.graphicalProperties = GraphicalProperties(ln=LineProperties(solidFill=look.LINE))
    chart.x_axis.scaling.orientation = "maxMin"
    chart.y_axis.crosses = "max"
    chart.y_axis.number_format = "0"
    chart.y_axis.majorGridlines = ChartLines(spPr=GraphicalProperties(ln=LineProperties(solidFill=look.LINE)))


def _alt_text(title: str, block: Block) -> str:
    bars = [f"{row[1]}: {_bar(row[2:])}" for row in block.rows]
    return f"Bar chart. {title}. " + ("; ".join(bars) + "." if bars else "No open findings.")


def _bar(cells: Sequence[Value]) -> str:
    return ", ".join(str(cell.result) for cell in cells if isinstance(cell, Formula))
