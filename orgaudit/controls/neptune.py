"""Controls on Neptune: clusters and their snapshots."""

from __future__ import annotations

from orgaudit.controls.declare import control
from orgaudit.controls.judging.databases import (
    Databases,
    deletion_protected,
    iam_login,
    logs_exported,
    storage_encrypted,
    tags_copied,
)
from orgaudit.controls.judging.flags import retains
from orgaudit.controls.judging.snapshots import cluster_snapshot_encrypted, judge_sharing, private_fix
from orgaudit.facts.neptune import ENGINE, NeptuneCluster
from orgaudit.facts.rds_snapshots import NeptuneSnapshot, NeptuneSnapshotShared
from orgaudit.model import Observed, Severity, Verdict

CLUSTERS = Databases(
    __name__,
    NeptuneCluster,
    "Neptune clusters",
    "aws neptune modify-db-cluster --region {region} --db-cluster-identifier {resource.name}",
)
AUDIT = ("audit",)

neptune_cluster_storage_encrypted = storage_encrypted(
    "neptune_cluster_storage_encrypted",
    CLUSTERS,
    lambda cluster: cluster.encrypted.value,
    title="The storage of Neptune clusters is encrypted",
    fix=CLUSTERS.replaced(
        "encrypted storage",
        "Restore {resource.name} from a snapshot as an encrypted cluster: existing storage cannot be encrypted.",
        "aws neptune restore-db-cluster-from-snapshot --region {region} --db-cluster-identifier NAME "
        "--snapshot-identifier SNAPSHOT --engine neptune --kms-key-id KEY",
    ),
)
neptune_cluster_audit_logs_exported = logs_exported(
    "neptune_cluster_audit_logs_exported",
    CLUSTERS,
    lambda cluster: cluster.logs.value,
    lambda _: AUDIT,
    title="Neptune clusters send audit logs to CloudWatch Logs",
    example="audit",
)
neptune_cluster_deletion_protected = deletion_protected(
    "neptune_cluster_deletion_protected",
    CLUSTERS,
    lambda cluster: cluster.deletion_protected.value,
    title="Neptune clusters are protected from deletion",
    severity=Severity.LOW,
)
neptune_cluster_backups_retained_7_days = retains(
    "neptune_cluster_backups_retained_7_days",
    NeptuneCluster,
    lambda cluster: cluster.backup_days.value,
    title="Neptune clusters keep automatic backups for a week",
    fix=CLUSTERS.fix("automatic backups for 7 days", "--backup-retention-period 7"),
)
neptune_cluster_iam_authentication_enabled = iam_login(
    "neptune_cluster_iam_authentication_enabled",
    CLUSTERS,
    lambda cluster: cluster.iam_login.value,
    title="Neptune clusters accept IAM authentication",
)
neptune_cluster_snapshot_tags_copied = tags_copied(
    "neptune_cluster_snapshot_tags_copied",
    CLUSTERS,
    lambda cluster: cluster.copies_tags.value,
    title="Snapshots of Neptune clusters get the cluster's tags",
)
neptune_snapshot_encrypted = cluster_snapshot_encrypted(
    "neptune_snapshot_encrypted", NeptuneSnapshot, __name__, "Neptune snapshots", ENGINE
)


@control(
    Severity.CRITICAL,
    fix=private_fix(
        "Neptune snapshots",
        "aws neptune modify-db-cluster-snapshot-attribute --region {region} "
        "--db-cluster-snapshot-identifier {resource.identifier} --attribute-name restore --values-to-remove all",
    ),
)
def neptune_snapshot_private(snapshot: NeptuneSnapshot, shared: Observed[NeptuneSnapshotShared]) -> Verdict:
    """Neptune snapshots are not public.

    Everybody with an AWS account can restore a public snapshot and read the whole database, without a trace in the
    account that owns it.
    """
    return judge_sharing(snapshot, shared.value.accounts, of_cluster=True)
