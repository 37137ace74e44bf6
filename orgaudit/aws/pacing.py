"""How fast one account, region and service is called, so that the account's own programs are not throttled."""

from __future__ import annotations

import asyncio

from asyncio_throttle.throttler import Throttler

SLOWEST = 0.5
"""The calls a second below which a throttled bucket is not slowed further."""


class TokenBucket(Throttler):
    """A token bucket: `rate` calls a second after a burst of `burst`, granted in the order of the requests.

    A throttled answer halves the rate, and each call that passes restores a twentieth of the configured one.
    AWS's own buckets: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
    """

    # asyncio_throttle gives the interface and keeps the burst. Its own `acquire` polls every 10 ms; this one
    # computes the time of each turn (the generic cell rate algorithm) and sleeps until then.

    def __init__(self, rate: float, burst: float) -> None:
        super().__init__(rate_limit=int(burst), period=burst / rate)
        self._full = rate
        self.rate = rate
        self._turn = 0.0
        self._slowed_until = 0.0

    async def acquire(self) -> None:
        """Wait for this task's turn."""
        now = asyncio.get_running_loop().time()
        self._turn = max(self._turn, now)
        wait = self._turn - (self.rate_limit - 1) / self.rate - now
        self._turn += 1 / self.rate
        if wait > 0:
            await asyncio.sleep(wait)

    def slow_down(self) -> None:
        """Halve the rate and spend the burst, once a second at most."""
        now = asyncio.get_running_loop().time()
        if now < self._slowed_until:
            return
        self._slowed_until = now + 1
        self.rate = max(min(SLOWEST, self._full), self.rate / 2)
        self._turn = max(self._turn, now + self.rate_limit / self.rate)

    def speed_up(self) -> None:
        """Recover a twentieth of the configured rate."""
        if self.rate < self._full:
            self.rate = min(self._full, self.rate + self._full / 20)
