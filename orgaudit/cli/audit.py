"""audit, evaluate and report: the stages of a run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orgaudit.cli import options, stopping
from orgaudit.cli.lazy import lazy
from orgaudit.cli.standard_error import SameLog
from orgaudit.cli.stored import say
from orgaudit.cli.summary import print_summary
from orgaudit.errors import ConfigError, ExitCode
from orgaudit.history.baseline import narrowed_again
from orgaudit.model import Severity
from orgaudit.register.file.load import register_of
from orgaudit.report import json_document, json_version_1
from orgaudit.report.formats import FORMATS, JSON_VERSION, JSON_VERSIONS, chosen
from orgaudit.report.part import Division
from orgaudit.report.stage import exit_code
from orgaudit.settings.picture import read_logo
from orgaudit.settings.settings import Settings
from orgaudit.spreadsheet.text import displayed
from orgaudit.store import lease
from orgaudit.store.again import COMMAND, begun, next_run
from orgaudit.store.copies import shown
from orgaudit.store.leftovers import sweep_output, sweep_run
from orgaudit.store.manifest import Manifest
from orgaudit.store.output import check_writable
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing, digest

if TYPE_CHECKING:
    from orgaudit import audit as stages
    from orgaudit.cli import looking, progress
    from orgaudit.cli import split as splitting
    from orgaudit.collect import engines as collecting
    from orgaudit.collect import stoppable
    from orgaudit.evaluate import rules
    from orgaudit.evaluate import stage as evaluating
    from orgaudit.report import split as parts
else:
    stages = lazy("orgaudit.audit")
    looking = lazy("orgaudit.cli.looking")
    progress = lazy("orgaudit.cli.progress")
    splitting = lazy("orgaudit.cli.split")
    parts = lazy("orgaudit.report.split")
    collecting = lazy("orgaudit.collect.engines")
    stoppable = lazy("orgaudit.collect.stoppable")
    rules = lazy("orgaudit.evaluate.rules")
    evaluating = lazy("orgaudit.evaluate.stage")


@click.command()
@options.access
@options.scope
@options.rules
@options.out
@options.run_id
@click.option(
    "--resume", metavar="RUN", help="Continue a run that was stopped; accounts that are finished are not called again."
)
@click.option(
    "--since",
    metavar="RUN",
    help="Look again at the accounts that failed in RUN, and at new ones; take over the facts of the others.",
)
@options.older_than
@click.option(
    "--only-open", metavar="RUN", help="Check only the open findings of RUN: their accounts, regions and controls."
)
@options.workers
@options.progress
@options.baseline
@options.formats
@options.register
@options.fail_on
@options.as_of
def audit(**given: Any) -> ExitCode:  # noqa: ANN401 - options by name
    """Audit the organization: collect facts, evaluate the controls, and write the reports.

    With --since, an account of RUN is looked at again where anything in it could not be read, or where its facts lack
    what the controls need; the run is of the scope of RUN, and reports show how old the other facts are. With
    --only-open, the run is a part: no baseline of later ones, and `latest` does not point at it.
    """
    settings = options.settings_from(given)
    looking.check(given)
    chosen(settings.run.formats)  # a wrong one is known before the first call, as are a broken register and logo
    read_logo(settings.presentation.logo)
    register_of(settings, given["register_file"])
    options.note_missing_register(settings, given["register_file"])
    resumed = given["resume"]
    look = looking.look(given, settings)
    if look is not None and looking.nothing_open(look):
        return ExitCode.CLEAN
    run = options.find_run(resumed, settings) if resumed else options.new_run(given["run_id"], settings)
    check_writable(run.path.parent)
    sweep_output(run.path.parent)
    with stopping.resumable(run, given), held(run, "audit"):
        baseline = options.find_baseline(given["baseline"], settings)
        with (
            collecting.workers(settings, given["dask"], SameLog()) as executor,
            progress.progress(given["progress"], run.id) as watching,
        ):
            auditor = stages.Auditor(settings, given["profile"], executor, watching, baseline, look)
            stoppable.run(auditor.resume(run) if resumed else auditor.audit(run.id))
            code = write(run, settings, given, watching, audited=True, executor=executor)
        looking.print_checked(run)
        click.echo(f"{'run.json':<11} SHA-256 {digest(run.manifest_path)}")
        return code


@click.command()
@options.run_argument
@options.config
@options.out
@options.rules
@options.processes
@options.baseline
@click.option("--run-id", metavar="ID", help="The new run's name. [default: RUN.2, RUN.3 …]")
@options.progress
def evaluate(run_name: str, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Evaluate the stored facts of RUN again, without a call to AWS.

    Use it after a control was corrected, for another framework, or with other thresholds. The result is a new run that
    shares the facts of RUN, which stays as it was delivered; only a run that was never evaluated is evaluated in place.
    That one is judged by the rules of its plan, unless options name others, and sealed first where `collect` collected
    it in parts, which needs all of its accounts. `report` then writes the reports. The new run is no baseline of later
    ones, and `latest` does not point at it.
    """
    settings = options.settings_from(given)
    run = options.find_run(run_name, settings)
    judging = rules.rules_of(settings)
    if run.read_manifest().collected_at is None:
        with held(run, COMMAND):
            stages.seal_collected(run, settings)
    evaluating.check_accepted(run, settings.scope)
    manifest = run.read_collected()
    baseline = options.find_baseline(given["baseline"], settings)
    if stages.is_by_its_plan(manifest, settings):
        judging, carrying = rules.rules_again(manifest), stages.Carrying(baseline)
    else:
        carrying = stages.Carrying(baseline, narrowed_again(manifest, settings.scope))
    target = _target(run, manifest, given["run_id"])
    with ExitStack() as stack:
        stack.enter_context(held(target, COMMAND))
        if target is not run:
            stack.enter_context(begun(target, run))
        executor = stack.enter_context(collecting.workers(settings, None, SameLog()))
        watching = stack.enter_context(progress.progress(given["progress"], target.id))
        unused = stages.reevaluate(target, judging, settings, watching, carrying, executor=executor)
    for problem in unused:
        click.echo(displayed(f"orgaudit: the row applies to nothing in this run: {problem}"), err=True)
    facts = "" if target is run else f" from the facts of run {run.id}"
    place, name = shown(str(target.path)), options.name_of(target, settings)
    click.echo(f"{place}: evaluated{facts}; `orgaudit report {name}` writes the reports")


