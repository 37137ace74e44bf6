"""The audit, top to bottom: discover, plan, collect, evaluate, apply the register, report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Protocol, TypeAlias

import msgspec

from orgaudit import __version__
from orgaudit.aws.access import Access
from orgaudit.aws.transport import Traffic
from orgaudit.collect.again import Since
from orgaudit.collect.engines import beside
from orgaudit.collect.slices import AccountPart
from orgaudit.collect.stage import Collecting, access_for, check_complete, collect, missing, seal_facts, with_tags
from orgaudit.controls.aliases import ALIASES
from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError
from orgaudit.evaluate import only_open as only_opens
from orgaudit.evaluate.only_open import OnlyOpen
from orgaudit.evaluate.rules import Rules, rules_again, rules_of
from orgaudit.evaluate.stage import evaluate
from orgaudit.history import baseline as baselines
from orgaudit.history import stage as history
from orgaudit.history.conclude import conclude, is_compared
from orgaudit.model import Account, AccountRecord
from orgaudit.organization.owners import Ownership, check_owners, ownership_of, with_owners
from orgaudit.organization.plan import discover_organization, known_regions, select
from orgaudit.register import stage as register_stage
from orgaudit.register.file.load import Register, register_of, with_resolved_names
from orgaudit.register.state import today
from orgaudit.report import stage as report_stage
from orgaudit.report.formats import JSON_VERSION, chosen
from orgaudit.report.view import View
from orgaudit.settings import control_names, framework_files
from orgaudit.settings.documents import Problem
from orgaudit.settings.ownership import owners_of
from orgaudit.settings.picture import read_logo
from orgaudit.settings.settings import Settings
from orgaudit.store import earlier, seal
from orgaudit.store.manifest import Manifest
from orgaudit.store.output import check_writable, point_latest
from orgaudit.store.register_result import read_result
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing


class Progress(Protocol):
    """What follows a run; the command line shows it. Any thread of this process may call it."""

    def stage(self, name: str, total: int, traffic: Traffic | None = None) -> None:
        """Begin a stage of so many accounts, 0 where it does not go by account.

        `traffic` is given where what is sent is counted in this process: it grows while accounts are collected.
        """

    def account_began(self, account: Account) -> None:
        """Note that work on an account of the stage has begun, in this process or in another."""

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> None:
        """Count one account of the stage; `traffic` is all that was sent for the stage so far, as far as is known."""


class Silence:
    """A progress that shows nothing."""

    def stage(self, name: str, total: int, traffic: Traffic | None = None) -> None:
        """Do nothing."""

    def account_began(self, account: Account) -> None:
        """Do nothing."""

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> None:
        """Do nothing."""


Look: TypeAlias = Since | OnlyOpen
"""What of an earlier run an audit looks at again."""
Chosen: TypeAlias = Run | str | Callable[[Run, Manifest], Run | None] | None
"""The run from which a history is carried forward: that one, NONE, what chooses it, or the newest that can be it."""


@dataclass(frozen=True, slots=True)
class Part:
    """What came of collecting a part of a run: how many accounts it lacked, and what the whole run still does."""

    collected: int = 0
    missing: tuple[Account, ...] = ()


@dataclass(frozen=True, slots=True)
class Auditor:
    """How a run is made: with which settings, as whom, in which workers, and what follows it."""

    settings: Settings
    profile: str | None = None
    executor: Executor | None = None
    progress: Progress = field(default_factory=Silence)
    baseline: Chosen = None
    look: Look | None = None

    async def audit(self, run_id: str) -> Run:
        """Discover, plan, collect and evaluate into a new run's directory, and return it.

        Raises ConfigError for a run id that is taken, AccessError, and ReportError before anything is called where
        output cannot be written.
        """
        run, rules = self._new_run(run_id), self._rules()
        async with self.access(rules) as access:
            manifest = await self._plan(access, run, rules)
            self._begin(run, manifest)
            await collect(access, run, self._collecting(manifest, rules))
        self._evaluate(run, rules)
        return run

    async def plan(self, run_id: str) -> Run:
        """Discover and plan into a new run's directory, with the accounts' tags, and return it; raises as `audit`."""
        run, rules = self._new_run(run_id), self._rules()
        async with self.access(rules) as access:
            manifest = await self._plan(access, run, rules)
            self._begin(run, await with_tags(access, manifest, self.settings))
        return run

    def _new_run(self, run_id: str) -> Run:
        run = Run(self.settings.run.out / run_id)
        if run.manifest_path.exists():
            remedy = f"name another --run-id, or go on with it by --resume {run_id}"
            raise ConfigError(f"run {run_id} exists; {remedy}", key="--run-id")
        check_writable(self.settings.run.out)
        if self.look is not None:
            self.look.check(run)
        return run

    def _rules(self) -> Rules:
        return self.look.rules() if isinstance(self.look, OnlyOpen) else rules_of(self.settings)

    def _begin(self, run: Run, manifest: Manifest) -> None:
        baseline_of(run, manifest, self.baseline)  # one that cannot be read is refused before anything is collected
        run.create(self.settings.run.directory_mode)
        run.write_manifest(manifest)

    async def collect(self, run: Run, accounts: Sequence[Account], share: int, again: str) -> Part:
        """Collect a part of a planned run, beside others: these accounts, then those whose resources they show.

        `share` is how many processes in all the rates of the whole organization are divided among, and `again` the
        command that goes on with this part. Raises ConfigError for a run that judges the facts of another,
        AccessError, CutShortError and ReportError.
        """
        manifest = self._planned(run, "RUN")
        if manifest.collected_at is not None:
            return Part()
        left = missing(run, manifest, accounts)
        if left:
            rules = rules_again(manifest)
            how = self._collecting(manifest, rules, again)
            async with access_for(how.settings, rules.facts, self.profile, share) as access:
                await how.collect(access, run, manifest, accounts)
        return Part(len(left), tuple(missing(run, manifest)))

    async def resume(self, run: Run) -> None:
        """Collect the accounts of a stopped run that have no shard yet, by the run's own plan, and evaluate it.

        A run that was evaluated stays as it is: only its reports are still to be written. Raises what `audit` raises,
        and ConfigError where the shards are not what was sealed.
        """
        rules_of(self.settings)  # the run's own choice counts, and a misspelt name is refused all the same
        manifest = self._planned(run, "--resume")
        if manifest.collected_at is not None:
            seal.standing(run, seal.FACTS)
        rules = rules_again(manifest)
        check_owners(self.settings, (*manifest.accounts, *manifest.out_of_scope))
        if manifest.evaluated_at is not None:
            return
        async with self.access(rules) as access:
            await collect(access, run, self._collecting(manifest, rules))
        self._evaluate(run, rules)

    def _evaluate(self, run: Run, rules: Rules) -> None:
        executor = beside(self.executor, run.path)
        reevaluate(run, rules, self.settings, self.progress, Carrying(self.baseline), executor=executor)

    def access(self, rules: Rules) -> Access:
        """Return the way into the accounts, for what the rules need and nothing else.

        Raises ConfigError where the file of owners has a wrong form, so that it is known before the first call.
        """
        owners_of(self.settings)
        return access_for(self.settings, rules.facts, self.profile)

    async def _plan(self, access: Access, run: Run, rules: Rules) -> Manifest:
        settings = self.settings
        if self.look is not None:
            scope = earlier.scope_of(self.look.earlier.read_manifest(), settings.scope)
            settings = settings.model_copy(update={"scope": scope})
        found = await discover_organization(access, settings)
        if self.look is not None:
            scope = earlier.present(settings.scope, {account.id for account in found.accounts})
            settings = settings.model_copy(update={"scope": scope})
        inside, outside = await select(access, found, settings.scope)
        manifest = Manifest(
            run_id=run.id,
            tool_version=__version__,
            started_at=datetime.now(UTC),
            caller=access.caller,
            organization=found.organization,
            discovery_gaps=found.gaps,
            accounts=tuple(inside),
            out_of_scope=tuple(outside),
            known_regions=await known_regions(access, settings.scope),
            controls=rules.records,
            frameworks=rules.frameworks,
            headline_framework=rules.headline,
            thresholds=rules.thresholds.model_dump(mode="json"),
            narrowed_by=baselines.narrowed_by(settings.scope),
            settings=settings.of_run(),
            inputs=settings.hashes(),
        )
        return self._looking(run, manifest, rules)

    def _looking(self, run: Run, manifest: Manifest, rules: Rules) -> Manifest:
        """Return a plan with what of an earlier run is looked at again; raises ConfigError."""
        match self.look:
            case Since() as since:
                last = baselines.newest_before(run, manifest)
                began = since.earlier.read_manifest().started_at
                newest = last is None or last.read_manifest().started_at <= began
                return since.planned(manifest, rules.facts, rules.accepts, newest=newest)
            case OnlyOpen() as only_open:
                return only_open.planned(manifest, rules)
            case None:
                return manifest

    def _planned(self, run: Run, key: str) -> Manifest:
        """Return the plan of a run that is an audit; raises ConfigError for one that judges the facts of another."""
        manifest = run.read_manifest()
        if manifest.parent is not None:
            remedy = f"`orgaudit evaluate {manifest.parent.run_id}` judges them again"
            raise ConfigError(f"run {run.id} is not an audit, it has the facts of another run; {remedy}", key=key)
        return manifest

    def _collecting(self, manifest: Manifest, rules: Rules, again: str = "") -> Collecting:
        """Return how a run is collected: by the scope of its plan, and of some accounts only a part."""
        scope = self.settings.scope.model_validate(manifest.settings["scope"])
        extents = only_opens.extents(manifest.only_open, rules) if manifest.only_open else ()
        return Collecting(
            self.settings.model_copy(update={"scope": scope}),
            rules.facts,
            self.profile,
            self.executor,
            {account: AccountPart(facts, regions) for account, facts, regions in extents},
            begin=lambda total, traffic: self.progress.stage("collect", total, traffic),
            began=self.progress.account_began,
            done=self.progress.account_done,
            continue_with=again or f"`orgaudit audit --resume {manifest.run_id}`",
        )


def seal_collected(run: Run, settings: Settings) -> None:
    """Seal the facts of a run that was collected in parts; raises ConfigError where accounts are still missing."""
    manifest = run.read_manifest()
    if manifest.collected_at is None:
        check_complete(run, manifest, settings)
        seal_facts(run, manifest, rules_again(manifest).facts)


def is_by_its_plan(manifest: Manifest, settings: Settings) -> bool:
    """Return whether a run is to be judged by the rules that it was begun with, for which its facts were collected.

    That is so for an audit that was never evaluated, unless options of the command choose other rules.
    """
    chosen = any(map(settings.scope.is_chosen, ("frameworks", "controls", "nist_baseline")))
    return manifest.evaluated_at is None and manifest.parent is None and bool(manifest.controls) and not chosen


@dataclass(frozen=True, slots=True)
class Carrying:
    """How a run's history is carried forward: the baseline, and whether the run may be one.

    `narrowed_by` are the options that leave something out of this evaluation, None for those of the audit.
    """

    baseline: Chosen = None
    narrowed_by: tuple[str, ...] | None = None


def reevaluate(
    run: Run,
    rules: Rules,
    settings: Settings,
    progress: Progress,
    carrying: Carrying,
    *,
    executor: Executor | None = None,
) -> list[Problem]:
    """Judge the facts of a collected run by these rules, carry its history forward, and settle who owns what.

    The processes of an executor share the accounts.
    Returns the rows of the file of owners that are for none of the run's accounts: an older run may lack some that
    the organization has by now. Raises ConfigError, also for a run that was evaluated before, and ReportError.
    """
    collected = run.read_collected()
    if collected.evaluated_at is not None:
        remedy = f"`orgaudit evaluate {run.id}` judges its facts again in a run of its own"
        raise ConfigError(f"run {run.id} is evaluated and stays as it is; {remedy}")
    if collected.only_open is not None:
        rules = only_opens.rules_in(collected.only_open, rules)
    ownership, unused = ownership_of(settings, (*collected.accounts, *collected.out_of_scope))

    def follow(manifest: Manifest) -> tuple[Manifest, list[Path]]:
        base = baseline_of(run, manifest, carrying.baseline)
        path = history.carry(run, manifest, base, ALIASES)
        owned = msgspec.structs.replace(manifest, ownership=ownership)
        return history.described(owned, base, settings.remediation.days.model_dump(), carrying.narrowed_by), [path]

    progress.stage("evaluate", len(collected.accounts))
    evaluate(run, rules, lambda account: progress.account_done(account, None, None), follow, executor)
    return unused


def baseline_of(run: Run, manifest: Manifest, chosen: Chosen) -> Run | None:
    """Return the run with which another is compared, or None; raises ConfigError for one that cannot be it."""
    if isinstance(chosen, str):
        return None
    found = chosen if isinstance(chosen, Run) else (chosen or baselines.usual)(run, manifest)
    if found is not None:
        baselines.check_baseline(run, manifest, found)
        history.check_readable(found)
    return found


def _unsaid(_: str) -> None:
    """Say nothing."""


@contextmanager
def reported(
    run: Run,
    settings: Settings,
    register_file: Path | None,
    as_of: date | None,
    *,
    unverified: bool = False,
    json_version: int = JSON_VERSION,
    audited: bool = False,
    compared: Run | str | None = None,
    say: Callable[[str], None] = _unsaid,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> Iterator[tuple[View, list[Path]]]:
    """Apply the register to an evaluated run, write its reports, and yield what they show and the files.

    Without a date and a register file, a run that has results shows these again. With a date, `compared` is the run
    with which the results are compared, or NONE; else it is the usual one. `audited` is whether an audit ends with
    these reports: `latest` then points at the run, unless it is a part, for another date, or older than the one at
    which `latest` points. `say` is called with a sentence for each thing that a reader has to know of the register
    which was used. The processes of an executor share the findings. `progress` is given the stage of the register and
    each format. Raises ConfigError, where the run is not what was sealed too unless `unverified`, and ReportError.
    """
    chosen(settings.run.formats)  # an unknown one is refused before anything is sealed, as is a wrong logo
    read_logo(settings.presentation.logo)
    begin = (progress or Silence()).stage
    decided = seal.is_matched(run.read_evaluated())
    standing = seal.standing(run, (*seal.JUDGED, *(seal.RESULTS if decided else ())), unverified=unverified)
    at = run
    if not decided or register_file or as_of or standing is Standing.UNVERIFIED:
        begin("register", 0)
        names = _names(settings)
        register = with_resolved_names(register_of(settings, register_file), names)
        on = as_of or today(datetime.now(UTC), register.time_zone)
        at = _marked(run, register, names, on, compared=compared, standing=standing, executor=executor)
        say(f"{register.path} as it is now, {_why_now(decided, register_file, as_of)}")
    else:
        say("the result stored in the run; no register was read")
        if changed := _differs(run, settings.register_path):
            say(changed)
    with report_stage.written(
        at,
        settings.run.formats,
        standing=standing,
        settings=settings.presentation,
        json_version=json_version,
        begin=lambda name: begin(f"report {name}", 0),
    ) as shown:
        if audited and as_of is None and standing is not Standing.UNVERIFIED and baselines.is_newest(run):
            point_latest(run)
        yield shown


def _names(settings: Settings) -> control_names.ControlNames:
    """Return the names by which the register may know controls."""
    frameworks = framework_files.load(settings.directory, aliases=ALIASES)
    return control_names.ControlNames(catalogue(), ALIASES, frameworks.values())


def _marked(
    run: Run,
    register: Register,
    names: control_names.ControlNames,
    on: date,
    *,
    compared: Run | str | None,
    standing: Standing,
    executor: Executor | None,
) -> Run:
    """Apply a register to an evaluated run, and return the run with the place of the results."""
    ownership = Ownership(run.read_manifest().ownership)
    return register_stage.apply(
        run,
        register,
        on,
        controls=catalogue(),
        aliases=ALIASES,
        requirements=names.by_control(),
        before=[partial(with_owners, ownership=ownership), history.dated(run)],
        after=lambda at: conclude(at, ALIASES, compared),
        same=lambda at: compared is None or is_compared(at, compared),
        standing=standing,
        executor=beside(executor, run.path),
    )


def _why_now(decided: bool, register_file: Path | None, as_of: date | None) -> str:
    """Return why a register was applied now."""
    if register_file:
        return "as --register names it"
    if not decided:
        return "the register of the settings: no result was stored in the run"
    return f"the register of the settings{', because of --as-of' if as_of else ', because the run does not verify'}"


def _differs(run: Run, current: Path) -> str:
    """Return how to use the present register where it is not the one of the run's stored result, else nothing."""
    stored, now = read_result(run).source.sha256, seal.digest(current) if current.is_file() else None
    if stored == now:
        return ""
    if now is None:
        return f"{current} does not exist any more; the stored result stands"
    use = f"`orgaudit report {run.id} --register {current}` uses it"
    return f"{current} differs from the register of that result (SHA-256 {now[:12]} now); {use}"
