"""Controls on the snapshots of RDS instances and clusters."""

from __future__ import annotations

from orgaudit.controls.declare import control
from orgaudit.controls.judging.snapshots import encrypted, judge_sharing, private_fix
from orgaudit.facts.rds_snapshots import DatabaseSnapshot, SnapshotShared
from orgaudit.model import Observed, Severity, Verdict


@control(
    Severity.CRITICAL,
    fix=private_fix(
        "RDS snapshots",
        "aws rds modify-db-snapshot-attribute --region {region} --db-snapshot-identifier {resource.identifier} "
        "--attribute-name restore --values-to-remove all",
    ),
)
def rds_snapshot_private(snapshot: DatabaseSnapshot, shared: Observed[SnapshotShared]) -> Verdict:
    """RDS snapshots are not public.

    Everybody with an AWS account can restore a public snapshot and read the whole database, without a trace in the
    account that owns it. Public snapshots can be listed, so they are found soon.
    """
    return judge_sharing(snapshot, shared.value.accounts, of_cluster=snapshot.of_cluster)


rds_snapshot_encrypted = encrypted(
    "rds_snapshot_encrypted",
    DatabaseSnapshot,
    lambda snapshot: snapshot.encrypted.value,
    title="RDS snapshots are encrypted",
)
