"""The snapshots of each region of an account that are shared with everyone, and whether such sharing is blocked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.ec2 import PER_PAGE
from orgaudit.facts.rows import Row, text
from orgaudit.model import Observed, Scope

ACTION = "ec2:DescribeSnapshots"
STATE_ACTION = "ec2:GetSnapshotBlockPublicAccessState"
BLOCKED = "block-all-sharing"


class PublicSnapshots(Resource, frozen=True, kw_only=True):
    """The ids of the account's own snapshots in a region from which every AWS account can create volumes."""

    ids: Observed[tuple[str, ...]]


class SnapshotSharing(Resource, frozen=True, kw_only=True):
    """Whether a region blocks public sharing of snapshots: block-all-sharing, block-new-sharing or unblocked.

    `managed_by` is account or declarative-policy, which the account cannot change.
    https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_GetSnapshotBlockPublicAccessState.html
    """

    state: Observed[str]
    managed_by: str | None = None


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def public_snapshots(aws: Aws) -> AsyncIterator[PublicSnapshots]:
    """Yield the one list of the region, empty where no snapshot is public."""
    # Both filters together replace a call for each snapshot:
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSnapshots.html
    asked = {"OwnerIds": ["self"], "RestorableByUserIds": ["all"], "MaxResults": PER_PAGE}
    found = [each async for page in aws.pages("ec2", "DescribeSnapshots", **asked) for each in page["Snapshots"]]
    yield PublicSnapshots(
        arn=f"arn:{aws.partition}:ec2:{aws.region}:{aws.account_id}:public-snapshots",
        **here(aws),
        ids=Row(aws, ACTION, found).read(lambda rows: _own(rows, aws.account_id)),
    )


def _own(rows: list[dict[str, Any]], account_id: str) -> tuple[str, ...]:
    return tuple(sorted(text(row["SnapshotId"]) for row in rows if row["OwnerId"] == account_id))


@collector(scope=Scope.REGIONAL, actions=(STATE_ACTION,))
async def snapshot_sharing(aws: Aws) -> AsyncIterator[SnapshotSharing]:
    """Yield the one setting of the region, whether it has snapshots or not."""
    answer = await aws.call("ec2", "GetSnapshotBlockPublicAccessState")
    yield SnapshotSharing(
        arn=f"arn:{aws.partition}:ec2:{aws.region}:{aws.account_id}:snapshot-block-public-access",
        **here(aws),
        state=Row(aws, STATE_ACTION, answer).member("State", str),
        managed_by=answer.get("ManagedBy"),
    )
