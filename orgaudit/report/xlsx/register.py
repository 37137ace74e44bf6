"""The sheets of the register: exceptions, what it requires from its owners, closed exceptions and attestations."""

from __future__ import annotations

from orgaudit.model import EntryState
from orgaudit.report.figures import ExceptionScore
from orgaudit.report.manual import AttestationScore
from orgaudit.report.view import View
from orgaudit.report.xlsx.tables import Below, TableSheet, by_key
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import Column
from orgaudit.spreadsheet.workbook import PrintedPage
from orgaudit.store.register_result import Answer, HygieneRemark, RegisterProblem
from orgaudit.words import counted

_HYGIENE = "Expiring and hygiene"


def _effect(score: ExceptionScore, reasons: str) -> str:
    """Return what an exception does, and what of its scope the run did not assess; `reasons` is a sheet."""
    if score.unused:
        return f"Covers nothing; the reason is in {reasons}."
    done = f"{_done(score)}." if score.entry.state is not EntryState.EXPIRED else f"{_ended(score)}."
    return f"{done} Not scanned in this run: {score.entry.not_scanned}" if score.entry.not_scanned else done


def _done(score: ExceptionScore) -> str:
    return "Covers findings" if score.covered else "Covers nothing"


def _ended(score: ExceptionScore) -> str:
    ended = f"Ended {counted(-(score.entry.days_left or 0), 'day')} ago"
    if score.expired:
        return f"{ended}; its findings still fail and are open"
    if score.entry.failing:
        return f"{ended}; {counted(score.entry.failing, 'finding')} in its scope still fail under other exceptions"
    return f"{ended}; whether anything in its scope still fails is not known"


def _exceptions(view: View) -> tuple[Column[ExceptionScore], ...]:
    reasons = f"the whole report, {_HYGIENE}" if view.part else _HYGIENE
    return (
        Column("Exception", 26, lambda e: e.entry.id),
        Column("Title", 36, lambda e: e.entry.title),
        Column("State", 14, lambda e: e.entry.state, words=tuple(EntryState)),
        Column("Effect", 36, lambda e: _effect(e, reasons)),
        Column("Findings covered", 11, lambda e: e.covered, look.NUMBER),
        Column("Failing after expiry", 11, lambda e: e.expired, look.NUMBER),
        Column("Starts", 12, lambda e: e.entry.starts_on, look.DATE),
        Column("Expires", 12, lambda e: e.entry.expires_on, look.DATE),
        Column("Days left", 9, lambda e: e.entry.days_left, look.NUMBER),
        Column("Owner", 32, lambda e: e.entry.owner),
        Column("Approved by", 32, lambda e: e.entry.approved_by),
        Column("Ticket", 16, lambda e: e.entry.ticket),
        Column("Waits for approval", 40, lambda e: e.entry.amendment),
        Column("Type", 24, lambda e: e.entry.type),
        Column("Scope", 60, lambda e: e.entry.scope),
        Column("Broad", 9, lambda e: "yes" if e.entry.broad else "no"),
        Column("Review by", 12, lambda e: e.entry.review_by, look.DATE),
    )


def _exceptions_note(view: View) -> str:
    where = "All evaluations in the whole report" if view.part else "All evaluations"
    return (
        "The register as of {as_of}. Only active and expiring exceptions cover findings. "
        f"The numbers are rows of {where}, repetitions of shared resources included."
    )


_PROBLEMS: tuple[Column[RegisterProblem], ...] = (
    Column("Location", 28, lambda p: p.place),
    Column("Problem", 36, lambda p: p.message),
    Column("Key", 14, lambda p: p.key),
)

_REMARKS: tuple[Column[HygieneRemark], ...] = (
    Column("Concern", 22, lambda r: r.concern.heading),
    Column("Exception", 16, lambda r: r.id),
    Column("What was found", 46, lambda r: r.detail),
    Column("What to do", 36, lambda r: r.concern.remedy),
    Column("Findings", 10, lambda r: r.findings, look.NUMBER),
    Column("Expires", 12, lambda r: r.expires_on, look.DATE),
    Column("Days left", 9, lambda r: r.days_left, look.NUMBER),
    Column("Within days", 9, lambda r: r.within, look.NUMBER),
    Column("Covered by", 16, lambda r: r.other),
    Column("Owner", 30, lambda r: r.owner),
    Column("Title", 36, lambda r: r.title),
)

