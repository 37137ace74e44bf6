"""The stage that talks to AWS: writes a shard of each account of a run, and of those that own what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

from orgaudit.aws.access import Access
from orgaudit.aws.actions import operations_of
from orgaudit.aws.transport import Traffic
from orgaudit.collect.account import actions_for
from orgaudit.collect.coordinator import Coordinator
from orgaudit.collect.slices import AccountPart, Began, Done, Slice, receipt_of
from orgaudit.errors import ConfigError
from orgaudit.facts.declare import FactType, closure
from orgaudit.model import Account
from orgaudit.organization import discovery
from orgaudit.organization.plan import tagged
from orgaudit.settings.limits import load_limits
from orgaudit.settings.settings import Settings
from orgaudit.store import copies, earlier, leases, receipts, seal
from orgaudit.store.manifest import FactRecord, Manifest
from orgaudit.store.place import place_of
from orgaudit.store.receipts import Receipt
from orgaudit.store.remote import each
from orgaudit.store.run import Run, shard_name

NAMED = 5
"""How many of the accounts that are missing a message names."""
TAGS = "organizations:ListTagsForResource"
"""The action by which the tags of accounts are read."""


def access_for(settings: Settings, facts: Sequence[FactType], profile: str | None = None, share: int = 1) -> Access:
    """Return the way into the accounts, for the actions that these facts need and no other; raises ConfigError.

    `share` is how many such ways the rates of the whole organization are divided among.
    """
    return Access(
        settings.access,
        settings.run,
        load_limits(settings.limits_path).shared_by(share),
        actions=actions_for(facts),
        organization=discovery.ACTIONS,
        profile=profile,
    )


@dataclass(frozen=True, slots=True)
class Collecting:
    """How the accounts of a run are collected: for which facts, as whom, in which workers, and what follows it.

    `parts` are the accounts of which only a part is collected.
    `began` is called when the collection of an account begins, `done` after each, and `begin` before the first, with
    their number and what this process sends, where it is this one that collects. `continue_with` is the command that
    goes on with the run.
    """

    settings: Settings
    facts: tuple[FactType, ...]
    profile: str | None = None
    executor: Executor | None = None
    parts: Mapping[str, AccountPart] = field(default_factory=dict)
    begin: Callable[[int, Traffic | None], None] = lambda _total, _traffic: None
    began: Began = lambda _account: None
    done: Done = lambda *_: None
    continue_with: str = ""

    async def collect(self, access: Access, run: Run, manifest: Manifest, accounts: Sequence[Account]) -> None:
        """Write a shard for each of these accounts that has none, then for those whose resources they show.

        What another process collects meanwhile is waited for.
        """
        part = self._slice(access, run, manifest)
        coordinator = Coordinator(access, part, self.executor, self.began, self.done, self.continue_with)
        await self._collect(coordinator, run, accounts)
        await self._collect(coordinator, run, await asyncio.to_thread(missing, run, manifest, accounts))

    async def _collect(self, coordinator: Coordinator, run: Run, accounts: Sequence[Account]) -> None:
        collected = receipts.collected(place_of(run.path))
        left = [account for account in accounts if account.id not in collected]
        if left:
            self.begin(len(left), coordinator.access.traffic if self.executor is None else None)
            await coordinator.collect(left)

    def _slice(self, access: Access, run: Run, manifest: Manifest) -> Slice:
        everybody = frozenset(account.id for account in (*manifest.accounts, *manifest.out_of_scope))
        address = place_of(run.path).address
        return Slice(self.settings, access.limits, self.profile, address, (), everybody, self.facts, self.parts)


async def collect(access: Access, run: Run, how: Collecting) -> None:
    """Collect all accounts of a run's plan that have no shard yet, those that own what they show, and seal the facts.

    What an account shares is judged there, so where its facts were taken over, they are collected anew if an account
    that was collected now shows them. The accounts' tags are read meanwhile, where the plan has none.
    """
    manifest = run.read_manifest()
    tags = asyncio.create_task(with_tags(access, manifest, how.settings))
    try:
        await asyncio.to_thread(earlier.place, run, manifest)
        await how.collect(access, run, manifest, manifest.accounts)
        while outdated := await asyncio.to_thread(_outdated, run, manifest):
            await asyncio.to_thread(earlier.drop, run, outdated)
            await how.collect(access, run, manifest, manifest.accounts)
        manifest = await tags
    finally:
        tags.cancel()
    seal_facts(run, manifest, how.facts)


async def with_tags(access: Access, manifest: Manifest, settings: Settings) -> Manifest:
    """Return a run's plan with the tags of its accounts, which need no calls where it has them, or with the gaps."""
    if manifest.organization is None:
        return manifest
    accounts, gaps = await tagged(access, manifest.accounts, settings.organization)
    known = tuple(dict.fromkeys((*manifest.discovery_gaps, *gaps)))
    return msgspec.structs.replace(manifest, accounts=accounts, discovery_gaps=known)


