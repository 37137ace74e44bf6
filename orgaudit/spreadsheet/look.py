"""How workbooks look: one palette, and the style of each kind of cell."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Literal, cast
from weakref import WeakKeyDictionary

from openpyxl import Workbook
from openpyxl.cell import Cell, WriteOnlyCell
from openpyxl.formatting.rule import ColorScale, FormatObject, Rule
from openpyxl.styles import Alignment, Border, Color, Font, PatternFill, Protection, Side
from openpyxl.styles.cell_style import StyleArray
from openpyxl.styles.differential import DifferentialStyle
from openpyxl.worksheet.dimensions import ColumnDimension
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.spreadsheet.text import stored

INK = "1B2A3A"
MUTED = "5B6B7B"
NAVY = "1F3A5F"
LINE = "D5DCE4"
TILE = "F4F6F9"
WHITE = "FFFFFF"
LINK = "1F5FA8"
SEVERITIES = {"critical": "9B1C31", "high": "D9622B", "medium": "DDA52B", "low": "6B8CAE"}

FONT = "Arial"

_GOOD, _BAD, _WARN, _UNSEEN, _QUIET = (
    ("DFF1E7", "1E6B47"),
    ("F9DEDC", "8C1D18"),
    ("FCEFD2", "7A4B00"),
    ("E8E1F1", "4F3A78"),
    ("ECEFF2", "4A5663"),
)

COMPUTED = _QUIET[0]
INCOMPLETE, COMPLETE = _UNSEEN[1], _GOOD[1]
"""The fills of cells that are locked, and of the band that shows whether the run saw everything."""

TONES = {
    **dict.fromkeys(("PASS", "AUDITED", "COMPLETE", "active"), _GOOD),
    **dict.fromkeys(("FAIL", "critical", "expired", "invalid", "SUSPENDED", "CLOSED"), _BAD),
    **dict.fromkeys(("high", "expiring", "PARTIAL", "ACCEPTED", "UNREACHABLE", "pending"), _WARN),
    **dict.fromkeys(("NOT_ASSESSED", "BLOCKED"), _UNSEEN),
    **dict.fromkeys(
        (
            "NOT_APPLICABLE",
            "MANUAL",
            "NOT_COVERED",
            "EVIDENCE",
            "DISABLED",
            "low",
            "draft",
            "scheduled",
            "revoked",
            "rejected",
        ),
        _QUIET,
    ),
    "medium": ("FBF6DD", "6B5900"),
}
"""Fill and ink of each word that the sheets colour; the word itself always stays readable."""


@dataclass(frozen=True, slots=True)
class Tone:
    """A fill and an ink, and the condition for them: a formula in which `[Title]` stands for a cell of the row."""

    condition: str
    fill: str
    ink: str


@dataclass(frozen=True, slots=True)
class Look:
    """The style of a cell: `line` is below it, `grid` on its right, and `gap` a white one there."""

    size: float = 9
    bold: bool = False
    ink: str = INK
    fill: str | None = None
    horizontal: str | None = None
    vertical: str = "top"
    wrap: bool = True
    number_format: str = "General"
    underline: bool = False
    line: str | None = None
    grid: str | None = None
    indent: int = 0
    gap: bool = False
    locked: bool = True
    rotation: int = 0

    def cell(self, sheet: Worksheet, value: str | float | date | None = None) -> Cell:
        """Return a new cell of the sheet in this style; a text stays text whatever it begins with."""
        cell: Any = WriteOnlyCell(sheet)  # its stub does not show _style
        if isinstance(value, str):
            cell.value, cell.data_type = stored(value), "s"
        else:
            cell.value = value
        made = _STYLES.setdefault(cast(Workbook, sheet.parent), {})
        if self not in made:
            self.apply(cell)
            made[self] = cell._style  # noqa: SLF001 - openpyxl offers no other way to use a style again
        cell._style = copy(made[self])  # noqa: SLF001
        styled: Cell = cell
        return styled

    def apply(self, styled: Cell | ColumnDimension) -> None:
        """Give this style to a cell, or to the cells of a column that are not written."""
        styled.font = Font(
            name=FONT, size=self.size, bold=self.bold, color=self.ink, underline="single" if self.underline else None
        )
        styled.alignment = Alignment(
            horizontal=self.horizontal,
            vertical=self.vertical,
            wrap_text=self.wrap,
            indent=self.indent,
            text_rotation=self.rotation,
        )
        if self.fill:
            styled.fill = PatternFill("solid", start_color=self.fill)
        right = Side(style="thick", color=WHITE) if self.gap else Side(style="hair", color=self.grid)
        styled.border = Border(
            bottom=Side(style="thin", color=self.line) if self.line else None,
            right=right if self.gap or self.grid else None,
        )
        styled.number_format = self.number_format
        styled.protection = Protection(locked=self.locked)


_STYLES: WeakKeyDictionary[Workbook, dict[Look, StyleArray]] = WeakKeyDictionary()
"""The style of each look in each workbook: making one anew takes a hundred times as long as a cell."""

TITLE = Look(size=16, bold=True, ink=NAVY, wrap=False, vertical="center")
NOTE = Look(size=9, ink=MUTED, wrap=False, vertical="center")
HEADER = Look(bold=True, ink=WHITE, fill=NAVY, horizontal="left", indent=1, vertical="center")
TEXT = Look(number_format="@", horizontal="left", indent=1, line=LINE)
NUMBER = Look(number_format="#,##0", horizontal="right", indent=1, wrap=False, line=LINE)
RATE = Look(number_format="0.0 %", horizontal="right", indent=1, wrap=False, line=LINE)
DATE = Look(number_format="yyyy-mm-dd", horizontal="left", indent=1, wrap=False, line=LINE)
TIME = Look(number_format="yyyy-mm-dd hh:mm", horizontal="left", indent=1, wrap=False, line=LINE)


def linked(style: Look) -> Look:
    """Return the style of a cell that leads elsewhere."""
    return replace(style, ink=LINK, underline=True)


def compared(operator: Literal["greaterThan", "lessThan"], number: float, ink: str, fill: str | None = None) -> Rule:
    """Return the conditional format that colours a cell by comparing its number."""
    shown = PatternFill(bgColor=fill, fill_type="solid") if fill else None
    style = DifferentialStyle(font=Font(color=ink, bold=True), fill=shown)
    return Rule(type="cellIs", operator=operator, formula=[repr(number)], dxf=style)


def heat(fill: str) -> Rule:
    """Return the conditional format that fills cells the more the larger their number is, from white at 0."""
    ends = [FormatObject(type="num", val=0), FormatObject(type="max")]
    return Rule(type="colorScale", colorScale=ColorScale(cfvo=ends, color=[Color(WHITE), Color(fill)]))


def tone_rules(words: Iterable[str], cell: str = "", when: str = "") -> list[Rule]:
    """Return the conditional formats that colour a cell by the word in it, where a condition on its row holds."""
    rules = []
    for word in words:
        style = _toned(*TONES[word], bold=True)
        if when:
            rules.append(Rule(type="expression", formula=[f'AND({cell}="{word}",{when})'], dxf=style))
        else:
            rules.append(Rule(type="cellIs", operator="equal", formula=[f'"{word}"'], dxf=style))
    return rules


def condition_rule(condition: str, tone: Tone) -> Rule:
    """Return the conditional format that colours a cell where a formula holds."""
    return Rule(type="expression", formula=[condition], dxf=_toned(tone.fill, tone.ink, bold=False))


def _toned(fill: str, ink: str, *, bold: bool) -> DifferentialStyle:
    return DifferentialStyle(font=Font(color=ink, bold=bold), fill=PatternFill(bgColor=fill, fill_type="solid"))


def good(condition: str) -> Tone:
    """Return the tone of what is as it should be."""
    return Tone(condition, *_GOOD)


def warning(condition: str) -> Tone:
    """Return the tone of what is not far from it."""
    return Tone(condition, *_WARN)


def bad(condition: str) -> Tone:
    """Return the tone of what is far from it."""
    return Tone(condition, *_BAD)


def light(condition: str) -> Tone:
    """Return the tone of what is little."""
    return Tone(condition, *TONES["medium"])


def unseen(condition: str) -> Tone:
    """Return the tone of what was not assessed."""
    return Tone(condition, *_UNSEEN)
