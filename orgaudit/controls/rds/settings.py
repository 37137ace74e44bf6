"""Controls on the settings of RDS instances: logs, backups, log-ins and what protects them."""

from __future__ import annotations

from orgaudit.analysis.database_engines import DEFAULT_ADMINS, instance_logs
from orgaudit.controls.declare import control
from orgaudit.controls.judging.databases import (
    Databases,
    admin_renamed,
    deletion_protected,
    iam_login,
    judge_port,
    logs_exported,
    tags_copied,
)
from orgaudit.controls.judging.flags import Outside, Words, retains
from orgaudit.facts.rds import DatabaseInstance
from orgaudit.model import Disruption, Severity, Verdict, not_applicable, shown

INSTANCES = Databases(
    __name__,
    DatabaseInstance,
    "RDS instances",
    "aws rds modify-db-instance --region {region} --db-instance-identifier {resource.name}",
    lambda instance: {"engine": shown(instance.engine)},
)
RUNNING = ("available", "backing-up", "storage-optimization", "storage-full")
"""The states in which Security Hub judges the logs and the log-ins of an instance:
https://docs.aws.amazon.com/config/latest/developerguide/rds-logging-enabled.html"""
PROTECTABLE = frozenset(
    {
        *("mariadb", "mysql", "postgres", "custom-oracle-ee", "oracle-ee", "oracle-ee-cdb", "oracle-se"),
        *("oracle-se1", "oracle-se2", "oracle-se2-cdb", "sqlserver-ee", "sqlserver-ex", "sqlserver-se"),
        "sqlserver-web",
    }
)
"""The engines of which Security Hub expects protection from deletion:
https://docs.aws.amazon.com/config/latest/developerguide/rds-instance-deletion-protection-enabled.html"""
IAM_ENGINES = ("mariadb", "mysql", "postgres")
"""The engines whose instances accept IAM authentication:
https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.IAMDBAuth.html"""


def _member_of(judging: str) -> Outside[DatabaseInstance]:
    """Return what leaves members of a cluster to another control, which judges the cluster once."""

    def outside(instance: DatabaseInstance) -> Verdict | None:
        if instance.cluster is None:
            return None
        return not_applicable(f"a member of cluster {instance.cluster}, which {judging} judges")

    return outside


def _not_running(instance: DatabaseInstance) -> Verdict | None:
    status = instance.status.value
    return None if status in RUNNING else not_applicable(f"the instance is not running; its status is {status}")


rds_instance_enhanced_monitoring_enabled = INSTANCES.requires(
    "rds_instance_enhanced_monitoring_enabled",
    lambda instance: instance.monitoring_seconds.value > 0,
    Words(
        "RDS instances report metrics of their operating system",
        "Without them, nothing shows whether the database or another process uses the CPU and the memory. Each "
        "instance has its own setting, members of clusters too.",
        "enhanced monitoring is enabled",
        "enhanced monitoring is not enabled",
    ),
    severity=Severity.LOW,
    fix=INSTANCES.fix("enhanced monitoring", "--monitoring-interval 60 --monitoring-role-arn ROLE"),
)


def _not_protectable(instance: DatabaseInstance) -> Verdict | None:
    if member := _member_of("rds_cluster_deletion_protected")(instance):
        return member
    engine = instance.engine.value
    return None if engine in PROTECTABLE else not_applicable(f"not expected of the engine {engine}")


rds_instance_deletion_protected = deletion_protected(
    "rds_instance_deletion_protected",
    INSTANCES,
    lambda instance: instance.deletion_protected.value,
    title="RDS instances are protected from deletion",
    severity=Severity.LOW,
    outside=_not_protectable,
)


def _without_logs(instance: DatabaseInstance) -> Verdict | None:
    if member := _member_of("rds_cluster_logs_exported")(instance):
        return member
    engine = instance.engine.value
    if not instance_logs(engine):
        return not_applicable(f"no logs are expected of the engine {engine}")
    return _not_running(instance)


rds_instance_logs_exported = logs_exported(
    "rds_instance_logs_exported",
    INSTANCES,
    lambda instance: instance.logs.value,
    lambda instance: instance_logs(instance.engine.value),
    title="RDS instances send their logs to CloudWatch Logs",
    example="error",
    outside=_without_logs,
)


def _without_iam(instance: DatabaseInstance) -> Verdict | None:
    if member := _member_of("rds_cluster_iam_authentication_enabled")(instance):
        return member
    engine = instance.engine.value
    if engine not in IAM_ENGINES:
        return not_applicable(f"the engine {engine} does not support IAM authentication")
    return _not_running(instance)


rds_instance_iam_authentication_enabled = iam_login(
    "rds_instance_iam_authentication_enabled",
    INSTANCES,
    lambda instance: instance.iam_login.value,
    title="RDS instances accept IAM authentication",
    outside=_without_iam,
)


def _without_backups(instance: DatabaseInstance) -> Verdict | None:
    if member := _member_of("rds_cluster_backups_retained_7_days")(instance):
        return member
    return not_applicable(f"a read replica of {instance.replica_of}") if instance.replica_of else None


rds_instance_backups_retained_7_days = retains(
    "rds_instance_backups_retained_7_days",
    DatabaseInstance,
    lambda instance: instance.backup_days.value,
    title="RDS instances keep automatic backups for a week",
    fix=INSTANCES.fix("automatic backups for 7 days", "--backup-retention-period 7", disruption=Disruption.RESTART),
    outside=_without_backups,
)
rds_instance_snapshot_tags_copied = tags_copied(
    "rds_instance_snapshot_tags_copied",
    INSTANCES,
    lambda instance: instance.copies_tags.value,
    title="Snapshots of RDS instances get the instance's tags",
    outside=_member_of("rds_cluster_snapshot_tags_copied"),
)
rds_instance_custom_admin_name_used = admin_renamed(
    "rds_instance_custom_admin_name_used",
    INSTANCES,
    lambda instance: instance.admin_name.value,
    DEFAULT_ADMINS,
    title="The administrator of RDS instances does not have a default name",
    create="aws rds create-db-instance --region {region} --db-instance-identifier NAME --db-instance-class CLASS "
    "--engine {resource.engine.value} --manage-master-user-password",
    outside=_member_of("rds_cluster_custom_admin_name_used"),
)


@control(
    Severity.LOW,
    fix=INSTANCES.fix("a port of its own", "--db-port-number PORT", disruption=Disruption.RESTART),
)
def rds_instance_custom_port_used(instance: DatabaseInstance) -> Verdict:
    """RDS instances use another port than the engine's default one.

    Scans for databases try default ports first. Another port stops no attacker, but most of the noise, and a
    connection to the default one is then worth an alarm.
    """
    if member := _member_of("rds_cluster_custom_port_used")(instance):
        return member
    port = instance.port.value
    if port is None:
        return not_applicable("the instance is being created and has no port yet")
    return judge_port(instance.engine.value, port)
