"""The organization as its management account sees it: guardrails, delegated policies, and services with trusted access.

Every account is told which organization it is in. The details are read where the organization lives: in its management
account.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from enum import StrEnum
from typing import Any

import msgspec

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail
from orgaudit.facts.policies import Effect, Policy, Statement, grants_everything, parse, principals_allowed
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.model import GLOBAL, Account, Gap, GapReason, NotSeenError, Scope

NO_ORGANIZATION = ("AWSOrganizationsNotInUseException",)
NO_POLICY = ("ResourcePolicyNotFoundException",)
CONTROL_POLICY = "SERVICE_CONTROL_POLICY"
READING = ("organizations:describe", "organizations:list")
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
        "detective",
        "devops-guru",
        "fms",
        "guardduty",
        "health",
        "iam",
        "inspector2",
        "ipam",
        "license-manager",
        "macie",
        "member.org.stacksets.cloudformation",
        "networkmanager",
        "notifications",
        "observabilityadmin",
        "reachabilityanalyzer.networkinsights",
        "reporting.trustedadvisor",
        "resource-explorer-2",
        "security-ir",
        "securityhub",
        "securitylake",
        "servicecatalog",
        "ssm",
        "sso",
        "storage-lens.s3",
    )
)
"""The service principals for which a member may be registered as administrator.

AWS Organizations User Guide, "AWS services that you can use with AWS Organizations", column "Supports delegated
administrator". Principals that only go along with one of these, such as malware-protection.guardduty, are not here.
"""


class MemberOf(Resource, frozen=True, kw_only=True):
    """The organization of an account; `account_id` is its management account's."""

    feature_set: str = ""


class Effectiveness(StrEnum):
    """What a service control policy does: deny something, allow less than everything, or nothing at all."""

    DENIES = "denies"
    ALLOW_LIST = "allow list"
    NONE = "restricts nothing"


class ControlPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """A service control policy that the customer manages; `targets` are ids of accounts, units and the root."""

    id: str
    name: str
    effect: Effectiveness
    targets: tuple[str, ...] = ()


class Guardrails(Detail, frozen=True, kw_only=True):
    """The attached service control policies; `enabled` tells whether the organization's root has the policy type on."""

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
    def delegates(self) -> frozenset[str]:
        """The ids of the accounts that it lets change something; those that may only read are left out."""
        policy = self.parsed
        if policy is None:
            return frozenset()
        writing = replace(policy, statements=tuple(each for each in policy.statements if _writes(each)))
        named = (each.account_id for each in principals_allowed(writing) if not each.excluded)
        return frozenset(account_id for account_id in named if account_id)


def _writes(statement: Statement) -> bool:
    """Tell whether a statement names an action that does not only read."""
    actions = [action.lower() for action in statement.action.values]
    return statement.action.negated or not all(action.startswith(READING) for action in actions)


class TrustedServices(Detail, frozen=True, kw_only=True):
    """The service principals that have trusted access to the organization."""

    principals: tuple[str, ...] = ()

    @property
    def delegable(self) -> tuple[str, ...]:
        """Those that a member account can administer."""
        return tuple(principal for principal in self.principals if principal in DELEGABLE)


@collector(scope=Scope.ACCOUNT, actions=("organizations:DescribeOrganization",))
async def member_of(aws: Aws) -> AsyncIterator[MemberOf]:
    """Yield the organization of the account, if it is in one; members are told as well."""
    answer = await aws.find("organizations", "DescribeOrganization", NO_ORGANIZATION)
    if answer is not None:
        found = answer["Organization"]
        yield MemberOf(
            arn=found["Arn"],
            account_id=found["MasterAccountId"],
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
    """Read the attached service control policies, with two calls for each that AWS does not manage."""
    (root,) = [root async for page in aws.pages("organizations", "ListRoots") for root in page["Roots"]]
    on = any(each["Type"] == CONTROL_POLICY and each["Status"] == "ENABLED" for each in root.get("PolicyTypes", ()))
    if not on:
        return Guardrails(arn=organization.arn, enabled=False, root_id=root["Id"])
    found = [
        await _control_policy(aws, policy)
        async for page in aws.pages("organizations", "ListPolicies", Filter=CONTROL_POLICY)
        for policy in page["Policies"]
        if not policy["AwsManaged"]
    ]
    attached = tuple(policy for policy in found if policy is not None)
    return Guardrails(arn=organization.arn, enabled=True, root_id=root["Id"], policies=attached)


async def _control_policy(aws: Aws, listed: dict[str, Any]) -> ControlPolicy | None:
    """Return a policy, or None for one that is attached to nothing."""
    policy = listed["Id"]
    pages = aws.pages("organizations", "ListTargetsForPolicy", PolicyId=policy)
    targets = [target["TargetId"] async for page in pages for target in page["Targets"]]
    if not targets:
        return None
    described = await aws.call("organizations", "DescribePolicy", PolicyId=policy)
    effect = effectiveness(parse(described["Policy"]["Content"]))
    return ControlPolicy(id=policy, name=listed["Name"], effect=effect, targets=tuple(targets))


def effectiveness(policy: Policy) -> Effectiveness:
    """Return what a service control policy restricts by itself."""
    if any(statement.effect is Effect.DENY for statement in policy.statements):
        return Effectiveness.DENIES
    everything = any(grant.is_unrestricted for grant in grants_everything(policy))
    return Effectiveness.NONE if everything else Effectiveness.ALLOW_LIST


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
