"""exceptions export and import: the register as a workbook for owners."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path
from typing import Any

import click

from orgaudit.cli import options
from orgaudit.cli.exceptions import opening
from orgaudit.cli.exceptions.foreign import from_options, import_from
from orgaudit.cli.exceptions.opening import Opened, opened, person
from orgaudit.errors import ConfigError
from orgaudit.register import answers, attestations
from orgaudit.register.apply import Application, applied
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.workbook import export, incoming
from orgaudit.register.workbook.export import Computed
from orgaudit.register.workbook.read import read
from orgaudit.store.run import Run, writing

_file_argument = click.argument("file", metavar="FILE", type=click.Path(path_type=Path))


@click.command(name="export")
@_file_argument
@options.config
@options.register
@options.as_of
@options.out
@click.option("--run", "run_name", metavar="RUN", help="Tell how many open findings of this run each exception covers.")
def export_command(
    file: Path,
    register_file: Path | None,
    as_of: date | None,
    run_name: str | None,
    **given: Any,  # noqa: ANN401 - options by name
) -> None:
    """Write the register to FILE, a workbook that its owners edit and `import` takes back."""
    if file.suffix.lower() != ".xlsx":
        raise ConfigError("name a file that ends in .xlsx", file=str(file))
    found = opened(register_file, as_of, given)
    covered = None if run_name is None else _covered(options.find_run(run_name, found.settings), found)
    ledger = RegisterEditor.open(found.path)
    with writing(file) as target:
        export.write(target, ledger, _computed(found, covered), found.on)
    counts = [f"{len(ledger.ids(section))} {section}" for section in ("exceptions", "attestations")]
    click.echo(f"{file}: {' and '.join(counts)}, with their states on {found.on}")


@click.command(name="import")
@_file_argument
@opening.editing
@from_options
def import_command(
    file: Path,
    register_file: Path | None,
    as_of: date | None,
    *,
    by: str | None,
    kind: str | None,
    mapped: tuple[str, ...],
    dates: str | None,
    **given: Any,  # noqa: ANN401 - options by name
) -> None:
    """Bring the edits of FILE, a workbook from `export`, into the register: all of them or none.

    With --from the FILE is another tool's, and its entries are added as drafts.
    """
    found = opened(register_file, as_of, given)
    if kind is not None:
        import_from(kind, file, mapped, dates, found=found, by=person(by, os.environ))
        return
    if mapped or dates:
        raise ConfigError("--map and --dates are for --from spreadsheet", key="--from")
    _import_workbook(file, found, by)


def _import_workbook(file: Path, found: Opened, by: str | None) -> None:
    book = read(file)
    ledger = RegisterEditor.open(found.path)
    outcome = incoming.bring(book, ledger, by=person(by, os.environ), on=found.on, policy=found.register.policy)
    if not ledger.save():
        click.echo(f"{file}: no edits; {found.path} is as it was")
        return
    for name in outcome.added:
        click.echo(f"{name} added")
    for name, keys in outcome.changed.items():
        click.echo(f"{name} changed: {', '.join(keys)}")
    click.echo(f"{found.path}: {len(outcome.added)} added, {len(outcome.changed)} changed")


def _covered(run: Run, found: Opened) -> dict[str, int]:
    """Return how many open findings of a run each exception covers."""
    return dict(applied(found.register, run, found.on).tally.covered)


def _computed(found: Opened, covered: dict[str, int] | None) -> dict[str, Computed]:
    exceptions = Application(found.register, {}, found.on).rows()
    read_ones = attestations.load(found.path, found.register.policy, {}, complete=False, must_exist=False)
    computed = {
        row.id: Computed(row.state, row.days_left, None if covered is None else covered.get(row.id, 0))
        for row in exceptions
    }
    return computed | {
        row.id: Computed(row.state, row.days_left) for row in answers.apply(read_ones, (), found.on).rows
    }


COMMANDS = (export_command, import_command)
