"""trend: the figures of several runs, a row each."""

from __future__ import annotations

import csv
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from orgaudit.cli import options
from orgaudit.cli.printing import print_json
from orgaudit.errors import ConfigError
from orgaudit.history.trend import in_order, point_of, whole_runs
from orgaudit.store.comparison import Point
from orgaudit.store.register_result import register_path
from orgaudit.store.run import Run
from orgaudit.store.tables import findings_table


@click.command()
@click.argument("names", metavar="[RUN]...", nargs=-1)
@options.config
@options.out
@options.as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def trend(names: tuple[str, ...], *, as_json: bool, as_csv: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Show open issues by severity, the headline rate, coverage and what is late, run by run.

    Without RUN these are all reported runs of the whole scope, of the organization of the newest one.
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv exclude each other.")
    settings = options.settings_from(given)
    runs = in_order([options.find_run(name, settings) for name in names]) if names else _all(settings.run.out)
    if not runs:
        raise ConfigError(
            f"no reported run of the whole scope is in {settings.run.out}; name runs, or --out", key="RUN"
        )
    points = [point_of(run) for run in runs]
    if as_json:
        print_json(points)
    elif as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(Point.__struct_fields__)
        writer.writerows([getattr(point, name) for name in Point.__struct_fields__] for point in points)
    else:
        _print_text(points)


def _all(out: Path) -> list[Run]:
    """Return the runs that were reported, and say which were not, or by an earlier version that kept less."""
    found = list(whole_runs(out))
    reported = [run for run in found if findings_table(run).is_file() and register_path(run).is_file()]
    for run in found:
        if run not in reported:
            click.echo(f"orgaudit: run {run.id} is left out: `orgaudit report {run.id}` makes its tables", err=True)
    return reported


HEADS = (
    *("date", "open", "critical", "high", "medium", "low", "rate", "with exceptions", "coverage"),
    *("late issues", "late exceptions", "run"),
)


def _print_text(points: Sequence[Point]) -> None:
    rows = [HEADS, *map(_row, points)]
    widths = [max(len(row[number]) for row in rows) for number in range(len(HEADS))]
    for row in rows:
        aligned = (f"{text:>{width}}" for text, width in zip(row[1:-1], widths[1:-1], strict=True))
        click.echo("  ".join((f"{row[0]:<{widths[0]}}", *aligned, row[-1])))
    for framework in dict.fromkeys(point.framework for point in points if point.framework):
        click.echo(f"rate: {framework}, account x automated requirement")


def _row(point: Point) -> tuple[str, ...]:
    counts = (point.open, point.critical, point.high, point.medium, point.low)
    shares = (point.rate, point.rate_with_exceptions, point.coverage)
    late = "–" if point.overdue_issues is None else f"{point.overdue_issues:,}"  # noqa: RUF001 - as every report shows it
    return (
        point.date.isoformat(),
        *(f"{count:,}" for count in counts),
        *("–" if share is None else f"{share * 100:.1f} %" for share in shares),  # noqa: RUF001
        late,
        f"{point.overdue_exceptions:,}",
        point.run if point.whole_scope else f"{point.run} (a part)",
    )


COMMANDS = (trend,)
