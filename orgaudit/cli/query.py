"""query: one SELECT over a stored run."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import Any, TextIO

import click

from orgaudit.cli import answers, options
from orgaudit.cli.printing import width
from orgaudit.cli.stored import say
from orgaudit.query.facts import PREFIX
from orgaudit.query.tables import RunTables
from orgaudit.spreadsheet.text import displayed
from orgaudit.store import query as asked
from orgaudit.store.query import SECONDS, Answer
from orgaudit.store.run import writing

FORMATS = ("csv", "json", "parquet", "table")


@click.command()
@options.run_argument
@click.argument("sql", required=False)
@options.config
@options.out
@click.option("--tables", "listing", is_flag=True, help="List the tables; with a table's name as SQL, its columns.")
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    help="How to print the answer. [default: table on a terminal, else csv]",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--to", "target", type=click.Path(path_type=Path), metavar="FILE", help="Write the answer to this file.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    default=SECONDS,
    show_default=True,
    metavar="SECONDS",
    help="End a query that computes for longer.",
)
@options.unverified
def query(
    run_name: str,
    sql: str | None,
    *,
    listing: bool,
    form: str | None,
    as_json: bool,
    target: Path | None,
    timeout: float,
    unverified: bool,
    **given: Any,  # noqa: ANN401 - options by name
) -> None:
    """Answer one SELECT over the tables of RUN.

    \b
    findings, findings_flat              one row a finding, nested or not
    requirements, requirements_flat      of frameworks; which finding decides which
    accounts, account_regions, coverage  what was audited, and what was not seen
    controls, actions, changes, exceptions
    facts_<type>, listings               what was seen, such as facts_bucket

    `orgaudit query RUN --tables` lists all, `orgaudit query RUN --tables facts_bucket` the columns of one.
    """
    if as_json and form not in {None, "json"}:
        raise click.UsageError(f"--json is --format json, and not --format {form}")
    if (sql is None) != listing and not (listing and sql):
        raise click.UsageError("write a SELECT, or --tables")
    tables = RunTables(options.find_run(run_name, options.settings_from(given)), unverified=unverified)
    if listing:
        _list(tables, sql, timeout)
        return
    form = "json" if as_json else form or _default(target)
    if form == "parquet":
        _write_parquet(tables, sql or "", timeout, target)
    else:
        with asked.query(tables.run, sql or "", tables.prepare, seconds=timeout) as answer:
            _note(tables)
            _write(answer, form, target)


def _default(target: Path | None) -> str:
    """Return the format by the file's name; without a file, a table for people and CSV for programs."""
    if target is not None:
        return target.suffix[1:] if target.suffix[1:] in FORMATS else "csv"
    return "table" if _on_terminal() else "csv"


def _on_terminal() -> bool:
    return sys.stdout.isatty()


def _note(tables: RunTables) -> None:
    """Say on standard error what the answer is worth, and what its tables do not show."""
    say(tables.standing)
    for note in tables.notes:
        click.echo(f"orgaudit: {displayed(note)}", err=True)


def _write(answer: Answer, form: str, target: Path | None) -> None:
    if target is None:
        _write_text(answer, form, sys.stdout)
        return
    with writing(target, "name another file") as file:
        text = TextIOWrapper(file, "utf-8", newline="")
        _write_text(answer, form, text)
        text.detach()


def _write_text(answer: Answer, form: str, file: TextIO) -> None:
    if form == "json":
        answers.write_json(answer, file)
    elif form == "table":
        answers.write_table(answer, file, width())
    else:
        answers.write_csv(answer, file)


def _write_parquet(tables: RunTables, sql: str, timeout: float, target: Path | None) -> None:
    if target is None and _on_terminal():
        raise click.UsageError("Parquet is not for a terminal: name a file with --to")
    with asked.query_to_parquet(tables.run, sql, tables.prepare, seconds=timeout) as path, path.open("rb") as source:
        _note(tables)
        if target is None:
            shutil.copyfileobj(source, sys.stdout.buffer)
        else:
            with writing(target, "name another file") as file:
                shutil.copyfileobj(source, file)


def _list(tables: RunTables, name: str | None, timeout: float) -> None:
    """Print the tables with their columns, or the columns of one with their types and meanings."""
    if name is None:
        for line in (line for each in tables.names for line in _summary(tables, each)):
            click.echo(line)
        return
    table = name.casefold()
    meaning, columns = tables.meaning(table)
    for line in textwrap.wrap(displayed(meaning), width()):
        click.echo(line)
    described = f'SELECT column_name, column_type FROM (DESCRIBE "{table}")'  # noqa: S608 - the name of a table
    with asked.query(tables.run, described, tables.prepare, seconds=timeout) as answer:
        for column, kind in answer.rows:
            text = f"{column} {kind}" + (f": {columns[column]}" if column in columns else "")
            for line in textwrap.wrap(text, width(), initial_indent="  ", subsequent_indent="      "):
                click.echo(line)


def _summary(tables: RunTables, name: str) -> Iterator[str]:
    """Yield the lines on a table: what a row is, and for those that every run has, the columns."""
    meaning, columns = tables.meaning(name)
    yield f"{name}: {displayed(meaning).partition('. ')[0].rstrip('.')}."
    if not name.startswith(PREFIX):
        yield from textwrap.wrap(", ".join(columns), width(), initial_indent="    ", subsequent_indent="    ")


COMMANDS = (query,)
