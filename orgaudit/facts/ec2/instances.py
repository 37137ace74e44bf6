"""Instances: the options of their metadata service, and their role."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.facts.ec2 import PER_PAGE
from orgaudit.facts.rows import Row, each_row, listed, tags_in
from orgaudit.model import Observed, Scope

ACTION = "ec2:DescribeInstances"
GONE = frozenset({"shutting-down", "terminated"})
"""States of instances that are about to disappear; EC2 lists them for about an hour.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html"""


class Instance(Resource, frozen=True, kw_only=True):
    """An instance that runs, starts, stops or is stopped.

    `tokens` is required or optional, `endpoint` enabled or disabled, and `applied` shows whether these options of the
    metadata service are in force already.
    """

    state: Observed[str]
    profile_arn: Observed[str | None]
    tokens: Observed[str]
    endpoint: Observed[str]
    applied: Observed[bool]
    vpc_id: str | None = None


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def instances(aws: Aws) -> AsyncIterator[Instance]:
    """Yield every instance of the region that is not terminated."""
    async for held in listed(aws, "ec2", "DescribeInstances", "Reservations", MaxResults=PER_PAGE):
        with held as reservation:
            async for row in each_row(aws, ACTION, [reservation["Instances"]]):
                with row as answer:
                    if answer.get("State", {}).get("Name") not in GONE:
                        yield _instance(aws, reservation["OwnerId"], row)


def _instance(aws: Aws, owner: str, row: Row) -> Instance:
    answer = row.found
    return Instance(
        arn=f"arn:{aws.partition}:ec2:{aws.region}:{owner}:instance/{answer['InstanceId']}",
        account_id=owner,
        region=aws.region,
        tags=tags_in(answer.get("Tags")),
        state=row.member("State.Name", str),
        profile_arn=row.read(_profile),
        tokens=row.member("MetadataOptions.HttpTokens", str),
        endpoint=row.member("MetadataOptions.HttpEndpoint", str),
        applied=row.read(lambda found: found["MetadataOptions"]["State"] == "applied"),
        vpc_id=answer.get("VpcId"),
    )


def _profile(answer: dict[str, Any]) -> str | None:
    """Return the instance profile, which is in the answer only where the instance has one."""
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
    arn: str | None = answer["IamInstanceProfile"]["Arn"] if "IamInstanceProfile" in answer else None
    return arn
