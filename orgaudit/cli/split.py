"""What is printed of the workbooks and mails of a run's parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import click

from orgaudit.report.split import PartReport
from orgaudit.settings.people import address_of
from orgaudit.spreadsheet.text import one_line
from orgaudit.store.copies import shown_path
from orgaudit.words import counted

NAME = 28
"""The width of the column with the part's name."""


def print_split(reports: Iterable[PartReport], directory: Path, sender: str) -> None:
    """Print a line for each part while it is written: its open and late issues, its files, and who gets the mail."""
    click.echo("")
    click.echo(f"{'OPEN':>7}{'LATE':>7}  {'PART':<{NAME}}  FILE, MAIL TO")
    done = []
    for report in reports:
        done.append(report)
        click.echo(_line(report))
    click.echo("")
    for line in _ending(done, shown_path(directory), sender):
        click.echo(line)


def _line(report: PartReport) -> str:
    name = one_line(report.part.name)
    shown = name if len(name) <= NAME else f"{name[: NAME - 1]}…"
    to = address_of(report.to) if report.mail else "no address"
    return f"{report.open:>7,}{report.late:>7,}  {shown:<{NAME}}  {report.workbook.name}, {to}"


def _ending(done: list[PartReport], directory: str, sender: str) -> Iterator[str]:
    mails = sum(report.mail is not None for report in done)
    files = f"{counted(len(done), 'workbook')} and {counted(mails, 'mail')}"
    yield f"{files} in {directory}; a mail has the name of its workbook"
    if mails:
        yield "The mails are drafts; nothing was sent."
    if mails and not sender:
        yield "They have no sender: [ownership] audit_team in the settings names one."
    if others := len(done) - mails:
        yield f"{counted(others, 'workbook')} without a mail: no address is known; the file of owners can name one."
