"""The text and the dates in the cells of a spreadsheet, as people write them."""

from __future__ import annotations

import re
from datetime import date, datetime

from orgaudit.spreadsheet.cells import CellValue, ErrorCell, FormulaCell

_MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
LAST_MONTH = 12
TWO_WAYS = re.compile(r"(\d\d?)([-/])(\d\d?)\2(\d{4}|\d\d)")
"""A date whose day and month may each be the other."""


def text_of(cell: CellValue) -> str:
    """Return a cell as text: a date as 2025-03-31, a whole number without a point."""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell == datetime.combine(cell, datetime.min.time()) else cell.isoformat(" ")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, FormulaCell):
        return "(a formula)"
    if isinstance(cell, ErrorCell):
        return cell.text
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() else str(cell).strip()


def day(cell: CellValue, *, day_first: bool | None = None) -> date:
    """Return the date of a cell in any usual notation; raises ValueError for none, or one that can be read two ways."""
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = text_of(cell)
    if match := re.fullmatch(r"(\d{4})[-/.]?(\d\d?)[-/.]?(\d\d?)(?:[T ].*)?", text):
        year, month, number = map(int, match.groups())
    elif match := re.fullmatch(r"(\d\d?)([-/.])(\d\d?)\2(\d{4}|\d\d)", text):
        first, second, year = int(match[1]), int(match[3]), _year(match[4])
        number, month = (first, second) if _is_day_first(text, first, second, match[2], day_first) else (second, first)
    elif match := re.fullmatch(r"(\d\d?)(?:st|nd|rd|th)?[- ]([A-Za-z]{3,9})\.?,?[- ](\d{4}|\d\d)", text):
        number, month, year = int(match[1]), _month(text, match[2]), _year(match[3])
    elif match := re.fullmatch(r"([A-Za-z]{3,9})\.? (\d\d?)(?:st|nd|rd|th)?,? (\d{4})", text):
        month, number, year = _month(text, match[1]), int(match[2]), int(match[3])
    else:
        raise ValueError(f"{text!r} is not a date; write one such as 2025-03-31")
    try:
        return date(year, month, number)
    except ValueError as error:
        raise ValueError(f"{text!r} is not a date ({error})") from error


def _is_day_first(text: str, first: int, second: int, mark: str, given: bool | None) -> bool:
    if max(first, second) > LAST_MONTH:
        return first > LAST_MONTH
    if first == second or mark == ".":
        return True
    if given is None:
        raise ValueError(f"{text!r} can be read two ways")
    return given


def _year(text: str) -> int:
    return int(text) if len(text) > 2 else 2000 + int(text)  # noqa: PLR2004 - two digits


def _month(text: str, name: str) -> int:
    if name[:3].casefold() not in _MONTHS:
        raise ValueError(f"{text!r} is not a date; it names no month")
    return _MONTHS.index(name[:3].casefold()) + 1
