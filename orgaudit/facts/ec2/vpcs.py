"""VPCs, and the flow logs that write down who talked to whom in them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.account import AccountFacts
from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.facts.ec2.tags import tags_of
from orgaudit.model import NotSeenError, Scope


class Vpc(Resource, frozen=True, kw_only=True):
    """A VPC; `account_id` is its owner's, which shares it with others where these show it too."""

    vpc_id: str
    default: bool = False
    cidrs: tuple[str, ...] = ()


class FlowLog(Resource, frozen=True, kw_only=True):
    """A flow log of a VPC, a subnet, a network interface or a gateway. `traffic` is ALL, ACCEPT or REJECT."""

    watches: str
    status: str
    traffic: str | None = None
    delivery: str | None = None
    delivery_error: str | None = None
    destination: str | None = None

    @property
    def flaw(self) -> str | None:
        """Return why this log does not show who was turned away, or None where it does."""
        if self.status != "ACTIVE":
            return f"is {self.status}"
        if self.delivery == "FAILED":
            return f"fails to deliver: {self.delivery_error or 'AWS does not say why'}"
        if self.traffic not in {"ALL", "REJECT"}:
            return "leaves out rejected traffic"
        return None


@collector(scope=Scope.REGIONAL, actions=("ec2:DescribeVpcs",))
async def vpcs(aws: Aws) -> AsyncIterator[Vpc]:
    """Yield every VPC of the region, used or not, and those that other accounts share with this one."""
    async for page in aws.pages("ec2", "DescribeVpcs", MaxResults=1000):
        for answer in page["Vpcs"]:
            owner, vpc_id = answer["OwnerId"], answer["VpcId"]
            yield Vpc(
                arn=f"arn:{aws.partition}:ec2:{aws.region}:{owner}:vpc/{vpc_id}",
                account_id=owner,
                region=aws.region,
                tags=tags_of(answer),
                vpc_id=vpc_id,
                default=answer["IsDefault"],
                cidrs=tuple(each["CidrBlock"] for each in answer.get("CidrBlockAssociationSet", ())),
            )


@collector(scope=Scope.REGIONAL, actions=("ec2:DescribeFlowLogs",))
async def flow_logs(aws: Aws) -> AsyncIterator[FlowLog]:
    """Yield every flow log that the account has in the region."""
    async for page in aws.pages("ec2", "DescribeFlowLogs", MaxResults=1000):
        for answer in page["FlowLogs"]:
            yield FlowLog(
                arn=f"arn:{aws.partition}:ec2:{aws.region}:{aws.account_id}:vpc-flow-log/{answer['FlowLogId']}",
                account_id=aws.account_id,
                region=aws.region,
                tags=tags_of(answer),
                watches=answer["ResourceId"],
                status=answer["FlowLogStatus"],
                traffic=answer.get("TrafficType"),
                delivery=answer.get("DeliverLogsStatus"),
                delivery_error=answer.get("DeliverLogsErrorMessage"),
                destination=answer.get("LogDestination") or answer.get("LogGroupName"),
            )


def flow_logs_of(vpc: Vpc, owner: AccountFacts) -> list[FlowLog]:
    """Return the flow logs on the whole of a VPC; raises NotSeenError where those of its region were not seen."""
    listed = owner.listing(FlowLog, vpc.region)
    if listed is not None and listed.gap is not None:
        raise NotSeenError(listed.gap)
    return [log for log in owner.anywhere(FlowLog) if (log.watches, log.region) == (vpc.vpc_id, vpc.region)]
