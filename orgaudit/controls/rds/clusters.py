"""Controls on RDS clusters: those of Aurora, and Multi-AZ clusters."""

from __future__ import annotations

from orgaudit.analysis.database_engines import CLUSTER_LOGS, DEFAULT_ADMINS
from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.databases import (
    Databases,
    admin_renamed,
    deletion_protected,
    iam_login,
    judge_port,
    logs_exported,
    storage_encrypted,
    tags_copied,
)
from orgaudit.controls.judging.flags import Words, retains
from orgaudit.facts.rds import DatabaseCluster
from orgaudit.model import Disruption, Effort, Severity, Verdict, not_applicable, require, shown

CLUSTERS = Databases(
    __name__,
    DatabaseCluster,
    "RDS clusters",
    "aws rds modify-db-cluster --region {region} --db-cluster-identifier {resource.name}",
    lambda cluster: {"engine": shown(cluster.engine)},
)
SERVERLESS = "serverless"
"""The engine mode of Aurora Serverless v1."""


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Decide which environments need several Availability Zones, and set that in the cluster template.",
        asset="Add a reader in another Availability Zone to cluster {resource.name}, or accept the risk in the "
        "register.",
        command="aws rds create-db-instance --region {region} --db-cluster-identifier {resource.name} "
        "--db-instance-identifier READER --db-instance-class CLASS --engine {resource.engine.value} "
        "--availability-zone ZONE",
        preventive="Create production clusters only from a template with readers in other Availability Zones.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def rds_cluster_multi_az(cluster: DatabaseCluster) -> Verdict:
    """RDS clusters span several Availability Zones.

    A cluster stores its data in several zones, but if all its instances are in one zone, it is unavailable when that
    zone fails.
    """
    return require(
        cluster.multi_az.value,
        then="the cluster has instances in several Availability Zones",
        otherwise="all instances of the cluster are in one Availability Zone",
        engine=cluster.engine.value,
    )


rds_cluster_storage_encrypted = storage_encrypted(
    "rds_cluster_storage_encrypted",
    CLUSTERS,
    lambda cluster: cluster.encrypted.value,
    title="The storage of RDS clusters is encrypted",
    fix=CLUSTERS.replaced(
        "encrypted storage",
        "Restore {resource.name} from a snapshot as an encrypted cluster: existing storage cannot be encrypted.",
        "aws rds restore-db-cluster-from-snapshot --region {region} --db-cluster-identifier NAME "
        "--snapshot-identifier SNAPSHOT --engine {resource.engine.value} --kms-key-id KEY",
    ),
)
rds_cluster_deletion_protected = deletion_protected(
    "rds_cluster_deletion_protected",
    CLUSTERS,
    lambda cluster: cluster.deletion_protected.value,
    title="RDS clusters are protected from deletion",
    severity=Severity.MEDIUM,
)
rds_cluster_snapshot_tags_copied = tags_copied(
    "rds_cluster_snapshot_tags_copied",
    CLUSTERS,
    lambda cluster: cluster.copies_tags.value,
    title="Snapshots of RDS clusters get the cluster's tags",
)
rds_cluster_custom_admin_name_used = admin_renamed(
    "rds_cluster_custom_admin_name_used",
    CLUSTERS,
    lambda cluster: cluster.admin_name.value,
    DEFAULT_ADMINS,
    title="The administrator of RDS clusters does not have a default name",
    create="aws rds create-db-cluster --region {region} --db-cluster-identifier NAME --engine {resource.engine.value} "
    "--manage-master-user-password",
)
rds_cluster_backups_retained_7_days = retains(
    "rds_cluster_backups_retained_7_days",
    DatabaseCluster,
    lambda cluster: cluster.backup_days.value,
    title="RDS clusters keep automatic backups for a week",
    fix=CLUSTERS.fix("automatic backups for 7 days", "--backup-retention-period 7"),
)


def _serverless(cluster: DatabaseCluster) -> Verdict | None:
    if cluster.mode.value == SERVERLESS:
        return not_applicable("Aurora Serverless v1 does not have this setting")
    return None


rds_cluster_iam_authentication_enabled = iam_login(
    "rds_cluster_iam_authentication_enabled",
    CLUSTERS,
    lambda cluster: cluster.iam_login.value,
    title="RDS clusters accept IAM authentication",
    outside=_serverless,
)


def _without_logs(cluster: DatabaseCluster) -> Verdict | None:
    engine = cluster.engine.value
    if engine not in CLUSTER_LOGS:
        return not_applicable(f"logs are expected of Aurora clusters only; the engine is {engine}")
    return _serverless(cluster) if engine == "aurora-mysql" else None


rds_cluster_logs_exported = logs_exported(
    "rds_cluster_logs_exported",
    CLUSTERS,
    lambda cluster: cluster.logs.value,
    lambda cluster: CLUSTER_LOGS[cluster.engine.value],
    title="Aurora clusters send their logs to CloudWatch Logs",
    example="audit",
    outside=_without_logs,
)
rds_cluster_auto_minor_upgrade_enabled = CLUSTERS.requires(
    "rds_cluster_auto_minor_upgrade_enabled",
    lambda cluster: cluster.upgrades_minor_versions.value,
    Words(
        "RDS clusters upgrade minor versions automatically",
        "Minor versions fix vulnerabilities that are public from the day of their release.",
        "minor versions are upgraded automatically",
        "minor versions are not upgraded automatically",
    ),
    severity=Severity.MEDIUM,
    fix=CLUSTERS.fix("automatic minor version upgrades", "--auto-minor-version-upgrade", disruption=Disruption.RESTART),
)


def _without_backtrack(cluster: DatabaseCluster) -> Verdict | None:
    """Return the verdict on clusters that cannot backtrack."""
    # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Managing.Backtrack.html
    if (engine := cluster.engine.value) != "aurora-mysql":
        return not_applicable(f"only Aurora MySQL can backtrack; the engine is {engine}")
    if cluster.global_cluster:
        return not_applicable(f"a member of the global database {cluster.global_cluster}, which cannot backtrack")
    return _serverless(cluster)


rds_cluster_backtrack_enabled = CLUSTERS.requires(
    "rds_cluster_backtrack_enabled",
    lambda cluster: cluster.backtrack_seconds.value > 0,
    Words(
        "Aurora MySQL clusters can backtrack",
        "Backtracking undoes a wrong statement within minutes, in place. A restore takes hours, and creates another "
        "cluster to which all clients have to move.",
        "the cluster can backtrack",
        "the cluster cannot backtrack",
    ),
    outside=_without_backtrack,
    severity=Severity.MEDIUM,
    fix=CLUSTERS.replaced(
        "a backtrack window",
        "Restore {resource.name} from a snapshot with a backtrack window: an existing cluster cannot get one.",
        "aws rds restore-db-cluster-from-snapshot --region {region} --db-cluster-identifier NAME "
        "--snapshot-identifier SNAPSHOT --engine aurora-mysql --backtrack-window 86400",
    ),
)


@control(
    Severity.LOW,
    fix=CLUSTERS.fix("a port of its own", "--port PORT --apply-immediately", disruption=Disruption.RESTART),
)
def rds_cluster_custom_port_used(cluster: DatabaseCluster) -> Verdict:
    """RDS clusters use another port than the engine's default one.

    Scans for databases try default ports first. Another port stops no attacker, but most of the noise, and a
    connection to the default one is then worth an alarm.
    """
    return judge_port(cluster.engine.value, cluster.port.value)
