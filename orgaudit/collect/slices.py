"""What one task of a collection does: it goes through the accounts, and collects those that nobody else does."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

from orgaudit import __version__
from orgaudit.aws.access import Access
from orgaudit.aws.transport import Traffic
from orgaudit.collect.account import actions_for, collect_into
from orgaudit.errors import ConfigError, OrgauditError
from orgaudit.facts.declare import Collector, FactType, Resource, closure, load
from orgaudit.model import Account, AccountRecord
from orgaudit.settings.limits import Limits
from orgaudit.settings.settings import Settings
from orgaudit.store import receipts
from orgaudit.store.lease import mark
from orgaudit.store.leases import Leases
from orgaudit.store.place import Directory, Place, place_at
from orgaudit.store.receipts import Receipt
from orgaudit.store.run import shard_name

Began: TypeAlias = Callable[[Account], None]
"""A function that is called in this process when the collection of an account begins."""
Done: TypeAlias = Callable[[Account, AccountRecord, Traffic], None]
"""A function that is called in this process after each account, with the traffic so far."""
LIST_EVERY = 5.0
"""Seconds for which a task remembers which accounts are finished, before it claims one that may be."""
NOWHERE = ("",)
"""A choice of regions that none matches: what exists once in an account needs no region."""


@dataclass(frozen=True, slots=True)
class AccountPart:
    """What alone is collected of an account: these types of facts, in these regions, or in all of the scope."""

    facts: tuple[FactType, ...]
    regions: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Slice:
    """What one task works on; it can be pickled.

    Every task of a collection has all the `accounts`, begins at its own `offset`, and takes what is free, so that the
    slowest account keeps one task busy and not the others. `run` is the run's address, `organization` the ids of all
    accounts. `parts` are the accounts of which only a part is collected. `collection` is the coordinator's file,
    without which the task ends; `life` is that of its leases.
    """

    settings: Settings
    limits: Limits
    profile: str | None
    run: str
    accounts: tuple[Account, ...]
    organization: frozenset[str]
    facts: tuple[FactType, ...]
    parts: Mapping[str, AccountPart] = field(default_factory=dict)
    offset: int = 0
    collection: str | None = None
    life: timedelta | None = None
    version: str = __version__

    def asked(self, account_id: str) -> tuple[Sequence[Collector], Settings]:
        """Return by what an account is collected, and by settings with the regions in which it is."""
        part = self.parts.get(account_id)
        collectors = _collectors(self.facts if part is None else part.facts)
        if part is None or part.regions is None:
            return collectors, self.settings
        scope = self.settings.scope.model_copy(update={"regions": part.regions or NOWHERE})
        return collectors, self.settings.model_copy(update={"scope": scope})


@lru_cache(maxsize=256)
def _collectors(facts: tuple[FactType, ...]) -> tuple[Collector, ...]:
    """Return the collectors for these types of facts, which most accounts share."""
    return tuple(closure(facts))


@dataclass(slots=True)
class Summary:
    """What a task did: how many accounts it collected, and all that it sent."""

    collected: int = 0
    traffic: Traffic = field(default_factory=Traffic)


def collect_slice(part: Slice) -> Summary:
    """Collect in an event loop of its own, as a worker does, and return what was done.

    Raises ConfigError where the coordinator has another version of orgaudit, and what `collect_claimed` raises.
    """
    if part.version != __version__:
        remedy = f"install orgaudit {part.version} on every worker"
        raise ConfigError(f"a worker has orgaudit {__version__}, and the run is version {part.version}'s; {remedy}")
    return asyncio.run(_collect_alone(part))


async def _collect_alone(part: Slice) -> Summary:
    if part.collection is not None and not place_at(part.run).exists(part.collection):
        return Summary()  # it waited until all was over
    actions = actions_for(part.facts)
    async with Access(
        part.settings.access, part.settings.run, part.limits, actions=actions, profile=part.profile
    ) as it:
        return await collect_claimed(it, part)


async def collect_claimed(
    access: Access, part: Slice, began: Began = lambda _account: None, done: Done = lambda *_: None
) -> Summary:
    """Collect the accounts that nobody collects, several at a time, until there are none; return what was done.

    `done` is called for each of these. Raises ReportError where nothing can be written, ConfigError where the facts of
    an account that another process left cannot be read, and AccessError.
    """
    access.known_accounts = part.organization
    task = _Task(access, part, began, done)
    try:
        await task.run()
    except ExceptionGroup as errors:
        raise _first(errors) from errors
    return task.summary


def _first(errors: ExceptionGroup) -> Exception:
    """Return the error of a group that says how to go on, if there is one."""
    known = errors.subgroup(OrgauditError)
    found: Exception = known or errors
    while known is not None and isinstance(found, ExceptionGroup):
        found = found.exceptions[0]
    return found


def receipt_of(place: Place, account_id: str, everybody: Iterable[str]) -> Receipt | None:
    """Return the receipt of an account, made from its shard where a process left none; None without either."""
    return receipts.read(place, account_id) or left_by_another(place, account_id, everybody)


def left_by_another(place: Place, account_id: str, everybody: Iterable[str]) -> Receipt | None:
    """Return the receipt of a shard that a process left without one, or None where there is no shard."""
    if not place.exists(shard_name(account_id)):
        return None
    return receipts.rebuilt(place, account_id, frozenset(everybody), resource_names())


@cache
def resource_names() -> frozenset[str]:
    """Return the names of the types of resources, as the lines of shards have them."""
    return frozenset(kind.__name__ for kind in load() if issubclass(kind, Resource))


class _Task:
    """One task while it runs. Files are read and written in threads, so that calls go on meanwhile."""

    def __init__(self, access: Access, part: Slice, began: Began, done: Done) -> None:
        self.access, self.part, self.began, self.done = access, part, began, done
        self.place = place_at(part.run)
        self.summary = Summary(traffic=access.traffic)
        self._free = _Free(self.place, part)
        self._choosing = asyncio.Lock()
        self._running: dict[str, asyncio.Task[None]] = {}
        self._is_over = False

    async def run(self) -> None:
        """Collect until nothing is left that this task may take, or the coordinator's collection is over."""
        loop, whole = asyncio.get_running_loop(), asyncio.current_task()
        if whole is None:
            raise RuntimeError("runs in a task")

        def over() -> None:
            self._is_over = True
            whole.cancel()

        def lost(account_id: str) -> None:
            if account_id in self._running:
                self._running[account_id].cancel()

        def later(call: Callable[..., None], *arguments: str) -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(call, *arguments)

        with Leases(
            self.place,
            lost=lambda account_id: later(lost, account_id),
            over=lambda: later(over),
            collection=self.part.collection,
            life=self.part.life,
        ) as leases:
            try:
                async with asyncio.TaskGroup() as group:
                    for _ in range(min(self.part.settings.run.concurrent_accounts, len(self.part.accounts))):
                        group.create_task(self._work(leases))
            except asyncio.CancelledError:
                if not self._is_over:
                    raise
                whole.uncancel()

    async def _work(self, leases: Leases) -> None:
        while True:
            async with self._choosing:
                account = await asyncio.to_thread(self._free.take, leases)
            if account is None:
                return
            try:
                await self._until_lost(account)
            finally:
                await asyncio.to_thread(leases.release, account.id)

    async def _until_lost(self, account: Account) -> None:
        """Collect an account, but not to the end where another task has taken it over."""
        task = self._running[account.id] = asyncio.create_task(self._collect(account))
        try:
            await asyncio.wait([task])
        finally:
            del self._running[account.id]
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    async def _collect(self, account: Account) -> None:
        receipt = await asyncio.to_thread(left_by_another, self.place, account.id, self.part.organization)
        if receipt is None:
            self.began(account)
            receipt = await self._collect_into_shard(account)
        if receipt is not None:
            self.summary.collected += 1
            self.done(account, receipt.record, self.access.traffic)

    async def _collect_into_shard(self, account: Account) -> Receipt | None:
        """Collect an account into its shard and return the receipt; None where another task's shard is there."""
        name = shard_name(account.id)
        if isinstance(self.place, Directory):
            found = await collect_into(self.access, account, *self.part.asked(account.id), self.place.path / name)
        else:
            with TemporaryDirectory(prefix=f"orgaudit-{mark()}.") as scratch:  # swept like a working copy
                path = Path(scratch) / name
                found = await collect_into(self.access, account, *self.part.asked(account.id), path)
                if not await asyncio.to_thread(self.place.put, name, path, new=True):
                    return None
        if found is None:
            return None
        shows = found.account.shows & self.part.organization - {account.id}
        receipt = receipts.of(found.file, found.account.record, shows)
        await asyncio.to_thread(receipts.write, self.place, receipt)
        return receipt


class _Free:
    """The accounts that a task may still take, from its offset on, round and round until nobody gives one back."""

    def __init__(self, place: Place, part: Slice) -> None:
        self._place = place
        self._waiting = deque(part.accounts)
        self._waiting.rotate(-part.offset)
        self._others: list[Account] = []
        self._took = False
        self._finished: set[str] = set()
        self._looked = float("-inf")

    def take(self, leases: Leases) -> Account | None:
        """Return an account that the task holds from now on, or None where none is left that it may take."""
        while True:
            while self._waiting:
                account = self._waiting.popleft()
                if self._is_taken(account, leases):
                    return account
            if not (self._took and self._others):
                return None
            self._waiting, self._others, self._took = deque(self._others), [], False

    def _is_taken(self, account: Account, leases: Leases) -> bool:
        if time.monotonic() > self._looked + LIST_EVERY:
            self._finished, self._looked = receipts.finished(self._place), time.monotonic()
        if account.id in self._finished:
            return False
        if not leases.claim(account.id):
            self._others.append(account)
            return False
        if receipts.read(self._place, account.id) is not None:  # it was finished before it was claimed
            leases.release(account.id)
            return False
        self._took = True
        return True
