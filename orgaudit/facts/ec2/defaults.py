"""The defaults of each region of an account for new volumes and instances."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.rows import Row
from orgaudit.model import Observed, Scope


class EbsDefaults(Resource, frozen=True, kw_only=True):
    """Whether new EBS volumes of a region are encrypted."""

    encrypted: Observed[bool]


class MetadataDefaults(Resource, frozen=True, kw_only=True):
    """The options of the metadata service that new instances of a region get; None where the account sets none.

    `managed_by` is account or declarative-policy, which the account cannot change.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceMetadataDefaultsResponse.html
    """

    tokens: str | None = None
    endpoint: str | None = None
    managed_by: str | None = None
    exception_message: str | None = None

    @property
    def by_policy(self) -> bool:
        """Whether a declarative policy of the organization sets the defaults."""
        return self.managed_by == "declarative-policy"


@collector(scope=Scope.REGIONAL, actions=("ec2:GetEbsEncryptionByDefault",))
async def ebs_defaults(aws: Aws) -> AsyncIterator[EbsDefaults]:
    """Yield the one setting of the region, whether it has volumes or not."""
    answer = await aws.call("ec2", "GetEbsEncryptionByDefault")
    yield EbsDefaults(
        arn=f"arn:{aws.partition}:ec2:{aws.region}:{aws.account_id}:ebs-encryption-by-default",
        **here(aws),
        encrypted=Row(aws, "ec2:GetEbsEncryptionByDefault", answer).member("EbsEncryptionByDefault", bool),
    )


@collector(scope=Scope.REGIONAL, actions=("ec2:GetInstanceMetadataDefaults",))
async def metadata_defaults(aws: Aws) -> AsyncIterator[MetadataDefaults]:
    """Yield the one setting of the region; an account that has set nothing gets an empty answer."""
    answer = await aws.call("ec2", "GetInstanceMetadataDefaults")
    found = answer.get("AccountLevel", {})
    yield MetadataDefaults(
        arn=f"arn:{aws.partition}:ec2:{aws.region}:{aws.account_id}:instance-metadata-defaults",
        **here(aws),
        tokens=found.get("HttpTokens"),
        endpoint=found.get("HttpEndpoint"),
        managed_by=found.get("ManagedBy"),
        exception_message=found.get("ManagedExceptionMessage"),
    )
