"""The sheets that are tables: what each column shows of the view's records."""

from __future__ import annotations

from datetime import date

from orgaudit.model import Remedy, Status
from orgaudit.report.figures import (
    AccountRegion,
    AccountScore,
    Completeness,
    ControlScore,
    Counts,
    ExceptionScore,
    Missing,
    RequirementScore,
    RequirementStatus,
)
from orgaudit.report.view import ReportedFinding, View
from orgaudit.report.xlsx.evidence import evidence_text
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import Column, Formula
from orgaudit.spreadsheet.workbook import Book, Part, print_to
from orgaudit.store.register_result import RegisterProblem, Remark

NO_UNIT = "no unit"
"""What stands for an account outside of any organization; formulas cannot look for an empty text."""

HYGIENE = "Expiring and hygiene"
CLOSED = "Closed exceptions"

SEVERITY_WORDS = ("critical", "high", "medium", "low")
STATUS_WORDS = tuple(Status)

_BOLD = look.NUMBER._replace(bold=True)
_RATE = '=IFERROR([Passed]/([Passed]+[Failed]),"n/a")'
_RATE_WITH_EXCEPTIONS = '=IFERROR([Passed]/([Passed]+[Open]),"n/a")'


def _rate(counts: Counts) -> Formula:
    return Formula(_RATE, "n/a" if counts.pass_rate is None else counts.pass_rate)


def _rate_with_exceptions(counts: Counts) -> Formula:
    rate = counts.pass_rate_with_exceptions
    return Formula(_RATE_WITH_EXCEPTIONS, "n/a" if rate is None else rate)


def _open(counts: Counts) -> Formula:
    return Formula("=[Failed]-[Excepted]", counts.open)


def _assessed_share(assessed: int, expected: int) -> Formula:
    return Formula('=IFERROR([Assessed]/[Evaluations],"n/a")', assessed / expected if expected else "n/a")


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
    """Return how to mend the one resource; nothing where there is nothing to mend."""
    remediation = reported.finding.remediation
    return remediation.asset if remediation else Remedy("")


def _effect(score: ExceptionScore) -> str:
    if score.unused:
        return f"Covers nothing; why is in {HYGIENE}."
    if score.expired:
        return f"Ended {-(score.entry.days_left or 0)} days ago; its findings still fail and are open."
    return "Covers findings." if score.covered else "Covers nothing."


REGIONS: tuple[Column[AccountRegion], ...] = (
    Column("Account id", 21, lambda r: r.account_id),
    Column("Account", 28, lambda r: r.account_name),
    Column("Unit", 44, lambda r: r.ou_path),
    Column("Region", 16, lambda r: r.region),
    Column(
        "State",
        16,
        lambda r: r.state,
        words=("AUDITED", "PARTIAL", "NOT_ASSESSED", "DISABLED", "BLOCKED", "ACCEPTED", "UNREACHABLE"),
    ),
    Column("Why", 70, lambda r: ": ".join(filter(None, (r.reason, r.message)))),
    Column("Permission", 28, lambda r: r.action),
    Column("Evaluations", 13, lambda r: r.evaluations, look.NUMBER),
    Column("Assessed", 13, lambda r: r.evaluations_assessed, look.NUMBER),
    Column(
        "Not assessed",
        13,
        lambda r: Formula("=[Evaluations]-[Assessed]", r.evaluations - r.evaluations_assessed),
        look.NUMBER,
    ),
    Column("Blocked by policy", 13, lambda r: r.evaluations_blocked, look.NUMBER),
    Column("Not applicable", 13, lambda r: r.evaluations_not_applicable, look.NUMBER),
    Column("Accepted", 13, lambda r: r.evaluations_accepted, look.NUMBER),
)

MISSING: tuple[Column[Missing], ...] = (
    Column("Reason", 21, lambda m: m.reason.value),
    Column("Missing permission", 28, lambda m: m.action),
    Column("Control", 44, lambda m: m.control),
    Column("Accounts", 16, lambda m: m.accounts, look.NUMBER),
    Column("Evaluations", 16, lambda m: m.evaluations, look.NUMBER),
    Column("What mends it", 70, lambda m: m.mend),
    Column("For example", 28, lambda m: m.example),
)

