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
    """The links of one sheet: real ones while there is room for them, then formulas, else none."""

    def __init__(self, links: list[Link], find: Find, most: int = MOST_LINKS) -> None:
        self._links, self._find, self._most = links, find, most

    def to(self, goal: Goal | str, text: str | None, place: str) -> Link | str | None:
        """Return the link that the cell with this text has now, the formula to write in its place, or None."""
        if isinstance(goal, str):
            return self._to_address(goal, text, place) if len(goal) <= LONGEST_ADDRESS else None
        found = self._find(goal)
        if found is None:
            return None
        if len(self._links) < self._most:
            return self._added(Link(place, *found))
        return _formula(f"#'{found[0]}'!A{found[1]}", text)

    def _to_address(self, address: str, text: str | None, place: str) -> Link | str | None:
        if len(self._links) < self._most:
            return self._added(Link(place, "", address=address))
        return _formula(address, text)

    def _added(self, link: Link) -> Link:
        self._links.append(link)
        return link


def _formula(address: str, text: str | None) -> str | None:
    """Return a formula that leads to an address, or None for a figure and where a text is too long for a formula."""
    shown = printable(text or "")
    if not shown or max(len(address), len(shown)) > LONGEST_TEXT or "\n" in shown:
        return None
    return f"HYPERLINK({_literal(address)},{_literal(shown)})"


def _literal(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
