"""Controls on the snapshots of RDS instances and clusters."""

from __future__ import annotations

import shlex

from orgaudit.controls.declare import control
from orgaudit.controls.judging.snapshots import encrypted_fix, judge_encryption, judge_sharing, private_fix
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


@control(
    Severity.MEDIUM,
    fix=encrypted_fix(
        "RDS snapshots",
        "Replace snapshot {resource.identifier} by an encrypted copy; restore a cluster's one with a key.",
        "aws rds copy-db-snapshot --region {region} --source-db-snapshot-identifier {resource.identifier} "
        "--target-db-snapshot-identifier NAME --kms-key-id KEY",
    ),
)
def rds_snapshot_encrypted(snapshot: DatabaseSnapshot) -> Verdict:
    """RDS snapshots are encrypted.

    A snapshot is a whole copy of a database that outlives it. One that is not encrypted can be read by each account
    with which it is shared, and it restores to a database that is not encrypted either.
    """
    return judge_encryption(snapshot, command=_restore(snapshot) if snapshot.of_cluster else None)


def _restore(snapshot: DatabaseSnapshot) -> str:
    """Return the command for a cluster's snapshot, whose copies cannot be encrypted."""
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBClusterSnapshot.html
    return (
        f"aws rds restore-db-cluster-from-snapshot --region {snapshot.region} --db-cluster-identifier NAME "
        f"--snapshot-identifier {shlex.quote(snapshot.identifier)} --engine ENGINE --kms-key-id KEY"
    )
