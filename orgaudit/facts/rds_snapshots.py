"""Snapshots that RDS, Neptune and DocumentDB keep of databases, and with whom they are shared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypedDict

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.docdb import ENGINE as DOCDB
from orgaudit.facts.neptune import ENGINE as NEPTUNE
from orgaudit.facts.packed import Rows
from orgaudit.facts.rds import ENGINES_OF_OTHER_SERVICES
from orgaudit.facts.rows import Row, each_row, listed, tags_in, text
from orgaudit.model import Observed, Scope, Seen

CLUSTER_SNAPSHOTS = "rds:DescribeDBClusterSnapshots"
CLUSTER_SHARING = "rds:DescribeDBClusterSnapshotAttributes"
INSTANCE_SNAPSHOTS = "rds:DescribeDBSnapshots"
INSTANCE_SHARING = "rds:DescribeDBSnapshotAttributes"
AUTOMATED = "automated"
"""The type of snapshots that AWS makes for automatic backups. They cannot be shared, only their copies can:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html"""

GONE = ("DBSnapshotNotFound", "DBClusterSnapshotNotFoundFault")
"""The codes with which RDS answers for a snapshot that was deleted after it was listed: it is shared with nobody."""


class StoredSnapshot(Resource, frozen=True, kw_only=True):
    """What snapshots of every service have in common; `kind` is AWS's type of it, such as manual or automated."""

    identifier: str
    encrypted: Observed[bool]
    kind: Observed[str]


class DatabaseSnapshot(StoredSnapshot, frozen=True, kw_only=True):
    """An RDS snapshot of an instance, or of a cluster where `of_cluster` is set."""

    of_cluster: bool = False


class NeptuneSnapshot(StoredSnapshot, frozen=True, kw_only=True):
    """A snapshot of a Neptune cluster."""


class DocdbSnapshot(StoredSnapshot, frozen=True, kw_only=True):
    """A snapshot of a DocumentDB cluster."""


class SnapshotShared(Detail, frozen=True, kw_only=True):
    """The accounts that may restore an RDS snapshot; `all` is every account."""

    accounts: tuple[str, ...]


class NeptuneSnapshotShared(Detail, frozen=True, kw_only=True):
    """The accounts that may restore a Neptune snapshot; `all` is every account."""

    accounts: tuple[str, ...]


class DocdbSnapshotShared(Detail, frozen=True, kw_only=True):
    """The accounts that may restore a DocumentDB snapshot; `all` is every account."""

    accounts: tuple[str, ...]


class StoredFields(TypedDict):
    """The fields that snapshots of every service have."""

    arn: str
    account_id: str
    region: str
    tags: dict[str, str]
    identifier: str
    encrypted: Observed[bool]
    kind: Observed[str]


# Only the account's own snapshots: those that others share with it, and public ones, are listed when asked for.
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBSnapshots.html


@collector(scope=Scope.REGIONAL, actions=(INSTANCE_SNAPSHOTS, CLUSTER_SNAPSHOTS))
async def database_snapshots(aws: Aws) -> AsyncIterator[DatabaseSnapshot]:
    """Yield the region's snapshots of RDS instances and clusters."""
    async for row in listed(aws, "rds", "DescribeDBSnapshots", "DBSnapshots"):
        with row:
            yield DatabaseSnapshot(**_fields(aws, row, "DBSnapshot", "Encrypted"))
    async for row in _cluster_rows(aws):
        with row as found:
            if text(found["Engine"]) not in ENGINES_OF_OTHER_SERVICES:
                yield DatabaseSnapshot(**_cluster_fields(aws, row), of_cluster=True)


@collector(scope=Scope.REGIONAL, actions=(CLUSTER_SNAPSHOTS,))
async def neptune_snapshots(aws: Aws) -> AsyncIterator[NeptuneSnapshot]:
    """Yield the region's snapshots of Neptune clusters."""
    async for row in _cluster_rows(aws):
        with row as found:
            if text(found["Engine"]) == NEPTUNE:
                yield NeptuneSnapshot(**_cluster_fields(aws, row))


