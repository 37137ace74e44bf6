"""The sheets of findings: what is open, for print, and every evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import takewhile

from orgaudit.model import Remedy, Status
from orgaudit.report.view import ReportedFinding, View
from orgaudit.report.xlsx.cells import NO_OWNER, NO_UNIT, SEVERITY_WORDS, day, number
from orgaudit.report.xlsx.console import console_address
from orgaudit.report.xlsx.evidence import evidence_text
from orgaudit.report.xlsx.tables import NOTHING, TableSheet
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.links import Goal
from orgaudit.spreadsheet.rows import Column
from orgaudit.spreadsheet.text import fitted
from orgaudit.spreadsheet.workbook import PrintedPage

MOST_EVALUATIONS = 200_000
"""Up to how many findings those that passed are listed too, unless the settings ask for all."""

PRINTED = 120
"""How many open findings are printed, the most severe: a list of hundreds of pages helps nobody."""

NAME, RESOURCE, SENTENCE = 300, 1_200, 1_500
"""The characters that the highest row has room for; All evaluations has the whole text."""


@dataclass(frozen=True, slots=True)
class OpenFinding:
    """A finding that is open, with the days since it was first seen and since it was due."""

    reported: ReportedFinding
    age: int | None
    overdue: int | None


def _open_findings(view: View) -> Iterator[OpenFinding]:
    """Yield what is open, each shared resource once; the view lists all that is open before anything else."""
    for reported in takewhile(lambda each: each.open, view.findings()):
        if reported.counted:
            yield OpenFinding(
                reported,
                _days(reported.finding.first_seen, view.as_of),
                _days(reported.finding.due_on, view.as_of),
            )


def _days(since: date | None, until: date) -> int | None:
    return None if since is None else (until - since).days


def _asset(reported: ReportedFinding) -> Remedy:
    """Return the remedy for the one resource; an empty one where nothing needs any."""
    remediation = reported.finding.remediation
    return remediation.asset if remediation else Remedy("")


def _exception(reported: ReportedFinding) -> str:
    return reported.finding.exception.id if reported.finding.exception else ""


def _exception_goal(it: OpenFinding) -> Goal | None:
    return Goal("Exceptions", _exception(it.reported)) if it.reported.finding.exception else None


def _late(it: OpenFinding) -> int | str:
    """Return the days by which a finding is late; a dash without a due date, and nothing where it is not late."""
    return NOTHING if it.overdue is None else it.overdue if it.overdue > 0 else ""


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


def _requirements(reported: ReportedFinding) -> str:
    return ", ".join(f"{each.framework} {each.id}" for each in reported.finding.requirements)


_OPEN: tuple[Column[OpenFinding], ...] = (
    Column("Severity", 10, lambda f: f.reported.finding.severity.value, words=SEVERITY_WORDS),
    Column(
        "Title",
        32,
        lambda f: fitted(f.reported.finding.title, NAME),
        goal=lambda f: Goal("Controls", f.reported.finding.control),
    ),
    Column(
        "Account",
        20,
        lambda f: fitted(f.reported.finding.account_name or f.reported.finding.account_id, NAME),
        goal=lambda f: Goal("Accounts", f.reported.finding.account_id),
    ),
    Column("Owner", 24, lambda f: fitted(f.reported.finding.owner or NO_OWNER, NAME)),
    Column(
        "Resource",
        36,
        lambda f: fitted(f.reported.finding.resource, RESOURCE),
        goal=lambda f: console_address(f.reported.finding.resource, f.reported.finding.region),
    ),
    Column("Reason", 52, lambda f: fitted(f.reported.finding.reason, SENTENCE)),
    Column("First seen", 11, lambda f: day(f.reported.finding.first_seen), look.DATE),
    Column("Age (days)", 7, lambda f: number(f.age), look.NUMBER),
    Column("Due", 11, lambda f: day(f.reported.finding.due_on), look.DATE),
    Column("Overdue (days)", 9, _late, look.NUMBER, tones=(look.bad("ISNUMBER([Overdue (days)])"),)),
    Column("What to do", 40, lambda f: fitted(_asset(f.reported).text, SENTENCE)),
    Column("Exception", 15, lambda f: _exception(f.reported), goal=_exception_goal),
    Column("Account id", 14, lambda f: f.reported.finding.account_id),
    Column("Region", 14, lambda f: f.reported.finding.region),
    Column("Command", 60, lambda f: _asset(f.reported).command or ""),
    Column("Unit", 32, lambda f: f.reported.finding.ou_path or NO_UNIT),
    Column("Control", 34, lambda f: f.reported.finding.control),
    Column("Requirements", 26, lambda f: _requirements(f.reported)),
    Column("Regressions", 11, lambda f: f.reported.finding.reopened, look.NUMBER),
    Column("Fingerprint", 38, lambda f: f.reported.finding.fingerprint),
)

_EVALUATIONS: tuple[Column[ReportedFinding], ...] = (
    Column("Severity", 10, lambda f: f.finding.severity.value, words=SEVERITY_WORDS, when='[Open]="yes"'),
    Column("Status", 16, lambda f: f.finding.status.value, words=tuple(Status)),
    Column("Open", 7, lambda f: "yes" if f.open else "no"),
    Column("Title", 38, lambda f: f.finding.title),
    Column("Account id", 14, lambda f: f.finding.account_id),
    Column("Account", 17, lambda f: f.finding.account_name),
    Column("Region", 14, lambda f: f.finding.region),
    Column("Resource", 36, lambda f: f.finding.resource),
    Column("Reason", 44, lambda f: f.finding.reason),
    Column("Owner", 26, lambda f: f.finding.owner or NO_OWNER),
    Column("First seen", 12, lambda f: day(f.finding.first_seen) if f.finding.status is Status.FAIL else "", look.DATE),
    Column("Due", 12, lambda f: day(f.finding.due_on) if f.finding.status is Status.FAIL else "", look.DATE),
    Column("What to do", 32, lambda f: _asset(f).text),
    Column("Exception", 16, _exception),
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
    Column("Requirements", 26, _requirements),
    Column("Inherited from", 15, lambda f: f.finding.inherited_from or ""),
    Column("Counted", 9, lambda f: "yes" if f.counted else "no"),
    Column("Assessed (UTC)", 17, lambda f: f.finding.assessed_at, look.TIME),
    Column("Control", 34, lambda f: f.finding.control),
    Column("Family", 30, lambda f: f.finding.family),
    Column("Fingerprint", 38, lambda f: f.finding.fingerprint),
)

_FIRST_OPEN = """
    WITH numbered AS (
        SELECT account_id, control, severity, owner, row_number() OVER () - 1 AS place FROM findings
        WHERE open AND counted)
    SELECT 'account ' || account_id AS key, min(place) AS place FROM numbered GROUP BY key
    UNION ALL SELECT 'account ' || account_id || ' ' || severity AS key, min(place) FROM numbered GROUP BY key
    UNION ALL SELECT 'control ' || control AS key, min(place) FROM numbered GROUP BY key
    UNION ALL SELECT 'severity ' || severity AS key, min(place) FROM numbered GROUP BY key
    UNION ALL SELECT 'owner ' || owner AS key, min(place) FROM numbered GROUP BY key
