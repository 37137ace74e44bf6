"""Redshift clusters for tests: right ones, unless the keywords say what is different."""

from __future__ import annotations

from typing import Any

from orgaudit.facts.redshift import RedshiftCluster
from tests.factories import HOME, MEMBER, seen_all


def a_warehouse(name: str = "sales", **changes: Any) -> RedshiftCluster:
    values: dict[str, Any] = {
        "arn": f"arn:aws:redshift:{HOME}:{MEMBER}:cluster:{name}",
        "account_id": MEMBER,
        "region": HOME,
        "public": False,
        "encrypted": True,
        "backup_days": 7,
        "upgrades_versions": True,
        "enhanced_routing": True,
        "admin_name": "owner",
        "multi_az": "Enabled",
        "security_groups": ("sg-1",),
        "port": 5439,
        "parameter_groups": ("own",),
    }
    return seen_all(RedshiftCluster, **values | changes)
