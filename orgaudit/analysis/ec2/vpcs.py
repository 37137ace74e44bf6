"""VPCs: their flow logs and endpoints, the route tables of their subnets, and how much of a peer their routes reach."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from enum import StrEnum
from typing import TypeVar

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.facts.declare import Resource
from orgaudit.facts.ec2.endpoints import VpcEndpoint
from orgaudit.facts.ec2.peering import PeeringConnection, PeeringRoute
from orgaudit.facts.ec2.routes import RouteTable
from orgaudit.facts.ec2.vpcs import FlowLog, Vpc
from orgaudit.languages.cidr import block, family_of, minus, space_of
from orgaudit.model import UNKNOWN, Gap, Json, NotSeenError, Seen, shown

R = TypeVar("R", bound=Resource)
INTERFACE, AVAILABLE = "Interface", "available"


def flow_logs_of(vpc: Vpc, owner: AccountFacts) -> list[FlowLog]:
    """Return the flow logs that are or may be on the whole of a VPC; raises NotSeenError where they were not seen."""
    return _about(FlowLog, _watched, vpc.region, vpc.vpc_id, owner)


def endpoint_in(vpc_id: str, region: str, services: Collection[str], owner: AccountFacts) -> VpcEndpoint | None:
    """Return an available interface endpoint of a VPC for one of these services of the region, or None without one.

    Services are named as after the region in their full names, such as ecr.api. Raises NotSeenError where none was seen
    and something that was not seen may be one.
    """
    names = {f"{prefix}com.amazonaws.{region}.{service}" for service in services for prefix in ("", "cn.")}
    unseen: Gap | None = None
    for endpoint in _about(VpcEndpoint, _vpc_of, region, vpc_id, owner):
        wanted = ((endpoint.vpc_id, {vpc_id}), (endpoint.service, names), (endpoint.kind, {INTERFACE}))
        parts = [*wanted, (endpoint.state, {AVAILABLE})]
        if any(isinstance(part, Seen) and part.value not in allowed for part, allowed in parts):
            continue
        gap = next((part for part, _ in parts if isinstance(part, Gap)), None)
        if gap is None:
            return endpoint
        unseen = unseen or gap
    if unseen is not None:
        raise NotSeenError(unseen)
    return None


def _about(
    kind: type[R], place: Callable[[R], tuple[str, Json]], region: str, vpc_id: str, owner: AccountFacts
) -> list[R]:
    """Return the resources of a region that are or may be at a VPC; raises NotSeenError where they were not seen."""
    listed = owner.listing(kind, region)
    if listed is not None and listed.gap is not None:
        raise NotSeenError(listed.gap)
    owner.anywhere(kind)
    return owner.having(kind, place, (region, vpc_id), (region, UNKNOWN))


def _watched(log: FlowLog) -> tuple[str, Json]:
    return log.region, shown(log.watches)


def _vpc_of(endpoint: VpcEndpoint) -> tuple[str, Json]:
    return endpoint.region, shown(endpoint.vpc_id)


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
