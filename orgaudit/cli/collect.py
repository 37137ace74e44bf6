"""collect: plans a run, and collects a part of it, so that any scheduler can share the accounts among machines."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orgaudit.cli import options, stopping
from orgaudit.cli.audit import held
from orgaudit.cli.lazy import lazy
from orgaudit.cli.standard_error import SameLog
from orgaudit.errors import ConfigError
from orgaudit.model import Account
from orgaudit.settings.documents import nearest
from orgaudit.settings.settings import Settings
from orgaudit.store.copies import shown
from orgaudit.store.leftovers import sweep_leases, sweep_output
from orgaudit.store.manifest import Manifest
from orgaudit.store.output import check_writable
from orgaudit.store.run import Run
from orgaudit.words import counted

if TYPE_CHECKING:
    from orgaudit import audit as stages
    from orgaudit.cli import progress
    from orgaudit.collect import engines as collecting
    from orgaudit.collect import stoppable
else:
    stages = lazy("orgaudit.audit")
    progress = lazy("orgaudit.cli.progress")
    collecting = lazy("orgaudit.collect.engines")
    stoppable = lazy("orgaudit.collect.stoppable")

NAMED = 3
"""How many of the accounts that are missing the summary names."""
PLANNED = ("account", "ou", "region", "framework", "control", "nist_baseline")
"""Options that decide what a run is of, and so belong to its plan alone."""
SHARED = ("part", "accounts_from", "at_once", "dask")
"""Options that decide who collects what, and so have no use with a plan."""
AGAIN = ("config", "profile", "role_name", "out", "workers", "dask", "part", "accounts_from", "at_once")
"""Options of a part with a value each, which the command that goes on with it needs again."""
_SLICE = re.compile(r"([1-9]\d{0,5})/([1-9]\d{0,5})")


def _slice(_context: click.Context, _option: click.Parameter, value: str | None) -> tuple[int, int] | None:
    if value is None:
        return None
    found = _SLICE.fullmatch(value)
    if found is None or int(found[1]) > int(found[2]):
        raise click.BadParameter(f"{value!r} is not a slice; write the third of forty as 3/40")
    return int(found[1]), int(found[2])


@click.command()
@options.run_argument
@click.option("--plan", is_flag=True, help="Discover the organization and write the plan of a new run.")
@click.option(
    "--slice", "part", metavar="I/N", callback=_slice, help="Collect the Ith of N equal parts of the accounts, from 1."
)
@click.option(
    "--accounts-from",
    type=click.Path(path_type=Path, allow_dash=True),
    metavar="FILE",
    help="Collect the accounts whose ids are in this file, a line each; - reads standard input.",
)
@click.option(
    "--at-once",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many such commands run at a time, and share the rates of the organization. [default: those of --slice]",
)
@options.workers
@options.access
@options.scope
@options.rules
@options.out
@options.progress
def collect(run_name: str, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Collect the accounts of RUN, all or a part, beside other processes and machines that collect the rest.

    With --plan, it begins: it discovers the organization and writes the plan of a new RUN. Then any number of these
    commands collect it, each all that is free, a slice or the accounts of a file. Each can be repeated: what is
    finished is not called again, and an account is collected by one process at a time. Last come the accounts out of
    scope whose resources the part shows. `evaluate` seals the facts once none is missing, and `report` writes the
    reports.

    Where machines share a run, it is at an address, or its directory on a file system that all of them have.
    """
    settings = options.settings_from(given)
    if given["plan"]:
        _plan(run_name, settings, given)
        return
    if wrong := [name for name in PLANNED if given[name]]:
        raise click.UsageError(f"{stopping.option_of(wrong[0])} is for the plan of a run; use it with --plan")
    if given["part"] and given["accounts_from"]:
        raise click.UsageError("--slice and --accounts-from exclude each other.")
    run = options.find_run(run_name, settings)
    accounts = _chosen(run.read_manifest(), given)
    repeated = given | {"part": given["part"] and "{}/{}".format(*given["part"])}
    again = stopping.command_again(("collect", options.name_of(run, settings)), repeated, AGAIN)
    share = given["at_once"] or (given["part"] or (1, 1))[1]
    try:
        with (
            stopping.resumable(run, given, again),
            collecting.workers(settings, given["dask"], SameLog()) as executor,
            progress.progress(given["progress"], run.id) as watching,
        ):
            auditor = stages.Auditor(settings, given["profile"], executor, watching)
            found = stoppable.run(auditor.collect(run, accounts, share, again))
    finally:
        sweep_leases(run)
    _say(run, options.name_of(run, settings), len(accounts), found)


