"""How much of the VPC on the other side of a peering connection routes reach."""

from __future__ import annotations

from enum import StrEnum

from orgaudit.facts.ec2.peering import PeeringConnection, PeeringRoute
from orgaudit.languages.cidr import block, family_of, minus, space_of


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
