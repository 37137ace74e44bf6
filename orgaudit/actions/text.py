"""Actions as people read them: a table with the first commands; and as the cells of a row each."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

import msgspec

from orgaudit.actions.plan import Action, ActionPlan
from orgaudit.actions.words import INTERRUPTIONS, effort_words
from orgaudit.spreadsheet.text import displayed, one_line
from orgaudit.words import counted, rate

UNASSIGNED = "unassigned"
"""The owner that stands for none."""
LESS_THAN_ALL = 0.999
NARROW = 80
"""Columns in which the table leaves out the accounts."""
COLUMNS = (
    *("rank", "id", "kind", "title", "issues", "findings", "resources", "accounts", "points", "effort", "times"),
    *("disruption", "reversible", "points_so_far", "share_so_far", "owners", "first_command", "commands"),
)
"""The columns of `rows`."""


def lines(found: ActionPlan, columns: int, others: str) -> Iterator[str]:
    """Yield the table of the actions, what they remove together, and the first command of each.

    `others` says where the other commands are.
    """
    if not found.actions:
        yield "nothing is open"
        return
    yield from _table(found.actions, columns)
    last = found.actions[-1]
    issues = sum(action.closes.issues for action in found.actions)
    removes = "removes" if len(found.actions) == 1 else "remove"
    yield ""
    yield (
        f"{counted(len(found.actions), 'action')} of {found.count:,} {removes} {_share(last)} of the risk: "
        f"{last.points_so_far:,} of {found.open.points:,} points, {issues:,} of {counted(found.open.issues, 'issue')}"
    )
    yield ""
    yield f"The first command of each; {others}:"
    for action in found.actions:
        more = f"   # and {len(action.commands) - 1:,} more" if len(action.commands) > 1 else ""
        command = displayed(action.commands[0].command) if action.commands else f"# {action.text}"
        yield f"{action.rank:>3}  {command}{more}"


def rows(found: ActionPlan) -> Iterator[list[object]]:
    """Yield the cells of each action, in the order of COLUMNS."""
    for action in found.actions:
        row = {**msgspec.to_builtins(action), **msgspec.to_builtins(action.closes)}
        row["owners"] = "; ".join(f"{each.owner or UNASSIGNED} ({each.issues})" for each in action.owners)
        row["first_command"] = action.commands[0].command if action.commands else ""
        row["commands"] = "\n".join(_script(action))
        yield [_in_a_cell(row[name]) for name in COLUMNS]


def _in_a_cell(value: object) -> object:
    return "" if value is None else value


def _script(action: Action) -> Iterator[str]:
    """Yield the commands of an action as lines of a script, with the account before the first of each account."""
    account = ""
    for each in action.commands:
        if each.account_id and each.account_id != account:
            account = each.account_id
            yield f"# account {account} {one_line(each.account_name)}".rstrip()
        yield each.command


def _table(actions: Sequence[Action], columns: int) -> Iterator[str]:
    wide = columns > NARROW
    heads = ("#", "SHARE", "POINTS", "ISSUES", *(("ACCOUNTS",) if wide else ()), "EFFORT")
    rows = [_figures(action, wide=wide) for action in actions]
    widths = [max(map(len, cells)) for cells in zip(heads, *rows, strict=True)]
    room = columns - sum(widths) - 2 * len(widths)
    for cells, text in ((heads, "ACTION"), *zip(rows, map(_text, actions), strict=True)):
        figures = "  ".join(f"{cell:>{size}}" for cell, size in zip(cells, widths, strict=True))
        for number, line in enumerate(textwrap.wrap(text, room, break_on_hyphens=False)):
            yield f"{' ' * len(figures) if number else figures}  {line}"


def _figures(action: Action, *, wide: bool) -> tuple[str, ...]:
    closes = action.closes
    accounts = (f"{closes.accounts:,}",) if wide else ()
    effort = effort_words(action.effort, action.times).replace(" ", "")
    return (f"{action.rank:,}", _share(action), f"{closes.points:,}", f"{closes.issues:,}", *accounts, effort)


def _text(action: Action) -> str:
    owned = [each.owner or UNASSIGNED for each in action.owners]
    more = f" and {len(owned) - 1:,} more" if len(owned) > 1 else ""
    return f"{one_line(action.what)} ({INTERRUPTIONS[action.disruption]}; {one_line(owned[0])}{more})"


def _share(action: Action) -> str:
    """Return the share so far; one that rounds to the whole and is not shows as less."""
    share = action.share_so_far
    return rate(share if share in {None, 1.0} else min(share, LESS_THAN_ALL))