def _plan(name: str, settings: Settings, given: Mapping[str, Any]) -> None:
    if wrong := [name for name in SHARED if given[name]]:
        raise click.UsageError(f"{stopping.option_of(wrong[0])} is for collecting; leave it out with --plan")
    run = options.new_run(name, settings)
    check_writable(run.path.parent)
    sweep_output(run.path.parent)
    with stopping.resumable(run, given, f"`orgaudit collect {run.id} --plan`"), held(run, "collect"):
        stoppable.run(stages.Auditor(settings, given["profile"]).plan(run.id))
    manifest = run.read_manifest()
    outside = f", {len(manifest.out_of_scope)} out of scope" if manifest.out_of_scope else ""
    command = f"orgaudit collect {shlex.quote(options.name_of(run, settings))}"
    click.echo(f"{shown(str(run.path))}: planned, {counted(len(manifest.accounts), 'account')}{outside}")
    click.echo(f"next        `{command}`, or `{command} --slice 1/N` to N on as many machines")


def _chosen(manifest: Manifest, given: Mapping[str, Any]) -> tuple[Account, ...]:
    """Return the accounts of a part; raises ConfigError for an id that the run does not have."""
    accounts = tuple(sorted(manifest.accounts, key=lambda account: account.id))
    if given["part"]:
        number, parts = given["part"]
        return accounts[number - 1 :: parts]
    if given["accounts_from"]:
        by_id = {account.id: account for account in accounts}
        outside = {account.id for account in manifest.out_of_scope}
        return tuple(by_id[each] for each in _ids(given["accounts_from"], by_id, outside))
    return accounts


def _ids(file: Path, known: Mapping[str, Account], outside: set[str]) -> list[str]:
    """Return the ids of a file, each once; raises ConfigError with the line of one that is not in the run's scope."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        remedy = "name a text file with an account's id on each line"
        raise ConfigError(f"cannot be read ({error}); {remedy}", file=str(file), key="--accounts-from") from error
    found: dict[str, None] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name = line.partition("#")[0].strip()
        if name and name not in known:
            what = "is out of the run's scope" if name in outside else "is not an account of the run"
            remedy = nearest(name, known) or "run.json lists its accounts"
            raise ConfigError(f"{name!r} {what}; {remedy}", file=str(file), line=number, key="--accounts-from")
        if name:
            found[name] = None
    if not found:
        raise ConfigError("names no account", file=str(file), key="--accounts-from")
    return list(found)


def _say(run: Run, name: str, asked: int, found: stages.Part) -> None:
    """Print what was done, what of the run is missing, and what to do next."""
    name = shlex.quote(name)
    before = "" if found.collected else ", all of them before"
    click.echo(f"{shown(str(run.path))}: {counted(asked, 'account')} of this part collected{before}")
    if found.missing:
        ids = ", ".join(account.id for account in found.missing[:NAMED])
        more = f" and {len(found.missing) - NAMED} more" if len(found.missing) > NAMED else ""
        click.echo(f"missing     {counted(len(found.missing), 'account')} of the run: {ids}{more}")
        click.echo(f"next        the other slices, or `orgaudit collect {name}` for all of them")
    else:
        following = "report" if run.read_manifest().evaluated_at else "evaluate"
        click.echo("missing     no account of the run")
        click.echo(f"next        `orgaudit {following} {name}`")


COMMANDS = (collect,)
