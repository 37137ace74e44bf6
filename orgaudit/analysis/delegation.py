"""What the organization delegates to member accounts: the management of policies, and the services that they run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orgaudit.facts.organizations import PolicyDelegation, TrustedServices
from orgaudit.languages.iam_policy import (
    Effect,
    Outcome,
    Policy,
    Principal,
    Request,
    Statement,
    decide,
    principals_allowed,
)

MANAGING = tuple(
    f"organizations:{operation}"
    for operation in (
        *("AttachPolicy", "CreatePolicy", "DeletePolicy", "DetachPolicy"),
        *("DisablePolicyType", "EnablePolicyType", "UpdatePolicy"),
    )
)
"""The actions that manage policies; others that can be delegated read, tag, or change units and accounts."""
DELEGABLE = frozenset(
    f"{name}.amazonaws.com"
    for name in (
        *("access-analyzer", "account", "auditmanager", "backup", "cloudtrail", "compute-optimizer", "config"),
        *("config-multiaccountsetup", "cost-optimization-hub.bcm", "dashboard.eks", "detective", "devops-guru"),
        *("ec2.capacitymanager", "eks", "fms", "guardduty", "health", "iam", "inspector2", "ipam", "license-manager"),
        *("macie", "member.org.stacksets.cloudformation", "mgn", "networkflowmonitor", "networkmanager"),
        *("notifications", "observabilityadmin", "private-marketplace.marketplace", "procurement-insights.marketplace"),
        *("reachabilityanalyzer.networkinsights", "reporting.trustedadvisor", "resource-explorer-2", "security-ir"),
        *("securityhub", "securitylake", "selfservicereporting.managedservices", "servicecatalog", "ssm", "sso"),
        *("storage-lens.s3",),
    )
)
"""The service principals for which a member may be registered as administrator.

Column "Supports delegated administrator" of
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrate_services_list.html, with the principals that
each service's page names. Those that only accompany one of these, such as malware-protection.guardduty, are not here.
"""
ADMINISTERED_WITH = {
    "dashboard.eks.amazonaws.com": "eks.amazonaws.com",
    "networkflowmonitor.amazonaws.com": "observabilityadmin.amazonaws.com",
}
"""The principals for which the administrator that is registered under another principal is enough.

https://docs.aws.amazon.com/eks/latest/userguide/cluster-dashboard-orgs.html and
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-NetworkFlowMonitor-multi-account.html
"""


def policy_delegates(delegation: PolicyDelegation) -> dict[str, bool]:
    """Return the ids of the accounts that may manage policies; False where a Deny with conditions may revoke that.

    An account that may only read, tag or change other things is left out, as is one to which all is denied again.
    """
    policy = delegation.parsed
    if policy is None:
        return {}
    # Asked as an Allow, a Deny is decided for the whole of what is requested and not for a part of it.
    denies = (replace(each, effect=Effect.ALLOW) for each in policy.statements if each.effect is Effect.DENY)
    denied = replace(policy, statements=tuple(denies))
    found: dict[str, bool] = {}
    for statement in policy.statements:
        for allowed in principals_allowed(replace(policy, statements=(statement,))):
            account_id = None if allowed.excluded else allowed.account_id
            left = _left(statement, allowed.principal, denied) if account_id else frozenset()
            if account_id and left:
                found[account_id] = found.get(account_id, False) or Outcome.NOT_ALLOWED in left
    return found


def _left(allow: Statement, principal: Principal, denied: Policy) -> frozenset[Outcome]:
    """Return how the policy of denials decides what an Allow lets a principal manage, without what it denies."""
    actions = Policy((replace(allow, principal=None, resource=None, conditions=()),))
    managed = [action for action in MANAGING if decide([actions], Request(action)).outcome is Outcome.ALLOWED]
    resources = ("*",) if allow.resource is None or allow.resource.negated else allow.resource.values
    requests = (Request(action, resource, principal) for action in managed for resource in resources)
    return frozenset(decide([denied], request).outcome for request in requests) - {Outcome.ALLOWED}


def not_delegated(services: TrustedServices, administrators: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the trusted services that a member account can administer and none of `administrators` does."""
    return tuple(
        principal
        for principal in services.principals
        if principal in DELEGABLE
        and not administrators.get(principal)
        and not administrators.get(ADMINISTERED_WITH.get(principal, ""))
    )
