"""exceptions hygiene and due: what needs attention in the register after a run, and what falls due for its owners."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import click
import msgspec

from orgaudit.cli import options
from orgaudit.cli.exceptions.opening import OpenRegister, dated, opened
from orgaudit.cli.printing import print_json, width
from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError
from orgaudit.register import mails, notices
from orgaudit.register.entries import EXCEPTIONS
from orgaudit.register.hygiene import hygiene_of
from orgaudit.register.notices import Notices
from orgaudit.register.reminders import messages
from orgaudit.settings.documents import Problem
from orgaudit.settings.ownership import owners_of
from orgaudit.settings.people import People
from orgaudit.spreadsheet.text import displayed, one_line
from orgaudit.store.register_result import HygieneRemark
from orgaudit.store.run import writing
from orgaudit.words import counted

FILES = {"text": "due.txt", "json": "due.json", "ics": "due.ics"}
"""What `due --out` calls the file of each format; mails have a file for each owner."""


@click.command()
@options.run_argument
@dated
@options.out
@options.as_json
def hygiene(run_name: str, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Show what needs attention in the register after RUN.

    That is what expired and still fails, expires soon, covers nothing, overlaps, names what does not exist, is a draft
    or has no owner.
    """
    found = opened(given)
    run = options.find_run(run_name, found.settings)
    remarks = hygiene_of(run, found.applied(run), catalogue())
    problems = found.register.problems(EXCEPTIONS)
    if as_json:
        print_json({"as_of": found.on, "remarks": list(map(_shown, remarks)), "problems": problems})
        return
    for line in _table(remarks, problems):
        click.echo(line)


def _shown(remark: HygieneRemark) -> dict[str, Any]:
    return msgspec.structs.asdict(remark) | {"mend": remark.concern.remedy}


def _table(remarks: list[HygieneRemark], problems: list[Problem]) -> Iterator[str]:
    for concern, group in groupby(remarks, key=lambda remark: remark.concern):
        found = list(group)
        yield f"{concern.heading} ({len(found)}): {concern.remedy}"
        for remark in found:
            yield from _row((remark.id, remark.owner, remark.detail))
        yield ""
    for problem in problems:
        yield displayed(f"invalid, covers nothing: {problem}")
    yield f"{len(remarks)} to review, {counted(len(problems), 'problem')} in the file"


def _row(cells: tuple[str, str, str]) -> Iterator[str]:
    """Yield the lines of one row: id, owner and detail, the detail on as many lines as it needs."""
    name, owner, detail = map(one_line, cells)
    shown = owner if len(owner) <= 20 else f"{owner[:19]}…"  # noqa: PLR2004 - the column's width
    head = f"  {name:<14} {shown:<20}  "
    yield from textwrap.wrap(detail, width(), initial_indent=head, subsequent_indent=" " * len(head))


def _days(_context: click.Context, _option: click.Parameter, value: str) -> int:
    found = re.fullmatch(r"(\d{1,5})([dw]?)", value, re.ASCII)
    if not found:
        raise click.BadParameter("write days such as 30d, or weeks such as 6w")
    return int(found[1]) * (7 if found[2] == "w" else 1)


@click.command()
@dated
@click.option("--within", default="30d", show_default=True, metavar="TIME", callback=_days, help="Days (30d) or weeks.")
@click.option(
    "--format", "form", type=click.Choice([*FILES, "eml"]), default="text", show_default=True, help="What to write."
)
@click.option("--out", "directory", type=click.Path(path_type=Path), metavar="DIR", help="Write files here.")
@options.sender
def due(
    *,
    within: int,
    form: str,
    directory: Path | None,
    sender: str | None,
    **given: Any,  # noqa: ANN401 - options by name
) -> None:
    """List what is due, by owner.

    That is what expires or is due for review within a time, what has expired, and what waits for somebody.

    The formats are text, JSON, a calendar file, and eml: one mail for each owner, ready to be sent, with the owner's
    own entries as a workbook. The file of owners completes names with mail addresses; what has no owner goes to the
    audit team of the settings.
    """
    found = opened(given)
    people = People(owners_of(found.settings).people)
    audit_team = found.settings.ownership.audit_team or ""
    owners = notices.due(found.register, found.on, within, person=people.person, audit_team=audit_team)
    if form == "eml":
        _write_mails(owners, found, sender, directory, people)
    else:
        content = _content(owners, found.on, form)
        if directory is None:
            click.echo(content, nl=False)
        else:
            _write(directory / FILES[form], content)
    for problem in found.register.problems(EXCEPTIONS):
        click.echo(displayed(f"invalid, in no notice: {problem}"), err=True)


def _content(owners: Notices, on: date, form: str) -> bytes:
    if form == "ics":
        return notices.calendar(owners, on)
    if form == "json":
        return msgspec.json.format(msgspec.json.encode({"as_of": on, "owners": owners}), indent=2) + b"\n"
    return "".join(f"{line}\n" for line in notices.text(owners)).encode()


def _write_mails(
    owners: Notices, found: OpenRegister, sender: str | None, directory: Path | None, people: People
) -> None:
    if directory is None or sender is None:
        raise click.UsageError("Mails need --out DIR and --from 'Name <name@example.com>'.")
    by = mails.Sender(person=sender, moment=datetime.now(UTC), approvers=found.settings.exceptions.approvers)
    try:
        written = list(messages(owners, found.register, found.on, by, people))
    except ValueError as error:
        raise ConfigError(str(error), key="--from") from error
    for name, content in written:
        _write(directory / name, content)
    for notice in owners:
        if not notice.address:
            click.echo(f"no address, inform them otherwise: {notice.heading} ({notices.dates_and_waiting([notice])})")


def _write(path: Path, content: bytes) -> None:
    with writing(path) as file:
        file.write(content)
    click.echo(path)


COMMANDS = (hygiene, due)
