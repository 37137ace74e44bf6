"""actions: what to do first in a stored run."""

from __future__ import annotations

import csv
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec

from orgaudit.actions.issues import owners_in
from orgaudit.actions.plan import Action, ActionPlan, plan
from orgaudit.actions.words import INTERRUPTIONS, effort_words
from orgaudit.cli import options
from orgaudit.cli.printing import NARROW, rate, width
from orgaudit.cli.stored import say
from orgaudit.errors import ConfigError
from orgaudit.settings.documents import nearest
from orgaudit.settings.people import identity
from orgaudit.spreadsheet.text import displayed, one_line
from orgaudit.store.seal import TABLES, standing
from orgaudit.store.tables import opened
from orgaudit.words import counted

UNASSIGNED = "unassigned"
"""The owner that stands for none."""
LESS_THAN_ALL = 0.999
SHOWN = 10
"""Actions in the table where --top does not say how many."""
COLUMNS = (
    *("rank", "id", "kind", "title", "issues", "findings", "resources", "accounts", "points", "effort", "times"),
    *("disruption", "reversible", "points_so_far", "share_so_far", "owners", "first_command", "commands"),
)


@click.command()
@options.run_argument
@options.config
@options.out
@click.option(
    "--owner",
    "owners",
    multiple=True,
    metavar="WHO",
    help=f"Only this owner's issues, or {UNASSIGNED}; repeat for more.",
)
@click.option(
    "--top", type=click.IntRange(min=1), metavar="N", help=f"Only the first N. [default: {SHOWN} in the table]"
)
@options.as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
@options.unverified
def actions(
    run_name: str,
    *,
    owners: Sequence[str],
    top: int | None,
    as_json: bool,
    as_csv: bool,
    unverified: bool,
    **given: Any,  # noqa: ANN401 - options by name
) -> None:
    """List what to do first in RUN: what closes most risk points for its effort.

    An action closes open issues together: one setting, one stack, one policy text, one shared resource. Each counts
    only what no action before it closes, so the shares add up. At the effort of any line, no other choice of actions
    closes more where no issue is in two actions, and at most 1.6 times as much otherwise.
    """
    settings = options.settings_from(given)
    run = options.find_run(run_name, settings)
    say(standing(run, TABLES, unverified=unverified))
    in_table = not (as_json or as_csv)
    with opened(run) as connection:
        chosen = _chosen(owners, owners_in(connection))
        shown = SHOWN if top is None and in_table else top
        found = plan(connection, run.read_manifest(), settings.actions, owners=chosen, top=shown)
    if as_json:
        head = {"run": run.id, "owners": owners, "numbers": settings.actions.model_dump()}
        _print_json(head, found)
    elif as_csv:
        _print_csv(found)
    else:
        for line in _lines(found, width()):
            click.echo(line)


def _chosen(wanted: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the owners as findings name them; raises ConfigError for one that owns no open finding."""
    names = {owner.casefold() or UNASSIGNED: owner for owner in known}
    names |= {identity(owner): owner for owner in known if owner}
    for name in wanted:
        if name.casefold() not in names:
            advice = nearest(name, names) or ("" if names else "no finding is open")
            raise ConfigError("; ".join(filter(None, (f"no open finding is owned by {name!r}", advice))), key="--owner")
    return [names[name.casefold()] for name in wanted]


def _print_json(head: dict[str, Any], found: ActionPlan) -> None:
    """Print one object, with each action on a line of its own: together they may be larger than the memory."""
    fields = msgspec.json.encode({**head, "open": found.open, "count": found.count}).decode()
    click.echo(f'{fields[:-1]},"actions":[', nl=False)
    for number, action in enumerate(found.actions):
        click.echo(f"{',' if number else ''}\n{msgspec.json.encode(action).decode()}", nl=False)
    click.echo("]}")


def _print_csv(found: ActionPlan) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    for action in found.actions:
        row = {**msgspec.to_builtins(action), **msgspec.to_builtins(action.closes)}
        row["owners"] = "; ".join(f"{each.owner or UNASSIGNED} ({each.issues})" for each in action.owners)
        row["first_command"] = action.commands[0].command if action.commands else ""
        row["commands"] = "\n".join(_script(action))
        writer.writerow([_in_a_cell(row[name]) for name in COLUMNS])


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


def _lines(found: ActionPlan, columns: int) -> Iterator[str]:
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
    yield "The first command of each; --json has all, --csv as scripts:"
    for action in found.actions:
        more = f"   # and {len(action.commands) - 1:,} more" if len(action.commands) > 1 else ""
        command = displayed(action.commands[0].command) if action.commands else f"# {action.text}"
        yield f"{action.rank:>3}  {command}{more}"


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


COMMANDS = (actions,)
