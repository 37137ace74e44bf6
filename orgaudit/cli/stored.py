"""query and verify: what can be asked of a run that is stored."""

from __future__ import annotations

import csv
import sys
from typing import Any

import click
import msgspec

from orgaudit.cli import options
from orgaudit.errors import ExitCode
from orgaudit.store.query import SECONDS, Answer
from orgaudit.store.query import query as run_query
from orgaudit.store.seal import TABLES, Standing, standing
from orgaudit.store.verify import notes
from orgaudit.store.verify import verify as verify_run
from orgaudit.words import counted


@click.command()
@options.run_argument
@click.argument("sql")
@options.config
@options.out
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="End a query that computes for longer.",
)
@options.as_json
@options.unverified
def query(run_name: str, sql: str, *, timeout: float, as_json: bool, unverified: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Print the answer of RUN to one SELECT as CSV.

    Tables: findings, coverage, accounts, account_regions, controls, requirements.
    """
    run = options.find_run(run_name, options.settings_from(given))
    say(standing(run, TABLES, unverified=unverified))
    with run_query(run, sql, seconds=timeout) as answer:
        (_print_json if as_json else _print_csv)(answer)


def _print_csv(answer: Answer) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(answer.columns)
    writer.writerows([_in_a_cell(value) for value in row] for row in answer.rows)


def _in_a_cell(value: object) -> object:
    """Return what CSV shows of a value: JSON for lists and structures."""
    return msgspec.json.encode(value).decode() if isinstance(value, dict | list | tuple) else value


def _print_json(answer: Answer) -> None:
    """Print a list of objects, row by row: an answer may be larger than the memory."""
    before = "["
    for row in answer.rows:
        record = msgspec.json.encode(dict(zip(answer.columns, row, strict=True))).decode()
        click.echo(f"{before}{record}", nl=False)
        before = ","
    click.echo("]" if before == "," else "[]")


@click.command()
@options.run_argument
@options.config
@options.out
def verify(run_name: str, **given: Any) -> ExitCode:  # noqa: ANN401 - options by name
    """Check that RUN is complete and unchanged since it was sealed.

    Every account has readable facts and findings, every cell of the plan has a status, and every file of the run and
    every report has the SHA-256 that run.json and reports.json list.
    """
    run = options.find_run(run_name, options.settings_from(given))
    problems = verify_run(run)
    for line in (*problems, *notes(run)):
        click.echo(line)
    click.echo(f"{run.path}: {counted(len(problems), 'problem') if problems else 'whole'}")
    return ExitCode.INCOMPLETE if problems else ExitCode.CLEAN


def say(found: Standing) -> None:
    """Say on standard error what the answer is worth, where its files are not what was sealed."""
    if found is Standing.UNVERIFIED:
        click.echo("orgaudit: UNVERIFIED: files of the run were changed after it was sealed", err=True)
    elif found is Standing.NOT_SEALED:
        click.echo("orgaudit: the run is not sealed; `orgaudit verify` shows more", err=True)


COMMANDS = (query, verify)