@collector(scope=Scope.REGIONAL, actions=(CLUSTER_SNAPSHOTS,))
async def docdb_snapshots(aws: Aws) -> AsyncIterator[DocdbSnapshot]:
    """Yield the region's snapshots of DocumentDB clusters."""
    async for row in _cluster_rows(aws):
        with row as found:
            if text(found["Engine"]) == DOCDB:
                yield DocdbSnapshot(**_cluster_fields(aws, row))


@detail(actions=(INSTANCE_SHARING, CLUSTER_SHARING))
async def snapshot_shared(aws: Aws, snapshot: DatabaseSnapshot) -> SnapshotShared:
    """Return with whom an RDS snapshot is shared."""
    of = _cluster_accounts if snapshot.of_cluster else _instance_accounts
    return SnapshotShared(arn=snapshot.arn, accounts=await of(aws, snapshot))


@detail(actions=(CLUSTER_SHARING,))
async def neptune_snapshot_shared(aws: Aws, snapshot: NeptuneSnapshot) -> NeptuneSnapshotShared:
    """Return with whom a Neptune snapshot is shared."""
    return NeptuneSnapshotShared(arn=snapshot.arn, accounts=await _cluster_accounts(aws, snapshot))


@detail(actions=(CLUSTER_SHARING,))
async def docdb_snapshot_shared(aws: Aws, snapshot: DocdbSnapshot) -> DocdbSnapshotShared:
    """Return with whom a DocumentDB snapshot is shared."""
    return DocdbSnapshotShared(arn=snapshot.arn, accounts=await _cluster_accounts(aws, snapshot))


async def _cluster_rows(aws: Aws) -> AsyncIterator[Row]:
    """Yield the rows of the cluster snapshots of all services, which are listed once."""
    async for row in each_row(aws, CLUSTER_SNAPSHOTS, [await aws.once(_cluster_snapshots)]):
        yield row


async def _cluster_snapshots(aws: Aws) -> Rows:
    found = Rows()
    async for page in aws.pages("rds", "DescribeDBClusterSnapshots"):
        found.extend(page["DBClusterSnapshots"])
    return found


def _cluster_fields(aws: Aws, row: Row) -> StoredFields:
    return _fields(aws, row, "DBClusterSnapshot", "StorageEncrypted")


def _fields(aws: Aws, row: Row, prefix: str, encrypted: str) -> StoredFields:
    return {
        "arn": row.found[f"{prefix}Arn"],
        **here(aws),
        "tags": tags_in(row.found.get("TagList")),
        "identifier": row.found[f"{prefix}Identifier"],
        "encrypted": row.member(encrypted, bool),
        "kind": row.member("SnapshotType", str),
    }


async def _instance_accounts(aws: Aws, snapshot: StoredSnapshot) -> tuple[str, ...]:
    if _unshareable(snapshot):
        return ()
    asked = {"DBSnapshotIdentifier": snapshot.identifier}
    found = await aws.find("rds", "DescribeDBSnapshotAttributes", GONE, **asked)
    return _restoring(found["DBSnapshotAttributesResult"]["DBSnapshotAttributes"]) if found else ()


async def _cluster_accounts(aws: Aws, snapshot: StoredSnapshot) -> tuple[str, ...]:
    if _unshareable(snapshot):
        return ()
    asked = {"DBClusterSnapshotIdentifier": snapshot.identifier}
    found = await aws.find("rds", "DescribeDBClusterSnapshotAttributes", GONE, **asked)
    return _restoring(found["DBClusterSnapshotAttributesResult"]["DBClusterSnapshotAttributes"]) if found else ()


def _unshareable(snapshot: StoredSnapshot) -> bool:
    """Return whether AWS made the snapshot for automatic backups, which saves a call for each."""
    return isinstance(snapshot.kind, Seen) and snapshot.kind.value == AUTOMATED


def _restoring(attributes: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return who may restore a snapshot; raises KeyError where the answer lacks the attribute or its values."""
    by_name = {each["AttributeName"]: each["AttributeValues"] for each in attributes}
    return tuple(sorted(by_name["restore"]))
