"""Controls on the KMS keys that accounts manage themselves."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.resource_policies import judge_policy
from orgaudit.facts.kms import Key, KeyDescription, KeyPolicy, KeyRotation
from orgaudit.model import Observed, Severity, Verdict, not_applicable, require

NOT_ROTATED = {
    "manager": "AWS manages the key and rotates it",
    "state": "the key is in state {0.state}",
    "spec": "a key of type {0.spec} cannot rotate",
    "origin": "the key material has the origin {0.origin}: its owner has to replace it",
    "replica": "a replica rotates with its primary key",
}
"""Why a key does not rotate by itself, by the member of its description that rules it out."""


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Turn on rotation wherever keys are created: in templates, and in the keys that are there.",
        asset="Let key {resource.name} rotate every year; what it has encrypted stays readable.",
        command="aws kms enable-key-rotation --region {region} --key-id {resource.name}",
        preventive="Deny kms:DisableKeyRotation to all but the platform team with a service control policy.",
    ),
)
def kms_key_rotation_enabled(
    key: Key, description: Observed[KeyDescription], rotation: Observed[KeyRotation]
) -> Verdict:
    """Symmetric customer keys rotate by themselves.

    New key material each year limits how much one leaked key can open. Keys that KMS cannot rotate are not judged.
    """
    aliases = list(key.aliases)
    if hindrance := description.value.keeps_from_rotating:
        return not_applicable(NOT_ROTATED[hindrance].format(description.value), aliases=aliases)
    seen = rotation.value
    return require(
        bool(seen.enabled),
        then=f"the key rotates every {seen.period_days or 365} days",
        otherwise="the key does not rotate",
        aliases=aliases,
        period_days=seen.period_days,
    )


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Grant the use of keys to named roles, or to the organization by aws:PrincipalOrgID.",
        asset="Name who may use key {resource.name}, or tie the statement to aws:PrincipalOrgID.",
        command="aws kms put-key-policy --region {region} --key-id {resource.name} --policy file://key-policy.json",
        preventive="Let a resource control policy deny kms:* to principals of other organizations.",
    ),
)
def kms_key_policy_restricted(_key: Key, description: Observed[KeyDescription], policy: Observed[KeyPolicy]) -> Verdict:
    """Key policies name who may use the key.

    A key that everyone may use protects nothing: any AWS account can decrypt what it reads, or schedule the key's end.
    """
    if description.value.manager != "CUSTOMER":
        return not_applicable("AWS manages the key and its policy")
    return judge_policy(policy.value)
