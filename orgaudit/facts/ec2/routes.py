"""Route tables, with their routes through internet gateways and the subnets that name them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.facts.packed import Rows
from orgaudit.facts.rows import each_row, tags_in, text
from orgaudit.model import Observed, Scope

ACTION = "ec2:DescribeRouteTables"
GATEWAY = "igw-"
"""How the ids of internet gateways begin: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html"""


class InternetRoute(msgspec.Struct, frozen=True, kw_only=True):
    """A route through an internet gateway; `destination` is a block or a prefix list."""

    destination: str
    gateway: str


class RouteTable(Resource, frozen=True, kw_only=True):
    """A route table: its active routes through internet gateways, and the subnets that name it.

    The `main` table of a VPC is for the subnets that name none.
    """

    vpc_id: Observed[str]
    main: Observed[bool]
    subnets: Observed[tuple[str, ...]]
    internet: Observed[tuple[InternetRoute, ...]]


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def route_tables(aws: Aws) -> AsyncIterator[RouteTable]:
    """Yield every route table of the region, and those of shared subnets."""
    async for row in each_row(aws, ACTION, [await aws.once(route_table_answers)]):
        with row as answer:
            owner, table_id = answer["OwnerId"], text(answer["RouteTableId"])
            yield RouteTable(
                arn=f"arn:{aws.partition}:ec2:{aws.region}:{owner}:route-table/{table_id}",
                account_id=owner,
                region=aws.region,
                tags=tags_in(answer.get("Tags")),
                vpc_id=row.member("VpcId", str),
                main=row.read(lambda found: any(each["Main"] for each in _associations(found))),
                subnets=row.read(_subnets),
                internet=row.read(_internet),
            )


async def route_table_answers(aws: Aws) -> Rows:
    """Return the route tables of a region as EC2 describes them; meant for `Aws.once`."""
    # The most that one answer holds: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRouteTables.html
    found = Rows()
    async for page in aws.pages("ec2", "DescribeRouteTables", MaxResults=100):
        found.extend(page["RouteTables"])
    return found


def _associations(answer: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in answer["Associations"] if each["AssociationState"]["State"] == "associated"]


def _subnets(answer: dict[str, Any]) -> tuple[str, ...]:
    """Return the subnets that name the table; the main association and those with gateways have none."""
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RouteTableAssociation.html
    return tuple(each["SubnetId"] for each in _associations(answer) if "SubnetId" in each)


def _internet(answer: dict[str, Any]) -> tuple[InternetRoute, ...]:
    return tuple(_internet_route(route) for route in answer["Routes"] if _leads_to_internet(route))


def _leads_to_internet(route: dict[str, Any]) -> bool:
    """Return whether a route leads to an attached internet gateway; that of a detached one is a blackhole."""
    # Routes to other kinds of targets have no gateway:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html
    return str(route.get("GatewayId", "")).startswith(GATEWAY) and bool(route["State"] == "active")


def _internet_route(route: dict[str, Any]) -> InternetRoute:
    """Return a route; raises ValueError for one without a destination, which EC2 does not accept."""
    for name in ("DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"):
        if name in route:
            return InternetRoute(destination=route[name], gateway=route["GatewayId"])
    raise ValueError("a route has no destination")
