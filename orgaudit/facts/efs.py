"""EFS file systems and their policies."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, detail
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import listed, tags_in, text
from orgaudit.model import Observed, Scope

ACTION = "elasticfilesystem:DescribeFileSystems"
NO_POLICY = ("FileSystemNotFound", "PolicyNotFound")


class FileSystem(Resource, frozen=True, kw_only=True):
    """A file system; its encryption is set when it is created and never changes."""

    encrypted: Observed[bool]
    key_id: str | None = None


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def file_systems(aws: Aws) -> AsyncIterator[FileSystem]:
    """Yield the region's file systems."""
    async for row in listed(aws, "efs", "DescribeFileSystems", "FileSystems", action=ACTION):
        with row as found:
            name = f"{found['OwnerId']}:file-system/{text(found['FileSystemId'])}"
            yield FileSystem(
                arn=f"arn:{aws.partition}:elasticfilesystem:{aws.region}:{name}",
                account_id=found["OwnerId"],
                region=aws.region,
                tags=tags_in(found.get("Tags")),
                encrypted=row.member("Encrypted", bool),
                key_id=found.get("KmsKeyId"),
            )


class FileSystemPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """A file system's policy; without one, every client that reaches a mount target may mount it."""


@detail(actions=("elasticfilesystem:DescribeFileSystemPolicy",))
async def file_system_policy(aws: Aws, system: FileSystem) -> FileSystemPolicy:
    """Return the file system's policy; a file system that is gone by now has none."""
    # https://docs.aws.amazon.com/efs/latest/ug/API_DescribeFileSystemPolicy.html
    answer = await aws.find("efs", "DescribeFileSystemPolicy", NO_POLICY, FileSystemId=system.name)
    return FileSystemPolicy(arn=system.arn, document=document_of(answer["Policy"] if answer else None))
