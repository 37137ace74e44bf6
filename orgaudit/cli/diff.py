"""diff: what changed between two runs."""

from __future__ import annotations

import csv
import sys
from typing import Any

import click
import msgspec

from orgaudit.cli import options
from orgaudit.controls.aliases import ALIASES
from orgaudit.history.changes import Changes, Unit, compared
from orgaudit.history.rejudge import ChangedRules
from orgaudit.history.sentence import sentence
from orgaudit.history.stage import day_of
from orgaudit.history.text import COLUMNS, Side, lines, opened_and_closed, rows, rules_changed
from orgaudit.store.comparison import KindCount
from orgaudit.store.manifest import Manifest


@click.command()
@click.argument("old_name", metavar="OLD")
@click.argument("new_name", metavar="NEW")
@options.config
@options.out
@click.option(
    "--findings/--issues", default=False, help="Count findings, or issues: what one fix closes. [default: issues]"
)
@click.option(
    "--no-rejudge",
    is_flag=True,
    help="Do not judge the facts of OLD again by rules that changed; what they changed is then not compared.",
)
@options.as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print every change as CSV.")
def diff(
    old_name: str,
    new_name: str,
    *,
    findings: bool,
    no_rejudge: bool,
    as_json: bool,
    as_csv: bool,
    **given: Any,  # noqa: ANN401 - options by name
) -> None:
    """Show what became of each issue that is open in OLD, in NEW, or in both: each has exactly one kind of change.

    Open in NEW only: new, regressed, exception ended, judged differently (stricter), newly checked. Open in OLD only:
    resolved, gone with its resource, exception began, judged differently (more lenient), not checked again. Open in
    both: persistent. What one of the runs did not look at never counts as new or resolved.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other.")
    settings = options.settings_from(given)
    old, new = options.find_run(old_name, settings), options.find_run(new_name, settings)
    unit = Unit.FINDINGS if findings else Unit.ISSUES
    with compared(old, new, ALIASES, rejudge=not no_rejudge) as changes:
        (_print_json if as_json else _print_csv if as_csv else _print_text)(changes, unit)


class _Head(msgspec.Struct, frozen=True):
    """What is printed before the single changes."""

    unit: Unit
    old: Side
    new: Side
    summary: str
    kinds: list[KindCount]
    rules: ChangedRules


def _head(changes: Changes, unit: Unit) -> _Head:
    kinds = changes.counts(unit)
    before, after = opened_and_closed(list(kinds.values()))
    return _Head(
        unit,
        _side(changes.old, before),
        _side(changes.new, after),
        sentence({kind: found.count for kind, found in kinds.items()}, unit, day_of(changes.old)),
        list(kinds.values()),
        changes.rules,
    )


def _side(manifest: Manifest, count: int) -> Side:
    return Side(manifest.run_id, day_of(manifest).isoformat(), count)


def _print_text(changes: Changes, unit: Unit) -> None:
    head = _head(changes, unit)
    for line in lines(head.summary, (head.old, head.new), unit, head.kinds):
        click.echo(line)
    if head.rules.controls:
        again = f" (judged again: {len(head.rules.judged)}, in {head.rules.seconds:.1f} s of CPU time)"
        click.echo()
        click.echo(rules_changed(head.rules.controls, again))


def _print_json(changes: Changes, unit: Unit) -> None:
    """Print one object, change by change: there may be more of them than memory."""
    head = msgspec.json.encode(_head(changes, unit)).decode()
    click.echo(f'{head[:-1]},"changes":[', nl=False)
    encoder = msgspec.json.Encoder()
    for number, change in enumerate(changes.rows(unit)):
        sys.stdout.write(f"{',' if number else ''}\n{encoder.encode(change).decode()}")
    click.echo("]}")


def _print_csv(changes: Changes, unit: Unit) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(rows(changes.rows(unit)))


COMMANDS = (diff,)
