"""report.jira.csv: a ticket for each action and owner, as Jira's CSV import takes them.

Fields, and that a head has no punctuation:
https://support.atlassian.com/jira-cloud-administration/docs/import-data-from-a-csv-file/. A column that stands several
times is a field of several values.
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

SUMMARY, DESCRIPTION, NAME = 255, 32_767, 255
"""The most characters of a summary, of a description and of other texts."""
PRIORITIES = {
    Severity.CRITICAL: "Highest",
    Severity.HIGH: "High",
    Severity.MEDIUM: "Medium",
    Severity.LOW: "Low",
}
"""The priorities that every Jira has from the start."""
LABELS = 4
HEADS = (
    *("External issue ID", "Issue Type", "Summary", "Description", "Priority", "Assignee", "Due date", "Component"),
    *(("Labels",) * LABELS),
    *("Owner", "Issues", "Findings", "Run"),
)
_PLAIN = "{noformat}"


def write(view: View, path: Path) -> None:
    """Write the tickets; raises ReportError."""
    words = Words(view)
    write_rows(path, HEADS, (list(_row(view, words, ticket)) for ticket in tickets(view)))


def _row(view: View, words: Words, ticket: Ticket) -> Iterator[str]:
    yield ticket.id
    yield "Task"
    yield cell(words.summary(ticket), SUMMARY)
    yield _description(words, ticket)
    yield PRIORITIES[ticket.severity]
    yield cell(ticket.owner.mail, NAME)
    yield ticket.due_on.isoformat() if ticket.due_on else ""
    yield cell(words.services(ticket)[0], NAME)
    yield from ("orgaudit", ticket.id, f"orgaudit-{ticket.severity}", f"orgaudit-run-{view.manifest.run_id}")
    yield cell(str(ticket.owner) or UNASSIGNED, NAME)
    yield str(ticket.issues)
    yield str(ticket.findings)
    yield view.manifest.run_id


def _description(words: Words, ticket: Ticket) -> str:
    """Return the description, in which Jira reads no markup: names and commands are full of its signs."""
    text = "\n\n".join(words.description(ticket)).replace(_PLAIN, "{ noformat}")
    return f"{_PLAIN}\n{cell(text, DESCRIPTION - 2 * len(_PLAIN) - 2)}\n{_PLAIN}"
