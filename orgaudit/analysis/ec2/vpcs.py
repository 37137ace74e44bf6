"""VPCs: their flow logs, the route tables of their subnets, and how much of a peer their routes reach."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.facts.ec2.peering import PeeringConnection, PeeringRoute
from orgaudit.facts.ec2.routes import RouteTable
from orgaudit.facts.ec2.vpcs import FlowLog, Vpc
from orgaudit.languages.cidr import block, family_of, minus, space_of
from orgaudit.model import UNKNOWN, Gap, NotSeenError, Seen, shown


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


def table_of(subnet: str, vpc_id: str | None, tables: Iterable[RouteTable]) -> RouteTable | None:
    """Return the route table of a subnet: the one that names it, or else its VPC's main one.

    None where none was seen, or where one whose subnets were not seen may name it.
    https://docs.aws.amazon.com/vpc/latest/userguide/subnet-route-tables.html
    """
    main, hidden = None, False
    for table in tables:
        if isinstance(table.subnets, Seen) and subnet in table.subnets.value:
            return table
        here = isinstance(table.vpc_id, Gap) or vpc_id in {None, table.vpc_id.value}
        hidden = hidden or (here and isinstance(table.subnets, Gap))
        if table.main == Seen(value=True) and table.vpc_id == Seen(vpc_id):
            main = table
    return None if hidden else main


class Breadth(StrEnum):
    """How a route through a peering connection compares with the address blocks of the VPC on the other side."""

    PART = "a part of the other VPC"
    WHOLE = "a whole block of the other VPC"
    WIDER = "more than the other VPC has"
    UNKNOWN = "unknown, as AWS does not return the blocks of the other VPC"


def breadth_of(route: PeeringRoute, connection: PeeringConnection) -> Breadth:
    """Return how a route compares with the other VPC's blocks of its family; raises NotSeenError without these."""
    family = family_of(route.destination)
    others = [cidrs for vpc_id, cidrs in connection.sides.value.items() if vpc_id != route.vpc_id]
    blocks = [cidr for cidrs in others for cidr in cidrs if family_of(cidr) is family]
    if not blocks:
        return Breadth.UNKNOWN
    reached = (block(route.destination),)
    if minus(reached, space_of(blocks, family)):
        return Breadth.WIDER
    whole = any(not minus((block(cidr),), reached) for cidr in blocks)
    return Breadth.WHOLE if whole else Breadth.PART
