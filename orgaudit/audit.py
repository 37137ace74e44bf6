"""The audit, top to bottom: discover, plan, collect, evaluate, apply the register, report."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol, TypeAlias

import msgspec

from orgaudit import __version__
from orgaudit.aws.access import Access
from orgaudit.aws.transport import Traffic
from orgaudit.collect.again import Since, collect_shown
from orgaudit.collect.batch import Part
from orgaudit.collect.stage import access_for, collect
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
from orgaudit.register.file.load import register_of, with_resolved_names
from orgaudit.register.state import today
from orgaudit.report import stage as report_stage
from orgaudit.report.formats import JSON_VERSION, chosen
from orgaudit.report.view import View
from orgaudit.settings import control_names, framework_files
from orgaudit.settings.documents import Problem
from orgaudit.settings.ownership import owners_of
from orgaudit.settings.picture import read_logo
from orgaudit.settings.settings import Settings
from orgaudit.store import earlier as store
from orgaudit.store import seal
from orgaudit.store.manifest import Manifest
from orgaudit.store.output import check_writable, point_latest
from orgaudit.store.register_result import read_result
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing


class Progress(Protocol):
    """What follows a run; the command line shows it."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of so many accounts."""

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> None:
        """Count one account of the stage; `traffic` is all that this process sent so far."""


class Silence:
    """A progress that shows nothing."""

    def stage(self, name: str, total: int) -> None:
        """Do nothing."""

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> None:
        """Do nothing."""


Look: TypeAlias = Since | OnlyOpen
"""What of an earlier run an audit looks at again."""
Chosen: TypeAlias = Run | str | Callable[[Run, Manifest], Run | None] | None
"""The run from which a history is carried forward: that one, NONE, what chooses it, or the newest that can be it."""


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
        run = Run(self.settings.run.out / run_id)
        rules = self.look.rules() if isinstance(self.look, OnlyOpen) else rules_of(self.settings)
        if run.manifest_path.exists():
            remedy = f"name another --run-id, or go on with it by --resume {run_id}"
            raise ConfigError(f"run {run_id} exists; {remedy}", key="--run-id")
        check_writable(self.settings.run.out)
        if self.look is not None:
            self.look.check(run)
        async with self.access(rules) as access:
            manifest = await self._plan(access, run, rules)
            baseline_of(run, manifest, self.baseline)  # one that cannot be read is refused before anything is collected
            run.create(self.settings.run.directory_mode)
            run.write_manifest(manifest)
            await self._collect(access, run, rules)
        reevaluate(run, rules, self.settings, self.progress, Carrying(self.baseline))
        return run

    async def resume(self, run: Run) -> None:
        """Collect the accounts of a stopped run that have no shard yet, by the run's own plan, and evaluate it.

        A run that was evaluated stays as it is: only its reports are still to be written. Raises what `audit` raises,
        and ConfigError where the shards are not what was sealed.
        """
        rules_of(self.settings)  # the run's own choice counts, and a misspelt name is refused all the same
        manifest = run.read_manifest()
        if manifest.parent is not None:
            remedy = f"`orgaudit evaluate {manifest.parent.run_id}` judges them again"
            raise ConfigError(
                f"run {run.id} is not an audit, it has the facts of another run; {remedy}", key="--resume"
            )
        if manifest.collected_at is not None:
            seal.standing(run, seal.FACTS)
        rules = rules_again(manifest)
        check_owners(self.settings, (*manifest.accounts, *manifest.out_of_scope))
        if manifest.evaluated_at is not None:
            return
        async with self.access(rules) as access:
            await self._collect(access, run, rules)
        reevaluate(run, rules, self.settings, self.progress, Carrying(self.baseline))

    def access(self, rules: Rules) -> Access:
        """Return the way into the accounts, for what the rules need and nothing else.

        Raises ConfigError where the file of owners has a wrong form, so that it is known before the first call.
        """
        owners_of(self.settings)
        return access_for(self.settings, rules.facts, self.profile)

    async def _plan(self, access: Access, run: Run, rules: Rules) -> Manifest:
        settings = self.settings
        if self.look is not None:
            scope = store.scope_of(self.look.earlier.read_manifest(), settings.scope)
            settings = settings.model_copy(update={"scope": scope})
        found = await discover_organization(access, settings)
        if self.look is not None:
            scope = store.present(settings.scope, {account.id for account in found.accounts})
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
            settings=settings.dump(),
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

    async def _collect(self, access: Access, run: Run, rules: Rules) -> None:
        """Collect what the plan needs, and again what that shows of accounts whose facts were taken over."""
        manifest = run.read_manifest()
        scope = self.settings.scope.model_validate(manifest.settings["scope"])
        only_open = manifest.only_open
        extents = only_opens.extents(only_open, rules) if only_open else ()
        inside = {account.id for account in manifest.accounts}
        store.place(run, manifest)
        while True:
            await collect(
                access,
                run,
                self.settings.model_copy(update={"scope": scope}),
                rules.facts,
                profile=self.profile,
                executor=self.executor,
                parts={account: Part(facts, regions) for account, facts, regions in extents},
                also=set(only_open.owners) - inside if only_open else (),
                begin=lambda total: self.progress.stage("collect", total),
                done=self.progress.account_done,
            )
            if not collect_shown(run):
                return


