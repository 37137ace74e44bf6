"""The contents of cells that several sheets share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Protocol

from orgaudit.report.figures import StatusCounts
from orgaudit.report.view import View
from orgaudit.report.xlsx.tables import NOTHING
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import Content, Formula

NO_UNIT = "no unit"
"""What stands for an account outside of any organization; formulas cannot look for an empty text."""

NO_OWNER = "unassigned"
SEVERITY_WORDS = tuple(look.SEVERITIES)


class Scored(Protocol):
    """What has findings by status."""

    @property
    def counts(self) -> StatusCounts:
        """The findings by status."""
        ...


def seen(it: Scored) -> bool:
    """Return whether anything was seen there, so that a figure of 0 means that there is none."""
    found = it.counts
    return found.passed + found.failed + found.not_applicable + found.manual > 0


def or_nothing(formula: str, result: float | None) -> Formula:
    """Return a formula that shows a dash where it cannot be computed."""
    return Formula(f'IFERROR({formula},"{NOTHING}")', NOTHING if result is None else result)


def figure(it: Scored, content: Content) -> Content:
    """Return a figure where anything was seen, else a dash."""
    return content if seen(it) else NOTHING


def day(found: date | None) -> Content:
    """Return a day, or a dash where it is not known."""
    return NOTHING if found is None else found


def number(found: int | None) -> Content:
    """Return a number, or a dash where it is not known."""
    return NOTHING if found is None else found


def named(names: Sequence[str], most: int, separator: str = ", ", *, where: str = "") -> str:
    """Return the first names in full, then how many more there are, and where."""
    more = len(names) - most
    listed = separator.join(names[:most])
    return f"{listed}{separator}and {more:,} more{where}" if more > 0 else listed


def account_names(view: View, ids: Iterable[str]) -> list[str]:
    """Return accounts by name and id."""
    names = {account.id: account.name for account in view.manifest.accounts}
    return [f"{names.get(each) or 'account'} ({each})" for each in ids]
