"""Clusters of Aurora MySQL, Neptune, DocumentDB and Redshift, and the snapshots that people keep of databases."""

from typing import Any

from moto.ec2.models import ec2_backends
from moto.rds.models import RDSBackend, rds_backends
from moto.redshift.models import redshift_backends

from orgaudit.demo.accounts import account_named
from orgaudit.demo.seeding.databases import PASSWORD

_AURORA = (
    ("Webshop Production", "eu-west-1", "reviews", True),
    ("Webshop Development", "eu-west-1", "reviews-test", False),
)
_NEPTUNE = (
    ("Data Platform Production", "eu-west-1", "recommendations", True),
    ("Sandbox Data Science", "us-east-1", "recommendations-trial", False),
)
_DOCUMENTDB = (
    ("Payments Production", "eu-central-1", "mandates", True),
    ("Payments Development", "eu-west-1", "mandates-test", False),
)
_REDSHIFT = (
    ("Data Platform Production", "eu-west-1", "warehouse", "default", True),
    ("Sandbox Platform", "us-east-1", "warehouse-trial", "all-open", False),
)
"""Clusters by account, region and name: whether they are compliant. Those of Redshift have a security group."""
_TLS_REQUIRED = "tls-required"
_SNAPSHOTS = (
    ("Webshop Production", "eu-west-1", "orders", False),
    ("Sandbox Data Science", "us-east-1", "scratch", True),
)
"""Snapshots of database instances, by the name of the instance: whether they are public."""


def seed() -> None:
    """Create every cluster and snapshot."""
    for account, region, name, compliant in _AURORA:
        _aurora(rds_backends[account_named(account).id][region], name, compliant=compliant)
    for account, region, name, compliant in _NEPTUNE:
        rds = rds_backends[account_named(account).id][region]
        rds.create_db_cluster(_settings(name, ["audit"], compliant=compliant)).iam_auth = compliant
        _snapshot(rds, name, shared=not compliant)
    for account, region, name, compliant in _DOCUMENTDB:
        _documentdb(rds_backends[account_named(account).id][region], name, compliant=compliant)
    for account, region, name, group, compliant in _REDSHIFT:
        _redshift(account_named(account).id, region, name, group, compliant=compliant)
    for account, region, name, shared in _SNAPSHOTS:
        rds = rds_backends[account_named(account).id][region]
        rds.create_db_snapshot(name, f"{name}-before-upgrade")
        if shared:
            rds.modify_db_snapshot_attribute(f"{name}-before-upgrade", "restore", ["all"])


def _settings(name: str, logs: list[str], *, compliant: bool) -> dict[str, Any]:
    """Return what clusters of all kinds are created with; the engine is Neptune, the only one without a user."""
    return {
        "db_cluster_identifier": name,
        "engine": "neptune",
        "storage_encrypted": compliant,
        "deletion_protection": compliant,
        "backup_retention_period": 14 if compliant else 1,
        "copy_tags_to_snapshot": compliant,
        "enable_cloudwatch_logs_exports": logs if compliant else [],
    }


def _aurora(rds: RDSBackend, name: str, *, compliant: bool) -> None:
    """Create a cluster of Aurora MySQL; a compliant one has two instances."""
    settings = _settings(name, ["audit"], compliant=compliant) | {
        "engine": "aurora-mysql",
        "master_username": "owner" if compliant else "admin",
        "master_user_password": PASSWORD,
        "auto_minor_version_upgrade": compliant,
        "enable_iam_database_authentication": compliant,
        "backtrack_window": 86_400 if compliant else 0,
        "port": 3316 if compliant else 3306,
    }
    rds.create_db_cluster(settings)
    for zone in "ab" if compliant else "a":
        rds.create_db_instance({
            "db_instance_identifier": f"{name}-{zone}",
            "db_instance_class": "db.r6g.large",
            "engine": "aurora-mysql",
            "db_cluster_identifier": name,
            "availability_zone": f"{rds.region_name}{zone}",
            "storage_encrypted": compliant,
            "publicly_accessible": False,
            "auto_minor_version_upgrade": compliant,
        } | (_monitored(rds) if compliant else {}))  # fmt: skip


def _monitored(rds: RDSBackend) -> dict[str, Any]:
    return {"monitoring_interval": 60, "monitoring_role_arn": f"arn:aws:iam::{rds.account_id}:role/rds-monitoring"}


def _documentdb(rds: RDSBackend, name: str, *, compliant: bool) -> None:
    """Create a cluster of DocumentDB: moto refuses that engine, so it is changed afterwards."""
    created = {"engine_version": "5.0.0", "port": 27017, "master_username": "owner"}
    cluster = rds.create_db_cluster(_settings(name, ["audit"], compliant=compliant) | created)
    cluster.engine = "docdb"
    for snapshot in rds.cluster_snapshots.values():
        if snapshot.db_cluster_identifier == name:
            snapshot.engine = cluster.engine
    _snapshot(rds, name, shared=not compliant)


def _snapshot(rds: RDSBackend, name: str, *, shared: bool) -> None:
    kept = f"{name}-before-upgrade"
    rds.create_db_cluster_snapshot(name, kept)
    if shared:
        rds.modify_db_cluster_snapshot_attribute(kept, "restore", ["all"])


def _redshift(account: str, region: str, name: str, group: str, *, compliant: bool) -> None:
    """Create a cluster; moto has one set of parameters for all groups of a region, and does not know Multi-AZ."""
    redshift = redshift_backends[account][region]
    redshift.default_params["require_ssl"] = str(compliant).lower()
    if compliant:
        redshift.create_cluster_parameter_group(_TLS_REQUIRED, "redshift-2.0", "requires TLS", region)
    groups = [each for each in ec2_backends[account][region].describe_security_groups() if each.name == group]
    cluster = redshift.create_cluster(
        cluster_identifier=name,
        node_type="ra3.large",
        master_username="owner" if compliant else "awsuser",
        master_user_password=PASSWORD,
        db_name="",
        cluster_type="multi-node",
        cluster_security_groups=[],
        vpc_security_group_ids=[groups[0].id],
        cluster_subnet_group_name="",
        availability_zone=f"{region}a",
        preferred_maintenance_window="",
        cluster_parameter_group_name=_TLS_REQUIRED if compliant else "",
        automated_snapshot_retention_period=14 if compliant else 1,
        port=5439,
        cluster_version="",
        allow_version_upgrade=compliant,
        number_of_nodes=2,
        publicly_accessible=not compliant,
        encrypted=compliant,
        region_name=region,
        enhanced_vpc_routing=compliant,
    )
    vars(cluster)["multi_az"] = "Enabled" if compliant else "Disabled"
    if compliant:
        redshift.enable_logging(name, "", "", "cloudwatch", ["connectionlog", "userlog", "useractivitylog"])
