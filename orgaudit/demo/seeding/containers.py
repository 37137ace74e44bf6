"""ECS clusters with their task definitions, and EKS clusters."""

from typing import Any

from moto.ecs.models import ecs_backends
from moto.eks.models import eks_backends
from moto.iam.models import iam_backends

from orgaudit.demo.accounts import account_named
from orgaudit.demo.seeding.policies import add_role

_ECS = (
    ("Webshop Production", "eu-west-1", "shop", "enhanced"),
    ("Webshop Development", "eu-west-1", "shop-test", "disabled"),
)
"""Clusters by account and region: their setting for Container Insights."""
_EKS = (
    ("Shared Services", "eu-west-1", "platform", "1.35", False),
    ("Sandbox Data Science", "eu-west-1", "notebooks", "1.33", True),
)
"""Clusters by account and region: their version, and whether everyone reaches their endpoint."""


def seed() -> None:
    """Create every cluster and task definition."""
    for name, region, cluster, insights in _ECS:
        ecs = ecs_backends[account_named(name).id][region]
        ecs.create_cluster(cluster, cluster_settings=[{"name": "containerInsights", "value": insights}])
        careful = insights != "disabled"
        ecs.register_task_definition(**_carts(region, careful=careful))
        ecs.register_task_definition(**_prices(region, careful=careful))
    for name, region, cluster, version, public in _EKS:
        account = account_named(name).id
        role = add_role(iam_backends[account]["aws"], f"{cluster}-cluster", {"Service": "eks.amazonaws.com"})
        eks_backends[account][region].create_cluster(
            cluster,
            role,
            {
                "endpointPublicAccess": public,
                "endpointPrivateAccess": not public,
                "publicAccessCidrs": ["0.0.0.0/0"] if public else [],
            },
            version,
            logging={"clusterLogging": [{"types": ["api", "audit"], "enabled": not public}]},
        )


def _carts(region: str, *, careful: bool) -> dict[str, Any]:
    """Return a family for Linux with an EFS volume: hardened, or with all that a quick test leaves in it."""
    hardened = {"user": "1000:1000", "readonlyRootFilesystem": True, "logConfiguration": _logs(region)}
    quick = {
        "user": "root",
        "privileged": True,
        "environment": [{"name": "AWS_SECRET_ACCESS_KEY", "value": "not-a-real-one"}],
    }
    return {
        "family": "carts",
        "container_definitions": [{"name": "carts", **_image("carts"), **(hardened if careful else quick)}],
        "runtime_platform": {"operatingSystemFamily": "LINUX", "cpuArchitecture": "ARM64"},
        "pid_mode": "task" if careful else "host",
        "volumes": [
            {
                "name": "uploads",
                "efsVolumeConfiguration": {
                    "fileSystemId": "fs-0a1b2c3d4e5f60718",
                    "transitEncryption": "ENABLED" if careful else "DISABLED",
                },
            }
        ],
    }


def _prices(region: str, *, careful: bool) -> dict[str, Any]:
    """Return a family for Windows."""
    user = "ContainerUser" if careful else "ContainerAdministrator"
    return {
        "family": "prices",
        "container_definitions": [
            {"name": "prices", **_image("prices"), "user": user, "logConfiguration": _logs(region)}
        ],
        "runtime_platform": {"operatingSystemFamily": "WINDOWS_SERVER_2022_CORE"},
    }


def _image(name: str) -> dict[str, Any]:
    return {"image": f"public.ecr.aws/meridian/{name}:1.0", "memory": 512}


def _logs(region: str) -> dict[str, Any]:
    options = {"awslogs-group": "ecs", "awslogs-region": region, "awslogs-stream-prefix": "shop"}
    return {"logDriver": "awslogs", "options": options}
