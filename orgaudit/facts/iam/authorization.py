"""Users, groups, roles and policies, and which policy is attached to whom: all from one bulk read of the account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.facts.iam.grants import Grants, grants_of
from orgaudit.facts.policies import PolicyError
from orgaudit.facts.policies.vocabulary import Home
from orgaudit.model import GLOBAL, Gap, GapReason, Json, Observed, Scope, Seen

ACTION = "iam:GetAccountAuthorizationDetails"
USERS, GROUPS, ROLES, POLICIES = "UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"


class Principal(Resource, frozen=True, kw_only=True):
    """Who policies can be given to: the names of its inline policies, and the ARNs of those attached to it."""

    inline: tuple[str, ...] = ()
    attached: tuple[str, ...] = ()

    def holds_aws_policy(self, name: str) -> bool:
        """Tell whether the policy of AWS's own with this name is attached, in whichever partition."""
        return any(arn.endswith(f":iam::aws:policy/{name}") for arn in self.attached)


class User(Principal, frozen=True, kw_only=True):
    """An IAM user; the root user is none."""

    created_at: datetime
    groups: tuple[str, ...] = ()


class Group(Principal, frozen=True, kw_only=True):
    """A group of IAM users."""


class Role(Principal, frozen=True, kw_only=True):
    """An IAM role."""


class InstanceProfile(Resource, frozen=True, kw_only=True):
    """An instance profile with the role that it hands to instances; profiles without a role are not listed.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2_instance-profiles.html
    """

    role_arn: str


class ManagedPolicy(Resource, frozen=True, kw_only=True):
    """A policy with an ARN: the ARNs of the principals that it is attached to, and what its default version grants."""

    attached_to: tuple[str, ...] = ()
    grants: Observed[Grants]


class CustomerPolicy(ManagedPolicy, frozen=True, kw_only=True):
    """A managed policy of the account, attached or not."""


class AwsPolicy(ManagedPolicy, frozen=True, kw_only=True):
    """A managed policy of AWS's that is attached to somebody in the account, to which it counts here."""


async def authorization(aws: Aws) -> dict[str, list[dict[str, Any]]]:
    """Return the account's users, groups, roles and policies as IAM lists them; meant for `Aws.once`."""
    found: dict[str, list[dict[str, Any]]] = {USERS: [], GROUPS: [], ROLES: [], POLICIES: []}
    async for page in aws.pages("iam", "GetAccountAuthorizationDetails"):
        for kind in found:
            found[kind] += page.get(kind, ())
    return found


@collector(scope=Scope.ACCOUNT, actions=(ACTION,))
async def users(aws: Aws) -> AsyncIterator[User]:
    """Yield every IAM user."""
    for each in (await aws.once(authorization))[USERS]:
        groups = tuple(each.get("GroupList", ()))
        yield User(**_principal(aws, each, "UserPolicyList"), created_at=each["CreateDate"], groups=groups)


@collector(scope=Scope.ACCOUNT, actions=(ACTION,))
async def groups(aws: Aws) -> AsyncIterator[Group]:
    """Yield every group."""
    for each in (await aws.once(authorization))[GROUPS]:
        yield Group(**_principal(aws, each, "GroupPolicyList"))


@collector(scope=Scope.ACCOUNT, actions=(ACTION,))
async def roles(aws: Aws) -> AsyncIterator[Role]:
    """Yield every role, those of services included."""
    for each in (await aws.once(authorization))[ROLES]:
        yield Role(**_principal(aws, each, "RolePolicyList"))


@collector(scope=Scope.ACCOUNT, actions=(ACTION,))
async def instance_profiles(aws: Aws) -> AsyncIterator[InstanceProfile]:
    """Yield every instance profile that has a role."""
    for role in (await aws.once(authorization))[ROLES]:
        for found in role.get("InstanceProfileList", ()):
            yield InstanceProfile(arn=found["Arn"], account_id=aws.account_id, region=GLOBAL, role_arn=role["Arn"])


def _principal(aws: Aws, answer: Mapping[str, Any], inline: str) -> dict[str, Any]:
    return {
        "arn": answer["Arn"],
        "account_id": aws.account_id,
        "region": GLOBAL,
        "tags": {tag["Key"]: tag["Value"] for tag in answer.get("Tags", ())},
        "inline": tuple(policy["PolicyName"] for policy in answer.get(inline, ())),
        "attached": _attached(answer),
    }


def _attached(answer: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(policy["PolicyArn"] for policy in answer.get("AttachedManagedPolicies", ()))


@collector(scope=Scope.ACCOUNT, actions=(ACTION,))
async def customer_policies(aws: Aws) -> AsyncIterator[CustomerPolicy]:
    """Yield every managed policy of the account."""
    found = await aws.once(authorization)
    holders = _holders(found)
    for each in found[POLICIES]:
        if not _is_aws(each["Arn"]):
            yield CustomerPolicy(**_policy(aws, each["Arn"], holders), grants=_grants(aws, each))


@collector(scope=Scope.ACCOUNT, actions=(ACTION,))
async def aws_policies(aws: Aws) -> AsyncIterator[AwsPolicy]:
    """Yield every managed policy of AWS's that is attached to a user, a group or a role."""
    found = await aws.once(authorization)
    holders = _holders(found)
    answers = {each["Arn"]: each for each in found[POLICIES] if each["Arn"] in holders}
    for arn in sorted(filter(_is_aws, holders)):
        yield AwsPolicy(**_policy(aws, arn, holders), grants=_grants(aws, answers.get(arn, {})))


def _is_aws(arn: str) -> bool:
    return ":iam::aws:policy/" in arn


def _holders(found: Mapping[str, list[dict[str, Any]]]) -> dict[str, list[str]]:
    """Return the ARNs of the principals to which each policy is attached."""
    holders: dict[str, list[str]] = {}
    for kind in (USERS, GROUPS, ROLES):
        for principal in found[kind]:
            for arn in _attached(principal):
                holders.setdefault(arn, []).append(principal["Arn"])
    return holders


def _policy(aws: Aws, arn: str, holders: Mapping[str, list[str]]) -> dict[str, Any]:
    attached_to = tuple(sorted(holders.get(arn, ())))
    return {"arn": arn, "account_id": aws.account_id, "region": GLOBAL, "attached_to": attached_to}


def _grants(aws: Aws, answer: Mapping[str, Any]) -> Observed[Grants]:
    """Return what a policy's default version grants, or the gap that it is where that cannot be told."""
    versions = answer.get("PolicyVersionList", ())
    document: Json = next((each["Document"] for each in versions if each["IsDefaultVersion"]), None)
    try:
        return Seen(grants_of(document, Home(answer["Arn"].split(":")[1] if answer else None, aws.account_id)))
    except PolicyError as error:
        message = f"the policy's default version cannot be read: {error}"
        return Gap(aws.account_id, aws.region, ACTION, GapReason.MALFORMED, message)
