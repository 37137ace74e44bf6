"""Facts on endpoints, storage, subnets, containers and settings for tests; each factory builds one that is right."""

from __future__ import annotations

from typing import Any

from orgaudit.facts.ec2.acls import NetworkAcl
from orgaudit.facts.ec2.endpoints import VpcEndpoint
from orgaudit.facts.ec2.snapshots import PublicSnapshots, SnapshotSharing
from orgaudit.facts.ec2.subnets import Subnet
from orgaudit.facts.ec2.volumes import Volume
from orgaudit.facts.ecs import Container, EcsCluster, TaskDefinition, TaskFamily
from orgaudit.facts.eks import EksCluster, EksClusterSettings, EksVersionSupport
from orgaudit.facts.lambda_ import Function
from orgaudit.facts.ssm import DocumentSharing
from orgaudit.model import Seen
from tests.factories import HOME, MEMBER, seen_all
from tests.factories_ec2 import made


def an_endpoint(api: str = "ec2", *, account_id: str = MEMBER, region: str = HOME, **changes: Any) -> VpcEndpoint:
    values: dict[str, Any] = {
        "vpc_id": "vpc-1",
        "service": f"com.amazonaws.{region}.{api}",
        "kind": "Interface",
        "state": "available",
    }
    return made(VpcEndpoint, "vpc-endpoint/vpce-1", account_id, region, **values | changes)


def a_used_acl(acl_id: str = "acl-1", **changes: Any) -> NetworkAcl:
    values: dict[str, Any] = {"vpc_id": "vpc-1", "default": False, "subnets": 1, "entries": (), "in_use": True}
    return made(NetworkAcl, f"network-acl/{acl_id}", **values | changes)


def a_volume(volume_id: str = "vol-1", **changes: Any) -> Volume:
    values: dict[str, Any] = {"encrypted": True, "state": "in-use", "key_id": "key"}
    return made(Volume, f"volume/{volume_id}", **values | changes)


def a_subnet(subnet_id: str = "subnet-1", **changes: Any) -> Subnet:
    values: dict[str, Any] = {"vpc_id": "vpc-1", "default": False, "public_ipv4": False, "ipv6": False}
    return made(Subnet, f"subnet/{subnet_id}", **values | changes)


def snapshots_shared(*ids: str) -> PublicSnapshots:
    return made(PublicSnapshots, "public-snapshots", ids=ids)


def sharing_of(state: str = "block-all-sharing", region: str = HOME, **changes: Any) -> SnapshotSharing:
    return made(SnapshotSharing, "snapshot-block-public-access", region=region, state=state, **changes)


def documents_shared(permission: str = "Disable") -> DocumentSharing:
    arn = f"arn:aws:ssm:{HOME}:{MEMBER}:servicesetting/ssm/documents/console/public-sharing-permission"
    return seen_all(DocumentSharing, arn=arn, account_id=MEMBER, region=HOME, permission=permission)


def a_function_on(runtime: str | None = "python3.13", name: str = "resize") -> Function:
    arn = f"arn:aws:lambda:{HOME}:{MEMBER}:function:{name}"
    return seen_all(Function, arn=arn, account_id=MEMBER, region=HOME, runtime=runtime)


def an_ecs_cluster(name: str = "main", **changes: Any) -> EcsCluster:
    values: dict[str, Any] = {"status": "ACTIVE", "insights": "enabled"}
    arn = f"arn:aws:ecs:{HOME}:{MEMBER}:cluster/{name}"
    return seen_all(EcsCluster, arn=arn, account_id=MEMBER, region=HOME, **values | changes)


def a_family(name: str = "web") -> TaskFamily:
    return TaskFamily(arn=f"arn:aws:ecs:{HOME}:{MEMBER}:task-definition/{name}", account_id=MEMBER, region=HOME)


def a_container(name: str = "app", **changes: Any) -> Container:
    values: dict[str, Any] = {"privileged": False, "read_only": True, "user": "1000", "log_driver": "awslogs"}
    return Container(name=name, **values | changes)


def tasks(*containers: Container, **changes: Any) -> tuple[TaskFamily, Seen[TaskDefinition]]:
    """A family, and its latest revision with these containers, or a right one."""
    family = a_family()
    values: dict[str, Any] = {"revision": 3, "pid_mode": None, "system": None}
    found = TaskDefinition(arn=family.arn, containers=containers or (a_container(),), **values | changes)
    return family, Seen(found)


def an_eks_cluster(name: str = "main") -> EksCluster:
    return EksCluster(arn=f"arn:aws:eks:{HOME}:{MEMBER}:cluster/{name}", account_id=MEMBER, region=HOME)


def eks_settings(**changes: Any) -> Seen[EksClusterSettings]:
    values: dict[str, Any] = {
        "status": "ACTIVE",
        "version": "1.34",
        "public": False,
        "public_cidrs": (),
        "logs": ("api", "audit"),
    }
    return Seen(seen_all(EksClusterSettings, arn=an_eks_cluster().arn, **values | changes))


def eks_support(status: Any = "STANDARD_SUPPORT", **changes: Any) -> Seen[EksVersionSupport]:
    return Seen(seen_all(EksVersionSupport, arn=an_eks_cluster().arn, status=status, **changes))