ACCOUNTS: tuple[Column[AccountScore], ...] = (
    Column("Account id", 14, lambda a: a.id),
    Column("Account", 22, lambda a: a.name),
    Column("Unit", 26, lambda a: a.ou_path),
    Column("State", 13, lambda a: a.state, words=("SUSPENDED", "CLOSED")),
    Column("Coverage", 16, lambda a: a.completeness.value, words=tuple(Completeness)),
    Column("Assessed share", 10, lambda a: _assessed_share(a.evaluations_assessed, a.evaluations), look.RATE),
    Column("Open", 8, lambda a: _open(a.counts), _BOLD),
    Column("Critical", 8, lambda a: a.open.critical, look.NUMBER),
    Column("High", 8, lambda a: a.open.high, look.NUMBER),
    Column("Medium", 8, lambda a: a.open.medium, look.NUMBER),
    Column("Low", 8, lambda a: a.open.low, look.NUMBER),
    Column("Excepted", 9, lambda a: a.counts.covered, look.NUMBER),
    Column("Expired exceptions", 11, lambda a: a.expired, look.NUMBER),
    Column("Pass rate", 10, lambda a: _rate(a.counts), look.RATE),
    Column("Pass rate with exceptions", 12, lambda a: _rate_with_exceptions(a.counts), look.RATE),
    Column("What was not seen", 40, lambda a: a.reason),
    Column("Evaluations", 12, lambda a: a.evaluations, look.NUMBER),
    Column("Assessed", 10, lambda a: a.evaluations_assessed, look.NUMBER),
    Column("Passed", 9, lambda a: a.counts.passed, look.NUMBER),
    Column("Failed", 9, lambda a: a.counts.failed, look.NUMBER),
    Column("Not assessed", 10, lambda a: a.counts.not_assessed, look.NUMBER),
    Column("Not applicable", 11, lambda a: a.counts.not_applicable, look.NUMBER),
    Column("Manual", 9, lambda a: a.counts.manual, look.NUMBER),
)

CONTROLS: tuple[Column[ControlScore], ...] = (
    Column("Control", 38, lambda c: c.id),
    Column("Title", 46, lambda c: c.title),
    Column("Severity", 10, lambda c: c.severity.value, words=SEVERITY_WORDS),
    Column("Open", 8, lambda c: _open(c.counts), _BOLD),
    Column("Excepted", 9, lambda c: c.counts.covered, look.NUMBER),
    Column("Passed", 8, lambda c: c.counts.passed, look.NUMBER),
    Column("Not assessed", 10, lambda c: c.counts.not_assessed, look.NUMBER),
    Column("Accounts failing", 10, lambda c: c.accounts_failing, look.NUMBER),
    Column("Pass rate", 10, lambda c: _rate(c.counts), look.RATE),
    Column("Pass rate with exceptions", 12, lambda c: _rate_with_exceptions(c.counts), look.RATE),
    Column("Assessed share", 10, lambda c: _assessed_share(c.evaluations_assessed, c.evaluations), look.RATE),
    Column("Requirements", 34, lambda c: ", ".join(c.requirements)),
    Column("Service", 13, lambda c: c.service),
    Column("Failed", 9, lambda c: c.counts.failed, look.NUMBER),
    Column("Not applicable", 11, lambda c: c.counts.not_applicable, look.NUMBER),
    Column("Manual", 9, lambda c: c.counts.manual, look.NUMBER),
    Column("Evaluations", 12, lambda c: c.evaluations, look.NUMBER),
    Column("Assessed", 10, lambda c: c.evaluations_assessed, look.NUMBER),
)

