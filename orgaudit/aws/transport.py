"""What all accounts of a run share to send calls: clients, slots, rates and the traffic that was counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeVar

from orgaudit.aws.clients import Clients
from orgaudit.aws.pacing import TokenBucket
from orgaudit.model import GLOBAL_REGIONS, Caller
from orgaudit.settings.limits import Limits
from orgaudit.settings.sections import RunSettings

T = TypeVar("T")

LONGEST_ANSWER = 4
"""The longest that an answer may take, in read time-outs: each of these is for one read, and an answer has many."""


@dataclass(slots=True)
class Traffic:
    """What was sent: attempts, those that AWS throttled, and those that were repeated."""

    calls: int = 0
    throttles: int = 0
    retries: int = 0
    by_action: Counter[str] = field(default_factory=Counter)
    throttles_by_action: Counter[str] = field(default_factory=Counter)
    retries_by_action: Counter[str] = field(default_factory=Counter)

    def add(self, other: Traffic) -> None:
        """Count what another worker sent."""
        self.calls += other.calls
        self.throttles += other.throttles
        self.retries += other.retries
        self.by_action += other.by_action
        self.throttles_by_action += other.throttles_by_action
        self.retries_by_action += other.retries_by_action


class Transport:
    """The clients, slots and rates of a run; an async context manager.

    `actions` are the IAM actions that may be sent, `external_id` a value that no message may quote. `caller` is empty
    until AWS has identified it. `longest_call` is how many seconds one attempt may take.
    """

    def __init__(
        self, run: RunSettings, limits: Limits, actions: frozenset[str], external_id: str | None, profile: str | None
    ) -> None:
        self.attempts, self.limits, self.actions, self.external_id = run.attempts, limits, actions, external_id
        self.longest_call = run.connect_timeout + LONGEST_ANSWER * run.read_timeout
        self.clients = Clients(
            profile=profile,
            connect_timeout=run.connect_timeout,
            read_timeout=run.read_timeout,
            connections=run.concurrent_calls,
        )
        self.slots = asyncio.Semaphore(run.concurrent_calls)
        self.traffic = Traffic()
        self.buckets: dict[str, TokenBucket] = {}
        self.caller = Caller("", "", "aws")
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        await self.clients.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.clients.__aexit__(kind, error, trace)

    @property
    def home_region(self) -> str:
        """The default-enabled region where global services and STS are called."""
        return GLOBAL_REGIONS.get(self.caller.partition, self.clients.home_region or "us-east-1")

    def start(self, work: Awaitable[T]) -> asyncio.Task[T]:
        """Start what several tasks wait for; it outlives those that are cancelled, but not this transport."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved here, because every task that waited for it may have been cancelled
