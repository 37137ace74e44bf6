"""Controls on ECR repositories."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.ecr import Repository, RepositoryPolicy
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Restrict repository policies to named accounts, or to the organization with aws:PrincipalOrgID.",
        asset="Name the principals that may pull and push images in the policy of repository "
        "{resource.repository_name}.",
        command="aws ecr set-repository-policy --region {region} --repository-name {resource.repository_name} "
        "--policy-text file://repository-policy.json",
        preventive="Deny ecr:* to principals outside the organization with a resource control policy.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ecr_repository_policy_restricted(_repository: Repository, policy: Observed[RepositoryPolicy]) -> Verdict:
    """ECR repository policies do not allow public access.

    Public pull access exposes the software and any secrets in its images. Public push access lets external principals
    replace the images that are deployed.
    """
    return judge_policy(policy.value)
