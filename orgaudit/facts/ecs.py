"""ECS clusters and how much runs in them."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.model import Scope

CLUSTERS_PER_PAGE = 100
"""The most that one call lists, and that one call describes."""


class EcsCluster(Resource, frozen=True, kw_only=True):
    """A cluster: its running and waiting tasks, and its services."""

    tasks: int = 0
    services: int = 0


@collector(scope=Scope.REGIONAL, actions=("ecs:DescribeClusters", "ecs:ListClusters"))
async def clusters(aws: Aws) -> AsyncIterator[EcsCluster]:
    """Yield the region's clusters; one that is deleted between the two calls is left out."""
    async for page in aws.pages("ecs", "ListClusters", maxResults=CLUSTERS_PER_PAGE):
        if not page["clusterArns"]:
            continue
        answer = await aws.call("ecs", "DescribeClusters", clusters=page["clusterArns"])
        for cluster in answer["clusters"]:
            yield EcsCluster(
                arn=cluster["clusterArn"],
                account_id=aws.account_id,
                region=aws.region,
                tasks=cluster["runningTasksCount"] + cluster["pendingTasksCount"],
                services=cluster["activeServicesCount"],
            )
