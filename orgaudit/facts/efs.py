"""EFS file systems and their policies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from orgaudit.facts.declare import Aws, Resource, collector, detail
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import each_row, tags_in, text
from orgaudit.languages.iam_policy import Condition, Effect, Opening, Statement, dump_policy
from orgaudit.model import Observed, Scope

NO_POLICY = ("FileSystemNotFound", "PolicyNotFound")
MOUNT_TARGET = "elasticfilesystem:accessedviamounttarget"


class FileSystem(Resource, frozen=True, kw_only=True):
    """A file system; encryption is chosen when it is created and never changes."""

    encrypted: Observed[bool]
    key_id: str | None = None


@collector(scope=Scope.REGIONAL, actions=("elasticfilesystem:DescribeFileSystems",))
async def file_systems(aws: Aws) -> AsyncIterator[FileSystem]:
    """Yield the region's file systems."""
    lists = (page["FileSystems"] async for page in aws.pages("efs", "DescribeFileSystems"))
    async for row in each_row(aws, "elasticfilesystem:DescribeFileSystems", lists):
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
    """A file system's policy; without one, whoever reaches a mount target over the network may mount it."""

    @property
    def openings(self) -> tuple[Opening, ...]:
        """The ways in that it leaves to external callers. What comes by a mount target comes from the VPC's network.

        https://docs.aws.amazon.com/efs/latest/ug/access-control-block-public-access.html
        """
        policy = self.parsed
        if policy is None:
            return ()
        statements = tuple(replace(each, principal=None) if _is_inside(each) else each for each in policy.statements)
        return ResourcePolicy(arn=self.arn, document=dump_policy(replace(policy, statements=statements))).openings


def _is_inside(statement: Statement) -> bool:
    """Tell whether an Allow is for what comes by a mount target only."""
    return statement.effect is Effect.ALLOW and any(map(_is_mount_target, statement.conditions))


def _is_mount_target(condition: Condition) -> bool:
    values = [value.lower() for value in condition.values]
    return (condition.operator.lower(), condition.key.lower(), values) == ("bool", MOUNT_TARGET, ["true"])


@detail(actions=("elasticfilesystem:DescribeFileSystemPolicy",))
async def file_system_policy(aws: Aws, system: FileSystem) -> FileSystemPolicy:
    """Read the file system's policy; a file system that is gone by now has none."""
    answer = await aws.find("efs", "DescribeFileSystemPolicy", NO_POLICY, FileSystemId=system.name)
    return FileSystemPolicy(arn=system.arn, document=document_of(answer["Policy"] if answer else None))