def missing(run: Run, manifest: Manifest, accounts: Iterable[Account] | None = None) -> list[Account]:
    """Return the accounts of the plan, or these of them, that have no shard yet, and those that own what they show.

    While accounts of the whole plan are missing, it is not asked what the others show.
    """
    if accounts is None:
        collected = receipts.collected(place_of(run.path))
        if left := [account for account in manifest.accounts if account.id not in collected]:
            return left
    everybody = {account.id: account for account in (*manifest.accounts, *manifest.out_of_scope)}
    asked = [account.id for account in (manifest.accounts if accounts is None else accounts)]
    found = _all_receipts(run, manifest, asked)
    return [everybody[account_id] for account_id, receipt in found.items() if receipt is None]


def _outdated(run: Run, manifest: Manifest) -> set[str]:
    """Return the accounts whose facts were taken over and may not stay, by what was collected anew."""
    if manifest.since is None:
        return set()
    found = _all_receipts(run, manifest, [account.id for account in manifest.accounts])
    unneeded = manifest.taken_over.keys() & receipts.with_shard(place_of(run.path)) - found.keys()
    return unneeded | earlier.outdated(manifest, list(filter(None, found.values())))


def _all_receipts(run: Run, manifest: Manifest, asked: Sequence[str]) -> dict[str, Receipt | None]:
    """Return the receipts of these accounts, and of those that are collected because of them."""
    everybody = [account.id for account in (*manifest.accounts, *manifest.out_of_scope)]
    found = _receipts(run, asked, everybody)
    return found | _receipts(run, _supporting(manifest, filter(None, found.values())), everybody)


def _receipts(run: Run, ids: Sequence[str], everybody: Collection[str]) -> dict[str, Receipt | None]:
    """Return the receipts of accounts; several at a time, because a place far away takes long to answer."""
    place = place_of(run.path)
    return dict(zip(ids, each(lambda account_id: receipt_of(place, account_id, everybody), ids), strict=True))


def _supporting(manifest: Manifest, found: Iterable[Receipt]) -> tuple[str, ...]:
    """Return the accounts out of scope whose resources show in the collected ones, or that the plan names, sorted."""
    inside = {account.id for account in manifest.accounts}
    named = manifest.only_open.owners if manifest.only_open else ()
    return tuple(sorted({*named, *(account_id for receipt in found for account_id in receipt.shows)} - inside))


def check_complete(run: Run, manifest: Manifest, settings: Settings) -> None:
    """Raise ConfigError where accounts of a run are still to be collected, or its accounts' tags were never read."""
    if left := missing(run, manifest):
        names = ", ".join(account.id for account in left[:NAMED])
        more = f" and {len(left) - NAMED} more" if len(left) > NAMED else ""
        wanted = len(manifest.accounts) + sum(account not in manifest.accounts for account in left)
        remedy = f"`orgaudit collect {run.id}` or `orgaudit audit --resume {run.id}` collects them"
        raise ConfigError(
            f"{len(left)} of {wanted} accounts are not collected yet: {names}{more}; {remedy}", file=str(run.path)
        )
    if outdated := _outdated(run, manifest):
        remedy = f"`orgaudit audit --resume {run.id}` collects them anew"
        raise ConfigError(
            f"the facts of {len(outdated)} of {len(manifest.taken_over)} accounts that were not looked at again are "
            f"older than those of accounts that show their resources: {', '.join(sorted(outdated)[:NAMED])}; {remedy}",
            file=str(run.path),
        )
    gaps = {gap.action for gap in manifest.discovery_gaps}
    untagged = manifest.organization is not None and any(account.tags is None for account in manifest.accounts)
    if untagged and settings.organization.read_tags and TAGS not in gaps:
        remedy = f"`orgaudit audit --resume {run.id}` reads them"
        raise ConfigError(
            f"the accounts' tags, by which exceptions may select, were not read; {remedy}", file=str(run.path)
        )


def seal_facts(run: Run, manifest: Manifest, facts: Sequence[FactType]) -> None:
    """Seal the facts of a run of which every account is collected.

    Raises ConfigError where a shard is not what its receipt shows.
    """
    copies.refresh(run.path)  # workers elsewhere put shards at the run's address, and not into this process's copy
    inside = [account.id for account in manifest.accounts]
    found: dict[str, Receipt] = {}
    for account_id, receipt in _all_receipts(run, manifest, inside).items():
        if receipt is None:
            raise ConfigError(
                "is missing; restore it from a copy, or audit again", file=str(run.shard_path(account_id))
            )
        found[account_id] = receipt
    ended = msgspec.structs.replace(
        manifest,
        since=earlier.since_of(manifest, found),
        supporting=tuple(found)[len(inside) :],
        facts=fact_records(facts),
        records=tuple(found[account_id].record for account_id in inside),
        collected_at=datetime.now(UTC),
        evaluated_at=None,
    )
    shards = {shard_name(receipt.account_id): receipt.sha256 for receipt in found.values()}
    seal.seal(run, ended, [path for part in seal.FACTS for path in seal.shards(run, part)], expected=shards)
    leases.clear(place_of(run.path))


def fact_records(facts: Iterable[FactType]) -> tuple[FactRecord, ...]:
    """Return how these types of facts, and those that they depend on, are read, sorted by name."""
    records = (
        FactRecord(
            name=each.fact.__name__,
            scope=each.scope,
            parent=each.parent.__name__ if each.parent else "",
            actions=each.actions,
            operations=tuple(dict.fromkeys(name for action in each.actions for name in operations_of(action))),
        )
        for each in closure(facts)
    )
    return tuple(sorted(records, key=lambda record: record.name))
