"""ECS clusters and how much runs in them, and the task definitions of a region."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import msgspec

from orgaudit.facts.declare import UNREAD, Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.rows import each_row, listed, text
from orgaudit.model import Observed, Scope, Seen

CLUSTERS_PER_PAGE = 100
"""The most that one call lists, and that one call describes.
https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeClusters.html"""


class EcsCluster(Resource, frozen=True, kw_only=True):
    """A cluster: its running and waiting tasks, its services, its state, and its setting for Container Insights."""

    tasks: Observed[int] = Seen(0)
    services: Observed[int] = Seen(0)
    status: Observed[str] = UNREAD
    insights: Observed[str] = UNREAD

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
                status=row.member("status", str),
                insights=row.read(_insights),
            )


async def _described(aws: Aws) -> AsyncIterator[list[dict[str, Any]]]:
    async for page in aws.pages("ecs", "ListClusters", maxResults=CLUSTERS_PER_PAGE):
        if page["clusterArns"]:
            answer = await aws.call("ecs", "DescribeClusters", clusters=page["clusterArns"], include=["SETTINGS"])
            yield answer["clusters"]


def _insights(cluster: dict[str, Any]) -> str:
    found = {each["name"]: each["value"] for each in cluster["settings"]}
    return text(found["containerInsights"])


class TaskFamily(Resource, frozen=True, kw_only=True):
    """The revisions of a task definition of one name, of which at least one is active."""


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """A container of a task definition; `user` and `log_driver` are None where it names none.

    `credentials` are the names of its environment variables that hold credentials; values are never kept.
    """

    name: str
    privileged: bool
    read_only: bool
    user: str | None
    log_driver: str | None
    credentials: tuple[str, ...] = ()


class TaskDefinition(Detail, frozen=True, kw_only=True):
    """The latest active revision of a family. `system` is the operating system that it names, None where it names none.

    `plain_mounts` are the names of its EFS volumes that are mounted without encryption, `mounts` those of all.
    """

    revision: int
    pid_mode: str | None
    system: str | None
    containers: tuple[Container, ...]
    mounts: tuple[str, ...] = ()
    plain_mounts: tuple[str, ...] = ()

    @property
    def windows(self) -> bool:
        """Whether it names Windows as its operating system."""
        return (self.system or "").startswith("WINDOWS")


CREDENTIALS = frozenset({"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "ECS_ENGINE_AUTH_DATA"})
"""The names of environment variables that hold credentials.
https://docs.aws.amazon.com/securityhub/latest/userguide/ecs-controls.html#ecs-8"""


@collector(scope=Scope.REGIONAL, actions=("ecs:ListTaskDefinitionFamilies",))
async def task_families(aws: Aws) -> AsyncIterator[TaskFamily]:
    """Yield the region's families with an active revision; the revisions themselves may be hundreds of thousands."""
    async for row in listed(
        aws, "ecs", "ListTaskDefinitionFamilies", "families", status="ACTIVE", maxResults=CLUSTERS_PER_PAGE
    ):
        with row as family:
            name = f"{aws.account_id}:task-definition/{text(family)}"
            yield TaskFamily(arn=f"arn:{aws.partition}:ecs:{aws.region}:{name}", **here(aws))


@detail(actions=("ecs:DescribeTaskDefinition",))
async def task_definition(aws: Aws, family: TaskFamily) -> TaskDefinition:
    """Return the latest active revision of a family, which the family's name alone stands for."""
    # What is optional below is absent where it was not set, and then off:
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html
    answer = await aws.call("ecs", "DescribeTaskDefinition", taskDefinition=family.name)
    found = answer["taskDefinition"]
    mounts = dict(_mounts(found))
    return TaskDefinition(
        arn=family.arn,
        revision=found["revision"],
        pid_mode=found.get("pidMode"),
        system=found.get("runtimePlatform", {}).get("operatingSystemFamily"),
        containers=tuple(_container(each) for each in found["containerDefinitions"]),
        mounts=tuple(mounts),
        plain_mounts=tuple(name for name, encrypted in mounts.items() if not encrypted),
    )


def _container(found: dict[str, Any]) -> Container:
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html
    named = {each.get("name") for each in found.get("environment", ())}
    return Container(
        name=found["name"],
        privileged=found.get("privileged", False),
        read_only=found.get("readonlyRootFilesystem", False),
        user=found.get("user") or None,
        log_driver=found.get("logConfiguration", {}).get("logDriver"),
        credentials=tuple(sorted(CREDENTIALS & named)),
    )


def _mounts(found: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Yield the name of each EFS volume, and whether it is mounted with encryption, which is off by default."""
    # https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_EFSVolumeConfiguration.html
    for volume in found.get("volumes", ()):
        if "efsVolumeConfiguration" in volume:
            yield volume["name"], volume["efsVolumeConfiguration"].get("transitEncryption") == "ENABLED"
