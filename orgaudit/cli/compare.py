"""compare: a second opinion, what another tool says beside what a run says."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from orgaudit.cli import options
from orgaudit.cli.printing import width
from orgaudit.compare.checks import equivalents
from orgaudit.compare.records import Outcome, Tool
from orgaudit.compare.stage import Agreed, Count, Exceptions, Opinions, beside
from orgaudit.compare.text import COLUMNS, agreements, cells, disagreement, heading, summary
from orgaudit.controls.aliases import ALIASES
from orgaudit.controls.declare import catalogue
from orgaudit.settings import framework_files

MOST_SHOWN = 25
"""Disagreements that are printed as text; JSON and CSV have all."""

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@options.run_argument
@options.config
@options.out
@click.option(
    "--securityhub", type=_FILE, metavar="FILE", help="Findings of Security Hub, as `aws securityhub get-findings`."
)
@click.option("--prowler", type=_FILE, metavar="FILE", help="Findings of Prowler 4 or later: OCSF or CSV.")
@options.as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print every row as CSV.")
def compare(
    run_name: str,
    *,
    securityhub: Path | None,
    prowler: Path | None,
    as_json: bool,
    as_csv: bool,
    **given: Any,  # noqa: ANN401 - options by name
) -> None:
    """Show where RUN and another tool agree, where they do not, with both reasons, and what only one of them saw.

    Findings are joined by account, region, resource and control. What cannot be joined is never an agreement: it is
    listed with the reason.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other.")
    if (securityhub is None) == (prowler is None):
        raise click.UsageError("Name one export: --securityhub FILE or --prowler FILE.")
    tool = Tool.PROWLER if securityhub is None else Tool.SECURITY_HUB
    file = securityhub or prowler or Path()
    settings = options.settings_from(given)
    run = options.find_run(run_name, settings)
    loaded = framework_files.load(settings.directory, aliases=ALIASES)
    with beside(run, tool, file, equivalents(tool, loaded, ALIASES, catalogue())) as opinions:
        (_print_json if as_json else _print_csv if as_csv else _print_text)(opinions)


def _print_text(opinions: Opinions) -> None:
    room, tool = width(), opinions.tool
    counts = opinions.counts()
    apart = sum(it.count for it in counts if it.outcome in {Outcome.DISAGREEMENT, Outcome.CONTRADICTION})
    for line in heading(opinions.manifest.run_id, tool, str(opinions.file), opinions.export):
        click.echo(line)
    click.echo()
    for line in summary(counts, tool, room):
        click.echo(line)
    for line in agreements(opinions.agreed(), opinions.exceptions(), tool, room):
        click.echo(line)
    if apart:
        click.echo()
        more = f", the first {MOST_SHOWN} of {apart:,}; --json and --csv list all" if apart > MOST_SHOWN else ""
        click.echo(f"Disagreements{more}")
    for row in opinions.disagreements(MOST_SHOWN):
        click.echo()
        for line in disagreement(row, tool, room):
            click.echo(line)


class _Head(msgspec.Struct, frozen=True):
    """What is printed before the single rows."""

    run: str
    tool: Tool
    file: str
    findings: int
    accounts: int
    left_out: dict[str, int]
    counts: list[Count]
    agreements: list[Agreed]
    exceptions: Exceptions


def _print_json(opinions: Opinions) -> None:
    """Print one object, row by row: there may be more of them than memory."""
    export = opinions.export
    head = msgspec.json.encode(
        _Head(
            opinions.manifest.run_id,
            opinions.tool,
            str(opinions.file),
            export.read,
            len(export.accounts),
            {str(why): count for why, count in export.left.items()},
            opinions.counts(),
            opinions.agreed(),
            opinions.exceptions(),
        )
    ).decode()
    click.echo(f'{head[:-1]},"rows":[', nl=False)
    encoder = msgspec.json.Encoder()
    for number, row in enumerate(opinions.rows()):
        sys.stdout.write(f"{',' if number else ''}\n{encoder.encode(row).decode()}")
    click.echo("]}")


def _print_csv(opinions: Opinions) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(cells(opinions.rows()))


COMMANDS = (compare,)