FRAMEWORKS: tuple[Column[RequirementScore], ...] = (
    Column("Framework", 15, lambda q: q.framework),
    Column("Requirement", 12, lambda q: q.id),
    Column("Title", 50, lambda q: q.title),
    Column("Level", 7, lambda q: q.level, look.NUMBER),
    Column("Status", 16, lambda q: q.status.value, words=tuple(RequirementStatus)),
    Column("Accounts failing", 10, lambda q: q.accounts_failing, _BOLD),
    Column("Accounts passing", 10, lambda q: q.accounts_passing, look.NUMBER),
    Column("Accounts not assessed", 11, lambda q: q.accounts_not_assessed, look.NUMBER),
    Column("Open", 8, lambda q: _open(q.counts), look.NUMBER),
    Column("Excepted", 9, lambda q: q.counts.covered, look.NUMBER),
    Column("Pass rate", 10, lambda q: _rate(q.counts), look.RATE),
    Column("Pass rate with exceptions", 12, lambda q: _rate_with_exceptions(q.counts), look.RATE),
    Column("Controls", 42, lambda q: ", ".join(q.controls) or "none: a person decides"),
    Column("Section", 22, lambda q: q.section),
    Column("Decided by", 12, lambda q: q.assessment),
    Column("Failed", 9, lambda q: q.counts.failed, look.NUMBER),
    Column("Passed", 9, lambda q: q.counts.passed, look.NUMBER),
    Column("Not assessed", 10, lambda q: q.counts.not_assessed, look.NUMBER),
    Column("Accounts not applicable", 11, lambda q: q.accounts_not_applicable, look.NUMBER),
)

FINDINGS: tuple[Column[ReportedFinding], ...] = (
    Column("Severity", 10, lambda f: f.finding.severity.value, words=SEVERITY_WORDS),
    Column("Status", 16, lambda f: f.finding.status.value, words=STATUS_WORDS),
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
    Column("Fingerprint", 38, lambda f: f.finding.fingerprint),
)

EXCEPTIONS: tuple[Column[ExceptionScore], ...] = (
    Column("Exception", 26, lambda e: e.entry.id),
    Column("Title", 36, lambda e: e.entry.title),
    Column(
        "State",
        14,
        lambda e: e.entry.state,
        words=("active", "expiring", "expired", "invalid", "revoked", "rejected", "pending", "draft"),
    ),
    Column("What it does", 36, _effect),
    Column("Findings covered", 11, lambda e: e.covered, look.NUMBER),
    Column("Failing after expiry", 11, lambda e: e.expired, look.NUMBER),
    Column("Starts", 12, lambda e: e.entry.starts_on, look.DATE),
    Column("Expires", 12, lambda e: e.entry.expires_on, look.DATE),
    Column("Days left", 9, lambda e: e.entry.days_left, look.NUMBER),
    Column("Owner", 24, lambda e: e.entry.owner),
    Column("Approved by", 22, lambda e: e.entry.approved_by),
    Column("Ticket", 16, lambda e: e.entry.ticket),
    Column("Type", 24, lambda e: e.entry.type),
    Column("Scope", 60, lambda e: e.entry.scope),
    Column("Broad", 9, lambda e: "yes" if e.entry.broad else "no"),
    Column("Review by", 12, lambda e: e.entry.review_by, look.DATE),
)

CLOSED_EXCEPTIONS: tuple[Column[ExceptionScore], ...] = (
    Column("Exception", 16, lambda e: e.entry.id),
    Column("Title", 36, lambda e: e.entry.title),
    Column("State", 12, lambda e: e.entry.state, words=("expired", "revoked", "rejected")),
    Column("How it ended", 44, lambda e: e.entry.ending or "Expired; no open finding is left in its scope."),
    Column("Started", 12, lambda e: e.entry.starts_on, look.DATE),
    Column("Expires", 12, lambda e: e.entry.expires_on, look.DATE),
    Column("Owner", 30, lambda e: e.entry.owner),
    Column("Approved by", 24, lambda e: e.entry.approved_by),
    Column("Ticket", 14, lambda e: e.entry.ticket),
    Column("Type", 24, lambda e: e.entry.type),
    Column("Scope", 60, lambda e: e.entry.scope),
)

REMARKS: tuple[Column[Remark], ...] = (
    Column("Concern", 22, lambda r: r.concern.heading),
    Column("Exception", 16, lambda r: r.id),
    Column("What was found", 46, lambda r: r.detail),
    Column("What to do", 36, lambda r: r.concern.mend),
    Column("Findings", 10, lambda r: r.findings, look.NUMBER),
    Column("Expires", 12, lambda r: r.expires_on, look.DATE),
    Column("Days left", 9, lambda r: r.days_left, look.NUMBER),
    Column("Within days", 9, lambda r: r.within, look.NUMBER),
    Column("Covered by", 16, lambda r: r.other),
    Column("Owner", 30, lambda r: r.owner),
    Column("Title", 36, lambda r: r.title),
)

