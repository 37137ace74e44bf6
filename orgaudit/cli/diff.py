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
from orgaudit.store.comparison import Change, KindCount
from orgaudit.store.kinds import Kind
from orgaudit.store.manifest import Manifest
from orgaudit.words import counted


@click.command(short_help="Show what changed between two runs.")
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


class _Side(msgspec.Struct, frozen=True):
    """One of the two runs, and how much is open in it."""

    run: str
    date: str
    open: int


class _Head(msgspec.Struct, frozen=True):
    """What is printed before the single changes."""

    unit: Unit
    old: _Side
    new: _Side
    summary: str
    kinds: list[KindCount]
    rules: ChangedRules


def _head(changes: Changes, unit: Unit) -> _Head:
    kinds = changes.counts(unit)
    counts = {kind: found.count for kind, found in kinds.items()}
    both = counts[Kind.PERSISTENT]
    return _Head(
        unit,
        _side(changes.old, both + sum(count for kind, count in counts.items() if kind.ended)),
        _side(changes.new, both + sum(count for kind, count in counts.items() if kind.began)),
        sentence(counts, unit, day_of(changes.old)),
        list(kinds.values()),
        changes.rules,
    )


def _side(manifest: Manifest, count: int) -> _Side:
    return _Side(manifest.run_id, day_of(manifest).isoformat(), count)


def _print_text(changes: Changes, unit: Unit) -> None:
    head = _head(changes, unit)
    click.echo(f"{head.summary}.")
    click.echo()
    for side in (head.old, head.new):
        click.echo(f"{side.date}  {side.open:>9,} open {unit}  {side.run}")
    click.echo()
    click.echo(f"{'':<52} {'all':>9} {'critical':>9} {'high':>9} {'medium':>9} {'low':>9}")
    for it in head.kinds:
        if it.count:
            figures = (it.count, it.critical, it.high, it.medium, it.low)
            click.echo(" ".join([f"{it.kind:<52}", *(f"{figure:>9,}" for figure in figures)]))
    if head.rules.controls:
        click.echo()
        click.echo(_rules(head.rules))


def _rules(rules: ChangedRules) -> str:
    """Return which rules changed, and what it cost to judge the old facts by the new ones."""
    again = f"judged again: {len(rules.judged)}, in {rules.seconds:.1f} s of CPU time"
    return f"{counted(len(rules.controls), 'control')} changed between the runs ({again}): {', '.join(rules.controls)}"


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
    names = Change.__struct_fields__
    writer.writerow(names)
    for change in changes.rows(unit):
        writer.writerow([_in_a_cell(getattr(change, name)) for name in names])


def _in_a_cell(value: object) -> object:
    return " ".join(value) if isinstance(value, tuple) else value


COMMANDS = (diff,)
