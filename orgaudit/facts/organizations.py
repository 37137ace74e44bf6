"""The organization as its management account sees it: guardrails, delegated policies, and services with trusted access.

Every account can read which organization it is in. The details are read in the management account.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from enum import StrEnum
from typing import Any

import msgspec

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.languages.iam_policy import Effect, Policy, allows_everything, parse_policy
from orgaudit.model import GLOBAL, Scope, parse_arn

NO_ORGANIZATION = ("AWSOrganizationsNotInUseException",)
NO_POLICY = ("ResourcePolicyNotFoundException",)
GUARDRAILS = ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY")
"""The types of policies that limit what an account's principals can do, and what all can do with its resources.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_authorization_policies.html"""


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


class PolicyDelegation(ResourcePolicy, frozen=True, kw_only=True):
    """The organization's resource policy, with which it delegates the management of policies."""


class TrustedServices(Detail, frozen=True, kw_only=True):
    """The service principals that have trusted access to the organization."""

    principals: tuple[str, ...] = ()


@collector(scope=Scope.ACCOUNT, actions=("organizations:DescribeOrganization",))
async def member_of(aws: Aws) -> AsyncIterator[MemberOf]:
    """Yield the organization of the account, if it is in one; every member may read it."""
    # https://docs.aws.amazon.com/organizations/latest/APIReference/API_DescribeOrganization.html
    answer = await aws.find("organizations", "DescribeOrganization", NO_ORGANIZATION)
    if answer is not None:
        found = answer["Organization"]
        yield MemberOf(
            arn=found["Arn"],
            # The ARN names it too: https://docs.aws.amazon.com/organizations/latest/APIReference/API_Organization.html
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
    """Return the attached policies of each enabled type, with two calls for each that AWS does not manage."""
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
    """Return the organization's resource policy."""
    answer = await aws.find("organizations", "DescribeResourcePolicy", NO_POLICY)
    text = answer["ResourcePolicy"]["Content"] if answer else None
    return PolicyDelegation(arn=organization.arn, document=document_of(text))


@detail(actions=("organizations:ListAWSServiceAccessForOrganization",))
async def trusted_services(aws: Aws, organization: MemberOf) -> TrustedServices:
    """Return which services have trusted access."""
    pages = aws.pages("organizations", "ListAWSServiceAccessForOrganization")
    found = [each["ServicePrincipal"] async for page in pages for each in page["EnabledServicePrincipals"]]
    return TrustedServices(arn=organization.arn, principals=tuple(sorted(found)))
