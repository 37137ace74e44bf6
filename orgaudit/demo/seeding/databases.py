"""Database instances and clusters."""

from dataclasses import dataclass

from moto.ec2.models import ec2_backends
from moto.rds.models import rds_backends

from orgaudit.demo.accounts import account_named

_PASSWORD = "not-a-real-one"  # noqa: S105 - the emulation has no databases


@dataclass(frozen=True, slots=True)
class _Database:
    """A database instance; a compliant one is encrypted, private, in several zones, and upgrades minor versions."""

    account: str
    region: str
    name: str
    compliant: bool = True


_DATABASES = (
    _Database("Webshop Production", "eu-west-1", "orders"),
    _Database("Payments Production", "eu-central-1", "ledger"),
    _Database("Payments Development", "eu-west-1", "ledger-test", compliant=False),
    _Database("Sandbox Data Science", "us-east-1", "scratch", compliant=False),
)
_CLUSTERS = (
    ("Webshop Production", "eu-west-1", "catalogue", ("a", "b")),
    ("Webshop Development", "eu-west-1", "catalogue-test", ("a",)),
)
"""Clusters, with the zones of their instances."""


def seed() -> None:
    """Create every instance and cluster."""
    for plan in _DATABASES:
        rds_backends[account_named(plan.account).id][plan.region].create_db_instance({
            "db_instance_identifier": plan.name,
            "db_instance_class": "db.t3.medium",
            "engine": "postgres",
            "allocated_storage": 20,
            "master_username": "owner",
            "master_user_password": _PASSWORD,
            "storage_encrypted": plan.compliant,
            "publicly_accessible": not plan.compliant,
            "auto_minor_version_upgrade": plan.compliant,
            "multi_az": plan.compliant,
            "vpc_security_group_ids": _groups(plan.account, plan.region),
        })  # fmt: skip
    for name, region, cluster, zones in _CLUSTERS:
        rds = rds_backends[account_named(name).id][region]
        rds.create_db_cluster({
            "db_cluster_identifier": cluster,
            "engine": "aurora-postgresql",
            "master_username": "owner",
            "master_user_password": _PASSWORD,
            "storage_encrypted": True,
        })  # fmt: skip
        for zone in zones:
            rds.create_db_instance({
                "db_instance_identifier": f"{cluster}-{zone}",
                "db_instance_class": "db.r6g.large",
                "engine": "aurora-postgresql",
                "db_cluster_identifier": cluster,
                "availability_zone": f"{region}{zone}",
                "storage_encrypted": True,
                "publicly_accessible": False,
            })  # fmt: skip


def _groups(name: str, region: str) -> list[str]:
    """Return the default group of the account's first VPC; moto would look for it in the default VPC."""
    ec2 = ec2_backends[account_named(name).id][region]
    vpc_id = next(iter(ec2.vpcs))
    return [group.id for group in ec2.groups[vpc_id].values() if group.is_default]
