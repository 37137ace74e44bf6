"""ECS clusters and how much runs in them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.facts.rows import each_row
from orgaudit.model import Observed, Scope, Seen

CLUSTERS_PER_PAGE = 100
"""The most that one call lists, and that one call describes.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeClusters.html"""


class EcsCluster(Resource, frozen=True, kw_only=True):
    """A cluster: its running and waiting tasks, and its services."""

    tasks: Observed[int] = Seen(0)
    services: Observed[int] = Seen(0)

    @property
    def parts(self) -> tuple[Observed[int], ...]:
        """The counts of what may run in it."""
        return self.tasks, self.services


@collector(scope=Scope.REGIONAL, actions=("ecs:DescribeClusters", "ecs:ListClusters"))
async def clusters(aws: Aws) -> AsyncIterator[EcsCluster]:
    """Yield the region's clusters; one that is deleted between the two calls is left out."""
    async for row in each_row(aws, "ecs:DescribeClusters", _described(aws)):
        with row as cluster:
            yield EcsCluster(
                arn=cluster["clusterArn"],
                **here(aws),
                tasks=row.read(lambda found: found["runningTasksCount"] + found["pendingTasksCount"]),
                services=row.member("activeServicesCount", int),
            )


async def _described(aws: Aws) -> AsyncIterator[list[dict[str, Any]]]:
    async for page in aws.pages("ecs", "ListClusters", maxResults=CLUSTERS_PER_PAGE):
        if page["clusterArns"]:
            answer = await aws.call("ecs", "DescribeClusters", clusters=page["clusterArns"])
            yield answer["clusters"]