_CLOSED: tuple[Column[ExceptionScore], ...] = (
    Column("Exception", 16, lambda e: e.entry.id),
    Column("Title", 36, lambda e: e.entry.title),
    Column("State", 12, lambda e: e.entry.state, words=("expired", "revoked", "rejected")),
    Column(
        "How it ended",
        44,
        lambda e: e.entry.ending or "Expired; all of its scope was assessed, and nothing in it fails.",
    ),
    Column("Started", 12, lambda e: e.entry.starts_on, look.DATE),
    Column("Expires", 12, lambda e: e.entry.expires_on, look.DATE),
    Column("Owner", 30, lambda e: e.entry.owner),
    Column("Approved by", 30, lambda e: e.entry.approved_by),
    Column("Ticket", 14, lambda e: e.entry.ticket),
    Column("Type", 24, lambda e: e.entry.type),
    Column("Scope", 60, lambda e: e.entry.scope),
)

_ATTESTATIONS: tuple[Column[AttestationScore], ...] = (
    Column("Attestation", 16, lambda a: a.entry.id),
    Column("Requirement", 20, lambda a: a.entry.requirement),
    Column("State", 14, lambda a: a.entry.state, words=tuple(EntryState)),
    Column("Answer", 14, lambda a: a.entry.status),
    Column("Effect", 44, lambda a: a.effect),
    Column("Applies to", 36, lambda a: a.entry.subject),
    Column("Attested by", 28, lambda a: a.entry.attested_by),
    Column("Attested on", 12, lambda a: a.entry.attested_on, look.DATE),
    Column("Expires", 12, lambda a: a.entry.expires_on, look.DATE),
    Column("Days left", 9, lambda a: a.entry.days_left, look.NUMBER),
    Column("Evidence", 60, lambda a: "\n".join(a.entry.evidence)),
    Column("Contradicted by findings in", 30, lambda a: ", ".join(a.contradicted)),
)

_ANSWERS: tuple[Column[Answer], ...] = (
    Column("Account id", 16, lambda a: a.account_id),
    Column("Requirement", 20, lambda a: a.requirement),
    Column("Status", 14, lambda a: a.status.upper(), words=("PASS", "FAIL", "NOT_APPLICABLE")),
    Column("Attestation", 14, lambda a: a.id),
    Column("Attested by", 44, lambda a: a.attested_by),
    Column("Attested on", 36, lambda a: a.attested_on, look.DATE),
    Column("Until", 28, lambda a: a.expires_on, look.DATE),
)

EXCEPTIONS = TableSheet(
    "Exceptions",
    "the register on the report's date",
    _exceptions,
    lambda view: view.kept,
    _exceptions_note,
    page=PrintedPage("Ticket"),
    groups=lambda view: by_key(score.entry.id for score in view.kept),
    below=Below("Problems", "Invalid entries, which cover nothing", _PROBLEMS, lambda view: view.problems),
)
HYGIENE = TableSheet(
    _HYGIENE,
    "what the register requires from its owners",
    _REMARKS,
    lambda view: view.hygiene,
    "What the register requires, the most urgent first: expired but failing, expiring within 90 days, "
    "without an owner, orphaned, overlapping, unused, not scanned, draft.",
    key_columns=2,
    page=PrintedPage("Owner"),
)
CLOSED = TableSheet(
    "Closed exceptions",
    "rejected, revoked, or expired and fixed",
    _CLOSED,
    lambda view: view.closed,
    "Rejected, revoked, or expired where this run assessed all of their scope and nothing in it fails. "
    "They cover nothing.",
    page=PrintedPage("Ticket"),
    optional=True,
)
MANUAL_REVIEW = TableSheet(
    "Manual review",
    "attestations of manual requirements",
    _ATTESTATIONS,
    lambda view: view.manual.attestations,
    "Attestations of manual requirements as of {as_of}. One that has expired leaves its requirement MANUAL.",
    page=PrintedPage("Evidence"),
    optional=True,
    below=Below("Answers", "What is attested for each account", _ANSWERS, lambda view: view.manual.answers),
)
