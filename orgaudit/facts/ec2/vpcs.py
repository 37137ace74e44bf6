"""VPCs, and the flow logs that record their traffic."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.ec2 import PER_PAGE
from orgaudit.facts.rows import listed, tags_in
from orgaudit.model import Observed, Scope


class Vpc(Resource, frozen=True, kw_only=True):
    """A VPC; `account_id` is its owner's, which shares it with others where these show it too."""

    vpc_id: str
    default: Observed[bool]
    cidrs: tuple[str, ...] = ()


class FlowLog(Resource, frozen=True, kw_only=True):
    """A flow log of a VPC, a subnet, a network interface or a gateway. `traffic` is ALL, ACCEPT or REJECT.

    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_FlowLog.html
    """

    watches: Observed[str]
    status: Observed[str]
    traffic: Observed[str]
    delivery: Observed[str]
    delivery_error: str | None = None
    destination: Observed[str]


@collector(scope=Scope.REGIONAL, actions=("ec2:DescribeVpcs",))
async def vpcs(aws: Aws) -> AsyncIterator[Vpc]:
    """Yield every VPC of the region, used or not, and those that other accounts share with this one."""
    async for row in listed(aws, "ec2", "DescribeVpcs", "Vpcs", MaxResults=PER_PAGE):
        with row as answer:
            owner, vpc_id = answer["OwnerId"], answer["VpcId"]
            yield Vpc(
                arn=f"arn:{aws.partition}:ec2:{aws.region}:{owner}:vpc/{vpc_id}",
                account_id=owner,
                region=aws.region,
                tags=tags_in(answer.get("Tags")),
                vpc_id=vpc_id,
                default=row.member("IsDefault", bool),
                cidrs=tuple(
                    each["CidrBlock"] for each in answer.get("CidrBlockAssociationSet", ()) if "CidrBlock" in each
                ),
            )


@collector(scope=Scope.REGIONAL, actions=("ec2:DescribeFlowLogs",))
async def flow_logs(aws: Aws) -> AsyncIterator[FlowLog]:
    """Yield every flow log that the account has in the region."""
    async for row in listed(aws, "ec2", "DescribeFlowLogs", "FlowLogs", MaxResults=PER_PAGE):
        with row as answer:
            yield FlowLog(
                arn=f"arn:{aws.partition}:ec2:{aws.region}:{aws.account_id}:vpc-flow-log/{answer['FlowLogId']}",
                **here(aws),
                tags=tags_in(answer.get("Tags")),
                watches=row.member("ResourceId", str),
                status=row.member("FlowLogStatus", str),
                traffic=row.member("TrafficType", str),
                delivery=row.member("DeliverLogsStatus", str),
                delivery_error=answer.get("DeliverLogsErrorMessage"),
                destination=row.read(lambda found: found.get("LogDestination") or found["LogGroupName"]),
            )
