"""EBS volumes."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.ec2 import PER_PAGE
from orgaudit.facts.rows import listed, tags_in, text
from orgaudit.model import Observed, Scope

IN_USE = "in-use"
"""The state of a volume that is attached to an instance.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Volume.html"""


class Volume(Resource, frozen=True, kw_only=True):
    """A volume, attached to an instance or not; its encryption is set when it is created and never changes."""

    encrypted: Observed[bool]
    state: Observed[str]
    key_id: str | None = None


@collector(scope=Scope.REGIONAL, actions=("ec2:DescribeVolumes",))
async def volumes(aws: Aws) -> AsyncIterator[Volume]:
    """Yield the region's volumes."""
    async for row in listed(aws, "ec2", "DescribeVolumes", "Volumes", MaxResults=PER_PAGE):
        with row as answer:
            yield Volume(
                arn=f"arn:{aws.partition}:ec2:{aws.region}:{aws.account_id}:volume/{text(answer['VolumeId'])}",
                **here(aws),
                tags=tags_in(answer.get("Tags")),
                encrypted=row.member("Encrypted", bool),
                state=row.member("State", str),
                key_id=answer.get("KmsKeyId"),
            )
