"""Controls on ECS clusters and task definitions."""

from __future__ import annotations

from collections.abc import Callable

from orgaudit.controls.declare import Control, Fix, control
from orgaudit.facts.ecs import Container, EcsCluster, TaskDefinition, TaskFamily
from orgaudit.model import Disruption, Effort, Json, Observed, Severity, Verdict, not_applicable, require

CONTAINERS = "--container-definitions file://containers.json"


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Enable Container Insights as the account setting of every region for new clusters, then in the "
        "clusters that exist.",
        asset="Enable Container Insights for cluster {resource.name}.",
        command="aws ecs update-cluster-settings --region {region} --cluster {resource.name} "
        "--settings name=containerInsights,value=enhanced",
        preventive="Create clusters only from a template that enables Container Insights.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ecs_cluster_container_insights_enabled(cluster: EcsCluster) -> Verdict:
    """ECS clusters report container metrics.

    Container Insights shows restarts and unusual use of resources, which are often the first signs of an attack or a
    failure. The setting of the account does not change clusters that exist.
    """
    if cluster.status.value == "INACTIVE":
        return not_applicable("the cluster is deleted")
    value = cluster.insights.value
    return require(
        value in {"enabled", "enhanced"},
        then=f"Container Insights is {value}",
        otherwise=f"Container Insights is {value}",
        container_insights=value,
    )


def _fix(goal: str, change: str, options: str = CONTAINERS) -> Fix:
    """Return the fix of task definitions, each of whose revisions is final."""
    return Fix(
        service_wide=f"Build task definitions from one template that {goal}, then update the services to it.",
        asset=f"Register a revision of task definition {{resource.name}} {change}, and update its services to it.",
        command=f"aws ecs register-task-definition --region {{region}} --family {{resource.name}} {options}",
        preventive="Review task definitions in the pipeline that registers them, and allow ecs:RegisterTaskDefinition "
        "to that pipeline only.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.RESTART,
        reversible=True,
    )


def _judged(found: TaskDefinition, flaws: list[str], good: str) -> Verdict:
    evidence: dict[str, Json] = {"revision": found.revision, "containers": [each.name for each in found.containers]}
    return require(not flaws, then=good, otherwise="; ".join(flaws), **evidence)


def _each_container(
    name: str,
    title: str,
    rationale: str,
    flaw: Callable[[Container], str | None],
    fix: Fix,
    *,
    good: str,
    severity: Severity = Severity.HIGH,
    left_out: Callable[[TaskDefinition], Verdict | None] | None = None,
) -> Control:
    """Return the control that no container of a family's latest active revision has a flaw.

    A flaw is the predicate of a sentence about the container. `left_out` returns the verdict on a task definition that
    the control is not about.
    """

    def judge(_family: TaskFamily, definition: Observed[TaskDefinition]) -> Verdict:
        found = definition.value
        if left_out and (verdict := left_out(found)):
            return verdict
        flaws = [f"container {each.name} {said}" for each in found.containers if (said := flaw(each))]
        return _judged(found, flaws, good)

    return control(severity, fix=fix, id=name, title=title, rationale=rationale)(judge)


def _windows(found: TaskDefinition) -> Verdict | None:
    return _for_another_system(found) if found.windows else None


def _linux(found: TaskDefinition) -> Verdict | None:
    return _for_another_system(found) if found.system == "LINUX" else None


def _for_another_system(found: TaskDefinition) -> Verdict:
    return not_applicable(f"a task definition for {found.system}", revision=found.revision)


def _root(container: Container) -> str | None:
    """Return that a container runs as root, by name, by number or because it names no user."""
    if container.user is None:
        return "names no user, so it may run as root"
    user = container.user.partition(":")[0]
    return f"runs as {container.user}" if user in {"", "root"} or (user.isdecimal() and int(user) == 0) else None


def _administrator(container: Container) -> str | None:
    if container.user is None:
        return "names no user, so it may run as ContainerAdministrator"
    return f"runs as {container.user}" if container.user.lower() == "containeradministrator" else None


