"""The sheets of findings: what is open, for print, and every evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date
from operator import attrgetter

import msgspec

from orgaudit.model import Json, Status
from orgaudit.report.listed import ListedFinding
from orgaudit.report.view import View
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


def _days(since: date | None, until: date) -> int | None:
    return None if since is None else (until - since).days


def _late(overdue: int | None) -> int | str:
    """Return the days by which a finding is late; a dash without a due date, and nothing where it is not late."""
    return NOTHING if overdue is None else overdue if overdue > 0 else ""


def _expiry(text: str) -> date | str:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return text


_decode = msgspec.json.Decoder(dict[str, Json]).decode


def _evidence(found: ListedFinding) -> str:
    return evidence_text(_decode(found.evidence))


def _console_page(found: ListedFinding) -> str | None:
    return console_address(found.resource, found.region)


def _controls_row(found: ListedFinding) -> Goal:
    return Goal("Controls", found.control)


def _accounts_row(found: ListedFinding) -> Goal:
    return Goal("Accounts", found.account_id)


def _exceptions_row(found: ListedFinding) -> Goal | None:
    return Goal("Exceptions", found.exception_id) if found.exception_id else None


_SEVERITY, _ACCOUNT = attrgetter("severity"), attrgetter("account_id", "account_name", "region")
_DATES, _REMEDY = attrgetter("first_seen", "due_on"), attrgetter("remedy")
_OWNER, _EXCEPTION = attrgetter("owner"), attrgetter("exception_id")
_KIND = attrgetter("ou_path", "control", "requirements", "reopened")
"""What the contents of columns side by side depend on that many findings share."""


def _open_columns(view: View) -> tuple[Column[ListedFinding], ...]:
    """Return the columns of what is open, which have days up to the report's date."""
    on = view.as_of
    return (
        Column("Severity", 10, lambda f: f.severity, words=SEVERITY_WORDS, of=_SEVERITY),
        Column("Title", 32, lambda f: fitted(f.title, NAME), goal=_controls_row, of=attrgetter("title", "control")),
        Column("Account", 20, lambda f: fitted(f.account_name or f.account_id, NAME), goal=_accounts_row, of=_ACCOUNT),
        Column("Owner", 24, lambda f: fitted(f.owner or NO_OWNER, NAME), of=_OWNER),
        Column("Resource", 36, lambda f: fitted(f.resource, RESOURCE), goal=_console_page),
        Column("Reason", 52, lambda f: fitted(f.reason, SENTENCE)),
        Column("First seen", 11, lambda f: day(f.first_seen), look.DATE, of=_DATES),
        Column("Age (days)", 7, lambda f: number(_days(f.first_seen, on)), look.NUMBER, of=_DATES),
        Column("Due", 11, lambda f: day(f.due_on), look.DATE, of=_DATES),
        Column(
            "Overdue (days)",
            9,
            lambda f: _late(_days(f.due_on, on)),
            look.NUMBER,
            tones=(look.bad("ISNUMBER([Overdue (days)])"),),
            of=_DATES,
        ),
        Column("What to do", 40, lambda f: fitted(f.remedy or "", SENTENCE), of=_REMEDY),
        Column("Exception", 15, lambda f: f.exception_id or "", goal=_exceptions_row, of=_EXCEPTION),
        Column("Account id", 14, lambda f: f.account_id, of=_ACCOUNT),
        Column("Region", 14, lambda f: f.region, of=_ACCOUNT),
        Column("Command", 60, lambda f: f.command or ""),
        Column("Unit", 32, lambda f: f.ou_path or NO_UNIT, of=_KIND),
        Column("Control", 34, lambda f: f.control, of=_KIND),
        Column("Requirements", 26, lambda f: f.requirements, of=_KIND),
        Column("Regressions", 11, lambda f: f.reopened, look.NUMBER, of=_KIND),
        Column("Fingerprint", 38, lambda f: f.fingerprint),
    )


_VERDICT = attrgetter("severity", "status", "open", "title")
_FAILURE = attrgetter("owner", "status", "first_seen", "due_on")
_ENTRY = attrgetter("exception_id", "exception_state", "exception_owner", "exception_expires", "exception_overdue")
_PLACE, _RULE = attrgetter("ou_path", "requirements", "inherited_from", "counted"), attrgetter("control", "family")
_ASSESSED, _EVIDENCE = attrgetter("assessed_at"), attrgetter("evidence")


def _failed(found: ListedFinding) -> bool:
    return found.status == Status.FAIL


_EVALUATIONS: tuple[Column[ListedFinding], ...] = (
    Column("Severity", 10, lambda f: f.severity, words=SEVERITY_WORDS, when='[Open]="yes"', of=_VERDICT),
    Column("Status", 16, lambda f: f.status, words=tuple(Status), of=_VERDICT),
    Column("Open", 7, lambda f: "yes" if f.open else "no", of=_VERDICT),
    Column("Title", 38, lambda f: f.title, of=_VERDICT),
    Column("Account id", 14, lambda f: f.account_id, of=_ACCOUNT),
    Column("Account", 17, lambda f: f.account_name, of=_ACCOUNT),
    Column("Region", 14, lambda f: f.region, of=_ACCOUNT),
    Column("Resource", 36, lambda f: f.resource),
    Column("Reason", 44, lambda f: f.reason),
    Column("Owner", 26, lambda f: f.owner or NO_OWNER, of=_FAILURE),
    Column("First seen", 12, lambda f: day(f.first_seen) if _failed(f) else "", look.DATE, of=_FAILURE),
    Column("Due", 12, lambda f: day(f.due_on) if _failed(f) else "", look.DATE, of=_FAILURE),
    Column("What to do", 32, lambda f: f.remedy or "", of=_REMEDY),
    Column("Exception", 16, lambda f: f.exception_id or "", of=_ENTRY),
    Column(
        "Exception state", 11, lambda f: f.exception_state or "", words=("active", "expiring", "expired"), of=_ENTRY
    ),
    Column("Exception owner", 26, lambda f: f.exception_owner or "", of=_ENTRY),
    Column("Exception expires", 12, lambda f: _expiry(f.exception_expires or ""), look.DATE, of=_ENTRY),
    Column("Days overdue", 10, lambda f: f.exception_overdue or None, look.NUMBER, of=_ENTRY),
    Column("Command", 60, lambda f: f.command or ""),
    Column("Evidence", 60, _evidence, of=_EVIDENCE),
    Column("Unit", 32, lambda f: f.ou_path or NO_UNIT, of=_PLACE),
    Column("Requirements", 26, lambda f: f.requirements, of=_PLACE),
    Column("Inherited from", 15, lambda f: f.inherited_from or "", of=_PLACE),
    Column("Counted", 9, lambda f: "yes" if f.counted else "no", of=_PLACE),
    Column("Assessed (UTC)", 17, lambda f: f.assessed_at.replace(tzinfo=UTC), look.TIME, of=_ASSESSED),
    Column("Control", 34, lambda f: f.control, of=_RULE),
    Column("Family", 30, lambda f: f.family, of=_RULE),
    Column("Fingerprint", 38, lambda f: f.fingerprint),
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
    _open_columns,
    lambda view: view.listed("open AND counted"),
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
    lambda view: view.listed("true" if lists_passed(view) else "status <> 'PASS'"),
    evaluations_note,
    key_columns=4,
    page=PrintedPage("Resource", rows=0),
    total=_listed,
)
