"""Databases for tests: right ones, unless the keywords say what is different."""

from __future__ import annotations

from typing import Any

from orgaudit.facts.rds import DatabaseCluster, DatabaseInstance
from tests.factories import HOME, MEMBER, seen_all


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
    }
    return seen_all(DatabaseInstance, **values | changes)


def a_cluster(name: str = "orders", **changes: Any) -> DatabaseCluster:
    values: dict[str, Any] = {
        "arn": f"arn:aws:rds:{HOME}:{MEMBER}:cluster:{name}",
        "account_id": MEMBER,
        "region": HOME,
        "engine": "aurora-mysql",
        "multi_az": True,
    }
    return seen_all(DatabaseCluster, **values | changes)
