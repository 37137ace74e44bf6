"""The stage that talks to AWS: writes a shard of each account of a run, and of those that own what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

import msgspec

from orgaudit.aws.access import Access
from orgaudit.aws.actions import operations_of
from orgaudit.collect.account import actions_for
from orgaudit.collect.batch import Batch, Done, Part, collect_accounts, read_record
from orgaudit.collect.workers import distribute
from orgaudit.facts.declare import FactType, Resource, closure, load
from orgaudit.facts.shard import shard_decoder
from orgaudit.model import Account
from orgaudit.organization import discovery
from orgaudit.organization.plan import tagged
from orgaudit.settings.limits import load_limits
from orgaudit.settings.settings import Settings
from orgaudit.store import seal
from orgaudit.store.manifest import FactRecord
from orgaudit.store.run import Run, read_lines


def access_for(settings: Settings, facts: Sequence[FactType], profile: str | None = None) -> Access:
    """Return the way into the accounts, for the actions that these facts need and no other; raises ConfigError."""
    return Access(
        settings.access,
        settings.run,
        load_limits(settings.limits_path),
        actions=actions_for(facts),
        organization=discovery.ACTIONS,
        profile=profile,
    )


async def collect(
    access: Access,
    run: Run,
    settings: Settings,
    facts: Sequence[FactType],
    *,
    profile: str | None = None,
    executor: Executor | None = None,
    parts: Mapping[str, Part] = MappingProxyType({}),
    also: Collection[str] = (),
    begin: Callable[[int], None],
    done: Done,
) -> None:
    """Write a shard for each account of the run's plan that has none, and seal the shards.

    `parts` are the accounts of which only a part is collected. `also` are accounts out of scope that are collected
    beside those whose resources show. `begin` is called with the number of accounts before any is collected, `done`
    after each of them.
    """
    manifest = run.read_manifest()
    everybody = {account.id: account for account in (*manifest.accounts, *manifest.out_of_scope)}
    whole = Batch(settings, access.limits, profile, run.path, (), frozenset(everybody), tuple(facts), dict(parts))

    async def collect_missing(accounts: Iterable[Account]) -> None:
        missing = tuple(account for account in accounts if not run.shard_path(account.id).exists())
        if not missing:
            return
        begin(len(missing))
        batch = replace(whole, accounts=missing)
        if executor is None:
            await collect_accounts(access, batch, done)
        else:
            await distribute(executor, batch, done)

    untagged = manifest.accounts if manifest.organization else ()
    tags = asyncio.create_task(tagged(access, untagged, settings.organization))
    try:
        await collect_missing(manifest.accounts)
        accounts, gaps = await tags
    finally:
        tags.cancel()
    supporting = tuple(sorted({*_owners(run, manifest.accounts, everybody), *also}))
    await collect_missing(everybody[account_id] for account_id in supporting)
    ended = msgspec.structs.replace(
        manifest,
        accounts=accounts or manifest.accounts,
        discovery_gaps=tuple(dict.fromkeys((*manifest.discovery_gaps, *gaps))),
        supporting=supporting,
        facts=fact_records(facts),
        records=tuple(read_record(run, account.id) for account in manifest.accounts),
        collected_at=datetime.now(UTC),
        evaluated_at=None,
    )
    seal.seal(run, ended, seal.shards(run, "facts"))


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


def _owners(run: Run, collected: Sequence[Account], everybody: Mapping[str, Account]) -> tuple[str, ...]:
    """Return the accounts whose resources show in the collected ones without being collected themselves, sorted."""
    decoder = shard_decoder(load())
    lines = (line for account in collected for line in read_lines(run.shard_path(account.id), decoder))
    shown = {line.account_id for line in lines if isinstance(line, Resource)}
    return tuple(sorted((shown & everybody.keys()) - {account.id for account in collected}))
