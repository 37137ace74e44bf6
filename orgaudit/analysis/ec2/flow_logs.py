"""The flow logs of a VPC among those of its account and region, and whether they show rejected traffic."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.facts.ec2.vpcs import FlowLog, Vpc
from orgaudit.model import UNKNOWN, NotSeenError, Seen, shown


def flow_logs_of(vpc: Vpc, owner: AccountFacts) -> list[FlowLog]:
    """Return the flow logs that are or may be on the whole of a VPC; raises NotSeenError where they were not seen."""
    listed = owner.listing(FlowLog, vpc.region)
    if listed is not None and listed.gap is not None:
        raise NotSeenError(listed.gap)
    return [
        log
        for log in owner.anywhere(FlowLog)
        if log.region == vpc.region and shown(log.watches) in {vpc.vpc_id, UNKNOWN}
    ]


def flaw_of(log: FlowLog) -> str | None:
    """Return why a log does not show rejected traffic, as the predicate of a sentence; None where it does.

    Raises NotSeenError where no flaw was seen and something else was not.
    """
    if isinstance(log.status, Seen) and log.status.value != "ACTIVE":
        return f"is {log.status.value}"
    if shown(log.delivery) == "FAILED":
        return f"fails to deliver: {log.delivery_error or 'no error message was returned'}"
    if log.traffic.value not in {"ALL", "REJECT"}:
        return "leaves out rejected traffic"
    for observed in (log.status, log.delivery):
        observed.value  # noqa: B018 - a gap raises what it is: there may be a flaw
    return None


def is_whole(log: FlowLog) -> bool:
    """Return whether all of a log was seen, and no flaw in it."""
    seen = all(isinstance(each, Seen) for each in (log.watches, log.status, log.traffic, log.delivery))
    return seen and flaw_of(log) is None
