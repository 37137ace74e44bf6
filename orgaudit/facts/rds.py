"""RDS database instances and clusters. Neptune and DocumentDB answer through the same API, each read by its module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, TypedDict

from orgaudit.facts.declare import UNREAD, Aws, Resource, collector, here
from orgaudit.facts.rows import Row, each_row, listed, security_groups_in, tags_in
from orgaudit.model import Observed, Scope

ENGINES_OF_OTHER_SERVICES = frozenset({"docdb", "neptune"})
"""The engines of DocumentDB and Neptune, which RDS lists as well.
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html"""


CLUSTERS = "rds:DescribeDBClusters"
"""The action that lists clusters of all services that answer through the API of RDS."""


class DatabaseInstance(Resource, frozen=True, kw_only=True):
    """A database instance; `cluster` names the cluster of which it is a member, `port` is None before it has one.

    `monitoring_seconds` is the interval of enhanced monitoring, 0 without it. `logs` are the types of logs that it
    sends to CloudWatch Logs, and `replica_of` is what it replicates.
    """

    engine: Observed[str]
    public: Observed[bool]
    encrypted: Observed[bool]
    upgrades_minor_versions: Observed[bool]
    multi_az: Observed[bool]
    cluster: str | None = None
    vpc_id: Observed[str]
    subnets: Observed[tuple[str, ...]]
    security_groups: Observed[tuple[str, ...]]
    port: Observed[int | None]
    status: Observed[str] = UNREAD
    monitoring_seconds: Observed[int] = UNREAD
    deletion_protected: Observed[bool] = UNREAD
    logs: Observed[tuple[str, ...]] = UNREAD
    iam_login: Observed[bool] = UNREAD
    backup_days: Observed[int] = UNREAD
    replica_of: str | None = None
    copies_tags: Observed[bool] = UNREAD
    admin_name: Observed[str] = UNREAD


class StoredCluster(Resource, frozen=True, kw_only=True):
    """What clusters of RDS, Neptune and DocumentDB have in common; `logs` are the types sent to CloudWatch Logs."""

    encrypted: Observed[bool] = UNREAD
    deletion_protected: Observed[bool] = UNREAD
    backup_days: Observed[int] = UNREAD
    logs: Observed[tuple[str, ...]] = UNREAD


class DatabaseCluster(StoredCluster, frozen=True, kw_only=True):
    """A database cluster; `multi_az` shows whether its instances are in several zones.

    `mode` is serverless for Aurora Serverless v1. `backtrack_seconds` is how far it can be rewound, 0 for not at all;
    `global_cluster` names the global database of which it is a member.
    """

    engine: Observed[str]
    multi_az: Observed[bool]
    mode: Observed[str] = UNREAD
    port: Observed[int] = UNREAD
    iam_login: Observed[bool] = UNREAD
    copies_tags: Observed[bool] = UNREAD
    admin_name: Observed[str] = UNREAD
    upgrades_minor_versions: Observed[bool] = UNREAD
    backtrack_seconds: Observed[int] = UNREAD
    global_cluster: str | None = None


class StoredFields(TypedDict):
    """The fields that clusters of every service have."""

    arn: str
    account_id: str
    region: str
    tags: dict[str, str]
    encrypted: Observed[bool]
    deletion_protected: Observed[bool]
    backup_days: Observed[int]
    logs: Observed[tuple[str, ...]]


@collector(scope=Scope.REGIONAL, actions=("rds:DescribeDBInstances",))
async def database_instances(aws: Aws) -> AsyncIterator[DatabaseInstance]:
    """Yield the region's database instances, members of clusters included."""
    async for row in listed(aws, "rds", "DescribeDBInstances", "DBInstances"):
        with row as found:
            if found.get("Engine") in ENGINES_OF_OTHER_SERVICES:
                continue
            yield DatabaseInstance(
                arn=found["DBInstanceArn"],
                **here(aws),
                tags=tags_in(found.get("TagList")),
                engine=row.member("Engine", str),
                public=row.member("PubliclyAccessible", bool),
                encrypted=row.member("StorageEncrypted", bool),
                upgrades_minor_versions=row.member("AutoMinorVersionUpgrade", bool),
                multi_az=row.member("MultiAZ", bool),
                # Only members of a cluster have it:
                # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html
                cluster=found.get("DBClusterIdentifier"),
                vpc_id=row.member("DBSubnetGroup.VpcId", str),
                subnets=row.read(_subnets),
                security_groups=row.read(security_groups_in),
                port=row.read(_port),
                status=row.member("DBInstanceStatus", str),
                monitoring_seconds=row.member("MonitoringInterval", int),
                deletion_protected=row.member("DeletionProtection", bool),
                logs=row.read(_logs),
                iam_login=row.member("IAMDatabaseAuthenticationEnabled", bool),
                backup_days=row.member("BackupRetentionPeriod", int),
                # Only replicas have one of them, as the same page says.
                replica_of=found.get("ReadReplicaSourceDBInstanceIdentifier")
                or found.get("ReadReplicaSourceDBClusterIdentifier"),
                copies_tags=row.member("CopyTagsToSnapshot", bool),
                admin_name=row.member("MasterUsername", str),
            )


