"""RDS database instances and clusters. Neptune and DocumentDB answer through the same API and are left out."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.rows import listed, tags_in
from orgaudit.model import Observed, Scope

ENGINES_OF_OTHER_SERVICES = frozenset({"docdb", "neptune"})
"""The engines of DocumentDB and Neptune, which RDS lists as well.
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DescribeDBInstances.html"""


class DatabaseInstance(Resource, frozen=True, kw_only=True):
    """A database instance; `cluster` names the cluster of which it is a member, `port` is None before it has one."""

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


class DatabaseCluster(Resource, frozen=True, kw_only=True):
    """A database cluster; `multi_az` shows whether its instances are in several zones."""

    engine: Observed[str]
    multi_az: Observed[bool]


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
                security_groups=row.read(_security_groups),
                port=row.read(_port),
            )


@collector(scope=Scope.REGIONAL, actions=("rds:DescribeDBClusters",))
async def database_clusters(aws: Aws) -> AsyncIterator[DatabaseCluster]:
    """Yield the region's database clusters."""
    async for row in listed(aws, "rds", "DescribeDBClusters", "DBClusters"):
        with row as found:
            if found.get("Engine") in ENGINES_OF_OTHER_SERVICES:
                continue
            yield DatabaseCluster(
                arn=found["DBClusterArn"],
                **here(aws),
                tags=tags_in(found.get("TagList")),
                engine=row.member("Engine", str),
                multi_az=row.member("MultiAZ", bool),
            )


def _subnets(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(subnet["SubnetIdentifier"] for subnet in found["DBSubnetGroup"]["Subnets"])


def _security_groups(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(each["VpcSecurityGroupId"] for each in found["VpcSecurityGroups"])


def _port(found: Mapping[str, Any]) -> int | None:
    """Return the port, which the endpoint has; an instance that is being created has no endpoint and port 0."""
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html
    return int(found.get("Endpoint", {}).get("Port") or found["DbInstancePort"]) or None
