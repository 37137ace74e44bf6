"""Controls on DocumentDB: clusters and their snapshots."""

from __future__ import annotations

from orgaudit.controls.declare import control
from orgaudit.controls.judging.databases import (
    Databases,
    deletion_protected,
    logs_exported,
    storage_encrypted,
)
from orgaudit.controls.judging.flags import retains
from orgaudit.controls.judging.snapshots import cluster_snapshot_encrypted, judge_sharing, private_fix
from orgaudit.facts.docdb import ENGINE, DocdbCluster
from orgaudit.facts.rds_snapshots import DocdbSnapshot, DocdbSnapshotShared
from orgaudit.model import Observed, Severity, Verdict

CLUSTERS = Databases(
    __name__,
    DocdbCluster,
    "DocumentDB clusters",
    "aws docdb modify-db-cluster --region {region} --db-cluster-identifier {resource.name}",
)
AUDIT = ("audit",)

docdb_cluster_storage_encrypted = storage_encrypted(
    "docdb_cluster_storage_encrypted",
    CLUSTERS,
    lambda cluster: cluster.encrypted.value,
    title="The storage of DocumentDB clusters is encrypted",
    fix=CLUSTERS.replaced(
        "encrypted storage",
        "Restore {resource.name} from a snapshot as an encrypted cluster: existing storage cannot be encrypted.",
        "aws docdb restore-db-cluster-from-snapshot --region {region} --db-cluster-identifier NAME "
        "--snapshot-identifier SNAPSHOT --engine docdb --kms-key-id KEY",
    ),
)
docdb_cluster_audit_logs_exported = logs_exported(
    "docdb_cluster_audit_logs_exported",
    CLUSTERS,
    lambda cluster: cluster.logs.value,
    lambda _: AUDIT,
    title="DocumentDB clusters send audit logs to CloudWatch Logs",
    example="audit",
)
docdb_cluster_deletion_protected = deletion_protected(
    "docdb_cluster_deletion_protected",
    CLUSTERS,
    lambda cluster: cluster.deletion_protected.value,
    title="DocumentDB clusters are protected from deletion",
    severity=Severity.MEDIUM,
)
docdb_cluster_backups_retained_7_days = retains(
    "docdb_cluster_backups_retained_7_days",
    DocdbCluster,
    lambda cluster: cluster.backup_days.value,
    title="DocumentDB clusters keep automatic backups for a week",
    fix=CLUSTERS.fix("automatic backups for 7 days", "--backup-retention-period 7"),
)
docdb_snapshot_encrypted = cluster_snapshot_encrypted(
    "docdb_snapshot_encrypted", DocdbSnapshot, __name__, "DocumentDB snapshots", ENGINE
)


@control(
    Severity.CRITICAL,
    fix=private_fix(
        "DocumentDB snapshots",
        "aws docdb modify-db-cluster-snapshot-attribute --region {region} "
        "--db-cluster-snapshot-identifier {resource.identifier} --attribute-name restore --values-to-remove all",
    ),
)
def docdb_snapshot_private(snapshot: DocdbSnapshot, shared: Observed[DocdbSnapshotShared]) -> Verdict:
    """DocumentDB snapshots are not public.

    Everybody with an AWS account can restore a public snapshot and read the whole database, without a trace in the
    account that owns it.
    """
    return judge_sharing(snapshot, shared.value.accounts, of_cluster=True)
