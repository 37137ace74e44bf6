"""Controls on ECR repositories."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.resource_policies import judge_policy
from orgaudit.facts.ecr import Repository, RepositoryPolicy
from orgaudit.model import Observed, Severity, Verdict


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Let repository policies name accounts, or tie them to aws:PrincipalOrgID.",
        asset="Name in the policy of repository {resource.repository_name} who may pull and push images.",
        command="aws ecr set-repository-policy --region {region} --repository-name {resource.repository_name} "
        "--policy-text file://repository-policy.json",
        preventive="Let a resource control policy deny ecr:* to principals of other organizations.",
    ),
)
def ecr_repository_policy_restricted(_repository: Repository, policy: Observed[RepositoryPolicy]) -> Verdict:
    """Repository policies name who may pull and push images.

    External callers who may pull read the software and what was left in it; those who may push choose what runs next.
    """
    return judge_policy(policy.value)
