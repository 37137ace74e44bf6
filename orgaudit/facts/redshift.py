"""Redshift clusters, with the parameters and the audit logging of each."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.rows import listed, security_groups_in, tags_in, text
from orgaudit.model import Observed, Scope


class RedshiftCluster(Resource, frozen=True, kw_only=True):
    """A provisioned cluster; `port` is None before it has an endpoint, `multi_az` AWS's word, such as Enabled.

    `parameter_groups` are the names of the groups whose parameters apply to it.
    """

    public: Observed[bool]
    encrypted: Observed[bool]
    backup_days: Observed[int]
    upgrades_versions: Observed[bool]
    enhanced_routing: Observed[bool]
    admin_name: Observed[str]
    multi_az: Observed[str]
    security_groups: Observed[tuple[str, ...]]
    port: Observed[int | None]
    parameter_groups: Observed[tuple[str, ...]]


class RedshiftParameters(Detail, frozen=True, kw_only=True):
    """The parameter require_ssl of each of a cluster's parameter groups, by the group's name."""

    require_ssl: dict[str, str]


class RedshiftLogging(Detail, frozen=True, kw_only=True):
    """Whether a cluster writes audit logs, and where to."""

    enabled: bool
    destination: str = ""


@collector(scope=Scope.REGIONAL, actions=("redshift:DescribeClusters",))
async def redshift_clusters(aws: Aws) -> AsyncIterator[RedshiftCluster]:
    """Yield the region's provisioned clusters."""
    async for row in listed(aws, "redshift", "DescribeClusters", "Clusters"):
        with row as found:
            name = text(found["ClusterIdentifier"])
            yield RedshiftCluster(
                arn=f"arn:{aws.partition}:redshift:{aws.region}:{aws.account_id}:cluster:{name}",
                **here(aws),
                tags=tags_in(found.get("Tags")),
                public=row.member("PubliclyAccessible", bool),
                encrypted=row.member("Encrypted", bool),
                backup_days=row.member("AutomatedSnapshotRetentionPeriod", int),
                upgrades_versions=row.member("AllowVersionUpgrade", bool),
                enhanced_routing=row.member("EnhancedVpcRouting", bool),
                admin_name=row.member("MasterUsername", str),
                multi_az=row.member("MultiAZ", str),
                security_groups=row.read(security_groups_in),
                port=row.read(_port),
                parameter_groups=row.read(_parameter_groups),
            )


@detail(actions=("redshift:DescribeClusterParameters",))
async def redshift_parameters(aws: Aws, cluster: RedshiftCluster) -> RedshiftParameters:
    """Return the parameters of a cluster; each group is read once for all clusters that name it."""
    groups = cluster.parameter_groups.value
    return RedshiftParameters(
        arn=cluster.arn, require_ssl={each: await aws.once(_require_ssl, each) for each in groups}
    )


async def _require_ssl(aws: Aws, group: str) -> str:
    """Return the value of require_ssl in a parameter group; raises KeyError where the answer lacks it."""
    pages = aws.pages("redshift", "DescribeClusterParameters", ParameterGroupName=group)
    found = {each["ParameterName"]: each["ParameterValue"] async for page in pages for each in page["Parameters"]}
    return str(found["require_ssl"])


@detail(actions=("redshift:DescribeLoggingStatus",))
async def redshift_logging(aws: Aws, cluster: RedshiftCluster) -> RedshiftLogging:
    """Return whether a cluster writes audit logs."""
    found = await aws.call("redshift", "DescribeLoggingStatus", ClusterIdentifier=cluster.name)
    return RedshiftLogging(arn=cluster.arn, enabled=found["LoggingEnabled"], destination=_destination(found))


def _destination(found: Mapping[str, Any]) -> str:
    """Return where the logs go: a bucket's name, or cloudwatch; it is only shown."""
    return str(found.get("BucketName") or found.get("LogDestinationType") or "")


def _parameter_groups(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(each["ParameterGroupName"] for each in found["ClusterParameterGroups"])


def _port(found: Mapping[str, Any]) -> int | None:
    """Return the port of the endpoint, which a cluster that is being created does not have yet."""
    # https://docs.aws.amazon.com/redshift/latest/APIReference/API_Cluster.html
    if found["ClusterStatus"] == "creating" and not found.get("Endpoint", {}).get("Port"):
        return None
    return int(found["Endpoint"]["Port"])