ecs_task_definition_unprivileged = _each_container(
    "ecs_task_definition_unprivileged",
    "ECS containers are not privileged",
    "A privileged container has root's access to its host, and so to all other containers on it.",
    lambda container: "is privileged" if container.privileged else None,
    _fix("sets privileged to false", "whose containers are not privileged"),
    good="no container is privileged",
)
ecs_task_definition_root_filesystem_read_only = _each_container(
    "ecs_task_definition_root_filesystem_read_only",
    "ECS containers cannot write to their root file system",
    "Who breaks into a container cannot install tools or change the application where its root file system is "
    "read-only. Windows does not support it.",
    lambda container: None if container.read_only else "can write to its root file system",
    _fix("sets readonlyRootFilesystem", "with readonlyRootFilesystem, and volumes for what has to be written"),
    good="no container can write to its root file system",
    left_out=_windows,
)
ecs_task_definition_secrets_referenced = _each_container(
    "ecs_task_definition_secrets_referenced",
    "ECS containers have no credentials in environment variables",
    "Everyone who may describe a task definition reads its environment variables. Roles for tasks and references to "
    "secrets keep credentials out of it. Only the names of variables are read, never their values.",
    lambda container: f"has {', '.join(container.credentials)}" if container.credentials else None,
    _fix("uses a task role and secrets", "with a task role instead of keys, and replace the keys"),
    good="no container has credentials in environment variables",
)
ecs_task_definition_logging_configured = _each_container(
    "ecs_task_definition_logging_configured",
    "ECS containers have a log driver",
    "Without a log driver, the output of a container is lost with it, and an incident cannot be investigated.",
    lambda container: None if container.log_driver else "has no log driver",
    _fix("sets a logConfiguration", "with a logConfiguration for each container"),
    good="every container has a log driver",
)
ecs_task_definition_linux_user_unprivileged = _each_container(
    "ecs_task_definition_linux_user_unprivileged",
    "Linux containers of ECS do not run as root",
    "Root in a container is one vulnerability away from root on its host. A container that names no user fails, as "
    "the user of its image is not visible to ECS.",
    _root,
    _fix("names a user", "that names a user other than root for each container"),
    good="every container names a user other than root",
    severity=Severity.MEDIUM,
    left_out=_windows,
)
ecs_task_definition_windows_user_unprivileged = _each_container(
    "ecs_task_definition_windows_user_unprivileged",
    "Windows containers of ECS do not run as administrator",
    "ContainerAdministrator can change all of a container. A container that names no user fails, and so does one whose "
    "task definition names no operating system, as it may be for Windows.",
    _administrator,
    _fix("names a user", "that names a user other than ContainerAdministrator for each container"),
    good="every container names a user other than ContainerAdministrator",
    severity=Severity.MEDIUM,
    left_out=_linux,
)


@control(
    Severity.HIGH, fix=_fix("sets the pid mode to task", "without the pid mode host", f"--pid-mode task {CONTAINERS}")
)
def ecs_task_definition_host_processes_isolated(_family: TaskFamily, definition: Observed[TaskDefinition]) -> Verdict:
    """ECS tasks do not share the processes of their host.

    With the pid mode host, a container sees and can end the processes of its host and of all other containers there.
    """
    found = definition.value
    flaws = ["the tasks share the processes of their host"] if found.pid_mode == "host" else []
    return _judged(found, flaws, "the tasks do not share the processes of their host")


@control(
    Severity.MEDIUM,
    fix=_fix(
        "sets transitEncryption for EFS volumes",
        "whose EFS volumes have transitEncryption ENABLED",
        f"--volumes file://volumes.json {CONTAINERS}",
    ),
)
def ecs_task_definition_efs_transit_encrypted(_family: TaskFamily, definition: Observed[TaskDefinition]) -> Verdict:
    """ECS tasks mount EFS volumes with encryption in transit.

    Without it, files cross the network in plain text between the host and the file system. It is off by default.
    """
    found = definition.value
    if not found.mounts:
        return not_applicable("the task definition has no EFS volume", revision=found.revision)
    flaws = [f"volume {name} is mounted without encryption in transit" for name in found.plain_mounts]
    return _judged(found, flaws, "every EFS volume is mounted with encryption in transit")
