"""query and verify: what can be asked of a run that is stored."""

from __future__ import annotations

import csv
import sys
from typing import Any

import click
import msgspec

from orgaudit.cli import options
from orgaudit.errors import ExitCode
from orgaudit.store.tables import query as run_query
from orgaudit.store.verify import verify as verify_run


@click.command()
@options.run_argument
@click.argument("sql")
@options.config
@options.out
@options.as_json
def query(run_name: str, sql: str, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Print the answer of RUN to one SELECT as CSV.

    Tables: findings, coverage, accounts, account_regions, controls, requirements.
    """
    columns, rows = run_query(options.find_run(run_name, options.settings_from(given)), sql)
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
    """Check that RUN is whole: every account has readable facts and findings, and every cell of the plan a status."""
    run = options.find_run(run_name, options.settings_from(given))
    problems = verify_run(run)
    for problem in problems:
        click.echo(problem)
    click.echo(f"{run.path}: {f'{len(problems)} problems' if problems else 'whole'}")
    return ExitCode.INCOMPLETE if problems else ExitCode.CLEAN


COMMANDS = (query, verify)
