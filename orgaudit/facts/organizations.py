"""The organization as its management account sees it: guardrails, delegated policies, and services with trusted access.

Every account is told which organization it is in. The details are read where the organization lives: in its management
account.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

import msgspec

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.languages.iam_policy import (
    Effect,
    Outcome,
    Policy,
    Principal,
    Request,
    Statement,
    allows_everything,
    decide,
    parse_policy,
    principals_allowed,
)
from orgaudit.model import GLOBAL, Account, Gap, GapReason, NotSeenError, Scope, parse_arn

NO_ORGANIZATION = ("AWSOrganizationsNotInUseException",)
NO_POLICY = ("ResourcePolicyNotFoundException",)
GUARDRAILS = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
"""The types of policies that limit what an account can do: its principals, and the use of its resources by anyone."""
MANAGING = tuple(
    f"organizations:{operation}"
    for operation in (
        "AttachPolicy",
        "CreatePolicy",
        "DeletePolicy",
        "DetachPolicy",
        "DisablePolicyType",
        "EnablePolicyType",
        "UpdatePolicy",
    )
)
"""The actions that manage policies; others that can be delegated read, tag, or change units and accounts."""
DELEGABLE = frozenset(
    f"{name}.amazonaws.com"
    for name in (
        "access-analyzer",
        "account",
        "auditmanager",
        "backup",
        "cloudtrail",
        "compute-optimizer",
        "config",
        "config-multiaccountsetup",
        "cost-optimization-hub.bcm",
        "dashboard.eks",
        "detective",
        "devops-guru",
        "ec2.capacitymanager",
        "eks",
        "fms",
        "guardduty",
        "health",
        "iam",
        "inspector2",
        "ipam",
        "license-manager",
        "macie",
        "member.org.stacksets.cloudformation",
        "mgn",
        "networkflowmonitor",
        "networkmanager",
        "notifications",
        "observabilityadmin",
        "private-marketplace.marketplace",
        "procurement-insights.marketplace",
        "reachabilityanalyzer.networkinsights",
        "reporting.trustedadvisor",
        "resource-explorer-2",
        "security-ir",
        "securityhub",
        "securitylake",
        "selfservicereporting.managedservices",
        "servicecatalog",
        "ssm",
        "sso",
        "storage-lens.s3",
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


class MemberOf(Resource, frozen=True, kw_only=True):
    """The organization of an account; `account_id` is its management account's."""

    feature_set: str = ""


class Effectiveness(StrEnum):
    """What a guardrail does: deny something, allow less than everything, or nothing at all."""

    DENIES = "denies"
    ALLOW_LIST = "allow list"
    NONE = "restricts nothing"


class ControlPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A policy of one of the types in GUARDRAILS that the customer manages.

    `targets` are ids of accounts, units and the root.
    """

    id: str
    name: str
    kind: str = GUARDRAILS[0]
    effect: Effectiveness
    targets: tuple[str, ...] = ()


class Guardrails(Detail, frozen=True, kw_only=True):
    """The attached policies of the types in GUARDRAILS; `enabled` shows whether the root has one of the types on."""

    enabled: bool
    root_id: str = ""
    policies: tuple[ControlPolicy, ...] = ()

    def above(self, account: Account) -> tuple[ControlPolicy, ...]:
        """Return the policies that restrict an account: attached to it, to the root, or to a unit above it.

        Raises NotSeenError where none is seen to and the account's units are not known.
        """
        places = {account.id, self.root_id, *account.ou_ids}
        effective = [policy for policy in self.policies if policy.effect is not Effectiveness.NONE]
        found = tuple(policy for policy in effective if places.intersection(policy.targets))
        if not found and effective and not account.ou_ids:
            message = f"the units above account {account.id} could not be read"
            action = "organizations:ListAccountsForParent"
            raise NotSeenError(Gap(account.id, GLOBAL, action, GapReason.DENIED, message))
        return found


class PolicyDelegation(ResourcePolicy, frozen=True, kw_only=True):
    """The organization's resource policy, with which it delegates the management of policies."""

    @property
    def delegates(self) -> dict[str, bool]:
        """The ids of the accounts that it lets manage policies; False where a Deny with conditions may take that back.

        An account that may only read, tag or change other things is left out, as is one to which all is denied again.
        """
        policy = self.parsed
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


