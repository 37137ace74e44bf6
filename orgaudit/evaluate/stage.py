"""The stage after collection: judges every account of a run, and notes in the manifest by which rules."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import TypeAlias

import msgspec

from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.aliases import resolve
from orgaudit.errors import ConfigError
from orgaudit.evaluate.account import RunContext, evaluate_account, findings_of, regions_of
from orgaudit.evaluate.holders import holders
from orgaudit.evaluate.rules import Rules
from orgaudit.evaluate.shards import Shards
from orgaudit.model import GLOBAL_REGIONS, Account, Finding
from orgaudit.settings.sections import ScopeSettings
from orgaudit.store import seal
from orgaudit.store.manifest import Manifest
from orgaudit.store.parts import in_parts
from orgaudit.store.run import Run
from orgaudit.store.tables import scratch_of

log = logging.getLogger(__name__)

Follow: TypeAlias = Callable[[Manifest], tuple[Manifest, list[Path]]]
"""What is made of a run's findings before they are sealed: the manifest and the files that belong to them."""


@dataclass(frozen=True, slots=True)
class _Judging:
    """Judges accounts of a run, in whichever process; it can be pickled. Shared accounts are read once for all parts.

    `context` asks `shards` for the facts of other accounts.
    """

    run: Run
    shards: Shards
    context: RunContext

    def __call__(self, accounts: tuple[Account, ...]) -> None:
        """Write the findings and the cells of some accounts; raises ConfigError where facts are missing."""
        for account in accounts:
            facts = self.shards.load(account.id)
            if facts is None:
                resume = f"collect them by `orgaudit audit --resume {self.run.id}`"
                raise ConfigError(
                    f"the facts of account {account.id} are missing; {resume}",
                    file=str(self.run.shard_path(account.id)),
                )
            evaluate_account(self.run, facts, self.context)


def evaluate(
    run: Run,
    rules: Rules,
    done: Callable[[Account], None] = lambda _account: None,
    follow: Follow = lambda manifest: (manifest, []),
    executor: Executor | None = None,
) -> None:
    """Judge the facts of a run, replacing what was judged before; `done` is called after each account.

    `follow` makes what is sealed with the findings. With an executor, its processes share the accounts, and have the
    run's directory under the same path; what is written is the same.

    Raises ConfigError where the run has not been collected to the end or its facts changed, and ReportError.
    """
    manifest = run.read_collected()
    seal.standing(run, seal.FACTS)
    for account in _judged(run, manifest, rules, executor):
        done(account)
    by = {
        "controls": rules.records,
        "frameworks": rules.frameworks,
        "headline_framework": rules.headline,
        "thresholds": rules.thresholds.model_dump(mode="json"),
        "accept_blocked_regions": rules.accept_blocked_regions,
        "evaluated_at": datetime.now(UTC),
    }
    _seal(run, *follow(msgspec.structs.replace(manifest, **by)))


def _judged(run: Run, manifest: Manifest, rules: Rules, executor: Executor | None) -> Iterator[Account]:
    """Judge each account of a run, and yield it."""
    shards = Shards(run, rules.accepts)
    judging = _Judging(run, shards, context_of(run, manifest, rules, shards))
    with scratch_of(run) as scratch:
        for accounts, _ in in_parts(executor, judging, manifest, scratch):
            yield from accounts


def judged_by(run: Run, rules: Rules) -> Iterator[tuple[str, Iterator[Finding] | None]]:
    """Yield each account of a collected run with what these rules find in its facts; nothing is written.

    The findings are None where the facts cannot be read. Raises ConfigError where the facts are not what was sealed.
    """
    manifest = run.read_collected()
    seal.standing(run, seal.FACTS)
    shards = Shards(run, rules.accepts)
    context = context_of(run, manifest, rules, shards)
    for account in manifest.accounts:
        try:
            facts = shards.load(account.id)
        except ConfigError as error:
            log.warning("account %s is not judged again: %s", account.id, error)
            facts = None
        yield account.id, findings_of(facts, context, []) if facts is not None else None


def check_accepted(run: Run, scope: ScopeSettings) -> None:
    """Raise ConfigError where the scope accepts a blocked region that no account of the run lists."""
    manifest = run.read_manifest()
    listed = {name for record in manifest.records for name in (*record.enabled, *record.disabled)}
    if known := listed | set(manifest.known_regions):
        message = "no account of the run lists a region {!r}"
        scope.check("accept_blocked_regions", known, message, matches=fnmatchcase)


def context_of(run: Run, manifest: Manifest, rules: Rules, shards: Shards) -> RunContext:
    """Return what the accounts of a run are judged with."""
    found, partition = manifest.organization, manifest.caller.partition
    everybody = (*manifest.accounts, *manifest.out_of_scope)
    organization = Organization(
        everybody,
        id=found.id if found else None,
        management_account_id=found.management_account_id if found else None,
        load=shards.load,
        holders=partial(holders, run, [account.id for account in everybody]),
        delegated=found.delegated if found else {},
    )
    return RunContext(
        controls=rules.controls,
        thresholds=rules.thresholds,
        requirements=rules.requirements,
        regions=regions_of(manifest.records) or manifest.known_regions,
        organization=organization,
        partition=partition,
        home_region=GLOBAL_REGIONS.get(partition, manifest.known_regions[0] if manifest.known_regions else partition),
        asked=_asked(manifest),
    )


def _asked(manifest: Manifest) -> dict[str, dict[str, tuple[str, ...]]] | None:
    """Return the only places to judge, under the present ids of controls; None for all."""
    if manifest.only_open is None:
        return None
    places = manifest.only_open.places.items()
    return {account: {resolve(control): regions for control, regions in by.items()} for account, by in places}


def _seal(run: Run, manifest: Manifest, also: list[Path]) -> None:
    """Seal what was judged."""
    ids = [account.id for account in manifest.accounts]
    files = [path(account_id) for account_id in ids for path in (run.findings_path, run.cells_path)]
    facts = [] if manifest.seal else seal.shards(run, "facts")
    seal.seal(run, manifest, [*facts, *files, *also], keep=seal.FACTS)
