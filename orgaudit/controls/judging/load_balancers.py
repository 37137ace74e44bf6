"""The verdicts that controls on load balancers of both generations share."""

from __future__ import annotations

from orgaudit.model import Verdict, require

STRICT = frozenset({"defensive", "strictest"})
"""The desync mitigation modes that do not pass every ambiguous request on.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html"""


def judge_zones(zones: tuple[str, ...], fewest: int) -> Verdict:
    """Return a PASS where a load balancer is in as many Availability Zones as are required, else a FAIL."""
    found = sorted(set(zones))
    return require(
        len(found) >= fewest,
        then=f"the load balancer is in {len(found)} Availability Zones",
        otherwise=f"the load balancer is in {len(found)} Availability Zone(s); at least {fewest} are required",
        zones=found,
    )


def judge_desync_mode(mode: str) -> Verdict:
    """Return a PASS where a load balancer handles ambiguous requests defensively or strictly, else a FAIL."""
    return require(
        mode in STRICT,
        then=f"the desync mitigation mode is {mode}",
        otherwise=f"the desync mitigation mode is {mode}, which forwards ambiguous requests; defensive is the default",
        mode=mode,
    )
