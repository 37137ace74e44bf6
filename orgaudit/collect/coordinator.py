"""Has accounts collected: gives tasks to an engine, follows them by their files, and begins anew what was lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass, replace
from typing import TypeAlias

from orgaudit.aws.access import Access
from orgaudit.aws.transport import Traffic
from orgaudit.collect.engines import check, width
from orgaudit.collect.slices import Began, Done, Slice, Summary, collect_claimed, collect_slice
from orgaudit.errors import CutShortError
from orgaudit.model import Account, AccountRecord
from orgaudit.store import leases, receipts
from orgaudit.store.place import Place, place_at

LOOK_EVERY = 0.5
"""Seconds between looks at what was begun and finished."""
RESTING = 10
"""How many times as long as a look takes is waited at least before the next: a place far away is slow to list."""
ENDING = 1.5
"""Seconds that tasks have to give their accounts back when the collection ends."""

Running: TypeAlias = set[asyncio.Future[Summary]]


@dataclass(frozen=True, slots=True)
class Coordinator:
    """Collects accounts through an engine; None is this process, with the access that the coordinator itself has.

    `whole` is the work of which each task gets a copy. `continue_with` is the command that goes on with the run.
    """

    access: Access
    whole: Slice
    executor: Executor | None
    began: Began
    done: Done
    continue_with: str

    async def collect(self, accounts: Iterable[Account]) -> None:
        """Return when each account has a receipt, whoever collected it; `done` is called once for each.

        Raises CutShortError where a worker was lost, and what a task raises.
        """
        watch = _Watch(place_at(self.whole.run), accounts, self.began, self.done)
        if watch.missing:
            await (self._here(watch) if self.executor is None else self._distributed(self.executor, watch))

    async def _here(self, watch: _Watch) -> None:
        while watch.missing:
            part = replace(self.whole, accounts=tuple(watch.missing.values()))
            await collect_claimed(self.access, part, watch.begin, watch.finish)
            if watch.missing:  # what is left is collected by other processes
                await watch.look()
                await asyncio.sleep(watch.pause)

    async def _distributed(self, executor: Executor, watch: _Watch) -> None:
        running: Running = set()
        try:
            with leases.Collection(watch.place) as collection:
                while watch.missing:
                    if len(running) < width(executor) and await watch.is_any_free():
                        running |= self._submitted(executor, watch, collection.name, width(executor) - len(running))
                    if running:
                        await asyncio.wait(running, timeout=watch.pause, return_when=asyncio.FIRST_COMPLETED)
                    else:
                        await asyncio.sleep(watch.pause)
                    for each in [each for each in running if each.done()]:
                        running.remove(each)
                        each.result()
                    check(executor)
                    await watch.look()
        except BrokenExecutor as error:
            kept = "the accounts that were finished are kept"
            raise CutShortError(f"a worker was lost ({error}); {kept}, continue with {self.continue_with}") from error
        finally:
            await _wound_up(running)

    def _submitted(self, executor: Executor, watch: _Watch, collection: str, tasks: int) -> Running:
        """Give tasks to the engine: each has all that is missing, and begins at its own part of it."""
        accounts = tuple(watch.missing.values())
        tasks = min(tasks, len(accounts))
        limits = self.whole.limits.shared_by(width(executor))
        part = replace(self.whole, accounts=accounts, limits=limits, collection=collection, life=leases.LIFE)
        offsets = (number * len(accounts) // tasks for number in range(tasks))
        return {asyncio.wrap_future(executor.submit(collect_slice, replace(part, offset=offset))) for offset in offsets}


async def _wound_up(running: Running) -> None:
    """Wait a while for tasks whose collection is over, and turn away from those that go on, such as a halted one."""
    if running:
        ended, going_on = await asyncio.wait(running, timeout=ENDING)
        for each in going_on:
            each.cancel()
        await asyncio.gather(*ended, return_exceptions=True)


class _Watch:
    """What is still missing, and what was begun and finished of it, here and in other processes."""

    def __init__(self, place: Place, accounts: Iterable[Account], began: Began, done: Done) -> None:
        finished = receipts.finished(place)
        self.place = place
        self.missing = {account.id: account for account in accounts if account.id not in finished}
        self.pause = LOOK_EVERY
        self._began, self._done = began, done
        self._begun: set[str] = set()
        self._traffic = Traffic()

    def begin(self, account: Account) -> None:
        """Note that the collection of an account has begun."""
        if account.id not in self._begun:
            self._begun.add(account.id)
            self._began(account)

    def finish(self, account: Account, record: AccountRecord, traffic: Traffic) -> None:
        """Note that an account is finished."""
        del self.missing[account.id]
        self._done(account, record, traffic)

    async def look(self) -> None:
        """Look at what other processes have begun and finished."""
        began = time.monotonic()
        begun, finished = await asyncio.to_thread(self._looked)
        self.pause = max(LOOK_EVERY, RESTING * (time.monotonic() - began))
        for account_id in begun:
            self.begin(self.missing[account_id])
        for account_id, record in finished.items():
            traffic = self._traffic
            traffic.calls += record.calls
            traffic.throttles += record.throttles
            traffic.retries += record.retries
            self.begin(self.missing[account_id])
            self.finish(self.missing[account_id], record, traffic)

    def _looked(self) -> tuple[set[str], dict[str, AccountRecord]]:
        found = {each: receipts.read(self.place, each) for each in receipts.finished(self.place) & self.missing.keys()}
        finished = {account_id: receipt.record for account_id, receipt in found.items() if receipt is not None}
        return (leases.held(self.place) & self.missing.keys()) - self._begun - finished.keys(), finished

    async def is_any_free(self) -> bool:
        """Return whether something is missing that no process collects."""
        return await asyncio.to_thread(
            lambda: any(not leases.alive(self.place, account_id) for account_id in self.missing)
        )
