"""Pacing: how fast one account, region and service is asked, so that AWS and the account's own programs stay free."""

from __future__ import annotations

import asyncio

from asyncio_throttle.throttler import Throttler

SLOWEST = 0.5
"""Calls a second below which a throttled bucket is not slowed further."""


class Bucket(Throttler):
    """A token bucket: `rate` calls a second after a burst of `burst`, granted in the order in which they are asked.

    asyncio_throttle polls every 10 ms while it waits; here a waiting task is told its turn when it asks and sleeps
    until then (the generic cell rate algorithm), so waiting costs nothing. A throttled answer slows the bucket by
    half, and every call that passes brings it a little nearer to its configured rate.
    """

    def __init__(self, rate: float, burst: float) -> None:
        super().__init__(rate_limit=int(burst), period=burst / rate)
        self._full = rate
        self._rate = rate
        self._turn = 0.0
        self._slowed_until = 0.0

    @property
    def rate(self) -> float:
        """Return the calls a second that are granted now."""
        return self._rate

    async def acquire(self) -> None:
        """Wait for this task's turn."""
        now = asyncio.get_running_loop().time()
        self._turn = max(self._turn, now)
        wait = self._turn - (self.rate_limit - 1) / self._rate - now
        self._turn += 1 / self._rate
        if wait > 0:
            await asyncio.sleep(wait)

    def slow_down(self) -> None:
        """Halve the rate and spend the burst: AWS said that this was too fast. Once a second at most."""
        now = asyncio.get_running_loop().time()
        if now < self._slowed_until:
            return
        self._slowed_until = now + 1
        self._rate = max(min(SLOWEST, self._full), self._rate / 2)
        self._turn = max(self._turn, now + self.rate_limit / self._rate)

    def speed_up(self) -> None:
        """Recover a twentieth of the configured rate: AWS took a call."""
        if self._rate < self._full:
            self._rate = min(self._full, self._rate + self._full / 20)
