"""exceptions: reads and checks the register of accepted exceptions."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from orgaudit.cli import options
from orgaudit.errors import ExitCode
from orgaudit.register.apply import Application
from orgaudit.register.load import Register, load
from orgaudit.register.state import today


@click.group()
def exceptions() -> None:
    """Read and check the exception register."""


@exceptions.command(name="list")
@options.config
@options.register
@options.as_of
@options.as_json
def list_command(register_file: Path | None, as_of: date | None, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """List every exception with its state on a date."""
    register = _register(register_file, given)
    on = as_of or today(datetime.now(UTC), register.time_zone)
    rows = Application(register, {}, on).rows()
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    for row in rows:
        ends = row.expires_on.isoformat() if row.expires_on else "-"
        click.echo(f"{row.id:<15} {row.state:<9} {ends:<11} {row.owner:<20.20} {row.title:.40}")


@exceptions.command()
@options.config
@options.register
def check(register_file: Path | None, **given: Any) -> ExitCode:  # noqa: ANN401 - options by name
    """Name every problem of the register with file and line; exits with 2 where there is one."""
    register = _register(register_file, given)
    for problem in register.problems:
        click.echo(str(problem))
    sound = len(register.entries) + len(register.drafts)
    click.echo(f"{register.file}: {sound} sound, {len(register.invalid)} invalid")
    return ExitCode.USAGE if register.problems else ExitCode.CLEAN


def _register(file: Path | None, given: dict[str, Any]) -> Register:
    settings = options.settings_from(given)
    must_exist = file is not None or settings.register_named
    return load(file or settings.register_path, settings.exceptions, must_exist=must_exist)


COMMANDS = (exceptions,)
