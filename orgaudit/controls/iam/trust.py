"""Controls on the trust policies of roles."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.iam.authorization import Role
from orgaudit.facts.iam.trust import RoleTrust
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Restrict trust policies to named roles and services, or to the organization with "
        "aws:PrincipalOrgID.",
        asset="Name the permitted principals in the trust policy of role {resource.name}, and revoke its sessions.",
        command="aws iam update-assume-role-policy --role-name {resource.name} --policy-document file://trust.json",
        preventive="Deny sts:AssumeRole to principals outside the organization with a resource control policy.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def iam_role_trust_restricted(_role: Role, trust: Observed[RoleTrust]) -> Verdict:
    """IAM role trust policies do not allow public access.

    A principal that assumes a role has all of its permissions. A role that trusts every principal can be assumed from
    any AWS account in which its name is known or guessed.
    """
    return judge_policy(trust.value)
