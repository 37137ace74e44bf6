"""The small lines of page one: one figure over the last runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from openpyxl.chart import LineChart
from openpyxl.chart.data_source import AxDataSource, NumData, NumDataSource, NumRef, NumVal
from openpyxl.chart.layout import Layout, ManualLayout
from openpyxl.chart.marker import DataPoint, Marker
from openpyxl.chart.series import Series, SeriesLabel
from openpyxl.chart.shapes import GraphicalProperties
from openpyxl.drawing.line import LineProperties
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, TwoCellAnchor
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.report.xlsx.lists import Block
from orgaudit.spreadsheet import look
from orgaudit.store.comparison import Point

_THICK = 22_000
_INSET = 60_000
"""How thick a line is, and how far it stays from the edges of its cells, in EMU."""


@dataclass(frozen=True, slots=True)
class Spark:
    """A line of one column of the points: its name in words, and which of the points it shows."""

    title: str
    column: str
    values: tuple[float | None, ...]
    is_share: bool

    @property
    def known(self) -> tuple[int, ...]:
        """The indexes of the points that have the figure."""
        return tuple(index for index, value in enumerate(self.values) if value is not None)

    def alt_text(self, points: Sequence[Point]) -> str:
        """Return what the line shows, in words."""
        shown = (f"{points[index].date}: {self._word(self.values[index])}" for index in self.known)
        return f"Line chart. {self.title} over the last runs. {'; '.join(shown)}."

    def _word(self, value: float | None) -> str:
        return f"{value:.1%}" if self.is_share else f"{value:,}"


def put_spark(sheet: Worksheet, block: Block, spark: Spark, *, first: tuple[int, int], last: tuple[int, int]) -> None:
    """Put a line over the cells from the first to the last (row, column)."""
    chart = LineChart()
    chart.visible_cells_only = False
    chart.legend, chart.roundedCorners = None, False
    chart.graphical_properties = GraphicalProperties(noFill=True, ln=LineProperties(noFill=True))
    chart.layout = Layout(ManualLayout(layoutTarget="inner", x=0.03, y=0.1, w=0.94, h=0.8))
    for axis in (chart.x_axis, chart.y_axis):
        axis.delete, axis.majorGridlines = True, None
    chart.series = [_series(block, spark)]
    (top, left), (bottom, right) = first, last
    start = AnchorMarker(col=left - 1, row=top - 1, colOff=_INSET, rowOff=_INSET)
    end = AnchorMarker(col=right, row=bottom, colOff=-_INSET, rowOff=-_INSET)
    end = AnchorMarker(col=right - 1, row=bottom - 1, colOff=_INSET * 7, rowOff=_INSET * 2)
    chart.anchor = TwoCellAnchor(_from=start, to=end)  # type: ignore[assignment]  # the stub knows cell names only
    sheet.add_chart(chart)


def _series(block: Block, spark: Spark) -> Series:
    """Return the line with its figures, also for who does not read the hidden sheet."""
    line = GraphicalProperties(ln=LineProperties(solidFill=look.NAVY, w=_THICK))
    dot = GraphicalProperties(solidFill=look.NAVY, ln=LineProperties(solidFill=look.NAVY))
    last = DataPoint(idx=spark.known[-1], marker=Marker(symbol="circle", size=6, spPr=dot), spPr=line)
    figures = [NumVal(idx=index, v=str(spark.values[index])) for index in spark.known]
    dates = [NumVal(idx=index, v=str(index + 1)) for index in range(len(spark.values))]
    series = Series(
        idx=0,
        order=0,
        tx=SeriesLabel(v=spark.title),
        spPr=line,
        marker=Marker(symbol="none"),
        dPt=[last],
        cat=AxDataSource(
            numRef=NumRef(f=block.column("Date"), numCache=NumData(formatCode="General", ptCount=len(dates), pt=dates))
        ),
        val=NumDataSource(
            numRef=NumRef(
                f=block.column(spark.column),
                numCache=NumData(formatCode="General", ptCount=len(spark.values), pt=figures),
            )
        ),
    )
    series.smooth = False
    return series