@dataclass(frozen=True, slots=True)
class Carrying:
    """How a run's history is carried forward: the baseline, and whether the run may be one.

    `narrowed_by` are the options that leave something out of this evaluation, None for those of the audit.
    """

    baseline: Chosen = None
    narrowed_by: tuple[str, ...] | None = None


def reevaluate(run: Run, rules: Rules, settings: Settings, progress: Progress, carrying: Carrying) -> list[Problem]:
    """Judge the facts of a collected run by these rules, carry its history forward, and settle who owns what.

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
    evaluate(run, rules, lambda account: progress.account_done(account, None, None), follow)
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
) -> Iterator[tuple[View, list[Path]]]:
    """Apply the register to an evaluated run, write its reports, and yield what they show and the files.

    Without a date and a register file, a run that has results shows these again. With a date, `compared` is the run
    with which the results are compared, or NONE; else it is the usual one. `audited` is whether an audit ends with
    these reports: `latest` then points at the run, unless it is a part, for another date, or older than the one at
    which `latest` points. `say` is called with a sentence for each thing that a reader has to know of the register
    which was used. Raises ConfigError, where the run is not what was sealed too unless `unverified`, and ReportError.
    """
    chosen(settings.run.formats)  # an unknown one is refused before anything is sealed, as is a wrong logo
    read_logo(settings.presentation.logo)
    decided = seal.is_matched(run.read_evaluated())
    standing = seal.standing(run, (*seal.JUDGED, *(seal.RESULTS if decided else ())), unverified=unverified)
    at, ownership = run, Ownership(run.read_manifest().ownership)
    if not decided or register_file or as_of or standing is Standing.UNVERIFIED:
        names = control_names.ControlNames(
            catalogue(), ALIASES, framework_files.load(settings.directory, aliases=ALIASES).values()
        )
        register = with_resolved_names(register_of(settings, register_file), names)
        on = as_of or today(datetime.now(UTC), register.time_zone)
        at = register_stage.apply(
            run,
            register,
            on,
            controls=catalogue(),
            aliases=ALIASES,
            requirements=names.by_control(),
            before=[lambda findings: with_owners(findings, ownership), history.dated(run)],
            after=lambda at: conclude(at, ALIASES, compared),
            same=lambda at: compared is None or is_compared(at, compared),
            standing=standing,
        )
        say(f"{register.path} as it is now, {_why_now(decided, register_file, as_of)}")
    else:
        say("the result stored in the run; no register was read")
        if changed := _differs(run, settings.register_path):
            say(changed)
    with report_stage.written(
        at, settings.run.formats, standing=standing, settings=settings.presentation, json_version=json_version
    ) as shown:
        if audited and as_of is None and standing is not Standing.UNVERIFIED and baselines.is_newest(run):
            point_latest(run)
        yield shown


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
