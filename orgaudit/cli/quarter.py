"""quarter: the audit of a quarter and all that is made of it, in one dated folder."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orgaudit.cli import options, stopping
from orgaudit.cli.audit import held
from orgaudit.cli.lazy import lazy
from orgaudit.cli.printing import width
from orgaudit.cli.standard_error import SameLog
from orgaudit.cli.summary import ENDINGS
from orgaudit.errors import ConfigError, ExitCode
from orgaudit.history.baseline import NARROWING, NONE, narrowed_by
from orgaudit.quarter.baseline import LastQuarter, run_of
from orgaudit.quarter.folder import RECORD, Folder, QuarterRecord, StepRecord, name_of, to_continue
from orgaudit.quarter.read_me import verdict
from orgaudit.register.file.load import register_of
from orgaudit.register.state import today
from orgaudit.report.formats import chosen
from orgaudit.report.stage import exit_code
from orgaudit.settings.ownership import owners_of
from orgaudit.settings.people import address_of
from orgaudit.settings.settings import Settings
from orgaudit.store import copies
from orgaudit.store.copies import shown_path
from orgaudit.store.leftovers import sweep_output
from orgaudit.store.output import check_writable
from orgaudit.store.run import Run

if TYPE_CHECKING:
    from orgaudit import audit as stages
    from orgaudit.cli import progress
    from orgaudit.collect import engines as collecting
    from orgaudit.quarter import stage as quarter_stage
else:
    stages = lazy("orgaudit.audit")
    progress = lazy("orgaudit.cli.progress")
    collecting = lazy("orgaudit.collect.engines")
    quarter_stage = lazy("orgaudit.quarter.stage")

AGAIN = (*(name for name in stopping.RESUMED_WITH if name != "as_of"), "run_name", "run_id", "sender")
"""The options with a value each that the command needs again where it goes on."""
MINUTE = 60

AGAIN_IN_PART = {"since": "--since", "only_open": "--only-open", "older_than": "--older-than"}
"""The options by which an audit does not look at everything now."""
_parts = options.together(
    *(click.option(name, multiple=True, hidden=True) for name in NARROWING.values()),
    *(click.option(name, hidden=True) for name in AGAIN_IN_PART.values()),
)
"""The options that would leave something out, which a quarter refuses."""


@click.command()
@options.access
@_parts
@options.framework
@options.out
@options.run_id
@click.option("--run", "run_name", metavar="RUN", help="Take this run of the whole scope, and do not audit.")
@options.workers
@options.progress
@click.option(
    "--baseline",
    metavar="RUN",
    help=f"The run to compare with, or {NONE!r}. [default: that of the last quarter, else the newest earlier audit]",
)
@options.formats
@options.register
@options.sender
@options.fail_on
def quarter(**given: Any) -> ExitCode:  # noqa: ANN401 - options by name
    """Audit the organization for a quarter, and write reports, changes, actions, reminders and mails into one folder.

    The folder is quarter-DATE in the directory of the runs; its README.md says what is what. Nothing is sent anywhere.
    Where the command was stopped, the same command goes on with the step that was not done, for up to 7 days; once all
    are done, it checks that no file was changed. The next quarter is compared with this one.
    """
    settings = options.settings_from(given)
    _check(settings, given)
    day = today(datetime.now(UTC), register_of(settings, given["register_file"]).time_zone)
    options.note_missing_register(settings, given["register_file"])
    out = settings.run.out
    check_writable(out)
    sweep_output(out)
    continued = to_continue(out, day)
    path = continued.path if continued else out / name_of(day)
    with ExitStack() as stack:
        stack.enter_context(held(Run(path), "quarter"))
        copies.need(path, "")
        known = (path / RECORD).exists()
        folder = Folder.read(path) if known else _begun(path, settings, given, day)
        _check_same(folder, settings, given)
        folder.sweep()
        folder.check()
        run = run_of(out, folder.record)
        words = ("quarter", *(f"--framework={name}" for name in given["framework"]))
        command = stopping.command_again(words, given, AGAIN)
        stack.enter_context(stopping.resumable(run, given, command))
        stack.enter_context(_forgotten_unless_begun(folder, run))
        stack.enter_context(held(run, "quarter"))
        return _made(folder, settings, given)


def _check(settings: Settings, given: Mapping[str, Any]) -> None:
    """Raise UsageError and ConfigError for what can be known to be wrong before anything is called."""
    for name, option in AGAIN_IN_PART.items():
        if given[name]:
            raise click.UsageError(
                f"{option} takes facts over or leaves some out, and a quarter looks at everything within a few days; "
                f"`orgaudit audit {option} …` makes such a run"
            )
    if left := narrowed_by(settings.scope):
        raise click.UsageError(
            f"{left[0]} leaves something out, and a quarter is of the whole scope of the settings; "
            f"`orgaudit audit {left[0]} …` audits a part"
        )
    if given["run_name"] and given["run_id"]:
        raise click.UsageError("--run and --run-id exclude each other.")
    chosen(settings.run.formats)
    if not settings.run.formats:
        raise ConfigError("a quarter needs at least one format", key="run.formats")
    owners_of(settings)
    if given["sender"] and not address_of(given["sender"]):
        raise ConfigError(f"{given['sender']!r} is not a sender; write Name <name@example.com>", key="--from")


def _begun(path: Path, settings: Settings, given: Mapping[str, Any], day: date) -> Folder:
    """Return a new folder, for a new run or for the one that --run names."""
    baseline = options.find_baseline(given["baseline"], settings)
    if given["run_name"]:
        run = _beside(options.find_run(given["run_name"], settings), settings, "--run")
        run.read_evaluated()
    else:
        run = options.new_run(given["run_id"], settings)
        if run.manifest_path.exists():
            raise ConfigError(
                f"run {run.id} exists; name another --run-id, or take it by --run {run.id}", key="--run-id"
            )
    if isinstance(baseline, Run):
        _beside(baseline, settings, "--baseline")
    record = QuarterRecord(
        date=day,
        run=run.id,
        existing=bool(given["run_name"]),
        chosen=baseline.id if isinstance(baseline, Run) else baseline,
    )
    return Folder.begin(path, record, settings.run.directory_mode)


def _beside(run: Run, settings: Settings, option: str) -> Run:
    """Return a run that is in the directory of runs; raises ConfigError for one elsewhere."""
    if run.path.parent != settings.run.out.resolve():
        raise ConfigError(f"run {run.path} is not in {settings.run.out}; name its directory with --out", key=option)
    return run


@contextmanager
def _forgotten_unless_begun(folder: Folder, run: Run) -> Iterator[None]:
    """Leave no folder where the command ends before it has done anything, so that its options bind nobody."""
    try:
        yield
    except BaseException:
        if not folder.record.steps and (folder.record.existing or not run.manifest_path.exists()):
            folder.forget()
        raise


def _check_same(folder: Folder, settings: Settings, given: Mapping[str, Any]) -> None:
    """Raise ConfigError where options name other runs than those with which the folder was begun."""
    record = folder.record
    remedy = f"leave the option out to go on, or move {folder.path} away to begin anew"
    named = options.find_run(given["run_name"], settings).id if given["run_name"] else given["run_id"]
    if named and named != record.run:
        raise ConfigError(
            f"{folder.path.name} is of run {record.run}; {remedy}", key="--run" if given["run_name"] else "--run-id"
        )
    baseline = options.find_baseline(given["baseline"], settings)
    if baseline and (baseline.id if isinstance(baseline, Run) else baseline) != record.chosen:
        began = f"with --baseline {record.chosen}" if record.chosen else "without --baseline"
        raise ConfigError(f"{folder.path.name} was begun {began}; {remedy}", key="--baseline")


def _made(folder: Folder, settings: Settings, given: Mapping[str, Any]) -> ExitCode:
    """Do the steps that are left, print each and the verdict, and return how the command ends."""
    record = folder.record
    if record.completed_at is not None:
        click.echo(
            f"{folder.path.name} was completed {record.completed_at:%Y-%m-%d %H:%M} UTC; no file has changed since"
        )
    elif record.steps:
        click.echo(f"{folder.path.name} is gone on with")
    last = LastQuarter(settings.run.out, record.date, options.find_baseline(record.chosen, settings))
    with collecting.workers(settings, given["dask"], SameLog()) as executor:
        made = quarter_stage.Quarter(folder, settings, last, given["register_file"], given["sender"], _say, executor)
        return _worked(made, settings, given)


def _worked(made: quarter_stage.Quarter, settings: Settings, given: Mapping[str, Any]) -> ExitCode:
    folder, record = made.folder, made.folder.record
    if record.step(quarter_stage.AUDIT) is None:
        with progress.progress(given["progress"], record.run) as watching:
            made.audit(stages.Auditor(settings, given["profile"], made.executor, watching, made.last.history))
    _say(folder.record.steps[0], record.step(quarter_stage.AUDIT) is None)
    with made.made() as view:
        code = exit_code(view, given["fail_on"])
        _print("Verdict", [line for each in verdict(view) for line in textwrap.wrap(each, width() - 12)])
    _print("Folder", [shown_path(folder.path)])
    _print("Exit code", [f"{int(code)}, {ENDINGS[code]}"])
    return code


def _say(step: StepRecord, now: bool) -> None:
    """Print a step: how long it took, or that it was done before, and what there is."""
    took = f"{step.seconds / MINUTE:.0f} min" if step.seconds >= MINUTE else f"{step.seconds:.0f} s"
    head = f"{step.name:<11} {took if now else 'before':>6}  "
    for number, line in enumerate(textwrap.wrap(step.note, width() - len(head))):
        click.echo(f"{' ' * len(head) if number else head}{line}")


def _print(name: str, lines: Iterable[str]) -> None:
    for number, line in enumerate(lines):
        click.echo(f"{'' if number else name:<11} {line}")


COMMANDS = (quarter,)
