"""demo: the ordinary audit, on the embedded organization."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from orgaudit.demo import running
from orgaudit.demo.exception_entries import is_edited, write_register
from orgaudit.errors import ExitCode

SDK_PROFILE = "AWS_PROFILE"


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    metavar="DIR",
    help="Directory of the runs.",
)
def demo(out: Path) -> None:
    """Audit the embedded organization: an emulated AWS on this machine, with compliant and non-compliant accounts.

    It needs no credentials and calls nothing outside this machine. The audit is the same as on a real organization; it
    ends as incomplete, because one account is suspended and one has no audit role. An exception register comes with it,
    demo-exceptions.yaml in the directory of the runs; once you have edited it, it is kept.
    """
    from orgaudit.cli import orgaudit  # noqa: PLC0415 - the demo uses the whole command line

    with running() as emulated:
        os.environ.pop(SDK_PROFILE, None)
        os.environ.update(emulated.environment)
        click.echo(f"An emulated organization of {len(emulated.accounts)} accounts listens on {emulated.endpoint_url}.")
        register = out / "demo-exceptions.yaml"
        if is_edited(register):
            click.echo(f"{register} was edited and is kept; without it, the demo writes one with dates around today.")
        write_register(register)
        arguments: Sequence[str] = ("audit", "--out", str(out), "--register", str(register))
        click.echo(f"$ orgaudit {' '.join(arguments)}\n")
        code = orgaudit.main(list(arguments), standalone_mode=False)
    if code not in {ExitCode.CLEAN, ExitCode.FINDINGS, ExitCode.INCOMPLETE}:
        raise click.exceptions.Exit(code)


COMMANDS = (demo,)
