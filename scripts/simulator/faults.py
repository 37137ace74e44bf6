"""Which calls are answered by a fault, and by which: the same for a seed, whatever the order of the calls."""

from __future__ import annotations

from enum import Enum
from hashlib import blake2b


class Fault(Enum):
    """What is wrong with an answer."""

    THROTTLED = "throttled"
    ERROR = "internal error"
    UNAVAILABLE = "service unavailable"
    RESET_BEFORE = "connection reset before the answer"
    RESET_WITHIN = "connection closed within the answer"
    MALFORMED = "body cut short, with its length"
    SLOW = "slow answer"
    EXPIRED = "expired token"


KINDS = tuple(Fault)
MOST_IN_TURN = 2
"""The most faults that answer one request in turn. AWS has no such bound, but with it every run sees the same facts."""
SLOW_SECONDS = 2.0
"""How long a slow answer takes."""


ONE = 1 << 32
"""What the numbers that decide whether a call is answered by a fault are parts of."""


def _hash(data: bytes, key: str) -> bytes:
    return blake2b(data, digest_size=8, key=key.encode()).digest()


class Faults:
    """Answers so many percent of the calls by faults.

    A call is known by its account, region and request, and by how often it was answered by a fault in turn; a new
    session's key makes it no other call. Only calls that wait for their next attempt are kept.
    """

    def __init__(self, percent: float, seed: int) -> None:
        self._threshold = int(percent / 100 * ONE)
        self._seed = seed
        self._attempts: dict[bytes, int] = {}

    def next(self, account: str, region: str, request: bytes) -> Fault | None:
        """Return the fault that answers a call, or None where it is answered."""
        if not self._threshold:
            return None
        known = _hash(request, f"{self._seed}/{account}/{region}")
        attempt = self._attempts.pop(known, 0)
        drawn = int.from_bytes(_hash(known, str(attempt)))
        if attempt >= MOST_IN_TURN or drawn % ONE >= self._threshold:
            return None
        self._attempts[known] = attempt + 1
        fault = KINDS[drawn // ONE % len(KINDS)]
        # The keys that follow expired ones are new, so a call meets expired keys once.
        return Fault.ERROR if fault is Fault.EXPIRED and attempt else fault
