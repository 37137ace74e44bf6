"""The audit, top to bottom: discover, plan, collect, evaluate, report. The only module that knows every stage."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Protocol

import msgspec

from orgaudit import __version__
from orgaudit.analysis.organization import Organization
from orgaudit.aws.access import Access
from orgaudit.aws.clients import GLOBAL_REGIONS
from orgaudit.aws.transport import Traffic
from orgaudit.collect.account import actions_for
from orgaudit.collect.batch import Batch, collect_accounts, read_record
from orgaudit.collect.workers import distribute
from orgaudit.controls.declare import Control, catalogue
from orgaudit.errors import ConfigError, ReportError
from orgaudit.evaluate import Rules, Shards, evaluate_account, regions_of
from orgaudit.facts.declare import FactType
from orgaudit.model import Account, AccountRecord, Gap
from orgaudit.organization import discovery
from orgaudit.organization.discovery import Discovered, discover, read_tags
from orgaudit.organization.scope import check_regions, matches_any, select_accounts, selects_region
from orgaudit.settings import frameworks
from orgaudit.settings.frameworks import Framework
from orgaudit.settings.limits import load_limits
from orgaudit.settings.sections import ScopeSettings
from orgaudit.settings.settings import Settings
from orgaudit.settings.thresholds import Thresholds
from orgaudit.store import seal
from orgaudit.store.lease import mark
from orgaudit.store.manifest import ControlRecord, Manifest
from orgaudit.store.run import Run


class Progress(Protocol):
    """Is told how a run goes; the command line shows it."""

    def stage(self, name: str, total: int) -> None:
        """Begin a stage of so many accounts."""

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> None:
        """Count one account of the stage; `traffic` is all that this process sent so far."""


class Silence:
    """A progress that nobody watches."""

    def stage(self, name: str, total: int) -> None:
        """Do nothing."""

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a run judges by: the controls, the frameworks that name them, and the numbers to compare with."""

    controls: tuple[Control, ...]
    frameworks: tuple[Framework, ...]

    @property
    def facts(self) -> tuple[FactType, ...]:
        """Return the fact types that the controls need."""
        return tuple(dict.fromkeys(kind for control in self.controls for kind in control.facts))


def choose(settings: Settings) -> Chosen:
    """Return the controls and frameworks that the settings ask for; raises ConfigError for an unknown id.

    Without a choice of controls, they are those of the chosen frameworks; without a choice of either, all controls.
    """
    known = catalogue()
    loaded = frameworks.load(settings.directory, known)
    scope = settings.scope
    scope.check_rules(loaded, known)
    selected = tuple(frameworks.select(loaded, scope.frameworks).values())
    ids = scope.controls or (frameworks.controls_of(selected) if scope.frameworks else known)
    if not ids:
        message = f"no requirement of {', '.join(scope.frameworks)} has a control, so nothing would be evaluated"
        raise ConfigError(f"{message}; name another framework or a control", key="scope.frameworks")
    return Chosen(tuple(known[name] for name in sorted(set(ids))), selected)


