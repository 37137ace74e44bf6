"""The sheets of what was assessed: coverage, accounts, frameworks, controls and findings."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Protocol

from orgaudit.model import Remedy, Status
from orgaudit.report.figures import (
    AccountRegion,
    AccountScore,
    Completeness,
    ControlScore,
    Missing,
    RequirementScore,
    RequirementStatus,
    StatusCounts,
)
from orgaudit.report.view import ReportedFinding
from orgaudit.report.xlsx.evidence import evidence_text
from orgaudit.report.xlsx.tables import Below, TableSheet
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import Column, Formula

NO_UNIT = "no unit"
"""What stands for an account outside of any organization; formulas cannot look for an empty text."""

SEVERITY_WORDS = tuple(look.SEVERITIES)
STATE_WORDS = ("AUDITED", "PARTIAL", "NOT_ASSESSED", "DISABLED", "BLOCKED", "ACCEPTED", "UNREACHABLE")


class _Scored(Protocol):
    @property
    def counts(self) -> StatusCounts: ...


class _Planned(Protocol):
    @property
    def evaluations(self) -> int: ...
    @property
    def evaluations_assessed(self) -> int: ...


def _or_none(formula: str, result: float | None) -> Formula:
    return Formula(f'IFERROR({formula},"n/a")', "n/a" if result is None else result)


def _assessed_share(it: _Planned) -> Formula:
    share = it.evaluations_assessed / it.evaluations if it.evaluations else None
    return _or_none("[Assessed]/[Evaluations]", share)


def _pass_rate(it: _Scored) -> Formula:
    return _or_none("[Passed]/([Passed]+[Failed])", it.counts.pass_rate)


def _pass_rate_with_exceptions(it: _Scored) -> Formula:
    return _or_none("[Passed]/([Passed]+[Failed]-[Excepted])", it.counts.pass_rate_with_exceptions)


def _expiry(reported: ReportedFinding) -> date | str:
    if reported.finding.exception is None:
        return ""
    text = reported.finding.exception.expires_on
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


def _overdue(reported: ReportedFinding) -> int | None:
    exception = reported.finding.exception
    return exception.days_overdue if exception and exception.days_overdue else None


def _asset(reported: ReportedFinding) -> Remedy:
    """Return the remedy for the one resource; an empty one where nothing needs any."""
    remediation = reported.finding.remediation
    return remediation.asset if remediation else Remedy("")


_BOLD = replace(look.NUMBER, bold=True)
_OPEN: Column[_Scored] = Column("Open", 8, lambda it: Formula("[Failed]-[Excepted]", it.counts.open), _BOLD)
_EXCEPTED: Column[_Scored] = Column("Excepted", 9, lambda it: it.counts.covered, look.NUMBER)
_PASSED: Column[_Scored] = Column("Passed", 9, lambda it: it.counts.passed, look.NUMBER)
_FAILED: Column[_Scored] = Column("Failed", 9, lambda it: it.counts.failed, look.NUMBER)
_NOT_ASSESSED: Column[_Scored] = Column("Not assessed", 10, lambda it: it.counts.not_assessed, look.NUMBER)
_NOT_APPLICABLE: Column[_Scored] = Column("Not applicable", 11, lambda it: it.counts.not_applicable, look.NUMBER)
_MANUAL: Column[_Scored] = Column("Manual", 9, lambda it: it.counts.manual, look.NUMBER)
_PASS_RATE: Column[_Scored] = Column("Pass rate", 10, _pass_rate, look.RATE)
_PASS_RATE_WITH_EXCEPTIONS: Column[_Scored] = Column(
    "Pass rate with exceptions", 12, _pass_rate_with_exceptions, look.RATE
)
_EVALUATIONS: Column[_Planned] = Column("Evaluations", 13, lambda it: it.evaluations, look.NUMBER)
_ASSESSED: Column[_Planned] = Column("Assessed", 13, lambda it: it.evaluations_assessed, look.NUMBER)
_ASSESSED_SHARE: Column[_Planned] = Column("Assessed share", 10, _assessed_share, look.RATE)


_REGIONS: tuple[Column[AccountRegion], ...] = (
    Column("Account id", 21, lambda r: r.account_id),
    Column("Account", 28, lambda r: r.account_name),
    Column("Unit", 44, lambda r: r.ou_path),
    Column("Region", 16, lambda r: r.region),
    Column("State", 16, lambda r: r.state, words=STATE_WORDS),
    Column("Reason", 70, lambda r: ": ".join(filter(None, (r.reason, r.message)))),
    Column("Permission", 28, lambda r: r.action),
    _EVALUATIONS,
    _ASSESSED,
    Column(
        "Not assessed",
        13,
        lambda r: Formula("[Evaluations]-[Assessed]", r.evaluations - r.evaluations_assessed),
        look.NUMBER,
    ),
    Column("Blocked by policy", 13, lambda r: r.evaluations_blocked, look.NUMBER),
    Column("Not applicable", 13, lambda r: r.evaluations_not_applicable, look.NUMBER),
    Column("Accepted", 13, lambda r: r.evaluations_accepted, look.NUMBER),
)

_MISSING: tuple[Column[Missing], ...] = (
    Column("Reason", 21, lambda m: m.reason.value),
    Column("Missing permission", 28, lambda m: m.action),
    Column("Control", 44, lambda m: m.control),
    Column("Accounts", 16, lambda m: m.accounts, look.NUMBER),
    Column("Evaluations", 16, lambda m: m.evaluations, look.NUMBER),
    Column("How to fix it", 70, lambda m: m.fix),
    Column("Example", 28, lambda m: m.example),
)

_ACCOUNTS: tuple[Column[AccountScore], ...] = (
    Column("Account id", 14, lambda a: a.id),
    Column("Account", 22, lambda a: a.name),
    Column("Unit", 26, lambda a: a.ou_path or NO_UNIT),
    Column("State", 13, lambda a: a.state, words=("SUSPENDED", "CLOSED")),
    Column("Coverage", 16, lambda a: a.completeness.value, words=tuple(Completeness)),
    _ASSESSED_SHARE,
    Column("Open issues", 8, lambda a: Formula("[Critical]+[High]+[Medium]+[Low]", a.issues.total), _BOLD),
    Column("Critical", 8, lambda a: a.issues.critical, look.NUMBER),
    Column("High", 8, lambda a: a.issues.high, look.NUMBER),
    Column("Medium", 8, lambda a: a.issues.medium, look.NUMBER),
    Column("Low", 8, lambda a: a.issues.low, look.NUMBER),
    replace(_OPEN, title="Open findings", look=look.NUMBER),
    _EXCEPTED,
    Column("Expired exceptions", 11, lambda a: a.expired, look.NUMBER),
    _PASS_RATE,
    _PASS_RATE_WITH_EXCEPTIONS,
    Column("Why not assessed", 40, lambda a: a.reason),
    _EVALUATIONS,
    _ASSESSED,
    _PASSED,
    _FAILED,
    _NOT_ASSESSED,
    _NOT_APPLICABLE,
    _MANUAL,
    Column("Critical counted", 9, lambda a: a.counted_issues.critical, look.NUMBER),
    Column("High counted", 9, lambda a: a.counted_issues.high, look.NUMBER),
    Column("Medium counted", 9, lambda a: a.counted_issues.medium, look.NUMBER),
    Column("Low counted", 9, lambda a: a.counted_issues.low, look.NUMBER),
)

_CONTROLS: tuple[Column[ControlScore], ...] = (
    Column("Control", 38, lambda c: c.id),
    Column("Title", 46, lambda c: c.title),
    Column("Severity", 10, lambda c: c.severity.value, words=SEVERITY_WORDS),
    _OPEN,
    _EXCEPTED,
    _PASSED,
    _NOT_ASSESSED,
    Column("Accounts failing", 10, lambda c: c.accounts_failing, look.NUMBER),
    _PASS_RATE,
    _PASS_RATE_WITH_EXCEPTIONS,
    _ASSESSED_SHARE,
    Column("Requirements", 34, lambda c: ", ".join(c.requirements)),
    Column("Service", 13, lambda c: c.service),
    _FAILED,
    _NOT_APPLICABLE,
    _MANUAL,
    _EVALUATIONS,
    _ASSESSED,
)

_FRAMEWORKS: tuple[Column[RequirementScore], ...] = (
    Column("Framework", 15, lambda q: q.framework),
    Column("Requirement", 12, lambda q: q.id),
    Column("Title", 50, lambda q: q.title),
    Column("Level", 7, lambda q: q.level, look.NUMBER),
    Column("Status", 16, lambda q: q.status.value, words=tuple(RequirementStatus)),
    Column("Accounts failing", 10, lambda q: q.accounts_failing, _BOLD),
    Column("Accounts passing", 10, lambda q: q.accounts_passing, look.NUMBER),
    Column("Accounts not assessed", 11, lambda q: q.accounts_not_assessed, look.NUMBER),
    replace(_OPEN, look=look.NUMBER),
    _EXCEPTED,
    _PASS_RATE,
    _PASS_RATE_WITH_EXCEPTIONS,
    Column("Controls", 42, lambda q: ", ".join(q.controls) or "none: a person decides"),
    Column("Section", 22, lambda q: q.section),
    Column("Decided by", 12, lambda q: q.assessment),
    _FAILED,
    _PASSED,
    _NOT_ASSESSED,
    Column("Accounts not applicable", 11, lambda q: q.accounts_not_applicable, look.NUMBER),
    Column("Rated", 9, lambda q: q.rated.counts.total, look.NUMBER),
    Column("Rated as passed", 9, lambda q: q.rated.counts.passed, look.NUMBER),
    Column("Rated with exceptions", 11, lambda q: q.rated.with_exceptions.total, look.NUMBER),
    Column("Passed with exceptions", 11, lambda q: q.rated.with_exceptions.passed, look.NUMBER),
)

_FINDINGS: tuple[Column[ReportedFinding], ...] = (
    Column("Severity", 10, lambda f: f.finding.severity.value, words=SEVERITY_WORDS),
    Column("Status", 16, lambda f: f.finding.status.value, words=tuple(Status)),
    Column("Open", 7, lambda f: "yes" if f.open else "no"),
    Column("Control", 30, lambda f: f.finding.control),
    Column("Account id", 14, lambda f: f.finding.account_id),
    Column("Account", 17, lambda f: f.finding.account_name),
    Column("Region", 14, lambda f: f.finding.region),
    Column("Resource", 36, lambda f: f.finding.resource),
    Column("Reason", 44, lambda f: f.finding.reason),
    Column("What to do", 32, lambda f: _asset(f).text),
    Column("Exception", 16, lambda f: f.finding.exception.id if f.finding.exception else ""),
    Column(
        "Exception state",
        11,
        lambda f: f.finding.exception.state if f.finding.exception else "",
        words=("active", "expiring", "expired"),
    ),
    Column("Exception owner", 26, lambda f: f.finding.exception.owner if f.finding.exception else ""),
    Column("Exception expires", 12, _expiry, look.DATE),
    Column("Days overdue", 10, _overdue, look.NUMBER),
    Column("Command", 60, lambda f: _asset(f).command or ""),
    Column("Evidence", 60, lambda f: evidence_text(f.finding.evidence)),
    Column("Unit", 32, lambda f: f.finding.ou_path or NO_UNIT),
    Column("Requirements", 26, lambda f: ", ".join(f"{q.framework} {q.id}" for q in f.finding.requirements)),
    Column("Inherited from", 15, lambda f: f.finding.inherited_from or ""),
    Column("Counted", 9, lambda f: "yes" if f.counted else "no"),
    Column("Assessed (UTC)", 17, lambda f: f.finding.assessed_at, look.TIME),
    Column("Family", 30, lambda f: f.finding.family),
    Column("Fingerprint", 38, lambda f: f.finding.fingerprint),
)

COVERAGE = TableSheet(
    "Coverage",
    "every region, and what is missing",
    _REGIONS,
    lambda view: view.account_regions(),
    "Every region of every account in scope. What is missing, and how to fix it, begins in {below}.",
    key_columns=2,
    total=lambda view: view.account_regions_total,
    below=Below("Missing", "What is missing, by control", _MISSING, lambda view: view.missing, optional=False),
)
ACCOUNTS = TableSheet(
    "Accounts",
    "one scorecard per account",
    _ACCOUNTS,
    lambda view: view.accounts,
    "One row per account, the worst first. Findings inherited from another account count here; "
    "the columns “counted”, which the summary adds up, leave them out.",
    key_columns=2,
    printed_to="Why not assessed",
)
FRAMEWORKS = TableSheet(
    "Frameworks",
    "the status of each requirement",
    _FRAMEWORKS,
    lambda view: view.requirements,
    "One row per requirement. Findings inherited from another account count here; each account has one status.",
    key_columns=2,
    printed_to="Controls",
)
CONTROLS = TableSheet(
    "Controls",
    "the results of each control, the worst first",
    _CONTROLS,
    lambda view: view.controls,
    "One row per control, the worst first. A resource that accounts share counts once.",
    printed_to="Requirements",
)
FINDINGS = TableSheet(
    "Findings",
    "every finding, the open first",
    _FINDINGS,
    lambda view: view.findings(),
    "Open findings first, then by severity. Use the filters in the header row. "
    "Command, evidence and the rest are to the right of the printed columns.",
    key_columns=4,
    printed_to="Exception state",
    total=lambda view: view.findings_total,
)
