"""Peering connections between VPCs, and the routes of this side through them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail
from orgaudit.facts.ec2 import PER_PAGE
from orgaudit.facts.ec2.prefixes import PREFIX_LIST_ACTIONS, prefix_list
from orgaudit.facts.ec2.routes import route_table_answers
from orgaudit.facts.rows import listed, tags_in
from orgaudit.model import UNKNOWN, Observed, Scope, shown

ACTIVE = "active"
"""The state in which traffic passes.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcPeeringConnectionStateReason.html"""
ENDS = ("RequesterVpcInfo", "AccepterVpcInfo")


class PeeringConnection(Resource, frozen=True, kw_only=True):
    """An active peering connection, as one of its sides sees it. `sides` has the blocks of both VPCs by their ids."""

    connection_id: str
    state: Observed[str]
    sides: Observed[dict[str, tuple[str, ...]]]
    accounts: tuple[str, ...] = ()


class PeeringRoute(msgspec.Struct, frozen=True, kw_only=True):
    """One destination that a route table of this side sends through the connection."""

    table: str
    vpc_id: str
    destination: str


class PeeringRoutes(Detail, frozen=True, kw_only=True):
    """The routes of this side through a peering connection."""

    routes: tuple[PeeringRoute, ...] = ()


@collector(scope=Scope.REGIONAL, actions=("ec2:DescribeVpcPeeringConnections",))
async def peering_connections(aws: Aws) -> AsyncIterator[PeeringConnection]:
    """Yield the active peering connections; others carry no traffic. Each side is assessed by its own routes."""
    async for row in listed(aws, "ec2", "DescribeVpcPeeringConnections", "VpcPeeringConnections", MaxResults=PER_PAGE):
        with row as answer:
            state = row.member("Status.Code", str)
            if shown(state) not in {ACTIVE, UNKNOWN}:
                continue
            connection_id, account_id = answer["VpcPeeringConnectionId"], aws.account_id
            yield PeeringConnection(
                arn=f"arn:{aws.partition}:ec2:{aws.region}:{account_id}:vpc-peering-connection/{connection_id}",
                account_id=account_id,
                region=aws.region,
                tags=tags_in(answer.get("Tags")),
                connection_id=connection_id,
                state=state,
                sides=row.read(lambda found: {found[end]["VpcId"]: tuple(_blocks(found[end])) for end in ENDS}),
                accounts=tuple(sorted({answer[end]["OwnerId"] for end in ENDS if "OwnerId" in answer.get(end, {})})),
            )


def _blocks(end: dict[str, Any]) -> Iterable[str]:
    found = [each["CidrBlock"] for each in end.get("CidrBlockSet", ())]
    found += [each["Ipv6CidrBlock"] for each in end.get("Ipv6CidrBlockSet", ())]
    return found or ([end["CidrBlock"]] if end.get("CidrBlock") else [])


@detail(actions=("ec2:DescribeRouteTables", *PREFIX_LIST_ACTIONS))
async def peering_routes(aws: Aws, connection: PeeringConnection) -> PeeringRoutes:
    """Return the routes through the connection in the region's route tables, which are read once for all."""
    found = [
        PeeringRoute(table=table["RouteTableId"], vpc_id=table["VpcId"], destination=destination)
        for table in await aws.once(route_table_answers)
        for route in table["Routes"]
        if route.get("VpcPeeringConnectionId") == connection.connection_id
        for destination in await _destinations(aws, route)
    ]
    return PeeringRoutes(arn=connection.arn, routes=tuple(found))


async def _destinations(aws: Aws, route: dict[str, Any]) -> tuple[str, ...]:
    if list_id := route.get("DestinationPrefixListId"):
        return (await prefix_list(aws, list_id)).cidrs or ()
    return (route.get("DestinationCidrBlock") or route["DestinationIpv6CidrBlock"],)
