"""query and verify: what can be asked of a run that is stored."""

from __future__ import annotations

import csv
import sys
from typing import Any

import click
import msgspec

from orgaudit.cli import options
from orgaudit.errors import ExitCode
from orgaudit.store.seal import TABLES, Standing, standing
from orgaudit.store.tables import query as run_query
from orgaudit.store.verify import notes
from orgaudit.store.verify import verify as verify_run


@click.command()
@options.run_argument
@click.argument("sql")
@options.config
@options.out
@options.as_json
@options.unverified
def query(run_name: str, sql: str, *, as_json: bool, unverified: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Print the answer of RUN to one SELECT as CSV.

    Tables: findings, coverage, accounts, account_regions, controls, requirements.
    """
    run = options.find_run(run_name, options.settings_from(given))
    _say(standing(run, TABLES, unverified=unverified))
    columns, rows = run_query(run, sql)
    if as_json:
        click.echo(msgspec.json.encode([dict(zip(columns, row, strict=True)) for row in rows]).decode())
        return
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)


@click.command()
@options.run_argument
@options.config
@options.out
def verify(run_name: str, **given: Any) -> ExitCode:  # noqa: ANN401 - options by name
    """Check that RUN is whole and what was sealed.

    Every account has readable facts and findings, every cell of the plan has a status, and every file of the run and
    every report has the SHA-256 that run.json and reports.json list.
    """
    run = options.find_run(run_name, options.settings_from(given))
    problems = verify_run(run)
    for line in (*problems, *notes(run)):
        click.echo(line)
    click.echo(f"{run.path}: {f'{len(problems)} problems' if problems else 'whole'}")
    return ExitCode.INCOMPLETE if problems else ExitCode.CLEAN


def _say(found: Standing) -> None:
    """Say on standard error what the answer is worth, where its files are not what was sealed."""
    if found is Standing.UNVERIFIED:
        click.echo("orgaudit: UNVERIFIED: files of the run were changed after it was sealed", err=True)
    elif found is Standing.NOT_SEALED:
        click.echo("orgaudit: the run is not sealed; `orgaudit verify` says more", err=True)


COMMANDS = (query, verify)
