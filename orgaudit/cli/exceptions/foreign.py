"""The --from option of exceptions import: entries of other tools and of spreadsheets, which arrive as drafts."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import click

from orgaudit.cli import options
from orgaudit.cli.exceptions.opening import OpenRegister, warn
from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError
from orgaudit.register.exchange import prowler, spreadsheet
from orgaudit.register.exchange.foreign import ImportResult, import_drafts
from orgaudit.register.exchange.spreadsheet import IGNORE, KEYS
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.names import KnownNames

from_options = options.together(
    click.option(
        "--from",
        "source",
        type=click.Choice(["prowler", "spreadsheet"]),
        help="FILE is a Prowler mute list, or any spreadsheet.",
    ),
    click.option("--map", "mapped", multiple=True, metavar="COLUMN=KEY", help="What a column is; - leaves it out."),
    click.option("--dates", type=click.Choice(["dmy", "mdy"]), help="What 03/04/2026 is: day or month first."),
)
"""What `exceptions import` takes beside a workbook of its own."""


def import_from(
    source: str,
    file: Path,
    mapped: Sequence[str],
    dates: str | None,
    *,
    opened: OpenRegister,
    names: KnownNames,
    by: str,
) -> None:
    """Add the entries of a foreign file as drafts, and show what each lacks; raises ConfigError."""
    if source == "prowler":
        if mapped:
            raise ConfigError("only a spreadsheet has columns", key="--map")
        found = prowler.read_mutes(file, catalogue())
    else:
        day_first = None if dates is None else dates == "dmy"
        found = spreadsheet.read_rows(file, _mapping(file, mapped), catalogue(), day_first=day_first)
    editor = RegisterEditor.open(opened.register.path)
    outcome = import_drafts(found, editor, by=by, on=opened.on, origin=file.name, names=names)
    editor.save()
    warn(outcome.warnings)
    for line in _lines(outcome):
        click.echo(line)
    click.echo(f"{editor.path}: {len(outcome.drafts)} drafts added, {len(outcome.skipped)} entries left out")


def _mapping(file: Path, mapped: Sequence[str]) -> dict[str, str]:
    """Return what each column becomes: as given, else as guessed and confirmed on a terminal."""
    headers = spreadsheet.table(file).headers
    if mapped:
        return dict(map(_pair, mapped))
    guessed = spreadsheet.guess(headers)
    if not sys.stdin.isatty():
        wanted = " ".join(f"--map {_quoted(f'{header}={key}')}" for header, key in guessed.items())
        raise ConfigError(f"map the columns, such as: {wanted or '--map COLUMN=KEY'}", file=str(file))
    return _asked(headers, guessed)


def _pair(text: str) -> tuple[str, str]:
    column, equals, key = text.rpartition("=")
    if not (equals and column.strip() and key.strip()):
        raise ConfigError(f"{text!r} is not COLUMN=KEY", key="--map")
    return column.strip(), key.strip()


def _quoted(text: str) -> str:
    return f'"{text}"' if set(text) - set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_=-") else text


def _asked(headers: Sequence[str], guessed: Mapping[str, str]) -> dict[str, str]:
    click.echo(
        f"Choose what each column is: {', '.join(KEYS)}; {IGNORE} leaves it out, comments keeps it as a comment."
    )
    known = click.Choice([*KEYS, IGNORE])
    answers = {
        header: click.prompt(header, default=guessed.get(header, "comments"), type=known, show_choices=False)
        for header in headers
    }
    for header, key in answers.items():
        click.echo(f"  {header} -> {key}")
    click.confirm("Import with these columns?", default=True, abort=True)
    return {header: key for header, key in answers.items() if key != "comments"}


def _lines(outcome: ImportResult) -> Iterator[str]:
    for entry in outcome.drafts:
        yield f"{entry.id} {entry.title}".rstrip()
        yield f"  from {entry.place}"
        if entry.missing:
            yield f"  missing: {', '.join(entry.missing)}"
        yield from (f"  {note}" for note in entry.notes)
    yield from (f"left out: {it.place}: {it.reason}" for it in outcome.skipped)
    yield from (f"already there: {place} is {name}" for place, name in outcome.present)
