"""The rates that AWS documents, enforced as it does: a token bucket for each account, region and action."""

from __future__ import annotations

from orgaudit.settings.limits import Limit, Limits, Per
from scripts.simulator.protocol import Operation

CODES = {
    "apigateway": ("TooManyRequestsException", 429),
    "apigatewayv2": ("TooManyRequestsException", 429),
    "account": ("TooManyRequestsException", 429),
    "ec2": ("RequestLimitExceeded", 503),
    "eks": ("ThrottlingException", 429),
    "lambda": ("TooManyRequestsException", 429),
    "macie2": ("ThrottlingException", 429),
    "organizations": ("TooManyRequestsException", 400),
    "s3": ("SlowDown", 503),
    "s3control": ("SlowDown", 503),
    "sns": ("Throttled", 429),
}
"""Code and status of a throttled call, of services that have their own."""
MOST_BUCKETS = 200_000
"""The buckets after which full ones are forgotten, which need none."""


def throttled(operation: Operation) -> tuple[str, int]:
    """Return the code and the status with which a service throttles."""
    default = "Throttling" if operation.protocol in {"query", "rest-xml"} else "ThrottlingException"
    status = 429 if operation.protocol == "rest-json" else 400
    return CODES.get(operation.service, (default, status))


class Rates:
    """The buckets of all accounts; a bucket is the time at which it is full again."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._of: dict[str, Limit] = {}
        self._full_at: dict[tuple[str, str, str], float] = {}

    def allows(self, action: str, account: str, region: str, now: float) -> bool:
        """Return whether a call may pass, and take its token."""
        limit = self._of.get(action) or self._of.setdefault(action, self._limits.for_action(*action.split(":", 1)))
        key = account, limit.key, region if limit.scope is not Per.ACCOUNT else ""
        full_at = max(self._full_at.get(key, 0.0), now) + 1 / limit.rate
        if full_at - now > limit.burst / limit.rate + 1e-9:
            return False
        self._full_at[key] = full_at
        if len(self._full_at) > MOST_BUCKETS:
            self._full_at = {key: at for key, at in self._full_at.items() if at > now}
        return True
