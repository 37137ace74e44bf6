"""Factories of the controls on snapshots of RDS, Neptune and DocumentDB."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import TypeVar

from orgaudit.controls.declare import Control, Fix
from orgaudit.controls.judging.flags import Words, requires
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
    named: list[Json] = [each for each in accounts if each != EVERYONE]
    if EVERYONE not in accounts:
        return passed("the snapshot is not shared with all accounts", shared_with=named)
    return failed(
        "everybody with an AWS account can restore the snapshot",
        command=_unshare(snapshot, of_cluster=of_cluster),
        shared_with=named,
    )


def _unshare(snapshot: StoredSnapshot, *, of_cluster: bool) -> str:
    kind = "db-cluster-snapshot" if of_cluster else "db-snapshot"
    return (
        f"aws rds modify-{kind}-attribute --region {snapshot.region} --{kind}-identifier "
        f"{shlex.quote(snapshot.identifier)} --attribute-name restore --values-to-remove {EVERYONE}"
    )


def encrypted(name: str, kind: type[R], holds: Callable[[R], bool], *, title: str) -> Control:
    """Return the control that snapshots are encrypted."""
    return requires(
        name,
        kind,
        holds,
        Words(
            title,
            "A snapshot is a whole copy of a database that outlives it. One that is not encrypted can be read by each "
            "account with which it is shared, and it restores to a database that is not encrypted either.",
            "the snapshot is encrypted",
            "the snapshot is not encrypted",
        ),
        severity=Severity.MEDIUM,
        fix=Fix(
            service_wide="Encrypt the databases, so that their next snapshots are encrypted, and replace old snapshots.",
            asset="Copy snapshot {resource.identifier} with a key of AWS KMS, and delete it once the copy is there.",
            command="aws rds copy-db-snapshot --region {region} --source-db-snapshot-identifier {resource.identifier} "
            "--target-db-snapshot-identifier NAME --kms-key-id KEY",
            preventive="Deny rds:CreateDBInstance and rds:CreateDBCluster where rds:StorageEncrypted is false with a "
            "service control policy.",
            effort=Effort.L,
            per_resource=True,
            disruption=Disruption.REPLACEMENT,
            reversible=False,
        ),
        evidence=_kind,
    )


def _kind(snapshot: StoredSnapshot) -> Mapping[str, Json]:
    return {"type": shown(snapshot.kind)}
