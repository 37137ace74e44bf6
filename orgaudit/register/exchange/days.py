"""The text and the dates in the cells of a spreadsheet, as people write them."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from orgaudit.spreadsheet.cells import CellValue, ErrorCell, FormulaCell

LAST_MONTH = 12

_LONGEST = 60
"""The longest text that can be a date."""

_MONTHS = tuple(name.casefold() for name in calendar.month_name)
_WEEKDAYS = tuple(name.casefold() for name in calendar.day_name)
_EPOCH, _EPOCH_1904 = date(1899, 12, 30), date(1904, 1, 1)
_SERIALS = (date(2000, 1, 1), date(2099, 12, 31))
"""The first and last day that a bare number can stand for."""

_YEAR = r"(?P<year>\d{4}|'?\d\d)"
_NAME = r"(?P<name>[A-Za-z]{3,9})\.?"
_TIME = re.compile(
    r"(?:[T ]|, ?| at )\d\d?:\d\d(?::\d\d(?:\.\d+)?)?(?: ?[ap]\.?m\.?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?", re.IGNORECASE
)
_WEEKDAY = re.compile(r"(?P<weekday>[A-Za-z]{3,9})\.?,? (?=\d|[A-Za-z]{3})")
_NUMBERS = re.compile(r"(?P<first>\d\d?)(?P<mark>[-/.])(?P<second>\d\d?)(?P=mark)" + _YEAR)
_DAYS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        r"(?P<year>\d{4})(?P<mark>[-/.])(?P<month>\d\d?)(?P=mark)(?P<day>\d\d?)",
        r"(?P<year>[12]\d{3})(?P<month>\d\d)(?P<day>\d\d)",
        r"(?P<day>\d\d?)(?:st|nd|rd|th)?(?: of)?[- /.]\s?" + _NAME + r",?[- /.]?\s?" + _YEAR,
        _NAME + r"[ -](?P<day>\d\d?)(?:st|nd|rd|th)?,? ?(?P<year>(?<=[, ])\d{4})",
    )
)
_PERIODS = tuple(
    re.compile(form, re.IGNORECASE)
    for form in (
        _NAME + r"(?:,? |[-/])(?P<year>\d{4}|'\d\d)",
        r"(?P<year>\d{4})[-/](?P<month>\d\d)",
        r"(?P<month>\d\d?)[/.](?P<year>\d{4})",
        r"(?P<kind>[QH]) ?(?P<part>[1-4])(?: of )?[ /'-]*(?P<year>\d{4}|\d\d)",
        r"(?P<part>[1-4])(?P<kind>[QH])[ /'-]*(?P<year>\d{4}|\d\d)",
        r"(?P<year>\d{4})[ /-]?(?P<kind>[QH])(?P<part>[1-4])",
    )
)
_EDGE = re.compile(
    r"(?:by |until )?(?:the )?(?P<edge>end|start|beginning)(?: of)?(?: the)?[ -](?P<rest>.+)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class ReadDay:
    """The date of a cell; `derived` is set where the cell shows no such date, but a quarter, a month or a number."""

    day: date
    derived: bool = False


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


def read_day(
    cell: CellValue, *, day_first: bool | None = None, start: bool = False, since_1904: bool = False
) -> ReadDay:
    """Return the date of a cell in any usual notation; raises ValueError for none, or one that can be read two ways.

    Of a month, quarter or half-year it is the last day, with `start` the first one.
    """
    if isinstance(cell, datetime):
        return ReadDay(cell.date())
    if isinstance(cell, date):
        return ReadDay(cell)
    text = text_of(cell)
    if len(text) > _LONGEST:
        raise ValueError(f"{text[:_LONGEST]!r}… is not a date; write one such as 2025-03-31")
    try:
        plain = _without_time(text)
        if (found := _one_day(plain, day_first)) is not None:
            return ReadDay(found)
        derived = _serial(plain, since_1904) or _in_period(plain, start)
    except ValueError as error:
        raise ValueError(str(error) if repr(text) in str(error) else f"{text!r} is not a date ({error})") from error
    if derived is None:
        raise ValueError(f"{text!r} is not a date; write one such as 2025-03-31")
    return ReadDay(derived, derived=True)


def day_and_month(cell: CellValue) -> tuple[int, int] | None:
    """Return the first two numbers of a date of which each may be the day; None for any other cell."""
    if not isinstance(cell, str) or len(cell) > _LONGEST:
        return None
    try:
        match = _NUMBERS.fullmatch(_without_time(text_of(cell)))
    except ValueError:
        return None
    return (int(match["first"]), int(match["second"])) if match and match["mark"] != "." else None


def _without_time(text: str) -> str:
    plain = " ".join(text.split())
    if match := re.fullmatch(rf"(.*\d){_TIME.pattern}", plain, re.IGNORECASE):
        plain = match[1]
    match = _WEEKDAY.match(plain)
    if match is None or _index(match["weekday"], _WEEKDAYS) is None:
        return plain
    rest = plain[match.end() :]
    found = _one_day(rest, None) if _NUMBERS.fullmatch(rest) is None else None
    if found is not None and found.weekday() != _index(match["weekday"], _WEEKDAYS):
        raise ValueError(f"{text!r} is not a date; {found} is not a {match['weekday']}")
    return rest


def _one_day(text: str, day_first: bool | None) -> date | None:
    if match := _NUMBERS.fullmatch(text):
        first, second = int(match["first"]), int(match["second"])
        if not _is_day_first(text, first, second, match["mark"], day_first):
            first, second = second, first
        return date(_year(match["year"]), second, first)
    for form in _DAYS:
        if match := form.fullmatch(text):
            given = match.groupdict()
            month = _month(given["name"]) if "name" in given else int(given["month"])
            return date(_year(given["year"]), month, int(given["day"]))
    return None


def _is_day_first(text: str, first: int, second: int, mark: str, given: bool | None) -> bool:
    if max(first, second) > LAST_MONTH:
        return first > LAST_MONTH
    if first == second or mark == ".":
        return True
    if given is None:
        raise ValueError(f"{text!r} can be read two ways")
    return given


def _serial(text: str, since_1904: bool) -> date | None:
    """Return the day that a spreadsheet shows for a number; None for a text, or a number too small or large for one."""
    if not re.fullmatch(r"\d{5}(?:\.\d+)?", text, re.ASCII):
        return None
    found = (_EPOCH_1904 if since_1904 else _EPOCH) + timedelta(days=int(float(text)))
    return found if _SERIALS[0] <= found <= _SERIALS[1] else None


def _in_period(text: str, start: bool) -> date | None:
    if edge := _EDGE.fullmatch(text):
        start, text = edge["edge"].casefold() != "end", edge["rest"]
        if re.fullmatch(r"[12]\d{3}", text, re.ASCII):
            return date(int(text), 1, 1) if start else date(int(text), LAST_MONTH, 31)
    match = next((match for form in _PERIODS if (match := form.fullmatch(text))), None)
    if match is None:
        return None
    given, year = match.groupdict(), _year(match["year"])
    if "part" in given:
        length = 3 if given["kind"].casefold() == "q" else 6
        last = int(given["part"]) * length
    else:
        length, last = 1, _month(given["name"]) if "name" in given else int(given["month"])
    if not 1 <= last <= LAST_MONTH:
        raise ValueError("no such month or half-year; write a date such as 2025-03-31")
    return date(year, last - length + 1, 1) if start else date(year, last, calendar.monthrange(year, last)[1])


def _year(text: str) -> int:
    digits = text.removeprefix("'")
    return int(digits) if len(digits) > 2 else 2000 + int(digits)  # noqa: PLR2004 - two digits


def _month(name: str) -> int:
    number = _index(name, _MONTHS)
    if number is None:
        raise ValueError("it names no month; write a date such as 2025-03-31")
    return number


def _index(name: str, names: tuple[str, ...]) -> int | None:
    """Return the place of the only name that begins like a word of three letters or more."""
    word = name.casefold().removesuffix("t") if name.casefold() == "sept" else name.casefold()
    return next((index for index, full in enumerate(names) if full and full.startswith(word)), None)
