"""The sheet of actions: what removes several open issues together, in the order in which it is worth doing."""

from __future__ import annotations

from orgaudit.actions.plan import Action
from orgaudit.actions.words import effort_words
from orgaudit.report.view import View
from orgaudit.report.xlsx.cells import NO_OWNER, account_names, named
from orgaudit.report.xlsx.tables import NOTHING, TableSheet, by_key
from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import Column, Content
from orgaudit.spreadsheet.text import fitted
from orgaudit.spreadsheet.workbook import PrintedPage
from orgaudit.words import counted

PRINTED = 40
OWNERS_NAMED = 3
SENTENCE = 1_500
"""The characters of sentences and commands that the highest row has room for."""


def _owners(action: Action) -> str:
    owners = [f"{each.owner or NO_OWNER} ({each.issues:,})" for each in action.owners]
    return fitted(named(owners, OWNERS_NAMED, "\n"), SENTENCE)


def _command(action: Action) -> str:
    return fitted(action.commands[0].command, SENTENCE) if action.commands else NOTHING


def _where(action: Action) -> str:
    """Return the account of the first command, and how many more commands there are."""
    if not action.commands:
        return NOTHING
    first, more = action.commands[0], len(action.commands) - 1
    place = f"{first.account_name} {first.account_id}".strip() or "an account that manages the organization"
    return f"{place}; {counted(more, 'more command')}" if more else place


def _share(action: Action) -> Content:
    return NOTHING if action.share_so_far is None else action.share_so_far


def _commands(action: Action) -> str:
    return "\n".join(f"{each.account_id or NOTHING}: {each.command}" for each in action.commands)


def _columns(view: View) -> tuple[Column[Action], ...]:
    return (
        Column("Rank", 7, lambda a: a.rank, look.NUMBER),
        Column("Action", 58, lambda a: fitted(a.what, SENTENCE)),
        Column("Effort", 9, lambda a: effort_words(a.effort, a.times) if a.effort else NOTHING),
        Column("Closes issues", 9, lambda a: a.closes.issues, look.NUMBER),
        Column("Closes findings", 9, lambda a: a.closes.findings, look.NUMBER),
        Column("Accounts", 10, lambda a: a.closes.accounts, look.NUMBER),
        Column("Share of risk so far", 10, _share, look.RATE),
        Column("Owners, with their issues", 32, _owners),
        Column("First command", 56, _command),
        Column("Interruption", 13, lambda a: a.disruption.value if a.disruption else NOTHING),
        Column("Reversible", 11, lambda a: "yes" if a.reversible else "no"),
        Column("Run in", 30, _where),
        Column("What to do", 60, lambda a: a.text),
        Column("Keeps it from coming back", 60, lambda a: a.preventive),
        Column("Preventive command", 60, lambda a: a.preventive_command or ""),
        Column("All commands", 60, _commands),
        Column("In accounts", 40, lambda a: "\n".join(account_names(view, a.accounts))),
        Column("Controls", 40, lambda a: ", ".join(a.controls)),
        Column("Resources", 10, lambda a: a.closes.resources, look.NUMBER),
        Column("Times", 8, lambda a: a.times, look.NUMBER),
        Column("Risk points", 10, lambda a: a.closes.points, look.NUMBER),
        Column("Points so far", 10, lambda a: a.points_so_far, look.NUMBER),
        Column("Effort in points", 10, lambda a: a.cost, look.NUMBER),
        Column("Effort so far", 10, lambda a: a.cost_so_far, look.NUMBER),
        Column("Action id", 20, lambda a: a.id),
    )


def _note(view: View) -> str:
    plan = view.actions
    listed = len(plan.actions)
    more = f" The first {listed:,} of {plan.count:,} actions are listed." if listed < plan.count else ""
    whole = f"{counted(plan.open.issues, 'open issue')} with {counted(plan.open.points, 'risk point')} in all."
    return f"In the order of risk points per effort; each closes what none before it has closed. {whole}{more}"


ACTIONS = TableSheet(
    "Actions",
    "what to do first",
    _columns,
    lambda view: view.actions.actions,
    _note,
    key_columns=2,
    page=PrintedPage("Run in", rows=PRINTED),
    groups=lambda view: by_key(action.id for action in view.actions.actions),
)
