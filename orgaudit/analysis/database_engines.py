"""What depends on a database's engine: the logs that it can export, its default port and administrators."""

from __future__ import annotations

DEFAULT_ADMINS = frozenset({"admin", "postgres"})
"""The names of administrators that AWS suggests for RDS, whatever the engine:
https://docs.aws.amazon.com/config/latest/developerguide/rds-instance-default-admin-check.html"""

CLUSTER_LOGS = {"aurora-mysql": ("audit",), "aurora-postgresql": ("postgresql",)}
"""The logs that Aurora clusters are expected to export, by engine:
https://docs.aws.amazon.com/securityhub/latest/userguide/rds-controls.html"""

_MYSQL_LOGS = ("audit", "error", "general", "slowquery")
_INSTANCE_LOGS = {
    "mariadb": _MYSQL_LOGS,
    "mysql": _MYSQL_LOGS,
    "oracle": ("alert", "audit", "listener", "trace"),
    "postgres": ("postgresql", "upgrade"),
    "sqlserver": ("agent", "error"),
}
_DEFAULT_PORTS = {
    "aurora-mysql": 3306,
    "aurora-postgresql": 5432,
    "db2": 50000,
    "mariadb": 3306,
    "mysql": 3306,
    "oracle": 1521,
    "postgres": 5432,
    "sqlserver": 1433,
}
"""The ports that RDS chooses: https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html"""


def instance_logs(engine: str) -> tuple[str, ...]:
    """Return the logs that an RDS instance of an engine is expected to export, none for other engines."""
    return _INSTANCE_LOGS.get(_family_of(engine), ())


def default_port(engine: str) -> int | None:
    """Return the port that an engine has by default, None for an unknown engine."""
    return _DEFAULT_PORTS.get(_family_of(engine))


def _family_of(engine: str) -> str:
    """Return an engine without its edition: oracle for custom-oracle-ee, sqlserver for sqlserver-ex."""
    name = engine.removeprefix("custom-")
    return name if name.startswith("aurora") else name.partition("-")[0]
