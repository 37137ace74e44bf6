"""Factories of the controls on snapshots of RDS, Neptune and DocumentDB."""

from __future__ import annotations

import shlex
from typing import TypeVar

from orgaudit.controls.declare import Control, Fix
from orgaudit.controls.judging.flags import named
from orgaudit.facts.rds_snapshots import AUTOMATED, StoredSnapshot
from orgaudit.model import Disruption, Effort, Json, Severity, Verdict, failed, not_applicable, passed, shown

R = TypeVar("R", bound=StoredSnapshot)

EVERYONE = "all"
"""What stands for every AWS account: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ShareSnapshot.html"""


def private_fix(plural: str, command: str) -> Fix:
    """Return the fix of a public snapshot, by the command that removes everyone."""
    return Fix(
        service_wide=f"Remove public access from all {plural}, and share only with accounts that need them.",
        asset="Stop sharing {resource.identifier} with all accounts, and treat its data as published.",
        command=command,
        preventive="Deny rds:ModifyDBSnapshotAttribute and rds:ModifyDBClusterSnapshotAttribute to all but one role "
        "with a service control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    )


def judge_sharing(snapshot: StoredSnapshot, accounts: tuple[str, ...], *, of_cluster: bool) -> Verdict:
    """Return a FAIL for a snapshot that everybody may restore; accounts that are named are evidence."""
    if snapshot.kind.value == AUTOMATED:
        return not_applicable("an automated snapshot, which cannot be shared")
    others: list[Json] = [each for each in accounts if each != EVERYONE]
    if EVERYONE not in accounts:
        return passed("the snapshot is not shared with all accounts", shared_with=others)
    return failed(
        "everybody with an AWS account can restore the snapshot",
        command=_unshare(snapshot, of_cluster=of_cluster),
        shared_with=others,
    )


def _unshare(snapshot: StoredSnapshot, *, of_cluster: bool) -> str:
    kind = "db-cluster-snapshot" if of_cluster else "db-snapshot"
    return (
        f"aws rds modify-{kind}-attribute --region {snapshot.region} --{kind}-identifier "
        f"{shlex.quote(snapshot.identifier)} --attribute-name restore --values-to-remove {EVERYONE}"
    )


def encrypted_fix(plural: str, asset: str, command: str) -> Fix:
    """Return the fix of a snapshot that is not encrypted, which another one replaces."""
    return Fix(
        service_wide=f"Encrypt the databases, so that their next snapshots are encrypted, and replace old {plural}.",
        asset=asset,
        command=command,
        preventive="Deny rds:CreateDBInstance and rds:CreateDBCluster where rds:StorageEncrypted is false with a "
        "service control policy.",
        effort=Effort.L,
        per_resource=True,
        disruption=Disruption.REPLACEMENT,
        reversible=False,
    )


def cluster_snapshot_encrypted(name: str, kind: type[R], module: str, plural: str, engine: str) -> Control:
    """Return the control that snapshots of clusters are encrypted; `engine` is also the service in the AWS CLI."""
    # A copy of a cluster's snapshot is encrypted only if the snapshot is:
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CopyDBClusterSnapshot.html
    fix = encrypted_fix(
        plural,
        "Restore {resource.identifier} as an encrypted cluster, and keep a snapshot of that one instead.",
        f"aws {engine} restore-db-cluster-from-snapshot --region {{region}} --db-cluster-identifier NAME "
        f"--snapshot-identifier {{resource.identifier}} --engine {engine} --kms-key-id KEY",
    )

    def judge(snapshot: R) -> Verdict:
        return judge_encryption(snapshot)

    title = f"{plural} are encrypted"
    return named(name, kind, module, judge, title=title, rationale=RATIONALE, severity=Severity.MEDIUM, fix=fix)


RATIONALE = (
    "A snapshot is a whole copy of a database that outlives it. One that is not encrypted can be read by each account "
    "with which it is shared, and it restores to a database that is not encrypted either."
)


def judge_encryption(snapshot: StoredSnapshot, *, command: str | None = None) -> Verdict:
    """Return the verdict on a snapshot's encryption; `command` replaces the control's own."""
    evidence: dict[str, Json] = {"type": shown(snapshot.kind)}
    if snapshot.encrypted.value:
        return passed("the snapshot is encrypted", **evidence)
    return failed("the snapshot is not encrypted", command=command, **evidence)
