"""Controls on customer managed KMS keys."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.kms import Key, KeyDescription, KeyPolicy, KeyRotation
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict, not_applicable, require

NOT_ROTATED = {
    "manager": "AWS manages the key and rotates it",
    "state": "the key is in state {0.state}",
    "spec": "a key of type {0.spec} cannot rotate",
    "origin": "the key material has the origin {0.origin}: its owner has to replace it",
    "replica": "a replica rotates with its primary key",
}
"""Why a key does not rotate by itself, by the member of its description that rules it out."""
PENDING = {"PendingDeletion": "KMS deletes the key", "PendingReplicaDeletion": "KMS deletes the key after its replicas"}
"""What happens to a key in the states that lead to its deletion.
https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html"""


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Enable rotation in the templates that create keys, and for all existing keys.",
        asset="Enable yearly rotation of key {resource.name}; data that is encrypted already stays readable.",
        command="aws kms enable-key-rotation --region {region} --key-id {resource.name}",
        preventive="Deny kms:DisableKeyRotation to all but the platform team with a service control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def kms_key_rotation_enabled(
    key: Key, description: Observed[KeyDescription], rotation: Observed[KeyRotation]
) -> Verdict:
    """Symmetric customer managed KMS keys rotate automatically.

    Rotation limits how much data can be decrypted with key material that is compromised. Keys that KMS cannot rotate
    are not judged.
    """
    aliases = list(key.aliases)
    if hindrance := description.value.keeps_from_rotating:
        return not_applicable(NOT_ROTATED[hindrance].format(description.value), aliases=aliases)
    seen = rotation.value
    return require(
        bool(seen.enabled),
        then=f"the key rotates every {seen.period_days or 365} days",
        otherwise="automatic rotation is not enabled",
        aliases=aliases,
        period_days=seen.period_days,
    )


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Restrict key policies to named roles, or to the organization with aws:PrincipalOrgID.",
        asset="Name the permitted principals in the policy of key {resource.name}, or require aws:PrincipalOrgID.",
        command="aws kms put-key-policy --region {region} --key-id {resource.name} --policy file://key-policy.json",
        preventive="Deny kms:* to principals outside the organization with a resource control policy.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def kms_key_policy_restricted(_key: Key, description: Observed[KeyDescription], policy: Observed[KeyPolicy]) -> Verdict:
    """KMS key policies do not allow public access.

    A key that any AWS account can use does not protect data: external principals may decrypt it or schedule the
    deletion of the key.
    """
    if description.value.manager != "CUSTOMER":
        return not_applicable("AWS manages the key and its policy")
    return judge_policy(policy.value)


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Alarm on kms:ScheduleKeyDeletion in every account, and require a review of each deletion.",
        asset="Cancel the deletion of key {resource.name}, unless nothing is encrypted with it anymore.",
        command="aws kms cancel-key-deletion --region {region} --key-id {resource.name}",
        preventive="Deny kms:ScheduleKeyDeletion to all but a break-glass role with a service control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def kms_key_deletion_unscheduled(key: Key, description: Observed[KeyDescription]) -> Verdict:
    """No customer managed KMS key is scheduled for deletion.

    Data that is encrypted with a deleted key is lost. Attackers and mistakes schedule deletions as well as owners do,
    and only the waiting period allows to cancel them.
    """
    seen = description.value
    if seen.manager != "CUSTOMER":
        return not_applicable("AWS manages the key")
    fate = PENDING.get(seen.state)
    when = f" on {seen.deletes_at:%Y-%m-%d}" if seen.deletes_at else ""
    return require(
        fate is None,
        then=f"the key is not scheduled for deletion: its state is {seen.state}",
        otherwise=f"{fate}{when}",
        state=seen.state,
        deletes_at=seen.deletes_at,
        aliases=list(key.aliases),
    )
