"""What a ticket says: its title, and what to do, why, where, how and until when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orgaudit.actions.plan import Action
from orgaudit.actions.text import UNASSIGNED
from orgaudit.actions.words import INTERRUPTIONS, effort_words
from orgaudit.report.completeness import completeness_of
from orgaudit.report.tickets import NAMED, Ticket
from orgaudit.report.view import View
from orgaudit.spreadsheet.text import one_line
from orgaudit.store.manifest import ControlRecord
from orgaudit.words import counted

COMMANDS = 10
"""How many commands a ticket has."""


class Words:
    """Says what the tickets of a view are about."""

    def __init__(self, view: View) -> None:
        self._records: Mapping[str, ControlRecord] = {record.id: record for record in view.manifest.controls}
        self._rest = view.actions.count - len(view.actions.actions)
        self._run = f"Run {view.manifest.run_id} as of {view.as_of}: {completeness_of(view)}."

    def summary(self, ticket: Ticket) -> str:
        """Return the title, in one line: what to do, and how much that closes."""
        what = ticket.action.what if ticket.action else f"Review the {counted(self._rest, 'further action')}"
        return one_line(f"{what}: {_closes(ticket)}")

    def services(self, ticket: Ticket) -> list[str]:
        """Return the services that a ticket is about."""
        return sorted({self._records[control].service for control in ticket.controls})

    def description(self, ticket: Ticket) -> Iterator[str]:
        """Yield the paragraphs of the description, what matters most first."""
        yield f"{ticket.action.what}." if ticket.action else self._further()
        yield f"Closes {_closes(ticket)}. Highest severity: {ticket.severity}. {_dates(ticket)}"
        if ticket.outlived:
            yield f"{counted(ticket.outlived, 'issue')} of these had an exception that ended."
        if ticket.action:
            yield from _how(ticket, ticket.action)
        accounts = _first([_account(*each) for each in ticket.accounts.items()])
        yield "\n".join(("Where:", *accounts, *_resources(ticket)))
        yield f"Owner: {ticket.owner or UNASSIGNED}. Ticket {ticket.id}."
        yield f"{self._run} {_place(ticket)}"
        yield "\n".join(self._why(ticket))

    def _further(self) -> str:
        return (
            f"{counted(self._rest, 'action')} of less effect stand in no ticket of their own; "
            "`orgaudit actions RUN --csv` lists all."
        )

    def _why(self, ticket: Ticket) -> Iterator[str]:
        """Yield the first controls with their rationale, the most severe first."""
        records = [self._records[control] for control in ticket.controls]
        records.sort(key=lambda record: (-record.severity.rank, record.id))
        yield "Why:"
        yield from _first([f"{each.title} ({each.severity}, {each.id}). {each.rationale}" for each in records])


def _closes(ticket: Ticket) -> str:
    issues, accounts = counted(ticket.issues, "issue"), counted(len(ticket.accounts), "account")
    return f"{issues} in {accounts}"


def _dates(ticket: Ticket) -> str:
    due = f"Due on {ticket.due_on}" if ticket.due_on else "No due date"
    return f"{due}{f', failing since {ticket.first_seen}' if ticket.first_seen else ''}."


def _account(account: tuple[str, str], issues: int) -> str:
    number, name = account
    return f"{number}{f' {name}' if name else ''}: {counted(issues, 'issue')}"


def _resources(ticket: Ticket) -> list[str]:
    more = ticket.issues - len(ticket.resources)
    return [*(f"- {text}" for text in ticket.resources), *([f"- and {counted(more, 'more issue')}"] if more else [])]


def _how(ticket: Ticket, action: Action) -> Iterator[str]:
    """Yield how the action is taken: the text, what it takes, what keeps the issues away, and the commands."""
    effort = f"effort {effort_words(action.effort, action.times)}, {INTERRUPTIONS[action.disruption]}"
    yield f"How: {action.text} ({effort}{'' if action.reversible else ', cannot be undone'})"
    if action.preventive:
        yield f"So that it does not come back: {action.preventive}"
    lines = [
        f"# {f'account {each.account_id} {one_line(each.account_name)}' if each.account_id else 'once'}\n{each.command}"
        for each in action.commands
        if each.command in ticket.commands and (not each.account_id or _is_of(ticket, each.account_id))
    ]
    if lines:
        shown = "\n".join(lines[:COMMANDS])
        more = f"\n# and {len(lines) - COMMANDS:,} more: the sheet Actions of the workbook" * (len(lines) > COMMANDS)
        yield f"Commands:\n{shown}{more}"


def _is_of(ticket: Ticket, account: str) -> bool:
    return any(number == account for number, _ in ticket.accounts)


def _first(texts: list[str]) -> list[str]:
    more = len(texts) - NAMED
    return [*(f"- {text}" for text in texts[:NAMED]), *([f"- and {more:,} more"] if more > 0 else [])]


def _place(ticket: Ticket) -> str:
    """Return where the report shows it."""
    page = f"report.html#finding={ticket.worst}"
    return f"See action {ticket.action.id} in report.xlsx, sheet Actions; {page}" if ticket.action else f"See {page}"
