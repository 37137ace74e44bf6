"""Instances: how their metadata service answers, and which role they have."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.facts.ec2.tags import tags_of
from orgaudit.model import Scope

GONE = frozenset({"shutting-down", "terminated"})
"""States of instances that are no more; AWS lists them for about an hour."""


class Instance(Resource, frozen=True, kw_only=True):
    """An instance that runs, starts, stops or is stopped.

    `tokens` is required or optional, `endpoint` enabled or disabled, and `applied` tells whether these options of the
    metadata service are in force already.
    """

    state: str
    profile_arn: str | None = None
    tokens: str = "optional"
    endpoint: str = "enabled"
    applied: bool = True
    vpc_id: str | None = None


@collector(scope=Scope.REGIONAL, actions=("ec2:DescribeInstances",))
async def instances(aws: Aws) -> AsyncIterator[Instance]:
    """Yield every instance of the region that is not terminated."""
    async for page in aws.pages("ec2", "DescribeInstances", MaxResults=1000):
        for reservation in page["Reservations"]:
            for answer in reservation["Instances"]:
                if answer["State"]["Name"] in GONE:
                    continue
                owner, options = reservation["OwnerId"], answer.get("MetadataOptions", {})
                yield Instance(
                    arn=f"arn:{aws.partition}:ec2:{aws.region}:{owner}:instance/{answer['InstanceId']}",
                    account_id=owner,
                    region=aws.region,
                    tags=tags_of(answer),
                    state=answer["State"]["Name"],
                    profile_arn=answer.get("IamInstanceProfile", {}).get("Arn"),
                    tokens=options.get("HttpTokens", "optional"),
                    endpoint=options.get("HttpEndpoint", "enabled"),
                    applied=options.get("State", "applied") == "applied",
                    vpc_id=answer.get("VpcId"),
                )