def _target(run: Run, manifest: Manifest, name: str | None) -> Run:
    """Return the run that evaluation writes into; raises ConfigError for a name that is taken or not used."""
    if manifest.evaluated_at is not None:
        return next_run(run, name)
    if name is not None:
        message = f"run {run.id} was never evaluated, so it is evaluated in place; leave out --run-id"
        raise ConfigError(message, key="--run-id")
    return run


_FORMATS = "\b\nFormats:\n" + "\n".join(f"  {name:<15} for {each.reader}" for name, each in FORMATS.items())


@click.command(name="report", epilog=_FORMATS)
@click.argument("run_name", metavar="RUN", required=False)
@options.config
@options.out
@options.formats
@options.processes
@options.register
@options.date_of("The date for which exceptions are in force.", "the stored result's")
@options.fail_on
@options.unverified
@click.option(
    "--json-version",
    type=click.Choice(list(map(str, sorted(JSON_VERSIONS)))),
    default=str(JSON_VERSION),
    show_default=True,
    callback=lambda _context, _option, value: int(value),
    help="The version of the JSON's schema; version 1 is written to report.v1.json.",
)
@click.option(
    "--split",
    type=click.Choice([*map(str, Division)]),
    callback=lambda _context, _option, value: value and Division(value),
    help="Write a workbook and a mail for each owner, unit or account, too; nothing is sent.",
)
@click.option(
    "--owner", metavar="WHO", help="With --split owner, only this one's; a name, a mail address or unassigned."
)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of report.json, and nothing else.")
def report_command(run_name: str | None, *, schema: bool, **given: Any) -> ExitCode | None:  # noqa: ANN401 - options by name
    """Write the reports of RUN, with the exceptions that are in force on a date.

    The first reports of a run seal it with the register's result. Without --as-of and --register, later ones show that
    result again, in more formats, whatever the register holds by now; --as-of alone applies the register of the
    settings. Another date or register gets a directory as-of-DATE of its own in the run's.

    With --split, the reports of each owner, unit or account are in the directory split-owner, split-unit or
    split-account beside the others: a workbook of that part alone, and a mail that carries it.
    """
    if schema:
        of_version = json_version_1 if given["json_version"] == json_version_1.VERSION else json_document
        click.echo(json.dumps(of_version.schema(), indent=2))
        return None
    if run_name is None:
        raise click.UsageError("Missing argument 'RUN'.")
    settings = options.settings_from(given)
    if given["json_version"] != JSON_VERSION and "json" not in settings.run.formats:
        raise click.UsageError("--json-version chooses a version of the format json; add --format json")
    if given["owner"] is not None and given["split"] is not Division.OWNER:
        raise click.UsageError("--owner chooses one of the workbooks by owner; add --split owner")
    run = options.find_run(run_name, settings)
    with (
        held(run, "report"),
        collecting.workers(settings, None, SameLog()) as executor,
        progress.progress_of_reports(run.id) as watching,
    ):
        return write(run, settings, given, watching, executor=executor)


@contextmanager
def held(run: Run, command: str) -> Iterator[None]:
    """Hold the run alone, without what a killed process left in it; clean up after workers that were stopped, too."""
    other = ", or name another --run-id" if command == "audit" else ""
    remedy = f"wait until it ends or stop it{other}"
    with lease.held(run, command, remedy=remedy):
        sweep_run(run)
        try:
            yield
        finally:
            sweep_run(run)


def write(
    run: Run,
    settings: Settings,
    given: dict[str, Any],
    watching: progress.Watching,
    *,
    audited: bool = False,
    executor: Executor | None = None,
) -> ExitCode:
    """Write a run's reports, print their summary and return how the command ends.

    `audited` and `executor` are as `reported` has them. The summary is printed where the progress was shown.
    """
    register: Path | None = given["register_file"]
    as_of: date | None = given["as_of"]
    fail_on: Severity | None = given["fail_on"]
    unverified = given.get("unverified", False)
    json_version = given.get("json_version", JSON_VERSION)
    notes: list[str] = []
    more = {"unverified": unverified, "json_version": json_version, "audited": audited, "executor": executor}
    with stages.reported(run, settings, register, as_of, **more, say=notes.append, progress=watching) as (view, paths):
        watching.close()
        code = exit_code(view, fail_on)
        say(view.standing)
        print_summary(view, paths, code, notes)
    if given.get("split"):
        _split(view.run, settings, view.standing, given)
    return code


def _split(run: Run, settings: Settings, standing: Standing, given: dict[str, Any]) -> None:
    """Write the reports of the parts of a run that was reported, and print what there is of each."""
    division, shown = given["split"], settings.presentation
    sender = run.read_manifest().ownership.audit_team or settings.ownership.audit_team or ""
    found = parts.split(run, division, standing=standing, settings=shown, audit_team=sender, owner=given["owner"])
    splitting.print_split(found, parts.directory(run, division), sender)


COMMANDS = (audit, evaluate, report_command)
