"""The charts of the summary, and the hidden sheet that holds their figures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import msgspec
from openpyxl.chart import BarChart
from openpyxl.chart.axis import ChartLines
from openpyxl.chart.data_source import AxDataSource, NumData, NumDataSource, NumRef, NumVal, StrData, StrRef, StrVal
from openpyxl.chart.legend import Legend
from openpyxl.chart.series import Series, SeriesLabel
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.chart.text import RichText, Text
from openpyxl.chart.title import Title
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.drawing.text import CharacterProperties, Font, Paragraph, ParagraphProperties, RegularTextRun
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.report.view import View
from orgaudit.report.xlsx.cells import NO_UNIT
from orgaudit.report.xlsx.tables import Tables
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import CellWriter, Content, Formula, row
from orgaudit.spreadsheet.text import criterion, stored
from orgaudit.spreadsheet.workbook import WorkbookWriter

TOP = 10
LISTS = "Lists"
NAME = 1
"""The column of a block that holds the name, counted from 0."""

CHART_GAP = 340_000
"""How far a chart reaches into its last column, in EMU, so that the next begins after a gap."""


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of the hidden sheet: a header, then a label, the name by which figures are looked up, and the figures.

    In the sheet the name is the criterion that finds it, so that no character of it is taken for a wildcard; in a
    formula `@` stands for the row.
    """

    row: int
    header: tuple[str, ...]
    rows: tuple[tuple[Content, ...], ...]

    @property
    def last(self) -> int:
        """The last row that holds a record; an empty block keeps one empty row."""
        return self.row + max(len(self.rows), 1)


@dataclass(frozen=True, slots=True)
class Lists:
    """What the hidden sheet holds."""

    units: Block
    controls: Block
    accounts: Block
    regions: Block


def lists(tables: Tables, view: View) -> Lists:
    """Return the hidden sheet's blocks, with formulas over the tables."""
    blocks: list[Block] = []
    for header, rows in (
        (("Unit", "", *look.SEVERITIES), _unit_rows(tables, view)),
        (("Control", "", "Open"), _control_rows(tables, view)),
        (("Account", "", "Open"), _account_rows(tables, view)),
        (("Region", "", "Accounts"), _region_rows(tables, view)),
    ):
        blocks.append(Block(blocks[-1].last + 2 if blocks else 1, header, tuple(rows)))
    return Lists(*blocks)


def write_lists(book: WorkbookWriter, blocks: Lists) -> None:
    """Write the hidden sheet."""
    sheet = book.sheet(LISTS, widths=(40, 40, 12, 12, 12, 12))
    sheet.sheet_state = "hidden"
    texts, numbers = CellWriter(sheet, look.TEXT), CellWriter(sheet, look.NUMBER)

    def cell(content: Content, number: int, column: int) -> str:
        if isinstance(content, Formula):
            formula = replace(content, formula=content.formula.replace("@", str(number)))
            return numbers.cell(f"{'ABCDEF'[column]}{number}", formula)
        shown = criterion(str(content)) if column == NAME and content else content
        return texts.cell(f"{'ABCDEF'[column]}{number}", shown)

    for block in (blocks.units, blocks.controls, blocks.accounts, blocks.regions):
        book.rows[LISTS].append(
            [
                row(number, [cell(content, number, column) for column, content in enumerate(contents)])
                for number, contents in enumerate((block.header, *block.rows), block.row)
            ]
        )


def summary_charts(
    sheet: Worksheet, blocks: Lists, *, first_row: int, last_row: int, columns: Sequence[tuple[int, int]]
) -> list[str]:
    """Put each chart over its first to last column of these rows, and return their alt texts in the same order."""
    plans = (
        ("Open issues by unit and severity", blocks.units, tuple(look.SEVERITIES.values())),
        ("Ten worst controls, open findings", blocks.controls, (look.NAVY,)),
        ("Ten worst accounts, open issues", blocks.accounts, (look.NAVY,)),
    )
    for (title, block, palette), (left, right) in zip(plans, columns, strict=True):
        chart = _chart(title, block, palette)
        end = AnchorMarker(col=right, row=last_row)
        if right != columns[-1][1]:
            end = AnchorMarker(col=right - 1, row=last_row, colOff=CHART_GAP)
        start = AnchorMarker(col=left - 1, row=first_row - 1)
        chart.anchor = TwoCellAnchor(_from=start, to=end)  # type: ignore[assignment]  # the stub knows cell names only
        sheet.add_chart(chart)
    return [_alt_text(title, block) for title, block, _ in plans]