class TrustedServices(Detail, frozen=True, kw_only=True):
    """The service principals that have trusted access to the organization."""

    principals: tuple[str, ...] = ()

    @property
    def delegable(self) -> tuple[str, ...]:
        """Those that a member account can administer."""
        return tuple(principal for principal in self.principals if principal in DELEGABLE)

    def without(self, administrators: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
        """Return those that a member account can administer and none of `administrators` does."""
        return tuple(
            principal
            for principal in self.delegable
            if not administrators.get(principal) and not administrators.get(ADMINISTERED_WITH.get(principal, ""))
        )


@collector(scope=Scope.ACCOUNT, actions=("organizations:DescribeOrganization",))
async def member_of(aws: Aws) -> AsyncIterator[MemberOf]:
    """Yield the organization of the account, if it is in one; members are told as well."""
    answer = await aws.find("organizations", "DescribeOrganization", NO_ORGANIZATION)
    if answer is not None:
        found = answer["Organization"]
        yield MemberOf(
            arn=found["Arn"],
            # The ARN names it too: docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
            account_id=found.get("MasterAccountId") or parse_arn(found["Arn"])[3],
            region=GLOBAL,
            feature_set=found.get("FeatureSet", ""),
        )


@detail(
    actions=(
        "organizations:DescribePolicy",
        "organizations:ListPolicies",
        "organizations:ListRoots",
        "organizations:ListTargetsForPolicy",
    )
)
async def guardrails(aws: Aws, organization: MemberOf) -> Guardrails:
    """Read the attached policies of each enabled type, with two calls for each that AWS does not manage."""
    (root,) = [root async for page in aws.pages("organizations", "ListRoots") for root in page["Roots"]]
    types = {each["Type"] for each in root.get("PolicyTypes", ()) if each["Status"] == "ENABLED"}
    kinds = [kind for kind in GUARDRAILS if kind in types]
    found = [
        await _control_policy(aws, policy)
        for kind in kinds
        async for page in aws.pages("organizations", "ListPolicies", Filter=kind)
        for policy in page["Policies"]
        if not policy["AwsManaged"]
    ]
    attached = tuple(policy for policy in found if policy is not None)
    return Guardrails(arn=organization.arn, enabled=bool(kinds), root_id=root["Id"], policies=attached)


async def _control_policy(aws: Aws, listed: dict[str, Any]) -> ControlPolicy | None:
    """Return a policy, or None for one that is attached to nothing."""
    policy = listed["Id"]
    pages = aws.pages("organizations", "ListTargetsForPolicy", PolicyId=policy)
    targets = [target["TargetId"] async for page in pages for target in page["Targets"]]
    if not targets:
        return None
    described = await aws.call("organizations", "DescribePolicy", PolicyId=policy)
    effect = effectiveness(parse_policy(described["Policy"]["Content"]))
    return ControlPolicy(id=policy, name=listed["Name"], kind=listed["Type"], effect=effect, targets=tuple(targets))


def effectiveness(policy: Policy) -> Effectiveness:
    """Return what a service control or resource control policy restricts by itself."""
    if any(statement.effect is Effect.DENY for statement in policy.statements):
        return Effectiveness.DENIES
    return Effectiveness.NONE if allows_everything(policy) else Effectiveness.ALLOW_LIST


@detail(actions=("organizations:DescribeResourcePolicy",))
async def policy_delegation(aws: Aws, organization: MemberOf) -> PolicyDelegation:
    """Read the organization's resource policy."""
    answer = await aws.find("organizations", "DescribeResourcePolicy", NO_POLICY)
    text = answer["ResourcePolicy"]["Content"] if answer else None
    return PolicyDelegation(arn=organization.arn, document=document_of(text))


@detail(actions=("organizations:ListAWSServiceAccessForOrganization",))
async def trusted_services(aws: Aws, organization: MemberOf) -> TrustedServices:
    """Read which services have trusted access."""
    pages = aws.pages("organizations", "ListAWSServiceAccessForOrganization")
    found = [each["ServicePrincipal"] async for page in pages for each in page["EnabledServicePrincipals"]]
    return TrustedServices(arn=organization.arn, principals=tuple(sorted(found)))
