"""What the controls on ECS and EKS say, case by case."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from orgaudit.controls import ecs
from orgaudit.controls.declare import Control
from orgaudit.controls.eks import (
    eks_cluster_audit_logging_enabled as audit_log,
)
from orgaudit.controls.eks import (
    eks_cluster_endpoint_private as endpoint,
)
from orgaudit.controls.eks import (
    eks_cluster_version_supported as version,
)
from orgaudit.model import Status
from tests.factories import NASTY, Case, denied, every, failing, idle, name_of, passing, unseen
from tests.factories_compute import (
    a_container,
    a_family,
    an_ecs_cluster,
    an_eks_cluster,
    eks_settings,
    eks_support,
    tasks,
)

WINDOWS = "WINDOWS_SERVER_2022_CORE"
UNSEEN = unseen("not seen", a_family(), denied("ecs:DescribeTaskDefinition"))
GOOD = a_container("sidecar")

INSIGHTS = (
    passing("enabled", an_ecs_cluster()),
    passing("enhanced", an_ecs_cluster(insights="enhanced"), says="is enhanced"),
    failing("disabled", an_ecs_cluster(insights="disabled"), says="is disabled"),
    idle("deleted", an_ecs_cluster(insights="disabled", status="INACTIVE"), says="deleted"),
    unseen("not seen", an_ecs_cluster(insights=denied())),
)
PRIVILEGED = (
    passing("none", *tasks()),
    failing("one of two", *tasks(GOOD, a_container(privileged=True)), says="container app is privileged"),
    UNSEEN,
)
READ_ONLY = (
    passing("all", *tasks()),
    failing("one of two", *tasks(GOOD, a_container(read_only=False)), says="container app can write"),
    failing("Linux", *tasks(a_container(read_only=False), system="LINUX"), says="can write"),
    idle("Windows", *tasks(a_container(read_only=False), system=WINDOWS), says=WINDOWS),
    UNSEEN,
)
SECRETS = (
    passing("none", *tasks()),
    failing(
        "two keys",
        *tasks(GOOD, a_container(credentials=("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))),
        says="container app has AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY",
    ),
    UNSEEN,
)
LOGGING = (
    passing("all", *tasks()),
    failing("one of two", *tasks(GOOD, a_container(log_driver=None)), says="container app has no log driver"),
    UNSEEN,
)
LINUX = (
    passing("a number", *tasks()),
    passing("a name", *tasks(a_container(user="app:root"))),
    passing("a number that begins with zero", *tasks(a_container(user="01000"))),
    *(
        failing(f"{user!r}", *tasks(GOOD, a_container(user=user)), says=f"container app runs as {user}")
        for user in ("root", "0", "00", "root:app", "0:0", "root:0", ":1000")
    ),
    failing("none", *tasks(a_container(user=None), system="LINUX"), says="names no user"),
    failing("no system", *tasks(a_container(user=None)), says="names no user"),
    idle("Windows", *tasks(a_container(user=None), system=WINDOWS), says=WINDOWS),
    UNSEEN,
)
WINDOWS_USER = (
    passing("another one", *tasks(a_container(user="ContainerUser"), system=WINDOWS)),
    passing("another one, no system", *tasks()),
    failing(
        "administrator", *tasks(a_container(user="ContainerAdministrator"), system=WINDOWS), says="runs as Container"
    ),
    failing("in lower case", *tasks(GOOD, a_container(user="containeradministrator")), says="container app runs as"),
    failing("none", *tasks(a_container(user=None), system=WINDOWS), says="names no user"),
    failing("none, no system", *tasks(a_container(user=None)), says="names no user"),
    idle("Linux", *tasks(a_container(user=None), system="LINUX"), says="LINUX"),
    UNSEEN,
)
PROCESSES = (
    passing("none", *tasks()),
    passing("of the task", *tasks(pid_mode="task")),
    failing("of the host", *tasks(pid_mode="host"), says="share the processes of their host"),
    UNSEEN,
)
EFS = (
    passing("encrypted", *tasks(mounts=("data",))),
    failing(
        "one of two", *tasks(mounts=("data", "more"), plain_mounts=("more",)), says="volume more is mounted without"
    ),
    idle("none", *tasks(), says="no EFS volume"),
    UNSEEN,
)

CLUSTER = an_eks_cluster()
NOT_DESCRIBED = denied("eks:DescribeCluster")
ENDPOINT = (
    passing("private", CLUSTER, eks_settings()),
    failing("public", CLUSTER, eks_settings(public=True, public_cidrs=("0.0.0.0/0",)), says="is public"),
    failing("public for some", CLUSTER, eks_settings(public=True, public_cidrs=("198.51.100.0/24",)), says="is public"),
    failing("public, networks not seen", CLUSTER, eks_settings(public=True, public_cidrs=denied()), says="is public"),
    unseen("not seen", CLUSTER, NOT_DESCRIBED),
    unseen("endpoint not seen", CLUSTER, eks_settings(public=denied())),
)
ENDS = datetime(2026, 12, 2, tzinfo=UTC)
VERSION = (
    passing("standard", CLUSTER, eks_settings(), eks_support(), says="1.34 is in standard support"),
    failing("extended", CLUSTER, eks_settings(), eks_support("EXTENDED_SUPPORT"), says="EXTENDED_SUPPORT"),
    failing("unsupported", CLUSTER, eks_settings(), eks_support("UNSUPPORTED"), says="UNSUPPORTED"),
    failing("not listed", CLUSTER, eks_settings(), eks_support(None), says="AWS does not list it"),
    idle("on its way out", CLUSTER, eks_settings(status="DELETING"), eks_support("UNSUPPORTED"), says="being deleted"),
    unseen("not described", CLUSTER, NOT_DESCRIBED, NOT_DESCRIBED),
    unseen("versions denied", CLUSTER, eks_settings(), denied("eks:DescribeClusterVersions")),
    unseen("status not seen", CLUSTER, eks_settings(), eks_support(denied())),
)
AUDIT_LOG = (
    passing("among others", CLUSTER, eks_settings()),
    failing("others only", CLUSTER, eks_settings(logs=("api", "authenticator")), says="not enabled"),
    failing("none", CLUSTER, eks_settings(logs=()), says="not enabled"),
    unseen("not seen", CLUSTER, NOT_DESCRIBED),
    unseen("logs not seen", CLUSTER, eks_settings(logs=denied())),
)

CASES: dict[Control, tuple[Case, ...]] = {
    ecs.ecs_cluster_container_insights_enabled: INSIGHTS,
    ecs.ecs_task_definition_unprivileged: PRIVILEGED,
    ecs.ecs_task_definition_root_filesystem_read_only: READ_ONLY,
    ecs.ecs_task_definition_secrets_referenced: SECRETS,
    ecs.ecs_task_definition_logging_configured: LOGGING,
    ecs.ecs_task_definition_linux_user_unprivileged: LINUX,
    ecs.ecs_task_definition_windows_user_unprivileged: WINDOWS_USER,
    ecs.ecs_task_definition_host_processes_isolated: PROCESSES,
    ecs.ecs_task_definition_efs_transit_encrypted: EFS,
    endpoint: ENDPOINT,
    version: VERSION,
    audit_log: AUDIT_LOG,
}
NASTY_RESOURCES = (an_ecs_cluster(NASTY), a_family(NASTY), an_eks_cluster(NASTY))


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)
    assert msgspec.json.encode(verdict.evidence)


def test_the_revision_and_its_containers_are_in_the_evidence() -> None:
    evidence = ecs.ecs_task_definition_unprivileged(*tasks(GOOD, a_container())).evidence
    assert evidence == {"revision": 3, "containers": ["sidecar", "app"]}


def test_the_end_of_standard_support_is_in_the_evidence() -> None:
    verdict = version(CLUSTER, eks_settings(), eks_support(standard_until=ENDS))
    assert verdict.evidence["standard_support_until"] == "2026-12-02"


def test_networks_of_a_public_endpoint_are_in_the_evidence() -> None:
    verdict = endpoint(CLUSTER, eks_settings(public=True, public_cidrs=("198.51.100.0/24",)))
    assert verdict.evidence == {"public_access_cidrs": ("198.51.100.0/24",)}