def _unit_rows(tables: Tables, view: View) -> Iterator[tuple[Content, ...]]:
    for score in islice(view.units, TOP):
        name, figures = score.unit or NO_UNIT, msgspec.structs.asdict(score.issues)
        cells = (
            tables.formula(f"SUMIFS(Accounts[{it.capitalize()} counted],Accounts[Unit],$B@)", figures[it])
            for it in look.SEVERITIES
        )
        yield (_short(name.rpartition("/")[2]), name, *cells)


def _control_rows(tables: Tables, view: View) -> Iterator[tuple[Content, ...]]:
    for score in islice((score for score in view.controls if score.counts.open), TOP):
        formula = tables.formula("SUMIFS(Controls[Open],Controls[Control],$B@)", score.counts.open)
        yield _short(score.id), score.id, formula


def _account_rows(tables: Tables, view: View) -> Iterator[tuple[Content, ...]]:
    worst = sorted((score for score in view.accounts if score.issues.total), key=lambda score: -score.issues.total)
    for score in worst[:TOP]:
        formula = tables.formula("SUMIFS(Accounts[Open issues],Accounts[Account id],$B@)", score.issues.total)
        yield _short(score.name or score.id), score.id, formula


def _region_rows(tables: Tables, view: View) -> Iterator[tuple[Content, ...]]:
    formula = "+".join(f'COUNTIFS(Coverage[Region],$B@,Coverage[State],"{state}")' for state in ("AUDITED", "PARTIAL"))
    for score in (score for score in view.regions if score.accounts):
        yield score.region, score.region, tables.formula(formula, score.accounts_assessed)


def _short(text: str, limit: int = 30) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _chart(title: str, block: Block, palette: Sequence[str]) -> BarChart:
    chart = BarChart(barDir="bar", grouping="stacked", overlap=100, gapWidth=45)
    chart.visible_cells_only = False
    chart.title = Title(tx=Text(rich=_rich(1100, look.INK, bold=True, text=title)), overlay=False)
    chart.series = [_series(block, column, colour) for column, colour in enumerate(palette, NAME + 1)]
    chart.legend = Legend(legendPos="b", txPr=_rich(800, look.MUTED)) if len(palette) > 1 else None
    line = GraphicalProperties(ln=LineProperties(solidFill=look.LINE))
    for axis in (chart.x_axis, chart.y_axis):
        axis.delete, axis.majorTickMark = False, "none"
        axis.txPr, axis.graphicalProperties = _rich(800, look.MUTED), line
    chart.x_axis.scaling.orientation = "maxMin"
    chart.y_axis.crosses, chart.y_axis.number_format = "max", "0"
    chart.y_axis.majorGridlines = ChartLines(spPr=line)
    return chart


def _series(block: Block, column: int, colour: str) -> Series:
    """Return the bars of one column, with their labels and figures also for who does not read the hidden sheet."""
    labels = [StrVal(idx=n, v=stored(str(cells[0]))) for n, cells in enumerate(block.rows)]
    results = enumerate(cells[column] for cells in block.rows)
    figures = [NumVal(idx=n, v=str(cell.result)) for n, cell in results if isinstance(cell, Formula)]
    places = [f"'{LISTS}'!${letter}${block.row + 1}:${letter}${block.last}" for letter in ("A", "ABCDEF"[column])]
    return Series(
        idx=column,
        order=column,
        tx=SeriesLabel(v=block.header[column]),
        spPr=GraphicalProperties(solidFill=colour, ln=LineProperties(noFill=True)),
        cat=AxDataSource(strRef=StrRef(f=places[0], strCache=StrData(ptCount=len(labels), pt=labels))),
        val=NumDataSource(
            numRef=NumRef(f=places[1], numCache=NumData(formatCode="General", ptCount=len(figures), pt=figures))
        ),
        invertIfNegative=False,
    )


def _rich(size: int, ink: str, *, bold: bool = False, text: str = "") -> RichText:
    style = CharacterProperties(sz=size, b=bold, solidFill=ink, latin=Font(typeface=look.FONT))
    runs = [RegularTextRun(rPr=style, t=text)] if text else []
    return RichText(p=[Paragraph(pPr=ParagraphProperties(defRPr=style), r=runs, endParaRPr=None)])


def _alt_text(title: str, block: Block) -> str:
    figures = ((cells[NAME], [cell.result for cell in cells if isinstance(cell, Formula)]) for cells in block.rows)
    bars = "; ".join(f"{name}: {', '.join(map(str, results))}" for name, results in figures)
    return f"Bar chart. {title}. {bars or 'No open issues'}."
