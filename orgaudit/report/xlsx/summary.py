"""Page one: a verdict, four figures, and what to decide, on one printed page; its figures are formulas."""

from __future__ import annotations

from dataclasses import replace

from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, OneCellAnchor
from openpyxl.drawing.xdr import XDRPositiveSize2D
from openpyxl.utils import get_column_letter

from orgaudit.report.completeness import completeness_of, missing_names
from orgaudit.report.view import View
from orgaudit.report.xlsx.formulas import POINTS
from orgaudit.report.xlsx.grid import (
    COLUMN_WIDTH,
    FIRST,
    LAST,
    MARGIN_WIDTH,
    WIDTH,
    Grid,
    day_words,
    plain,
    put_gap,
)
from orgaudit.report.xlsx.heat_panel import put_heat_map
from orgaudit.report.xlsx.lists import Lists
from orgaudit.report.xlsx.panels import put_actions, put_decisions, put_frameworks, put_late
from orgaudit.report.xlsx.tables import NOTHING, Tables
from orgaudit.report.xlsx.tiles import put_tiles, rate_before, rate_change, rate_formula
from orgaudit.report.xlsx.verdict import made_words, organization_name, verdict_words
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.look import Look
from orgaudit.spreadsheet.picture import EmbeddedImage
from orgaudit.spreadsheet.rows import Content
from orgaudit.spreadsheet.workbook import WorkbookWriter
from orgaudit.store.seal import Standing

TITLE = "Summary"
_TITLE_SPAN = 17
_LOGO_HEIGHT, _LOGO_WIDTH = 58, 260
"""The most that a logo takes, in pixels."""

EMU = 9525
"""English Metric Units, in which drawings are measured, of a pixel."""

_NAME = Look(size=20, bold=True, ink=look.NAVY, vertical="center", indent=1)
_META = Look(size=8, ink=look.MUTED, vertical="center", indent=1)
_BAND = Look(size=12, fill=look.NAVY, ink=look.WHITE, vertical="center", horizontal="left", indent=1)
_RATE = replace(_BAND, size=20, bold=True, wrap=False, number_format="0.0 %")
_CHANGE = replace(_BAND, bold=True, wrap=False, number_format=POINTS, horizontal="right")
_INDEX = Look(vertical="center", wrap=False, line=look.LINE)


def write_summary(book: WorkbookWriter, view: View, tables: Tables, blocks: Lists) -> list[str]:
    """Write the page and return the alt texts of its charts and its picture, in their order."""
    sheet = book.sheet(TITLE, widths=[MARGIN_WIDTH, *[COLUMN_WIDTH] * WIDTH, MARGIN_WIDTH], one_page=True)
    sheet.sheet_properties.tabColor = look.NAVY
    sheet.page_margins.top, sheet.page_margins.bottom = 0.3, 0.55
    page = Grid(book, sheet)
    _put_title(page, view)
    row = put_gap(page, _put_band(page, view, tables, 3) + 1)
    row, alt_texts = put_tiles(page, view, tables, blocks, row)
    row = put_gap(page, 1 + max(put_decisions(page, view, tables, row), put_late(page, view, tables, row)))
    row = put_gap(page, 1 + max(put_actions(page, view, row), put_frameworks(page, view, tables, row)))
    row = put_heat_map(page, view, blocks, row)
    sheet.print_area = f"A1:{get_column_letter(LAST + 1)}{row}"
    _put_index(page, tables, row + 2)
    page.write()
    return [*alt_texts, *_put_logo(page, view)]


def _put_title(page: Grid, view: View) -> None:
    title = "  ·  ".join(filter(None, (organization_name(view), plain(view.settings.title), plain(view.part))))
    page.put(1, FIRST, title, _NAME, span=_TITLE_SPAN)
    page.put(2, FIRST, "  ·  ".join(made_words(view)), _META, span=_TITLE_SPAN)
    page.heighten(1, 32)
    page.heighten(2, 18)


def _put_logo(page: Grid, view: View) -> list[str]:
    """Put the logo at the right of the title, as large as fits without distorting it; return its alt text, if any."""
    logo = view.logo
    if logo is None:
        return []
    scale = min(_LOGO_HEIGHT / logo.height, _LOGO_WIDTH / logo.width)
    width, height = max(round(logo.width * scale), 1), max(round(logo.height * scale), 1)
    image = EmbeddedImage(logo.data, logo.format, width, height)
    pixels = round(COLUMN_WIDTH * 7 + 5)  # of a column, in Excel's own type
    columns = -(-width // pixels)
    start = AnchorMarker(col=LAST - columns, colOff=(columns * pixels - width) * EMU, row=0, rowOff=3 * EMU)
    size = XDRPositiveSize2D(width * EMU, height * EMU)
    image.anchor = OneCellAnchor(_from=start, ext=size)
    page.sheet.add_image(image)
    return [f"Logo of {organization_name(view)}."]


def _put_band(page: Grid, view: View, tables: Tables, top: int) -> int:
    """Put the verdict: rate and change, whether everything was seen, and what is missing; return the last row."""
    headline, comparison = view.summary.headline, view.comparison
    rate: Content = NOTHING
    if headline and not view.nothing_to_assess:
        rate = rate_formula(tables, headline.framework, headline.rated.counts)
    before, why = rate_before(view)
    since = f"since {day_words(comparison.baseline_date)}" if before is not None and comparison.baseline_date else why
    page.put(top, FIRST, rate, _RATE, span=3)
    page.put(top, FIRST + 3, verdict_words(view), _BAND, span=13)
    page.put(top, FIRST + 16, rate_change(view, tables), _CHANGE, span=3)
    page.put(top, FIRST + 19, since, replace(_BAND, size=9), span=5)
    page.heighten(top, 30)
    whole = view.summary.coverage.complete or view.nothing_to_assess
    fill = look.COMPLETE if whole else look.INCOMPLETE
    warning = ""
    if view.standing is Standing.UNVERIFIED:
        warning, fill = "UNVERIFIED: changed after it was sealed  ·  ", look.SEVERITIES["critical"]
    whose = f"  ·  of the part of {plain(view.part)} alone" if view.part else ""
    page.put(
        top + 1, FIRST, f"{warning}{completeness_of(view)}{whose}", replace(_BAND, fill=fill, bold=True), span=WIDTH
    )
    last = top + 1
    if missing := missing_names(view):
        last += 1
        page.put(last, FIRST, missing, replace(_BAND, fill=fill, size=9), span=WIDTH)
    for number in range(top, last + 1):
        for margin in (1, LAST + 1):
            page.put(number, margin, None, replace(_BAND, fill=look.NAVY if number == top else fill))
    return last


def _put_index(page: Grid, tables: Tables, top: int) -> None:
    """Put every sheet, below what is printed."""
    page.put(top, FIRST, "In this workbook", replace(_INDEX, size=12, bold=True, ink=look.NAVY), span=12)
    for number, (title, records, text) in enumerate(tables.index(), top + 1):
        page.put(number, FIRST, title, look.linked(_INDEX), span=3, target=title)
        page.put(number, FIRST + 3, records, replace(_INDEX, number_format="#,##0", horizontal="right"), span=2)
        page.put(number, FIRST + 5, text, replace(_INDEX, ink=look.MUTED, horizontal="left", indent=1), span=7)
