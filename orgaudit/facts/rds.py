"""RDS database instances and clusters. Neptune and DocumentDB answer through the same API and are left out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.model import Scope

ENGINES_OF_OTHER_SERVICES = frozenset({"docdb", "neptune"})


class DatabaseInstance(Resource, frozen=True, kw_only=True):
    """A database instance; `cluster` names the cluster of which it is a member."""

    engine: str
    public: bool
    encrypted: bool
    upgrades_minor_versions: bool
    multi_az: bool
    cluster: str | None = None
    vpc_id: str | None = None
    subnets: tuple[str, ...] = ()
    security_groups: tuple[str, ...] = ()


class DatabaseCluster(Resource, frozen=True, kw_only=True):
    """A database cluster; `multi_az` says whether its instances stand in several zones."""

    engine: str
    multi_az: bool


@collector(scope=Scope.REGIONAL, actions=("rds:DescribeDBInstances",))
async def database_instances(aws: Aws) -> AsyncIterator[DatabaseInstance]:
    """Yield the region's database instances, members of clusters included."""
    async for page in aws.pages("rds", "DescribeDBInstances"):
        for found in page["DBInstances"]:
            if found["Engine"] in ENGINES_OF_OTHER_SERVICES:
                continue
            group = found.get("DBSubnetGroup", {})
            yield DatabaseInstance(
                arn=found["DBInstanceArn"],
                account_id=aws.account_id,
                region=aws.region,
                tags=_tags(found),
                engine=found["Engine"],
                public=found["PubliclyAccessible"],
                encrypted=found["StorageEncrypted"],
                upgrades_minor_versions=found["AutoMinorVersionUpgrade"],
                multi_az=found["MultiAZ"],
                cluster=found.get("DBClusterIdentifier"),
                vpc_id=group.get("VpcId"),
                subnets=tuple(subnet["SubnetIdentifier"] for subnet in group.get("Subnets", ())),
                security_groups=tuple(each["VpcSecurityGroupId"] for each in found.get("VpcSecurityGroups", ())),
            )


@collector(scope=Scope.REGIONAL, actions=("rds:DescribeDBClusters",))
async def database_clusters(aws: Aws) -> AsyncIterator[DatabaseCluster]:
    """Yield the region's database clusters."""
    async for page in aws.pages("rds", "DescribeDBClusters"):
        for found in page["DBClusters"]:
            if found["Engine"] in ENGINES_OF_OTHER_SERVICES:
                continue
            yield DatabaseCluster(
                arn=found["DBClusterArn"],
                account_id=aws.account_id,
                region=aws.region,
                tags=_tags(found),
                engine=found["Engine"],
                multi_az=found["MultiAZ"],
            )


def _tags(found: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in found.get("TagList", ())}
