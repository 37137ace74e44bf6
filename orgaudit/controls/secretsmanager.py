"""Controls on secrets."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.resource_policies import judge_policy
from orgaudit.facts.secretsmanager import Secret, SecretPolicy
from orgaudit.model import Observed, Severity, Verdict


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Share secrets with named roles, and always put policies with --block-public-policy.",
        asset="Name in the policy of secret {resource.name} who may read it, and give the secret a new value.",
        command="aws secretsmanager put-resource-policy --region {region} --secret-id {resource.arn} "
        "--resource-policy file://secret-policy.json --block-public-policy",
        preventive="Deny secretsmanager:PutResourcePolicy where secretsmanager:BlockPublicPolicy is false.",
    ),
)
def secretsmanager_secret_policy_restricted(_secret: Secret, policy: Observed[SecretPolicy]) -> Verdict:
    """Secret policies name who may use the secret.

    A secret that everyone may read is none. One that everyone may write lets strangers choose the next password.
    """
    return judge_policy(policy.value)
