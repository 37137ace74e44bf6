"""Route tables, and which subnets they connect to the internet."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.facts.ec2.tags import tags_of
from orgaudit.model import Scope

GATEWAY = "igw-"
"""How the ids of internet gateways begin."""


class InternetRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A route through an internet gateway; `destination` is a block or a prefix list."""

    destination: str
    gateway: str


class RouteTable(Resource, frozen=True, kw_only=True):
    """A route table: its active routes through internet gateways, and the subnets that name it.

    The `main` table of a VPC is for the subnets that name none.
    """

    vpc_id: str
    main: bool = False
    subnets: tuple[str, ...] = ()
    internet: tuple[InternetRoute, ...] = ()


@collector(scope=Scope.REGIONAL, actions=("ec2:DescribeRouteTables",))
async def route_tables(aws: Aws) -> AsyncIterator[RouteTable]:
    """Yield every route table of the region, and those of shared subnets."""
    for answer in await aws.once(route_table_answers):
        owner, table_id = answer["OwnerId"], answer["RouteTableId"]
        associations = [each for each in answer["Associations"] if _is_associated(each)]
        yield RouteTable(
            arn=f"arn:{aws.partition}:ec2:{aws.region}:{owner}:route-table/{table_id}",
            account_id=owner,
            region=aws.region,
            tags=tags_of(answer),
            vpc_id=answer["VpcId"],
            main=any(each["Main"] for each in associations),
            subnets=tuple(each["SubnetId"] for each in associations if "SubnetId" in each),
            internet=tuple(_internet_route(route) for route in answer["Routes"] if _leads_to_internet(route)),
        )


async def route_table_answers(aws: Aws) -> list[dict[str, Any]]:
    """Return the route tables of a region as EC2 describes them; meant for `Aws.once`."""
    pages = aws.pages("ec2", "DescribeRouteTables", MaxResults=100)
    return [table async for page in pages for table in page["RouteTables"]]


def table_of(subnet: str, vpc_id: str | None, tables: Iterable[RouteTable]) -> RouteTable | None:
    """Return the route table of a subnet: the one that it names, or else its VPC's main one; None if none was seen."""
    main = None
    for table in tables:
        if subnet in table.subnets:
            return table
        if table.main and table.vpc_id == vpc_id:
            main = table
    return main


def _is_associated(association: dict[str, Any]) -> bool:
    state: str = association.get("AssociationState", {}).get("State", "associated")
    return state == "associated"


def _leads_to_internet(route: dict[str, Any]) -> bool:
    """Tell whether a route leads to an internet gateway that is there; a detached one leaves a blackhole behind."""
    gateway, state = str(route.get("GatewayId", "")), str(route.get("State", "active"))
    return gateway.startswith(GATEWAY) and state == "active"


def _internet_route(route: dict[str, Any]) -> InternetRoute:
    members = ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId")
    return InternetRoute(destination=next(route[name] for name in members if name in route), gateway=route["GatewayId"])
