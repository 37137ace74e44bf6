"""actions: what to do first in a stored run."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from typing import Any

import click
import msgspec

from orgaudit.actions.issues import owners_in
from orgaudit.actions.plan import ActionPlan, plan
from orgaudit.actions.text import COLUMNS, UNASSIGNED, lines, rows
from orgaudit.cli import options
from orgaudit.cli.printing import width
from orgaudit.cli.stored import say
from orgaudit.errors import ConfigError
from orgaudit.settings.documents import nearest
from orgaudit.settings.people import identity
from orgaudit.store.seal import TABLES, standing
from orgaudit.store.tables import opened

SHOWN = 10
"""Actions in the table where --top does not say how many."""


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
        for line in lines(found, width(), "--json has all, --csv as scripts"):
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
    writer.writerows(rows(found))


COMMANDS = (actions,)
