"""Controls on Secrets Manager secrets."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.secretsmanager import Secret, SecretPolicy
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Share secrets with named roles only, and set policies with --block-public-policy.",
        asset="Name the permitted principals in the policy of secret {resource.name}, and rotate the secret.",
        command="aws secretsmanager put-resource-policy --region {region} --secret-id {resource.arn} "
        "--resource-policy file://secret-policy.json --block-public-policy",
        preventive="Deny secretsmanager:PutResourcePolicy where secretsmanager:BlockPublicPolicy is false.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def secretsmanager_secret_policy_restricted(_secret: Secret, policy: Observed[SecretPolicy]) -> Verdict:
    """Secrets Manager secret policies do not allow public access.

    A secret that external principals may read is compromised. Where they may write it, they can also choose its next
    value.
    """
    return judge_policy(policy.value)
