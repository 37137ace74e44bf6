"""The sheet of what people attest: every attestation with what it does, and below it the answer of each account."""

from __future__ import annotations

from orgaudit.model import EntryState
from orgaudit.report.manual import AttestationScore
from orgaudit.report.view import View
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import Column
from orgaudit.spreadsheet.workbook import Book, print_to
from orgaudit.store.register_result import Answer

TITLE = "Manual review"

ATTESTATIONS: tuple[Column[AttestationScore], ...] = (
    Column("Attestation", 16, lambda a: a.entry.id),
    Column("Requirement", 20, lambda a: a.entry.requirement),
    Column("State", 14, lambda a: a.entry.state, words=tuple(EntryState)),
    Column("Says", 14, lambda a: a.entry.status),
    Column("What it does", 44, lambda a: a.effect),
    Column("For", 36, lambda a: a.entry.subject),
    Column("Attested by", 28, lambda a: a.entry.attested_by),
    Column("Attested on", 12, lambda a: a.entry.attested_on, look.DATE),
    Column("Expires", 12, lambda a: a.entry.expires_on, look.DATE),
    Column("Days left", 9, lambda a: a.entry.days_left, look.NUMBER),
    Column("Evidence", 60, lambda a: "\n".join(a.entry.evidence)),
    Column("Contradicted by findings in", 30, lambda a: ", ".join(a.contradicted)),
)

ANSWERS: tuple[Column[Answer], ...] = (
    Column("Account id", 16, lambda a: a.account_id),
    Column("Requirement", 20, lambda a: a.requirement),
    Column("Status", 14, lambda a: a.status.upper(), words=("PASS", "FAIL", "NOT_APPLICABLE")),
    Column("Attestation", 14, lambda a: a.id),
    Column("Attested by", 44, lambda a: a.attested_by),
    Column("Attested on", 36, lambda a: a.attested_on, look.DATE),
    Column("Until", 28, lambda a: a.expires_on, look.DATE),
)


def write_manual(book: Book, view: View) -> None:
    """Write the sheet, where the register has any attestation."""
    review = view.manual
    if not review.attestations:
        return
    sheet = book.table(
        TITLE,
        ATTESTATIONS,
        review.attestations,
        total=len(review.attestations),
        note=f"People's answers to manual requirements as of {view.as_of.isoformat()}. "
        "One that has lapsed leaves its requirement MANUAL.",
        printed_to="Evidence",
    )
    if review.answers:
        part = book.below(TITLE, len(review.attestations), "Answers", len(review.answers))
        book.table_below(sheet, part, "What is attested of each account", ANSWERS, review.answers)
        print_to(sheet, ATTESTATIONS, "Evidence", part.last)
