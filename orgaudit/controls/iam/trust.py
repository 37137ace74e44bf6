"""Controls on the trust policies of roles."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.resource_policies import judge_policy
from orgaudit.facts.iam.authorization import Role
from orgaudit.facts.iam.trust import RoleTrust
from orgaudit.model import Observed, Severity, Verdict


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Let trust policies name roles and services, or tie them to aws:PrincipalOrgID.",
        asset="Name in the trust policy of role {resource.name} who may assume it, and end its sessions.",
        command="aws iam update-assume-role-policy --role-name {resource.name} --policy-document file://trust.json",
        preventive="Let a resource control policy deny sts:AssumeRole to principals of other organizations.",
    ),
)
def iam_role_trust_restricted(_role: Role, trust: Observed[RoleTrust]) -> Verdict:
    """Role trust policies name who may assume the role.

    Whoever assumes a role has all that its policies grant. A role that trusts every principal gives that to anyone with
    an AWS account who knows or guesses its name.
    """
    return judge_policy(trust.value)