PROBLEMS: tuple[Column[RegisterProblem], ...] = (
    Column("Place", 28, lambda p: p.place),
    Column("What is wrong", 36, lambda p: p.message),
    Column("Key", 14, lambda p: p.key),
)


def write_coverage(book: Book, view: View) -> None:
    """Write account x region, and below it what each control lacks."""
    parts = book.parts("Coverage", view.account_regions_total)
    sheet = book.table(
        "Coverage",
        REGIONS,
        view.account_regions(),
        total=view.account_regions_total,
        note="Every region of every account in scope. "
        f"What is missing, and what mends it, begins in row {missing_part(book, view).row} of {parts[-1].sheet}.",
        key_columns=2,
    )
    part = missing_part(book, view)
    book.table_below(sheet, part, "What is missing, control by control", MISSING, view.missing)


def missing_part(book: Book, view: View) -> Part:
    """Return where the second table of the coverage sheet is."""
    return book.below("Coverage", view.account_regions_total, "Missing", len(view.missing))


def write_accounts(book: Book, view: View) -> None:
    """Write the scorecards."""
    book.table(
        "Accounts",
        ACCOUNTS,
        view.accounts,
        total=len(view.accounts),
        note="One row an account, the worst first. Findings inherited from another account count here.",
        key_columns=2,
        printed_to="What was not seen",
    )


def write_frameworks(book: Book, view: View) -> None:
    """Write the requirements of every framework."""
    book.table(
        "Frameworks",
        FRAMEWORKS,
        view.requirements,
        total=len(view.requirements),
        note="One row a requirement. Findings inherited from another account count here; each account has one status.",
        key_columns=2,
        printed_to="Controls",
    )


def write_controls(book: Book, view: View) -> None:
    """Write the figures of every control."""
    book.table(
        "Controls",
        CONTROLS,
        view.controls,
        total=len(view.controls),
        note="One row a control, the worst first. A resource that accounts share counts once.",
        printed_to="Requirements",
    )


def write_findings(book: Book, view: View) -> None:
    """Write every finding, the open first."""
    book.table(
        "Findings",
        FINDINGS,
        view.findings(),
        total=view.findings_total,
        note="Open findings first, then by severity. Use the filters in the header row. "
        "Command, evidence and the rest are to the right of the printed columns.",
        key_columns=4,
        printed_to="Exception state",
    )


def write_exceptions(book: Book, view: View) -> None:
    """Write the register, and below it what is wrong in it."""
    sheet = book.table(
        "Exceptions",
        EXCEPTIONS,
        view.kept,
        total=len(view.kept),
        note=f"The register as of {view.as_of.isoformat()}. Only active and expiring exceptions cover findings. "
        "Rows of Findings are counted, repetitions of shared resources included.",
        printed_to="Ticket",
    )
    if view.problems:
        part = book.below("Exceptions", len(view.kept), "Problems", len(view.problems))
        book.table_below(sheet, part, "Entries that are wrong and cover nothing", PROBLEMS, view.problems)
        print_to(sheet, EXCEPTIONS, "Ticket", part.last)


def write_hygiene(book: Book, view: View) -> None:
    """Write what to do about the register, the most pressing first."""
    book.table(
        HYGIENE,
        REMARKS,
        view.hygiene,
        total=len(view.hygiene),
        note="What the register needs, the most pressing first: expired but failing, expiring within 90 days, "
        "overlapping, orphaned, unused.",
        key_columns=2,
        printed_to="Owner",
    )


def write_closed(book: Book, view: View) -> None:
    """Write the exceptions that are over, which are kept, where there are any."""
    if view.closed:
        book.table(
            CLOSED,
            CLOSED_EXCEPTIONS,
            view.closed,
            total=len(view.closed),
            note="Rejected, revoked, or expired with no open finding left in their scope. They cover nothing.",
            printed_to="Ticket",
        )
