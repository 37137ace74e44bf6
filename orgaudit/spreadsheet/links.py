"""Where cells lead: to the row of a record or to an address, as many as a sheet may have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from orgaudit.spreadsheet.archive import Link
from orgaudit.spreadsheet.text import printable

MOST_LINKS = 65_530
"""The links that a sheet may have (support.microsoft.com, Excel specifications and limits)."""

LONGEST_ADDRESS = 2_079
LONGEST_TEXT = 255
"""The characters of an address in a link, and of a text in a formula."""


@dataclass(frozen=True, slots=True)
class Goal:
    """The record of a table that has this key."""

    table: str
    key: str


Find = Callable[[Goal], tuple[str, int] | None]
"""Returns the sheet and the row of a record, or None where the workbook does not have it."""


class SheetLinks:
    """The links of one sheet: real ones while there is room for them, then formulas, else none.

    A text that does not fit on one line has a formula too: LibreOffice does not wrap what has a link.
    """

    def __init__(self, links: list[Link], find: Find, most: int = MOST_LINKS) -> None:
        self._links, self._find, self._most = links, find, most

    def to(self, goal: Goal | str, text: str | None, place: str, *, fits: bool = True) -> Link | str | None:
        """Return the link that the cell with this text has now, the formula to write in its place, or None."""
        if isinstance(goal, str):
            link = Link(place, "", address=goal)
        elif found := self._find(goal):
            link = Link(place, *found)
        else:
            return None
        if len(link.address) > LONGEST_ADDRESS:
            return None
        if not fits or len(self._links) >= self._most:
            return _formula(link.address or f"#'{link.sheet}'!A{link.row}", text)
        self._links.append(link)
        return link

    def again(self, link: Link, place: str) -> bool:
        """Give the cell at a place a link that another has; return whether there was room for it."""
        if len(self._links) >= self._most:
            return False
        self._links.append(Link(place, link.sheet, link.row, link.address))
        return True


def _formula(address: str, text: str | None) -> str | None:
    """Return a formula that leads to an address, or None for a figure and where a text is too long for a formula."""
    shown = printable(text or "")
    if not shown or max(len(address), len(shown)) > LONGEST_TEXT or "\n" in shown:
        return None
    return f"HYPERLINK({_literal(address)},{_literal(shown)})"


def _literal(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
