"""The sheet of coverage: what was not assessed, one row a cause, and below it every region of every account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from orgaudit.report.figures import AccountRegion, Cause
from orgaudit.report.view import View
from orgaudit.report.xlsx.cells import account_names, named
from orgaudit.report.xlsx.tables import NOTHING, Below, TableSheet
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import Column, Formula
from orgaudit.spreadsheet.text import fitted
from orgaudit.spreadsheet.workbook import PrintedPage

NAMED, REGIONS_NAMED, PERMISSIONS_NAMED = 5, 8, 6
LONGEST_MESSAGE = 1_500
"""The characters of AWS's answer that the highest row has room for."""

STATE_WORDS = ("AUDITED", "PARTIAL", "NOT_ASSESSED", "DISABLED", "BLOCKED", "ACCEPTED", "UNREACHABLE")


@dataclass(frozen=True, slots=True)
class NamedCause:
    """A cause with its accounts by name."""

    cause: Cause
    accounts: tuple[str, ...]


def _causes(view: View) -> Iterator[NamedCause]:
    for cause in view.causes:
        yield NamedCause(cause, tuple(account_names(view, cause.accounts)))


def _permissions(it: NamedCause) -> str:
    return named(it.cause.actions or (), PERMISSIONS_NAMED, "\n")


_CAUSES: tuple[Column[NamedCause], ...] = (
    Column("Reason", 22, lambda c: c.cause.reason.value),
    Column("Accounts", 34, lambda c: named(c.accounts, NAMED, "\n", where=": rows below")),
    Column("Regions", 26, lambda c: named(c.cause.regions, REGIONS_NAMED, where=": rows below")),
    Column("Accounts affected", 13, lambda c: len(c.accounts), look.NUMBER),
    Column("Evaluations not assessed", 14, lambda c: c.cause.evaluations, look.NUMBER),
    Column("How to fix it", 50, lambda c: c.cause.fix),
    Column("Permission", 30, _permissions),
    Column("AWS's answer, for example", 46, lambda c: fitted(c.cause.example, LONGEST_MESSAGE)),
)


def _or_dash(region: AccountRegion, found: int) -> int | str:
    """Return a number of evaluations, or a dash where none was assessed."""
    return found if region.evaluations_assessed or region.evaluations_accepted else NOTHING


_REGIONS: tuple[Column[AccountRegion], ...] = (
    Column("Account id", 22, lambda r: r.account_id),
    Column("Account", 34, lambda r: r.account_name),
    Column("Unit", 26, lambda r: r.ou_path),
    Column("Region", 13, lambda r: r.region),
    Column("State", 14, lambda r: r.state, words=STATE_WORDS),
    Column("Reason", 50, lambda r: fitted(": ".join(filter(None, (r.reason, r.message))), LONGEST_MESSAGE)),
    Column("Permission", 30, lambda r: r.action),
    Column("Evaluations", 46, lambda r: r.evaluations, look.NUMBER),
    Column("Assessed", 13, lambda r: r.evaluations_assessed or NOTHING, look.NUMBER),
    Column(
        "Not assessed",
        13,
        lambda r: Formula("[Evaluations]-N([Assessed])", r.evaluations - r.evaluations_assessed),
        look.NUMBER,
    ),
    Column("Blocked by policy", 13, lambda r: r.evaluations_blocked, look.NUMBER),
    Column("Not applicable", 13, lambda r: _or_dash(r, r.evaluations_not_applicable), look.NUMBER),
    Column("Accepted", 13, lambda r: r.evaluations_accepted, look.NUMBER),
)


def _note(view: View) -> str:
    below = "Every region of every account begins in {below} and is not printed."
    return f"What was not assessed, one row a cause. {below}" if view.causes else f"All was assessed. {below}"


COVERAGE = TableSheet(
    "Coverage",
    "what was not assessed, and every region",
    _CAUSES,
    _causes,
    _note,
    table="Causes",
    page=PrintedPage("AWS's answer, for example", rows=500, repeats=False, below=0),
    below=Below(
        "Coverage",
        "Every region of every account",
        _REGIONS,
        lambda view: view.account_regions(),
        optional=False,
        total=lambda view: view.account_regions_total,
    ),
)
