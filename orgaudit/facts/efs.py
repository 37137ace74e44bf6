"""EFS file systems."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.model import Scope


class FileSystem(Resource, frozen=True, kw_only=True):
    """A file system; encryption is chosen when it is created and never changes."""

    encrypted: bool
    key_id: str | None = None


@collector(scope=Scope.REGIONAL, actions=("elasticfilesystem:DescribeFileSystems",))
async def file_systems(aws: Aws) -> AsyncIterator[FileSystem]:
    """Yield the region's file systems."""
    async for page in aws.pages("efs", "DescribeFileSystems"):
        for found in page["FileSystems"]:
            yield FileSystem(
                arn=found["FileSystemArn"],
                account_id=found["OwnerId"],
                region=aws.region,
                tags={tag["Key"]: tag["Value"] for tag in found["Tags"]},
                encrypted=found.get("Encrypted", False),
                key_id=found.get("KmsKeyId"),
            )
