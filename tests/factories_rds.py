"""Databases for tests: right ones, unless the keywords say what is different."""

from __future__ import annotations

from typing import Any, TypeVar

from orgaudit.facts.docdb import DocdbCluster
from orgaudit.facts.neptune import NeptuneCluster
from orgaudit.facts.rds import DatabaseCluster, DatabaseInstance
from orgaudit.facts.rds_snapshots import DatabaseSnapshot, DocdbSnapshot, NeptuneSnapshot, StoredSnapshot
from tests.factories import HOME, MEMBER, seen_all

S = TypeVar("S", bound=StoredSnapshot)

STORED: dict[str, Any] = {
    "account_id": MEMBER,
    "region": HOME,
    "encrypted": True,
    "deletion_protected": True,
    "backup_days": 7,
    "logs": ("audit",),
}
LABELLED: dict[str, Any] = {"iam_login": True, "copies_tags": True}


def an_instance(name: str = "orders", **changes: Any) -> DatabaseInstance:
    values: dict[str, Any] = {
        "arn": f"arn:aws:rds:{HOME}:{MEMBER}:db:{name}",
        "account_id": MEMBER,
        "region": HOME,
        "engine": "postgres",
        "public": False,
        "encrypted": True,
        "upgrades_minor_versions": True,
        "multi_az": True,
        "vpc_id": "vpc-1",
        "subnets": ("subnet-1",),
        "security_groups": ("sg-1",),
        "port": 5432,
        "status": "available",
        "monitoring_seconds": 60,
        "deletion_protected": True,
        "logs": ("postgresql", "upgrade"),
        "iam_login": True,
        "backup_days": 7,
        "copies_tags": True,
        "admin_name": "owner",
    }
    return seen_all(DatabaseInstance, **values | changes)


def a_cluster(name: str = "orders", **changes: Any) -> DatabaseCluster:
    values: dict[str, Any] = {
        "arn": f"arn:aws:rds:{HOME}:{MEMBER}:cluster:{name}",
        "account_id": MEMBER,
        "region": HOME,
        "engine": "aurora-mysql",
        "multi_az": True,
        "mode": "provisioned",
        "port": 3307,
        "upgrades_minor_versions": True,
        "backtrack_seconds": 86400,
        "admin_name": "owner",
    }
    return seen_all(DatabaseCluster, **STORED | LABELLED | values | changes)


def a_neptune_cluster(name: str = "graph", **changes: Any) -> NeptuneCluster:
    arn = f"arn:aws:rds:{HOME}:{MEMBER}:cluster:{name}"
    return seen_all(NeptuneCluster, **STORED | LABELLED | {"arn": arn} | changes)


def a_docdb_cluster(name: str = "papers", **changes: Any) -> DocdbCluster:
    return seen_all(DocdbCluster, **STORED | {"arn": f"arn:aws:rds:{HOME}:{MEMBER}:cluster:{name}"} | changes)


def _a_snapshot(kind: type[S], name: str, type_of_arn: str, changes: dict[str, Any]) -> S:
    values: dict[str, Any] = {
        "arn": f"arn:aws:rds:{HOME}:{MEMBER}:{type_of_arn}:{name}",
        "account_id": MEMBER,
        "region": HOME,
        "identifier": name,
        "encrypted": True,
        "kind": "manual",
    }
    return seen_all(kind, **values | changes)


def a_snapshot(name: str = "orders-1", **changes: Any) -> DatabaseSnapshot:
    type_of_arn = "cluster-snapshot" if changes.get("of_cluster") else "snapshot"
    return _a_snapshot(DatabaseSnapshot, name, type_of_arn, changes)


def a_neptune_snapshot(name: str = "graph-1", **changes: Any) -> NeptuneSnapshot:
    return _a_snapshot(NeptuneSnapshot, name, "cluster-snapshot", changes)


def a_docdb_snapshot(name: str = "papers-1", **changes: Any) -> DocdbSnapshot:
    return _a_snapshot(DocdbSnapshot, name, "cluster-snapshot", changes)
