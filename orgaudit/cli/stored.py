"""verify: whether what is stored is whole and as it was sealed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from orgaudit.cli import options
from orgaudit.errors import ExitCode
from orgaudit.evidence.archive import is_pack
from orgaudit.evidence.signature import Signers
from orgaudit.evidence.verify import verify as verify_pack
from orgaudit.spreadsheet.text import displayed, one_line
from orgaudit.store.copies import shown
from orgaudit.store.seal import Standing
from orgaudit.store.verify import notes
from orgaudit.store.verify import verify as verify_run
from orgaudit.words import counted


@click.command()
@click.argument("name", metavar="RUN|PACK")
@options.config
@options.out
@click.option(
    "--allowed-signers",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Who may sign a pack: a file as ssh-keygen(1) describes it under ALLOWED SIGNERS.",
)
@click.option("--identity", metavar="I", help="Who must have signed the pack, as that file names them.")
def verify(name: str, *, allowed_signers: Path | None, identity: str | None, **given: Any) -> ExitCode:  # noqa: ANN401 - options by name
    """Check that a run is complete and unchanged since it was sealed, or that a pack of evidence is as it was made.

    Of a run, every account has readable facts and findings, every cell of the plan has a status, and every file of the
    run and every report has the SHA-256 that run.json and reports.json list. Of a pack, every file has the SHA-256 that
    its pack.json lists; with --allowed-signers and --identity, that one is signed by the identity.
    """
    if (allowed_signers is None) != (identity is None):
        raise click.UsageError("--allowed-signers and --identity belong together")
    if is_pack(Path(name)):
        signers = Signers(allowed_signers, identity) if allowed_signers and identity else None
        problems, remarks = verify_pack(Path(name), signers)
        return _verified(name, list(map(one_line, problems)), list(map(one_line, remarks)))
    run = options.find_run(name, options.settings_from(given))
    if allowed_signers is not None:
        raise click.UsageError(f"{name} is a run, and only a pack of `orgaudit evidence` is signed")
    return _verified(str(run.path), verify_run(run), notes(run))


def _verified(name: str, problems: list[str], remarks: list[str]) -> ExitCode:
    for line in (*problems, *remarks):
        click.echo(displayed(shown(line)))
    click.echo(f"{displayed(shown(name))}: {counted(len(problems), 'problem') if problems else 'whole'}")
    return ExitCode.INCOMPLETE if problems else ExitCode.CLEAN


def say(found: Standing) -> None:
    """Say on standard error what the answer is worth, where its files are not what was sealed."""
    if found is Standing.UNVERIFIED:
        click.echo("orgaudit: UNVERIFIED: files of the run were changed after it was sealed", err=True)
    elif found is Standing.NOT_SEALED:
        click.echo("orgaudit: the run is not sealed; `orgaudit verify` shows more", err=True)


COMMANDS = (verify,)