@dataclass(frozen=True, slots=True)
class Auditor:
    """How a run is made: with which settings, as whom, in which workers, and who watches."""

    settings: Settings
    profile: str | None = None
    executor: Executor | None = None
    progress: Progress = field(default_factory=Silence)

    async def audit(self, run_id: str) -> Run:
        """Discover, collect and evaluate into a new run's directory, and return it.

        Raises ConfigError for a run id that is taken, AccessError, and ReportError before anything is called where
        output cannot be written.
        """
        run, chosen = Run(self.settings.run.out / run_id), choose(self.settings)
        if run.manifest_path.exists():
            mend = f"name another --run-id, or go on with it by --resume {run_id}"
            raise ConfigError(f"run {run_id} exists; {mend}", key="--run-id")
        check_writable(self.settings.run.out)
        async with self.access(chosen) as access:
            found = await self.discover(access)
            run.create(self.settings.run.directory_mode)
            run.write_manifest(await self._manifest(run_id, chosen, access, found))
            await self.collect(access, run, chosen)
        evaluate(run, chosen, self.settings.thresholds, self.progress, self.settings.scope.accept_blocked_regions)
        return run

    async def resume(self, run: Run) -> None:
        """Go on with a run that was stopped: collect the accounts that have no shard yet, by the run's own plan."""
        choose(self.settings)  # the run's own choice counts, and a misspelt name is refused all the same
        manifest = run.read_manifest()
        if manifest.collected_at is not None:
            seal.standing(run, seal.FACTS)
        chosen = _chosen_again(manifest)
        scope = self.settings.scope.model_validate(manifest.settings["scope"])
        again = replace(self, settings=self.settings.model_copy(update={"scope": scope}))
        async with again.access(chosen) as access:
            await again.collect(access, run, chosen)
        thresholds = Thresholds.model_validate(manifest.thresholds)
        evaluate(run, chosen, thresholds, self.progress, scope.accept_blocked_regions)

    def access(self, chosen: Chosen) -> Access:
        """Return the way into the accounts, for what the chosen controls need and nothing else."""
        limits = load_limits(self.settings.limits_path)
        return Access(
            self.settings.access,
            self.settings.run,
            limits,
            actions=actions_for(chosen.facts),
            organization=discovery.ACTIONS,
            profile=self.profile,
        )

    async def discover(self, access: Access) -> Discovered:
        """Return the organization, with the accounts' tags where the scope asks for them."""
        settings = self.settings
        found = await discover(access, settings.organization)
        if found.organization is None or not (settings.scope.tags or settings.scope.exclude_tags):
            return found
        accounts, gaps = await read_tags(access, settings.organization, found.accounts)
        return replace(found, accounts=tuple(accounts), gaps=(*found.gaps, *gaps))

    async def select(self, access: Access, found: Discovered) -> tuple[list[Account], list[Account]]:
        """Return the accounts in scope and those out of it, before anything is collected.

        Raises ConfigError where a name or glob of the scope matches nothing, and AccessError.
        """
        inside, outside = select_accounts(found.accounts, self.settings.scope)
        await check_regions(access, inside, self.settings.scope)
        return inside, outside

    async def _tags(self, access: Access, manifest: Manifest) -> tuple[tuple[Account, ...], list[Gap]]:
        """Return the accounts in scope with their tags, which exceptions may ask for."""
        untagged = [account for account in manifest.accounts if account.tags is None]
        if manifest.organization is None or not self.settings.organization.read_tags:
            return manifest.accounts, []
        accounts, gaps = await read_tags(access, self.settings.organization, untagged)
        tagged = {account.id: account for account in accounts}
        return tuple(tagged.get(account.id, account) for account in manifest.accounts), gaps

    async def known_regions(self, access: Access) -> tuple[str, ...]:
        """Return the regions in scope that stand for the run's where no account told its own."""
        known = await access.clients.default_regions(access.caller.partition)
        return tuple(region for region in known if selects_region(region, self.settings.scope))

    async def _manifest(self, run_id: str, chosen: Chosen, access: Access, found: Discovered) -> Manifest:
        settings = self.settings
        inside, outside = await self.select(access, found)
        return Manifest(
            run_id=run_id,
            tool_version=__version__,
            started_at=datetime.now(UTC),
            caller=access.caller,
            organization=found.organization,
            discovery_gaps=found.gaps,
            accounts=tuple(inside),
            out_of_scope=tuple(outside),
            known_regions=await self.known_regions(access),
            controls=tuple(_control_record(control) for control in chosen.controls),
            frameworks=chosen.frameworks,
            thresholds=settings.thresholds.model_dump(mode="json"),
            settings=settings.dump(),
            inputs=_hashes([*settings.sources, settings.limits_path, *frameworks.files(settings.directory)]),
        )

    async def collect(self, access: Access, run: Run, chosen: Chosen) -> None:
        """Collect the accounts in scope that have no shard, then those whose resources they share."""
        manifest = run.read_manifest()
        everybody = {account.id: account for account in (*manifest.accounts, *manifest.out_of_scope)}
        whole = Batch(
            settings=self.settings,
            limits=access.limits,
            profile=self.profile,
            run=run.path,
            accounts=(),
            organization=frozenset(everybody),
            facts=chosen.facts,
        )

        async def collect(accounts: Iterable[Account]) -> None:
            missing = tuple(account for account in accounts if not run.shard_path(account.id).exists())
            if not missing:
                return
            self.progress.stage("collect", len(missing))
            batch = replace(whole, accounts=missing)
            if self.executor is None:
                await collect_accounts(access, batch, self.progress.account_done)
            else:
                await distribute(self.executor, batch, self.progress.account_done)

        tags = asyncio.create_task(self._tags(access, manifest))
        try:
            await collect(manifest.accounts)
            accounts, gaps = await tags
        finally:
            tags.cancel()
        supporting = _owners(run, manifest.accounts, everybody)
        await collect([everybody[account_id] for account_id in supporting])
        ended = msgspec.structs.replace(
            manifest,
            accounts=accounts,
            discovery_gaps=tuple(dict.fromkeys((*manifest.discovery_gaps, *gaps))),
            supporting=supporting,
            records=tuple(read_record(run, account.id) for account in manifest.accounts),
            collected_at=datetime.now(UTC),
            evaluated_at=None,
        )
        seal.seal(run, ended, seal.shards(run, "facts"))


