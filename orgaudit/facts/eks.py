"""EKS clusters: their endpoint, what they log, and how AWS supports their version of Kubernetes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.rows import Row, listed, text
from orgaudit.model import Observed, Scope, Seen

ACTION = "eks:DescribeCluster"
VERSIONS_ACTION = "eks:DescribeClusterVersions"


class EksCluster(Resource, frozen=True, kw_only=True):
    """A cluster that EKS runs; clusters elsewhere that are only connected to EKS are not listed."""


class EksClusterSettings(Detail, frozen=True, kw_only=True):
    """The state of a cluster, its version, its endpoint, and the types of logs that its control plane writes.

    `public_cidrs` are the networks from which a public endpoint can be reached.
    """

    status: Observed[str]
    version: Observed[str]
    public: Observed[bool]
    public_cidrs: Observed[tuple[str, ...]]
    logs: Observed[tuple[str, ...]]


class EksVersionSupport(Detail, frozen=True, kw_only=True):
    """How AWS supports the version of a cluster: STANDARD_SUPPORT, EXTENDED_SUPPORT or UNSUPPORTED.

    `status` is None for a version that AWS does not list. `standard_until` is when standard support ends.
    https://docs.aws.amazon.com/eks/latest/APIReference/API_ClusterVersionInformation.html
    """

    status: Observed[str | None]
    standard_until: datetime | None = None


@collector(scope=Scope.REGIONAL, actions=("eks:ListClusters",))
async def eks_clusters(aws: Aws) -> AsyncIterator[EksCluster]:
    """Yield the region's clusters, without those that are only connected."""
    # The most that one answer holds, and what it leaves out without `include`:
    # https://docs.aws.amazon.com/eks/latest/APIReference/API_ListClusters.html
    async for row in listed(aws, "eks", "ListClusters", "clusters", maxResults=100):
        with row as name:
            yield EksCluster(
                arn=f"arn:{aws.partition}:eks:{aws.region}:{aws.account_id}:cluster/{text(name)}", **here(aws)
            )


@detail(actions=(ACTION,))
async def eks_cluster_settings(aws: Aws, cluster: EksCluster) -> EksClusterSettings:
    """Return how a cluster is set up."""
    answer = await aws.call("eks", "DescribeCluster", name=cluster.name)
    row = Row(aws, ACTION, answer["cluster"])
    return EksClusterSettings(
        arn=cluster.arn,
        status=row.member("status", str),
        version=row.member("version", str),
        public=row.member("resourcesVpcConfig.endpointPublicAccess", bool),
        public_cidrs=row.read(lambda found: tuple(found["resourcesVpcConfig"]["publicAccessCidrs"])),
        logs=row.read(_logs),
    )


def _logs(cluster: dict[str, Any]) -> tuple[str, ...]:
    # https://docs.aws.amazon.com/eks/latest/APIReference/API_LogSetup.html
    enabled = (each for each in cluster["logging"]["clusterLogging"] if each["enabled"])
    return tuple(sorted(kind for each in enabled for kind in each["types"]))


@detail(actions=(VERSIONS_ACTION,))
async def eks_version_support(aws: Aws, cluster: EksCluster, settings: EksClusterSettings) -> EksVersionSupport:
    """Return how the version of a cluster is supported, from a list that is read once for all clusters of a region."""
    found = (await aws.once(_versions)).get(settings.version.value)
    if found is None:
        return EksVersionSupport(arn=cluster.arn, status=Seen(None))
    return EksVersionSupport(
        arn=cluster.arn,
        status=Row(aws, VERSIONS_ACTION, found).read(lambda each: text(each["versionStatus"])),
        standard_until=found.get("endOfStandardSupportDate"),
    )


async def _versions(aws: Aws) -> dict[str, dict[str, Any]]:
    """Return what EKS says about each version, those that it no longer supports included."""
    pages = aws.pages("eks", "DescribeClusterVersions", includeAll=True, maxResults=100)
    return {each["clusterVersion"]: each async for page in pages for each in page["clusterVersions"]}
