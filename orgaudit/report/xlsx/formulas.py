"""The formulas of page one with their results: sentences with counts in them, and changes since the baseline."""

from __future__ import annotations

import math

from orgaudit.report.xlsx.tables import Tables
from orgaudit.spreadsheet.rows import Formula
from orgaudit.words import counted

POINTS = '"▲ +"0.0" pt";"▼ -"0.0" pt";"= 0.0 pt"'
COUNT_CHANGE = '"▲ +"#,##0;"▼ -"#,##0;"= no change"'
"""How changes of rates, in percentage points, and of counts look."""

Tally = tuple[str, int] | tuple[str, int, str]
"""The formula of a count, its result, and its noun, whose plural ends in s."""


def sentence(tables: Tables, *parts: str | Tally) -> Formula:
    """Return a text with counts in it, each with its noun."""
    formulas, shown = [], []
    for part in parts:
        if isinstance(part, str):
            formulas.append(f'"{part}"')
            shown.append(part)
            continue
        formula, count, *noun = part
        formulas.append(f"({formula})")
        shown.append(str(count))
        if noun:
            one, more = (counted(number, noun[0]).partition(" ")[2] for number in (1, 2))
            formulas.append(f'IF(({formula})=1," {one}"," {more}")')
            shown.append(f" {one if count == 1 else more}")
    return tables.formula("&".join(formulas), "".join(shown))


def share_change(formula: str, share: float, before: float) -> Formula:
    """Return how many percentage points a share has changed, to one digit."""
    return Formula(f"ROUND(({formula}-{before!r})*100,1)", half_up((share - before) * 100, 1))


def half_up(number: float, digits: int) -> float:
    """Return a number rounded as spreadsheets do: a half away from zero, and none of what binary fractions add."""
    scaled = math.floor(round(abs(number) * 10**digits, 6) + 0.5) / 10**digits
    return math.copysign(scaled, number) if scaled else 0.0


def percent(share: float) -> str:
    """Return a share as a percentage with one digit."""
    return f"{half_up(share * 100, 1):.1f} %"


def percent_formula(formula: str) -> str:
    """Return the formula of a percentage with one digit as a text that is the same in every language."""
    tenths = f"ROUND({formula}*1000,0)"
    return f'INT({tenths}/10)&"."&MOD({tenths},10)&" %"'
