"""report.servicenow.csv: a ticket for each action and owner, for an import set of ServiceNow.

The heads are fields of the table task, and so of incident and of every other kind of task, but for the last four; a
transform map that coalesces on correlation_id updates what it finds (ServiceNow's documentation, "Import sets").
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from orgaudit.actions.text import UNASSIGNED
from orgaudit.model import Severity
from orgaudit.report.formats.ticket_rows import cell, write_rows
from orgaudit.report.formats.ticket_words import Words
from orgaudit.report.tickets import Ticket, tickets
from orgaudit.report.view import View

SUMMARY, DESCRIPTION, NAME = 160, 4_000, 100
"""The most characters of a short description, of a description and of other texts."""
WEIGHTS = {
    Severity.CRITICAL: ("1", "1"),
    Severity.HIGH: ("1", "2"),
    Severity.MEDIUM: ("2", "2"),
    Severity.LOW: ("2", "3"),
}
"""Impact and urgency, of which ServiceNow makes priority 1, 2, 3 or 4."""
HEADS = (
    *("correlation_id", "correlation_display", "short_description", "description", "impact", "urgency"),
    *("assigned_to", "assignment_group", "due_date"),
    *("owner", "issues", "findings", "run"),
)


def write(view: View, path: Path) -> None:
    """Write the tickets; raises ReportError."""
    words = Words(view)
    write_rows(path, HEADS, (list(_row(view, words, ticket)) for ticket in tickets(view)))


def _row(view: View, words: Words, ticket: Ticket) -> Iterator[str]:
    yield ticket.id
    yield "orgaudit"
    yield cell(words.summary(ticket), SUMMARY)
    yield cell("\n\n".join(words.description(ticket)), DESCRIPTION)
    yield from WEIGHTS[ticket.severity]
    yield cell(ticket.owner.mail, NAME)
    yield "" if ticket.owner.mail else cell(ticket.owner.name, NAME)
    yield ticket.due_on.isoformat() if ticket.due_on else ""
    yield cell(str(ticket.owner) or UNASSIGNED, NAME)
    yield str(ticket.issues)
    yield str(ticket.findings)
    yield view.manifest.run_id
