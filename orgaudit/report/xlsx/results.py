"""The sheets of results: accounts, frameworks and controls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol

from orgaudit.report.figures import (
    AccountScore,
    BySeverity,
    Completeness,
    ControlScore,
    RatedCounts,
    RequirementScore,
    RequirementStatus,
)
from orgaudit.report.view import View
from orgaudit.report.xlsx.cells import (
    NO_OWNER,
    NO_UNIT,
    SEVERITY_WORDS,
    Scored,
    figure,
    number,
    or_nothing,
)
from orgaudit.report.xlsx.tables import NOTHING, TableSheet, by_key
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.links import Goal
from orgaudit.spreadsheet.look import Look
from orgaudit.spreadsheet.rows import Column, Content, Formula
from orgaudit.spreadsheet.text import fitted
from orgaudit.spreadsheet.workbook import PrintedPage

LONGEST_REASON = 1_000
"""The characters of the reason for a gap that the highest row has room for."""

REQUIREMENTS_PRINTED = 185
"""How many requirements are printed: two frameworks, or the first of many."""

CONTROLS_PRINTED = 165
"""How many controls are printed, the worst: three pages."""

NEAR = 0.75
"""Under which share of the threshold a rate is far from it."""


class _Planned(Protocol):
    @property
    def evaluations(self) -> int: ...
    @property
    def evaluations_assessed(self) -> int: ...


def _assessed_share(it: _Planned) -> Content:
    share = it.evaluations_assessed / it.evaluations if it.evaluations_assessed else NOTHING
    return Formula(f'IF([Assessed]=0,"{NOTHING}",[Assessed]/[Evaluations])', share)


def _pass_rate(it: Scored) -> Formula:
    return or_nothing("[Passed]/([Passed]+[Failed])", it.counts.pass_rate)


def _pass_rate_with_exceptions(it: Scored) -> Formula:
    return or_nothing("[Passed]/([Passed]+[Failed]-[Excepted])", it.counts.pass_rate_with_exceptions)


def _counts(title: str, width: float, count: Callable[[Scored], int], style: Look = look.NUMBER) -> Column[Scored]:
    return Column(title, width, lambda it: figure(it, count(it)), style)


def _open(it: Scored) -> Content:
    return figure(it, Formula("[Failed]-[Excepted]", it.counts.open))


_BOLD = replace(look.NUMBER, bold=True)
_OPEN: Column[Scored] = Column("Open", 8, _open, _BOLD)
_EXCEPTED = _counts("Excepted", 9, lambda it: it.counts.covered)
_PASSED = _counts("Passed", 9, lambda it: it.counts.passed)
_FAILED = _counts("Failed", 9, lambda it: it.counts.failed)
_NOT_ASSESSED: Column[Scored] = Column("Not assessed", 10, lambda it: it.counts.not_assessed, look.NUMBER)
_NOT_APPLICABLE = _counts("Not applicable", 11, lambda it: it.counts.not_applicable)
_MANUAL = _counts("Manual", 9, lambda it: it.counts.manual)
_PASS_RATE: Column[Scored] = Column("Pass rate", 10, _pass_rate, look.RATE)
_PASS_RATE_WITH_EXCEPTIONS: Column[Scored] = Column(
    "Pass rate with exceptions", 12, _pass_rate_with_exceptions, look.RATE
)
_EVALUATIONS: Column[_Planned] = Column("Evaluations", 13, lambda it: it.evaluations, look.NUMBER)
_ASSESSED: Column[_Planned] = Column("Assessed", 13, lambda it: it.evaluations_assessed, look.NUMBER)
_ASSESSED_SHARE: Column[_Planned] = Column("Assessed share", 10, _assessed_share, look.RATE)


def _heat(view: View, title: str) -> tuple[look.Tone, ...]:
    """Return the tones of a rate: as high as the settings ask for, not far below, and far below."""
    threshold = view.settings.pass_rate_threshold
    number = f"ISNUMBER([{title}])"
    return (
        look.good(f"AND({number},[{title}]>={threshold:.6g})"),
        look.warning(f"AND({number},[{title}]>={threshold * NEAR:.6g})"),
        look.bad(number),
        look.unseen(f'[{title}]="{NOTHING}"'),
    )


def _rate(counts: RatedCounts) -> Formula:
    """Return the rate of an account; one of which nothing was seen has none."""
    share = NOTHING if counts.rate is None or not counts.passed + counts.failed else counts.rate
    return Formula(f'IF([Requirements seen]=0,"{NOTHING}",[Requirements met]/[Requirements rated])', share)


def _issues(title: str, count: Callable[[BySeverity], int]) -> Column[AccountScore]:
    """Return the column of the open issues of one severity, each leading to the first of them."""

    def goal(it: AccountScore) -> Goal | None:
        return Goal("Open", f"account {it.id} {title.lower()}") if count(it.issues) else None

    return Column(title, 8, lambda a: figure(a, count(a.issues)), look.NUMBER, goal=goal)


def _counted(title: str, count: Callable[[BySeverity], int]) -> Column[AccountScore]:
    return Column(f"{title} counted", 9, lambda a: figure(a, count(a.counted_issues)), look.NUMBER)


_LATE = look.bad("AND(ISNUMBER([Overdue]),[Overdue]>0)")


def _accounts(view: View) -> tuple[Column[AccountScore], ...]:
    issues = Formula("[Critical]+[High]+[Medium]+[Low]", 0)
    return (
        Column("Account id", 14, lambda a: a.id),
        Column("Account", 22, lambda a: a.name),
        Column("Unit", 26, lambda a: a.ou_path or NO_UNIT),
        Column("Owner", 24, lambda a: a.owner or NO_OWNER),
        Column("Environment", 16, lambda a: a.environment or NOTHING),
        Column("Coverage", 16, lambda a: a.completeness.value, words=tuple(Completeness)),
        _ASSESSED_SHARE,
        Column("Rate", 9, lambda a: _rate(a.rated.counts), look.RATE, tones=_heat(view, "Rate")),
        Column(
            "Open issues",
            8,
            lambda a: figure(a, replace(issues, result=a.issues.total)),
            _BOLD,
            goal=lambda a: Goal("Open", f"account {a.id}") if a.counts.open else None,
        ),
        _issues("Critical", lambda it: it.critical),
        _issues("High", lambda it: it.high),
        _issues("Medium", lambda it: it.medium),
        _issues("Low", lambda it: it.low),
        Column("Overdue", 8, lambda a: figure(a, number(a.overdue)), look.NUMBER, tones=(_LATE,)),
        Column("Opened", 8, lambda a: figure(a, number(a.opened)), look.NUMBER),
        Column("Closed", 8, lambda a: figure(a, number(a.closed)), look.NUMBER),
        Column("Why not assessed", 34, lambda a: fitted(a.reason, LONGEST_REASON)),
        Column("Contact", 26, lambda a: a.contact or NOTHING),
        Column("State", 13, lambda a: a.state, words=("SUSPENDED", "CLOSED")),
        Column("Open findings", 9, _open, look.NUMBER),
        _EXCEPTED,
        Column("Expired exceptions", 11, lambda a: figure(a, a.expired), look.NUMBER),
        _PASS_RATE,
        _PASS_RATE_WITH_EXCEPTIONS,
        _EVALUATIONS,
        _ASSESSED,
        _PASSED,
        _FAILED,
        _NOT_ASSESSED,
        _NOT_APPLICABLE,
        _MANUAL,
        Column("Requirements rated", 12, lambda a: a.rated.counts.total, look.NUMBER),
        Column("Requirements seen", 12, lambda a: a.rated.counts.passed + a.rated.counts.failed, look.NUMBER),
        Column("Requirements met", 12, lambda a: a.rated.counts.passed, look.NUMBER),
        _counted("Critical", lambda it: it.critical),
        _counted("High", lambda it: it.high),
        _counted("Medium", lambda it: it.medium),
        _counted("Low", lambda it: it.low),
    )


def _controls(view: View) -> tuple[Column[ControlScore], ...]:
    records = {record.id: record for record in view.manifest.controls}
    return (
        Column("Title", 66, lambda c: c.title),
        Column("Severity", 10, lambda c: c.severity.value, words=SEVERITY_WORDS, when="AND(ISNUMBER([Open]),[Open]>0)"),
        Column("Open", 8, _open, _BOLD, goal=lambda c: Goal("Open", f"control {c.id}") if c.counts.open else None),
        _EXCEPTED,
        _PASSED,
        _NOT_ASSESSED,
        Column("Accounts failing", 10, lambda c: figure(c, c.accounts_failing), look.NUMBER),
        _PASS_RATE,
        _PASS_RATE_WITH_EXCEPTIONS,
        _ASSESSED_SHARE,
        Column("Control", 46, lambda c: c.id),
        Column("Rationale", 60, lambda c: records[c.id].rationale),
        Column("Requirements", 34, lambda c: ", ".join(c.requirements)),
        Column("Service", 13, lambda c: c.service),
        Column("Family", 38, lambda c: records[c.id].family or c.id),
        _FAILED,
        _NOT_APPLICABLE,
        _MANUAL,
        _EVALUATIONS,
        _ASSESSED,
    )


def _accounts_of(title: str, width: float, count: Callable[[RequirementScore], int]) -> Column[RequirementScore]:
    """Return the column of how many accounts have a status; a dash where the requirement cannot be rated."""

    def content(it: RequirementScore) -> Content:
        judged = it.accounts_failing + it.accounts_passing + it.accounts_not_applicable
        return count(it) if judged else NOTHING

    return Column(title, width, content, look.NUMBER)


def _of_rated(column: Column[Scored]) -> Column[RequirementScore]:
    """Return the column of a rate, which only what can be rated has: where a person decides, findings are evidence."""

    def content(it: RequirementScore) -> Content:
        found = column.content(it)
        if not isinstance(found, Formula):
            return found
        rated = it.rated.counts.total > 0
        return Formula(f'IF([Rated]=0,"{NOTHING}",{found.formula})', found.result if rated else NOTHING)

    return Column(column.title, column.width, content, column.look)


def _undecided(score: RequirementScore) -> str:
    """Return why a requirement has no controls."""
    return "none: not covered" if score.status is RequirementStatus.NOT_COVERED else "none: a person decides"


_FRAMEWORKS: tuple[Column[RequirementScore], ...] = (
    Column("Framework", 15, lambda q: q.framework),
    Column("Section", 46, lambda q: q.section or NOTHING),
    Column("Requirement", 12, lambda q: q.id),
    Column("Title", 60, lambda q: q.title),
    Column("Level", 7, lambda q: NOTHING if q.level is None else q.level, look.NUMBER),
    Column("Status", 17, lambda q: q.status.value, words=tuple(RequirementStatus)),
    replace(_accounts_of("Accounts failing", 10, lambda q: q.accounts_failing), look=_BOLD),
    _accounts_of("Accounts passing", 10, lambda q: q.accounts_passing),
    Column("Accounts not assessed", 11, lambda q: q.accounts_not_assessed, look.NUMBER),
    replace(_OPEN, look=look.NUMBER),
    _EXCEPTED,
    _of_rated(_PASS_RATE),
    _of_rated(_PASS_RATE_WITH_EXCEPTIONS),
    Column("Controls", 42, lambda q: ", ".join(q.controls) or _undecided(q)),
    Column("Decided by", 12, lambda q: q.assessment),
    Column("Evidence", 46, lambda q: q.evidence.words if q.parts else NOTHING),
    _FAILED,
    _PASSED,
    _NOT_ASSESSED,
    _accounts_of("Accounts not applicable", 11, lambda q: q.accounts_not_applicable),
    Column("Rated", 9, lambda q: q.rated.counts.total, look.NUMBER),
    Column("Rated as passed", 9, lambda q: q.rated.counts.passed, look.NUMBER),
    Column("Rated with exceptions", 11, lambda q: q.rated.with_exceptions.total, look.NUMBER),
    Column("Passed with exceptions", 11, lambda q: q.rated.with_exceptions.passed, look.NUMBER),
)


def _accounts_note(view: View) -> str:
    headline, compared = view.summary.headline, view.comparison
    rate = f"Rate: requirements of {headline.framework} that are met; " if headline else "Rate: no framework; "
    since = f"since {compared.baseline_date}" if compared.baseline else f"not compared: {compared.why_none}"
    threshold = f"{100 * view.settings.pass_rate_threshold:.1f} % is required."
    shared = "Resources that accounts share count in each."
    return f"The worst first. {rate}{threshold} Opened and closed issues: {since}. {shared}"


def _requirement_keys(view: View) -> Mapping[str, int]:
    """Return the first row of each framework, section and requirement."""
    keys: dict[str, int] = {}
    for place, score in enumerate(view.requirements):
        for key in (score.framework, f"{score.framework} section {score.section}", f"{score.framework} {score.id}"):
            keys.setdefault(key, place)
    return keys


ACCOUNTS = TableSheet(
    "Accounts",
    "one scorecard per account",
    _accounts,
    lambda view: view.accounts,
    _accounts_note,
    key_columns=2,
    page=PrintedPage("Why not assessed"),
    groups=lambda view: by_key(score.id for score in view.accounts),
)
FRAMEWORKS = TableSheet(
    "Frameworks",
    "the status of each requirement",
    _FRAMEWORKS,
    lambda view: view.requirements,
    f"One row per requirement. Each account has one status. {NOTHING} stands for what cannot be rated.",
    key_columns=3,
    page=PrintedPage("Pass rate with exceptions", rows=REQUIREMENTS_PRINTED),
    groups=_requirement_keys,
)
CONTROLS = TableSheet(
    "Controls",
    "the results of each control, the worst first",
    _controls,
    lambda view: view.controls,
    "One row per control, the worst first; why it matters is to the right. A resource that accounts share counts once.",
    page=PrintedPage("Control", rows=CONTROLS_PRINTED),
    groups=lambda view: by_key(score.id for score in view.controls),
)
