"""Controls on EBS volumes, and on the public sharing of snapshots."""

from __future__ import annotations

import shlex

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.ec2.snapshots import BLOCKED, PublicSnapshots, SnapshotSharing
from orgaudit.facts.ec2.volumes import IN_USE, Volume
from orgaudit.model import (
    UNKNOWN,
    Disruption,
    Effort,
    Json,
    Severity,
    Verdict,
    failed,
    not_applicable,
    passed,
    require,
    shown,
)

LIST_POLICIES = "aws organizations list-policies --filter DECLARATIVE_POLICY_EC2"


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Enable encryption by default in every region, then replace unencrypted volumes.",
        asset="Create a snapshot of volume {resource.name}, copy it with encryption, and replace the volume with one "
        "from the copy: an existing volume cannot be encrypted.",
        command="aws ec2 create-snapshot --region {region} --volume-id {resource.name}",
        preventive="Deny ec2:CreateVolume and ec2:RunInstances where ec2:Encrypted is false with a service control "
        "policy.",
        effort=Effort.L,
        per_resource=True,
        disruption=Disruption.REPLACEMENT,
        reversible=False,
    ),
)
def ec2_volume_encrypted(volume: Volume) -> Verdict:
    """Attached EBS volumes are encrypted.

    Encryption also covers the snapshots of a volume: one that is shared by mistake cannot be read without the key.
    """
    if volume.state.value != IN_USE:
        return not_applicable(f"the volume is {volume.state.value}, attached to no instance")
    return require(
        volume.encrypted.value,
        then="the volume is encrypted",
        otherwise="the volume is not encrypted",
        kms_key=volume.key_id,
    )


@control(
    Severity.CRITICAL,
    facts=(SnapshotSharing,),
    fix=Fix(
        service_wide="Block public sharing of snapshots in all regions with a declarative policy for EC2, then remove "
        "the shares that exist.",
        service_wide_command=LIST_POLICIES,
        asset="Remove the public permission of each snapshot in {region} of account {account}, and treat what they "
        "hold as disclosed.",
        command="aws ec2 modify-snapshot-attribute --region {region} --snapshot-id SNAPSHOT_ID "
        "--attribute createVolumePermission --operation-type remove --group-names all",
        preventive="Deny ec2:ModifySnapshotAttribute where ec2:Add/group is all with a service control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ec2_snapshot_private(snapshots: PublicSnapshots, account: AccountFacts) -> Verdict:
    """EBS snapshots are not shared with everyone.

    Every AWS account can create volumes from a public snapshot and read all that it holds. While a region blocks all
    public sharing they are treated as private, but they become public again when the block ends, so they fail.
    """
    sharing = (each for each in account.resources(SnapshotSharing) if each.region == snapshots.region)
    found, state = snapshots.ids.value, next((shown(each.state) for each in sharing), UNKNOWN)
    evidence: dict[str, Json] = {"snapshots": list(found), "public_sharing": state}
    if not found:
        return passed("no snapshot is public", **evidence)
    said = f"public snapshots: {len(found)}, such as {found[0]}"
    if state == BLOCKED:
        said += "; the region blocks all public sharing, which makes them private for now"
    return failed(said, command=_unshare(snapshots.region, found[0]), **evidence)


def _unshare(region: str, snapshot: str) -> str:
    return (
        f"aws ec2 modify-snapshot-attribute --region {region} --snapshot-id {shlex.quote(snapshot)} "
        "--attribute createVolumePermission --operation-type remove --group-names all"
    )


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Block public sharing of snapshots in all regions with a declarative policy for EC2.",
        service_wide_command=LIST_POLICIES,
        asset="Block all public sharing of snapshots in {region} of account {account}.",
        command="aws ec2 enable-snapshot-block-public-access --region {region} --state block-all-sharing",
        preventive="Deny ec2:DisableSnapshotBlockPublicAccess and ec2:EnableSnapshotBlockPublicAccess with a service "
        "control policy.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ec2_snapshot_public_sharing_blocked(sharing: SnapshotSharing) -> Verdict:
    """Public sharing of EBS snapshots is blocked in every region.

    The block prevents that a snapshot becomes public by mistake. A block of new sharing leaves those snapshots public
    that were public before.
    """
    state = sharing.state.value
    by_policy = sharing.managed_by == "declarative-policy"
    by = "a declarative policy of the organization" if by_policy else "the account"
    return require(
        state == BLOCKED,
        then=f"all public sharing is blocked, set by {by}",
        otherwise=f"the state of the block is {state}, set by {by}",
        state=state,
        managed_by=sharing.managed_by,
    )