"""


def _first_open(view: View) -> Mapping[str, int]:
    """Return the first open finding of each account, account and severity, control, severity, and owner."""
    return dict(view.connection.cursor().execute(_FIRST_OPEN).fetchall())


def lists_passed(view: View) -> bool:
    """Return whether All evaluations holds what passed too."""
    return view.settings.evaluations == "all" or view.findings_total <= MOST_EVALUATIONS


def _listed(view: View) -> int:
    if lists_passed(view):
        return view.findings_total
    return view.findings_total - view.findings_passed


def evaluations_note(view: View) -> str:
    """Return where the rows are, and what is not among them."""
    rows = f"{_listed(view):,} rows are in the workbook from row 5 on, what is open first; they are not printed."
    if lists_passed(view):
        return rows
    return f'{rows} {view.findings_passed:,} that passed are left out; [report] evaluations = "all" lists them.'


def _open_note(view: View) -> str:
    titles = "" if view.part else "Titles lead to why it matters, resources"
    return (
        "What fails without an exception, the most severe first. A resource that accounts share is listed once, for "
        f"the account that owns it. {titles or 'Resources lead'} to the AWS console."
    )


OPEN = TableSheet(
    "Open",
    "what is open, the most severe first",
    _OPEN,
    _open_findings,
    _open_note,
    key_columns=3,
    page=PrintedPage("Exception", rows=PRINTED),
    total=lambda view: view.summary.counts.open,
    groups=_first_open,
)
EVALUATIONS = TableSheet(
    "All evaluations",
    "every evaluation, the open first",
    _EVALUATIONS,
    lambda view: view.findings(passed=lists_passed(view)),
    evaluations_note,
    key_columns=4,
    page=PrintedPage("Resource", rows=0),
    total=_listed,
)
