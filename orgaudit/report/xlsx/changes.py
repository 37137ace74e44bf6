"""The sheet of changes since the baseline: how many of each kind, then every issue that changed."""

from __future__ import annotations

from orgaudit.report.view import View
from orgaudit.report.xlsx.cells import NO_OWNER, NO_UNIT, SEVERITY_WORDS, day
from orgaudit.report.xlsx.tables import NOTHING, Below, TableSheet
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.links import Goal
from orgaudit.spreadsheet.rows import Column, Formula
from orgaudit.spreadsheet.text import fitted
from orgaudit.spreadsheet.workbook import PrintedPage
from orgaudit.store.comparison import Change, KindCount
from orgaudit.store.kinds import Kind
from orgaudit.words import counted

PRINTED = 60
NAME, RESOURCE = 300, 1_200
"""The characters of names and resources that the highest row has room for."""


def _now(kind: Kind) -> str:
    if kind is Kind.PERSISTENT:
        return "open as before"
    return "open" if kind.began else "not known" if kind is Kind.NOT_CHECKED_AGAIN else "no longer open"


def _control(change: Change) -> Goal | None:
    return Goal("Controls", change.controls[0]) if change.controls else None


def _account(change: Change) -> Goal:
    return Goal("Accounts", change.account_id)


_KINDS: tuple[Column[KindCount], ...] = (
    Column("Kind", 32, lambda k: k.kind.value),
    Column("Issues", 10, lambda k: Formula("[Critical]+[High]+[Medium]+[Low]", k.count), look.NUMBER),
    Column("Critical", 12, lambda k: k.critical, look.NUMBER),
    Column("High", 12, lambda k: k.high, look.NUMBER),
    Column("Medium", 14, lambda k: k.medium, look.NUMBER),
    Column("Low", 14, lambda k: k.low, look.NUMBER),
    Column("Meaning", 46, lambda k: k.meaning),
    Column("Now", 24, lambda k: _now(k.kind)),
)

_CHANGES: tuple[Column[Change], ...] = (
    Column("Kind", 32, lambda c: c.kind.value),
    Column("Severity", 10, lambda c: c.severity.value, words=SEVERITY_WORDS, when='[Now]="open"'),
    Column("First seen", 12, lambda c: day(c.first_seen), look.DATE),
    Column("Due", 12, lambda c: day(c.due_on), look.DATE),
    Column("Account id", 14, lambda c: c.account_id),
    Column("Region", 14, lambda c: c.region),
    Column("Title", 46, lambda c: fitted(c.title, NAME), goal=_control),
    Column("Account", 24, lambda c: fitted(c.account_name or NOTHING, NAME), goal=_account),
    Column("Owner", 26, lambda c: fitted(c.owner or NO_OWNER, NAME)),
    Column("Resource", 46, lambda c: fitted(c.resource, RESOURCE)),
    Column("Now", 14, lambda c: _now(c.kind)),
    Column("Unit", 32, lambda c: c.ou_path or NO_UNIT),
    Column("Family", 34, lambda c: c.family),
    Column("Controls", 40, lambda c: ", ".join(c.controls)),
)


def _changed(view: View) -> int:
    return sum(each.count for each in view.comparison.issues if each.kind is not Kind.PERSISTENT)


def _note(view: View) -> str:
    compared = view.comparison
    if compared.baseline is None:
        return f"Not compared: {compared.why_none}. Nothing can be said of what changed."
    total = _changed(view)
    printed = f" The first {PRINTED:,} of {total:,} changed issues are printed." if total > PRINTED else ""
    rules = f" {counted(len(compared.rules), 'control')} changed since." if compared.rules else ""
    since = f"Since run {compared.baseline} of {compared.baseline_date}."
    return f"{since} Each issue has one kind; what is open in both is counted and not listed.{rules}{printed}"


CHANGES = TableSheet(
    "Changes",
    "what changed since the baseline",
    _KINDS,
    lambda view: view.comparison.issues,
    _note,
    table="Change kinds",
    page=PrintedPage("Resource", repeats=False, below=PRINTED),
    below=Below("Changes", "Every issue that changed", _CHANGES, lambda view: view.changes(), total=_changed),
)
