"""Subnets, and the addresses that they give to what is launched in them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.facts.ec2 import PER_PAGE
from orgaudit.facts.rows import listed, tags_in, text
from orgaudit.model import Observed, Scope


class Subnet(Resource, frozen=True, kw_only=True):
    """A subnet; `account_id` is its owner's, which shares it with others where these show it too.

    `public_ipv4` and `ipv6` are whether new network interfaces get an address of that kind by default.
    """

    vpc_id: Observed[str]
    default: Observed[bool]
    public_ipv4: Observed[bool]
    ipv6: Observed[bool]


@collector(scope=Scope.REGIONAL, actions=("ec2:DescribeSubnets",))
async def subnets(aws: Aws) -> AsyncIterator[Subnet]:
    """Yield every subnet of the region, and those that other accounts share with this one."""
    async for row in listed(aws, "ec2", "DescribeSubnets", "Subnets", MaxResults=PER_PAGE):
        with row as answer:
            owner = text(answer["OwnerId"])
            yield Subnet(
                arn=f"arn:{aws.partition}:ec2:{aws.region}:{owner}:subnet/{text(answer['SubnetId'])}",
                account_id=owner,
                region=aws.region,
                tags=tags_in(answer.get("Tags")),
                vpc_id=row.member("VpcId", str),
                default=row.member("DefaultForAz", bool),
                public_ipv4=row.member("MapPublicIpOnLaunch", bool),
                ipv6=row.member("AssignIpv6AddressOnCreation", bool),
            )
