"""VPC endpoints, through which a VPC reaches AWS's services without the internet."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.ec2 import PER_PAGE
from orgaudit.facts.rows import listed, tags_in, text
from orgaudit.model import Observed, Scope


class VpcEndpoint(Resource, frozen=True, kw_only=True):
    """An endpoint in a VPC. `service` is the full name of a service, `kind` Interface, Gateway or another one.

    `state` is in lower case, as EC2 answers it: its documentation writes it with a capital.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_VpcEndpoint.html
    """

    vpc_id: Observed[str]
    service: Observed[str]
    kind: Observed[str]
    state: Observed[str]


@collector(scope=Scope.REGIONAL, actions=("ec2:DescribeVpcEndpoints",))
async def vpc_endpoints(aws: Aws) -> AsyncIterator[VpcEndpoint]:
    """Yield the account's endpoints in the region, whatever their state."""
    async for row in listed(aws, "ec2", "DescribeVpcEndpoints", "VpcEndpoints", MaxResults=PER_PAGE):
        with row as answer:
            yield VpcEndpoint(
                arn=f"arn:{aws.partition}:ec2:{aws.region}:{aws.account_id}:vpc-endpoint/{text(answer['VpcEndpointId'])}",
                **here(aws),
                tags=tags_in(answer.get("Tags")),
                vpc_id=row.member("VpcId", str),
                service=row.member("ServiceName", str),
                kind=row.member("VpcEndpointType", str),
                state=row.read(lambda found: text(found["State"]).lower()),
            )