def _chosen_again(manifest: Manifest) -> Chosen:
    """Return what a run was begun with; raises ConfigError where a control of it is gone."""
    known = catalogue()
    if gone := [record.id for record in manifest.controls if record.id not in known]:
        raise ConfigError(f"the run asks for control {gone[0]!r}, which this version does not have; audit anew")
    return Chosen(tuple(known[record.id] for record in manifest.controls), manifest.frameworks)


def check_writable(out: Path) -> None:
    """Raise ReportError before anything is called when output could not be written."""
    probe = out / f".writable-{mark()}"
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        raise ReportError(f"cannot write to {out}: {error.strerror}; name another directory with --out") from error


def _control_record(control: Control) -> ControlRecord:
    return ControlRecord(
        id=control.id,
        service=control.service,
        severity=control.severity,
        scope=control.scope,
        title=control.title,
        rationale=control.rationale,
        actions=control.actions,
    )


def _hashes(files: Iterable[Path]) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.is_file()}


def _owners(run: Run, collected: Sequence[Account], everybody: Mapping[str, Account]) -> tuple[str, ...]:
    """Return the accounts whose resources show in the collected ones without being collected themselves, sorted."""
    shards = Shards(run)
    ids = {account.id for account in collected}
    facts = (shards.load(account.id) for account in collected)
    shown = {resource.account_id for each in facts if each is not None for resource in each.all_resources()}
    return tuple(sorted((shown & set(everybody)) - ids))


def check_accepted(run: Run, scope: ScopeSettings) -> None:
    """Raise ConfigError where the scope accepts a blocked region that no account of the run lists."""
    manifest = run.read_manifest()
    listed = {name for record in manifest.records for name in (*record.enabled, *record.disabled)}
    if known := listed | set(manifest.known_regions):
        message = "no account of the run lists a region {!r}"
        scope.check("accept_blocked_regions", known, message, matches=fnmatchcase)


def evaluate(
    run: Run, chosen: Chosen, thresholds: Thresholds, progress: Progress, accept_blocked_regions: Sequence[str] = ()
) -> None:
    """Judge the facts of a run, replacing what was judged before, and note in the manifest by which rules.

    Of the regions that a service control policy denies whole, those that match `accept_blocked_regions` are accepted as
    not audited.
    Raises ConfigError where the run has not been collected to the end, and ReportError.
    """
    manifest = run.read_manifest()
    if manifest.collected_at is None:
        raise ConfigError(f"collection did not end; go on with `orgaudit audit --resume {run.id}`", file=str(run.path))
    seal.standing(run, seal.FACTS)
    shards = Shards(run, partial(matches_any, patterns=accept_blocked_regions))
    organization = Organization(
        (*manifest.accounts, *manifest.out_of_scope),
        id=manifest.organization.id if manifest.organization else None,
        management_account_id=manifest.organization.management_account_id if manifest.organization else None,
        load=shards.load,
        delegated=manifest.organization.delegated if manifest.organization else {},
    )
    requirements = {
        control.id: frameworks.requirements_of(chosen.frameworks, control.id) for control in chosen.controls
    }
    partition = manifest.caller.partition
    home = GLOBAL_REGIONS.get(partition, manifest.known_regions[0] if manifest.known_regions else partition)
    rules = Rules(chosen.controls, thresholds, requirements, partition, home)
    regions = regions_of(manifest.records) or manifest.known_regions
    progress.stage("evaluate", len(manifest.accounts))
    for account in manifest.accounts:
        facts = shards.load(account.id)
        if facts is None:
            raise ConfigError(f"the facts of account {account.id} are gone", file=str(run.shard_path(account.id)))
        evaluate_account(run, facts, regions, rules, organization)
        progress.account_done(account, None, None)
    judged = {
        "controls": tuple(_control_record(control) for control in chosen.controls),
        "frameworks": chosen.frameworks,
        "thresholds": thresholds.model_dump(mode="json"),
        "accept_blocked_regions": tuple(accept_blocked_regions),
        "evaluated_at": datetime.now(UTC),
    }
    _seal_judged(run, msgspec.structs.replace(manifest, **judged))


def _seal_judged(run: Run, manifest: Manifest) -> None:
    """Seal what was judged; what was made of earlier findings is gone, but for the reports."""
    ids = [account.id for account in manifest.accounts]
    files = [path(account_id) for account_id in ids for path in (run.findings_path, run.cells_path)]
    facts = [] if manifest.seal else seal.shards(run, "facts")
    seal.seal(run, manifest, [*facts, *files], keep=seal.FACTS)
    for name in seal.MATCHED:
        (run.path / name).unlink(missing_ok=True)