@collector(scope=Scope.REGIONAL, actions=(CLUSTERS,))
async def database_clusters(aws: Aws) -> AsyncIterator[DatabaseCluster]:
    """Yield the region's database clusters."""
    async for row in cluster_rows(aws):
        with row as found:
            if found.get("Engine") in ENGINES_OF_OTHER_SERVICES:
                continue
            yield DatabaseCluster(
                **stored_fields(aws, row),
                engine=row.member("Engine", str),
                multi_az=row.member("MultiAZ", bool),
                mode=row.member("EngineMode", str),
                port=row.member("Port", int),
                iam_login=row.member("IAMDatabaseAuthenticationEnabled", bool),
                copies_tags=row.member("CopyTagsToSnapshot", bool),
                admin_name=row.member("MasterUsername", str),
                upgrades_minor_versions=row.member("AutoMinorVersionUpgrade", bool),
                # Backtracking is disabled unless a window was specified:
                # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Managing.Backtrack.Configuring.html
                backtrack_seconds=row.read(lambda answer: int(answer.get("BacktrackWindow", 0))),
                global_cluster=found.get("GlobalClusterIdentifier"),
            )


async def cluster_rows(aws: Aws) -> AsyncIterator[Row]:
    """Yield the rows of every cluster that the API of RDS lists, which is asked once for all services."""
    async for row in each_row(aws, CLUSTERS, [await aws.once(_clusters)]):
        yield row


async def _clusters(aws: Aws) -> list[dict[str, Any]]:
    return [found async for page in aws.pages("rds", "DescribeDBClusters") for found in page["DBClusters"]]


def stored_fields(aws: Aws, row: Row) -> StoredFields:
    """Return the fields that clusters of every service have; raises KeyError for a row without an ARN."""
    return {
        "arn": row.found["DBClusterArn"],
        **here(aws),
        "tags": tags_in(row.found.get("TagList")),
        "encrypted": row.member("StorageEncrypted", bool),
        "deletion_protected": row.member("DeletionProtection", bool),
        "backup_days": row.member("BackupRetentionPeriod", int),
        "logs": row.read(_logs),
    }


def _logs(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the types of logs that are exported; the answer lists only those that are, and has no empty list."""
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBCluster.html
    return tuple(sorted(found.get("EnabledCloudwatchLogsExports", ())))


def _subnets(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(subnet["SubnetIdentifier"] for subnet in found["DBSubnetGroup"]["Subnets"])


def _port(found: Mapping[str, Any]) -> int | None:
    """Return the port, which the endpoint has; an instance that is being created has no endpoint and port 0."""
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html
    return int(found.get("Endpoint", {}).get("Port") or found["DbInstancePort"]) or None
