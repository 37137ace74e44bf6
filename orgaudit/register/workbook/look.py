"""How the register's sheets look."""

from __future__ import annotations

from openpyxl.formatting.rule import Rule
from openpyxl.styles import Alignment, Border, Font, PatternFill, Protection, Side
from openpyxl.styles.differential import DifferentialStyle

FONT = "Arial"
INK, MUTED, NAVY, LINE, WHITE = "1B2A3A", "5B6B7B", "1F3A5F", "D5DCE4", "FFFFFF"
COMPUTED_FILL = "F1F3F6"
BANDS = {
    "Register": "4A5663",
    "What": "1F3A5F",
    "Who": "2F5D62",
    "When": "5E548E",
    "It covers": "1F5FA8",
    "But not": "8A4F2D",
    "Limits": "6B5900",
    "Risk": "8C1D18",
    "Record": "4A5663",
    "You ask": "1E6B47",
}
_GOOD, _BAD, _WARN, _QUIET = ("DFF1E7", "1E6B47"), ("F9DEDC", "8C1D18"), ("FCEFD2", "7A4B00"), ("ECEFF2", "4A5663")
_TONES = {
    "active": _GOOD,
    "expiring": _WARN,
    "pending": _WARN,
    "expired": _BAD,
    "invalid": _BAD,
    "revoked": _QUIET,
    "rejected": _QUIET,
    "draft": _QUIET,
}

HEADER = Font(name=FONT, size=9, bold=True, color=WHITE)
CELL = Font(name=FONT, size=9, color=INK)
QUIET = Font(name=FONT, size=9, color=MUTED)
TITLE = Font(name=FONT, size=15, bold=True, color=NAVY)
WRAPPED = Alignment(horizontal="left", vertical="top", indent=1, wrap_text=True)
MIDDLE = Alignment(vertical="center")
CENTRED = Alignment(horizontal="left", vertical="center", indent=1, wrap_text=True)
UNDERLINED = Border(bottom=Side(style="thin", color=LINE), right=Side(style="hair", color=LINE))
UNLOCKED, LOCKED = Protection(locked=False), Protection(locked=True)
COMPUTED = PatternFill("solid", start_color=COMPUTED_FILL)


def fill(colour: str) -> PatternFill:
    """Return a plain fill."""
    return PatternFill("solid", start_color=colour)


def state_rules() -> list[Rule]:
    """Return the conditional formats that colour a state."""
    return [
        Rule(
            type="cellIs",
            operator="equal",
            formula=[f'"{word}"'],
            dxf=DifferentialStyle(font=Font(color=ink, bold=True), fill=PatternFill(bgColor=paper, fill_type="solid")),
        )
        for word, (paper, ink) in _TONES.items()
    ]
