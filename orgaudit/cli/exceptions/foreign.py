"""The --from option of exceptions import: entries of other tools and of spreadsheets, which arrive as drafts."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import click

from orgaudit.cli import options
from orgaudit.cli.exceptions.opening import OpenRegister, warn
from orgaudit.errors import ConfigError
from orgaudit.register.exchange import headers, prowler, spreadsheet, tables
from orgaudit.register.exchange.foreign import ForeignFile, ImportResult, import_drafts
from orgaudit.register.exchange.spreadsheet import APPROVAL, IGNORE, KEYS
from orgaudit.register.exchange.tables import FlatTable
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.names import KnownNames
from orgaudit.words import counted

from_options = options.together(
    click.option(
        "--from",
        "source",
        type=click.Choice(["prowler", "spreadsheet"]),
        help="FILE is a Prowler mute list, or any spreadsheet.",
    ),
    click.option("--sheet", metavar="NAME", help="The sheet of the table, where several hold one."),
    click.option("--header-row", type=click.IntRange(1), metavar="N", help="The row that names the columns."),
    click.option(
        "--map",
        "mapped",
        multiple=True,
        metavar="COLUMN=KEY",
        help="What a column holds: a key of entries, or - to leave it out.",
    ),
    click.option("--yes", "accepted", is_flag=True, help="Accept what the other columns read like, without asking."),
    click.option("--dates", type=click.Choice(["dmy", "mdy"]), help="How 03/04/2026 is read: day or month first."),
    click.option(
        "--set", "given", multiple=True, metavar="KEY=VALUE", help="A value for all rows, for a key that no column has."
    ),
    click.option("--request", is_flag=True, help="Request approval for what is complete."),
)
"""What `exceptions import` takes beside a workbook of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignOptions:
    """The options of an import with --from, by their names."""

    source: str | None
    sheet: str | None
    header_row: int | None
    mapped: Sequence[str]
    accepted: bool
    dates: str | None
    given: Sequence[str]
    request: bool

    @classmethod
    def taken(cls, given: dict[str, Any]) -> Self:
        """Return the options among those of a command, which loses them."""
        return cls(**{each.name: given.pop(each.name) for each in fields(cls)})

    def refuse_for(self, what: str, *allowed: str) -> None:
        """Raise ConfigError for an option that `what` does not take."""
        names = {"mapped": "map", "accepted": "yes", "given": "set"}
        used = [each.name for each in fields(self) if getattr(self, each.name) and each.name not in allowed]
        if used:
            flags = ", ".join(f"--{names.get(name, name).replace('_', '-')}" for name in used)
            raise ConfigError(f"{what} does not take {flags}; an import --from spreadsheet does")


def import_from(file: Path, given: ForeignOptions, *, opened: OpenRegister, names: KnownNames, by: str) -> None:
    """Add the entries of a foreign file as drafts, and show what each lacks; raises ConfigError."""
    if given.source == "prowler":
        given.refuse_for("a Prowler mute list", "source", "request")
        found = prowler.read_mutes(file, names.controls)
    else:
        found = _rows(file, given, names)
    editor = RegisterEditor.open(opened.register.path)
    longest_days = opened.longest_days if given.request else None
    outcome = import_drafts(found, editor, names, by=by, on=opened.on, origin=file.name, longest_days=longest_days)
    editor.save()
    warn(outcome.warnings)
    for line in _lines(outcome):
        click.echo(line)
    pending = f", {sum(entry.requested for entry in outcome.drafts)} of them pending" if given.request else ""
    added = f"{counted(len(outcome.drafts), 'draft')} added{pending}"
    click.echo(f"{editor.path}: {added}; {len(outcome.skipped)} left out")


def _rows(file: Path, given: ForeignOptions, names: KnownNames) -> ForeignFile:
    """Return the rows of a spreadsheet, and show as what they were read."""
    mapped = dict(map(_column_and_key, given.mapped))
    table = tables.table(file, sheet=given.sheet, header_row=given.header_row, named=mapped)
    mapping = _mapping(table, mapped, accepted=given.accepted)
    day_first = None if given.dates is None else given.dates == "dmy"
    values = dict(map(_key_and_value, given.given))
    found = spreadsheet.read_rows(table, mapping, names, day_first=day_first, given=values)
    click.echo(f"{table.header} names the columns")
    for header in table.headers:
        key = mapping.get(header, "comments")
        elsewhere = "comments, since a request or approval elsewhere is not one here" if key in APPROVAL else key
        click.echo(f"  {header} -> {elsewhere}")
    for key, value in values.items():
        click.echo(f"  {value} -> {key} of every row")
    return found


def _mapping(table: FlatTable, mapped: dict[str, str], *, accepted: bool) -> dict[str, str]:
    """Return what each column becomes: as given, as guessed where that is accepted, or as confirmed on a terminal."""
    guessed = headers.guess([header for header in table.headers if header not in mapped])
    guessed = {header: key for header, key in guessed.items() if key not in mapped.values()}
    if accepted:
        return mapped | guessed
    if mapped:
        return mapped
    if not sys.stdin.isatty():
        wanted = " ".join(f"--map {_quoted(f'{header}={key}')}" for header, key in guessed.items())
        remedy = f"{wanted}, or accept these with --yes" if wanted else "--map COLUMN=KEY"
        raise ConfigError(f"map the columns, such as: {remedy}", file=table.file)
    return _asked(table.headers, guessed)


def _column_and_key(text: str) -> tuple[str, str]:
    column, equals, key = text.rpartition("=")
    if not (equals and column.strip() and key.strip()):
        raise ConfigError(f"{text!r} is not COLUMN=KEY", key="--map")
    return column.strip(), key.strip()


def _key_and_value(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (equals and key.strip() and value.strip()):
        raise ConfigError(f"{text!r} is not KEY=VALUE", key="--set")
    return key.strip(), value.strip()


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
    """Yield what became of each entry; what holds for all drafts is said once."""
    several = len(outcome.drafts) > 1
    missing = _shared(entry.missing for entry in outcome.drafts) if several else ()
    notes = _shared(entry.notes for entry in outcome.drafts) if several else ()
    for entry in outcome.drafts:
        yield f"{entry.id} {entry.title}".rstrip()
        yield f"  from {entry.place}"
        if own := [key for key in entry.missing if key not in missing]:
            yield f"  missing: {', '.join(own)}"
        yield from (f"  {note}" for note in entry.notes if note not in notes)
    if missing:
        yield f"missing in all: {', '.join(missing)}"
    yield from (f"in all, {note}" for note in notes)
    yield from (f"left out: {it.place}: {it.reason}" for it in outcome.skipped)
    yield from (f"already there: {place} is {name}" for place, name in outcome.present)


def _shared(lists: Iterable[Sequence[str]]) -> tuple[str, ...]:
    """Return what all lists hold, in the order of the first."""
    first, *others = lists
    return tuple(item for item in first if all(item in other for other in others))
