"""What is known of a stage while it goes on: what has ended, what runs, what was sent, and the time left."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from math import log

from orgaudit.aws.transport import Traffic
from orgaudit.cli.progress.estimate import UNKNOWN, Durations, Left, time_left
from orgaudit.model import Account, AccountRecord, RegionState

ESTIMATE_AFTER, ESTIMATE_EVERY = 5.0, 2.0
"""Seconds before the time left is estimated, and between two estimates."""
RATE_OVER = 15.0
"""Seconds over which calls a second are counted."""
PACE_OVER, PACE_SHARE = 15.0, 0.1
"""Over how many seconds, at least, and over what share of the stage the present pace is measured."""
FEWER = 1.5
"""By which factor fewer accounts must run at the end than before to show whether they share a capacity."""
SURE = 0.9
"""How far that is believed."""
SLOW = 3.0
"""How many times the usual time an account takes before it is much slower than others."""
SLOW_SECONDS = 10.0
"""Seconds in which no account is slow, whatever others took."""


@dataclass(frozen=True, slots=True)
class Slowest:
    """The account that has been running for the longest time; `is_much_slower` than others."""

    account: Account
    seconds: float
    is_much_slower: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """A stage at one moment; `sends` is whether it calls AWS at all."""

    stage: str
    total: int
    done: int
    running: int
    seconds: float
    calls: int
    throttles: int
    retries: int
    gaps: int
    sends: bool
    calls_per_second: float | None
    slowest: Slowest | None
    left: Left | None


@dataclass(slots=True)
class _Running:
    account: Account
    began: float
    place: float
    """Where the account began on the scale of pace."""


class Following:
    """A stage that goes on, told by any thread.

    Times of accounts are measured on a scale of pace: where the calls of this process are known as they are sent, it
    advances by the calls that each running account could send, so that a time with a fifth of the rate counts a fifth.
    Elsewhere it is the time itself.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.gaps = 0
        self._before = self._now = Traffic()
        self._begin("", 0, None)

    def _begin(self, name: str, total: int, traffic: Traffic | None) -> None:
        self.name, self.total, self.done, self._live = name, total, 0, traffic is not None
        self.began = self._advanced = self._ended = self.clock()
        self.sends = traffic is not None
        self._calls_then = traffic.calls if traffic else 0
        self._place = self._ended_place = 0.0
        self._running: dict[str, _Running] = {}
        self._are_announced = False
        self._durations = Durations()
        self._paces: deque[tuple[float, float]] = deque([(self.began, 0.0)])
        self._rates: deque[tuple[float, int]] = deque()
        self._left: Left | None = None
        self._estimated: float | None = None
        self._full: tuple[float, int] | None = None
        self._most = 0

    def stage(self, name: str, total: int, traffic: Traffic | None) -> None:
        """Begin a stage."""
        with self.lock:
            if traffic is None or traffic is not self._now:
                summed = Traffic()
                summed.add(self._before)
                summed.add(self._now)
                self._before, self._now = summed, traffic or Traffic()
            self._begin(name, total, traffic)

    def account_began(self, account: Account) -> None:
        """Note that an account runs."""
        with self.lock:
            now = self.clock()
            self._advance(now)
            self._are_announced = True
            self._running.setdefault(account.id, _Running(account, now, self._place))
            self._most = max(self._most, len(self._running))

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> float:
        """Note that an account has ended, and return how many seconds it took."""
        with self.lock:
            now = self.clock()
            if traffic is not None:
                self._now, self.sends = traffic, True
            self._advance(now)
            self.done += 1
            self.gaps += gaps_of(record)
            ran = self._running.pop(account.id, None)
            seconds = now - (ran.began if ran else self._ended)
            size = self._place - (ran.place if ran else self._ended_place)
            if record is not None and record.began_at is not None:
                seconds = max(0.0, (record.collected_at - record.began_at).total_seconds())
                size = size if self._live else seconds
            self._durations.add(size)
            self._ended, self._ended_place = now, self._place
            return seconds

    def _advance(self, now: float) -> None:
        """Advance the scale of pace to a moment."""
        if not self._live:
            self._place += now - self._advanced
        elif self._now.calls > self._calls_then:
            self._place += (self._now.calls - self._calls_then) / max(1, len(self._running))
            self._calls_then = self._now.calls
        self._advanced = now

    def seen(self) -> Seen:
        """Return the stage as it is at this moment."""
        with self.lock:
            now = self.clock()
            self._advance(now)
            sent = self.sent()
            return Seen(
                stage=self.name,
                total=self.total,
                done=self.done,
                running=len(self._running),
                seconds=now - self.began,
                calls=sent.calls,
                throttles=sent.throttles,
                retries=sent.retries,
                gaps=self.gaps,
                sends=self.sends,
                calls_per_second=self._rate(now, sent.calls) if self.sends else None,
                slowest=self._slowest(now),
                left=self._time_left(now),
            )

    def sent(self) -> Traffic:
        """Return what was sent by all stages so far, without the actions."""
        before, now = self._before, self._now
        return Traffic(before.calls + now.calls, before.throttles + now.throttles, before.retries + now.retries)

    def _rate(self, now: float, calls: int) -> float | None:
        self._rates.append((now, calls))
        while now - self._rates[0][0] > RATE_OVER and len(self._rates) > 2:  # noqa: PLR2004 - two ends of a span
            self._rates.popleft()
        began, before = self._rates[0]
        return (calls - before) / (now - began) if now > began else None

    def _slowest(self, now: float) -> Slowest | None:
        oldest = next(iter(self._running.values()), None)
        if oldest is None:
            return None
        seconds = now - oldest.began
        usual = self._durations.usual
        size = self._place - oldest.place
        much = seconds > SLOW_SECONDS and usual is not None and size > SLOW * usual
        return Slowest(oldest.account, seconds, much)

    def _time_left(self, now: float) -> Left | None:
        """Return the time left, estimated anew every few seconds."""
        if self._estimated is None or now - self._estimated >= ESTIMATE_EVERY:
            self._estimated, self._left = now, self._estimate(now)
        return self._left

    def _estimate(self, now: float) -> Left | None:
        pace = self._pace(now)
        left = self.total - self.done
        if left <= 0 or not pace or now - self.began < ESTIMATE_AFTER:
            return None
        running = [self._place - each.place for each in self._running.values()]
        waiting = max(0, left - len(running))
        # Between the end of one account and the beginning of the next, fewer run than usual.
        beside = max(1, self._most if waiting else len(running))
        self._most = len(running)
        if not self._are_announced:
            beside = max(1, round(self._durations.total / self._place))
            running = [] if beside > 1 else [self._place - self._ended_place]
            waiting = left - len(running)
        found = time_left(self._durations, running, waiting, beside, self._own(pace, beside, waiting))
        return Left(found.seconds / pace, found.at_least) if found else None

    def _own(self, pace: float, running: int, waiting: int) -> float:
        """Return how far accounts have a pace of their own: how little faster they are when fewer run."""
        if waiting or self._full is None:
            self._full = pace, running
            return UNKNOWN
        before, beside = self._full
        if not self._live or not running or beside < FEWER * running:
            return UNKNOWN
        shared = log(pace / before) / log(beside / running)
        return min(SURE, max(1 - SURE, 1 - shared))

    def _pace(self, now: float) -> float:
        """Return by how much the scale of pace has advanced each second of late."""
        self._paces.append((now, self._place))
        over = max(PACE_OVER, PACE_SHARE * (now - self.began))
        while len(self._paces) > 2 and now - self._paces[1][0] >= over:  # noqa: PLR2004 - two ends of a span
            self._paces.popleft()
        began, place = self._paces[0]
        return (self._place - place) / (now - began) if now > began else 0.0


def gaps_of(record: AccountRecord | None) -> int:
    """Return how many accounts and regions a record says were not seen."""
    if record is None:
        return 0
    seen = {RegionState.AUDITED, RegionState.DISABLED}
    return int(record.gap is not None) + sum(region.state not in seen for region in record.regions)
