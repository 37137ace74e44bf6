"""exceptions export and import: the register as a workbook for owners."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from orgaudit.cli import options
from orgaudit.cli.exceptions.foreign import ForeignOptions, from_options, import_from
from orgaudit.cli.exceptions.opening import OpenRegister, dated, editing, opened, person, unknown_option, warn
from orgaudit.errors import ConfigError
from orgaudit.register.entries import KINDS
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.names import KnownNames
from orgaudit.register.reminders import computed_of
from orgaudit.register.workbook import export, incoming
from orgaudit.register.workbook.incoming import Rules
from orgaudit.register.workbook.instructions import Readers
from orgaudit.register.workbook.read import read
from orgaudit.store.run import writing

_file_argument = click.argument("file", metavar="FILE", type=click.Path(path_type=Path))


@click.command(name="export")
@_file_argument
@dated
@options.out
@click.option("--run", "run_name", metavar="RUN", help="Show how many open findings of this run each exception covers.")
def export_command(file: Path, run_name: str | None, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Write the register to FILE, a workbook.

    Owners edit it and approvers decide in it; `import` takes it back.
    """
    if file.suffix.lower() != ".xlsx":
        raise ConfigError("name a file that ends in .xlsx", file=str(file))
    found = opened(given)
    run = None if run_name is None else options.find_run(run_name, found.settings)
    editor = RegisterEditor.open(found.register.path)
    with writing(file) as target:
        readers = Readers(approvers=found.settings.exceptions.approvers)
        export.write(target, editor, computed_of(found.applied(run), matched=run is not None), found.on, readers)
    counts = [f"{len(editor.ids(section))} {section}" for section in KINDS]
    click.echo(f"{file}: {' and '.join(counts)}, with their states on {found.on}")


@click.command(name="import")
@_file_argument
@editing
@options.out
@unknown_option
@from_options
def import_command(file: Path, *, by: str | None, unknown: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Bring the edits of FILE into the register, all or none.

    FILE is a workbook from `export`.

    With --from the FILE is another tool's, and its entries are added as drafts.
    """
    foreign = ForeignOptions.taken(given)
    found = opened(given)
    names = found.names(accept_unknown=unknown)
    if foreign.source is not None:
        import_from(file, foreign, opened=found, names=names, by=person(by, os.environ))
        return
    foreign.refuse_for("a workbook from `exceptions export`")
    _import_workbook(file, found, names, by)


def _import_workbook(file: Path, found: OpenRegister, names: KnownNames, by: str | None) -> None:
    book = read(file)
    editor = RegisterEditor.open(found.register.path)
    rules = Rules(person(by, os.environ), found.on, found.longest_days, names)
    outcome = incoming.bring(book, editor, rules)
    warn(outcome.warnings)
    if not editor.save():
        click.echo(f"{file}: no edits; {found.register.path} is as it was")
        return
    for name in outcome.added:
        click.echo(f"{name} added")
    for name, keys in outcome.changed.items():
        click.echo(f"{name} changed: {', '.join(keys)}")
    click.echo(f"{found.register.path}: {len(outcome.added)} added, {len(outcome.changed)} changed")


COMMANDS = (export_command, import_command)
