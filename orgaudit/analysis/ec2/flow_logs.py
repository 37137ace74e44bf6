"""The flow logs of a VPC, those of its account and region."""

from __future__ import annotations

from orgaudit.analysis.account import AccountFacts
from orgaudit.facts.ec2.vpcs import FlowLog, Vpc
from orgaudit.model import UNKNOWN, NotSeenError, shown


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
