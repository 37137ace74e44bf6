"""Database instances and clusters."""

from moto.ec2.models import ec2_backends
from moto.rds.models import rds_backends

from orgaudit.demo.accounts import account_named

PASSWORD = "not-a-real-one"  # noqa: S105 - the emulation has no databases


_DATABASES = (
    ("Webshop Production", "eu-west-1", "orders", True),
    ("Payments Production", "eu-central-1", "ledger", True),
    ("Payments Development", "eu-west-1", "ledger-test", False),
    ("Sandbox Data Science", "us-east-1", "scratch", False),
)
"""Instances: whether they are encrypted, private, in several zones, and upgrade minor versions."""
_CLUSTERS = (
    ("Webshop Production", "eu-west-1", "catalogue", ("a", "b")),
    ("Webshop Development", "eu-west-1", "catalogue-test", ("a",)),
)
"""Clusters, with the zones of their instances."""


def seed() -> None:
    """Create every instance and cluster."""
    for account, region, name, compliant in _DATABASES:
        rds_backends[account_named(account).id][region].create_db_instance({
            "db_instance_identifier": name,
            "db_instance_class": "db.t3.medium",
            "engine": "postgres",
            "allocated_storage": 20,
            "master_username": "owner" if compliant else "admin",
            "master_user_password": PASSWORD,
            "storage_encrypted": compliant,
            "publicly_accessible": not compliant,
            "auto_minor_version_upgrade": compliant,
            "multi_az": compliant,
            "deletion_protection": compliant,
            "backup_retention_period": 7 if compliant else 1,
            "copy_tags_to_snapshot": compliant,
            "enable_iam_database_authentication": compliant,
            "enable_cloudwatch_logs_exports": ["postgresql", "upgrade"] if compliant else [],
            "port": 5433 if compliant else 5432,
            "vpc_security_group_ids": _groups(account, region),
        })  # fmt: skip
    for account, region, cluster, zones in _CLUSTERS:
        rds = rds_backends[account_named(account).id][region]
        rds.create_db_cluster({
            "db_cluster_identifier": cluster,
            "engine": "aurora-postgresql",
            "master_username": "owner",
            "master_user_password": PASSWORD,
            "storage_encrypted": len(zones) > 1,
            "deletion_protection": len(zones) > 1,
            "backup_retention_period": 7 if len(zones) > 1 else 1,
            "copy_tags_to_snapshot": len(zones) > 1,
            "enable_iam_database_authentication": len(zones) > 1,
            "enable_cloudwatch_logs_exports": ["postgresql"] if len(zones) > 1 else [],
            "port": 5433 if len(zones) > 1 else 5432,
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
