"""Collects a batch of accounts, several at a time, each into its shard."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias, TypeVar

import msgspec

from orgaudit.aws.access import Access
from orgaudit.aws.transport import Traffic
from orgaudit.collect.account import actions_for, collect_account
from orgaudit.errors import ReportError
from orgaudit.facts.declare import Collector, FactType, closure
from orgaudit.facts.shard import AccountHeader
from orgaudit.model import Account, AccountRecord
from orgaudit.settings.limits import Limits
from orgaudit.settings.sections import ScopeSettings
from orgaudit.settings.settings import Settings
from orgaudit.store.run import Run, read_lines, write_encoded

T = TypeVar("T")
Done: TypeAlias = Callable[[Account, AccountRecord, Traffic], None]
"""A function that is called in this process after each account, with the traffic so far."""


NOWHERE = ("",)
"""A choice of regions that none matches: what exists once in an account needs no region."""


@dataclass(frozen=True, slots=True)
class Part:
    """What alone is collected of an account: these types of facts, in these regions, or in all of the scope."""

    facts: tuple[FactType, ...]
    regions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """The accounts that one worker collects, and all that it needs for it; it can be pickled.

    `parts` are the accounts of which only a part is collected.
    """

    settings: Settings
    limits: Limits
    profile: str | None
    run: Path
    accounts: tuple[Account, ...]
    organization: frozenset[str]
    facts: tuple[FactType, ...]
    parts: Mapping[str, Part] = field(default_factory=dict)

    def asked(self, account_id: str) -> tuple[list[Collector], ScopeSettings]:
        """Return what is collected of an account, and in which regions."""
        part, scope = self.parts.get(account_id), self.settings.scope
        if part is None:
            return closure(self.facts), scope
        if part.regions is not None:
            scope = scope.model_copy(update={"regions": part.regions or NOWHERE})
        return closure(part.facts), scope


def collect_batch(batch: Batch) -> Traffic:
    """Collect a batch in an event loop of its own, as a worker process does, and return its traffic."""

    async def collect() -> Traffic:
        settings = batch.settings
        access = Access(
            settings.access, settings.run, batch.limits, actions=actions_for(batch.facts), profile=batch.profile
        )
        async with access:
            await collect_accounts(access, batch, lambda *_: None)
            return access.traffic

    return asyncio.run(collect())


async def collect_accounts(access: Access, batch: Batch, done: Done) -> None:
    """Collect each account of a batch into its shard, several at a time; raises ReportError where it cannot write."""
    access.known_accounts = batch.organization
    run = Run(batch.run)

    async def collect(account: Account) -> None:
        found = await collect_account(access, account, *batch.asked(account.id))
        write_encoded(run.shard_path(account.id), [msgspec.json.encode(found.entered), *found.lines])
        done(account, found.entered.record, access.traffic)

    try:
        await visit(batch.accounts, batch.settings.run.concurrent_accounts, collect)
    except* ReportError as errors:
        raise errors.exceptions[0] from None


async def visit(accounts: Iterable[Account], width: int, read: Callable[[Account], Awaitable[T]]) -> list[T]:
    """Return what `read` returns for each account, in their order; at most `width` are read at a time."""
    slots = asyncio.Semaphore(width)

    async def one(account: Account) -> T:
        async with slots:
            return await read(account)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(account)) for account in accounts]
    return [task.result() for task in tasks]


def read_record(run: Run, account_id: str) -> AccountRecord:
    """Return how an account's collection went, from the first line of its shard."""
    with closing(read_lines(run.shard_path(account_id), msgspec.json.Decoder(AccountHeader))) as lines:
        return next(lines).record
