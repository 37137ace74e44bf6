"""Users, groups, roles and policies, and to what each policy is attached: all from one bulk read of the account."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from orgaudit.facts.declare import UNREAD, Aws, Resource, collector, here
from orgaudit.facts.packed import Rows
from orgaudit.facts.rows import Row, each_row, tags_in, text
from orgaudit.languages.iam_policy import Home, PolicyGrants, ServiceGrants, grants_of, service_grants_of
from orgaudit.model import GLOBAL, Gap, Json, NotSeenError, Observed, Scope

ACTION = "iam:GetAccountAuthorizationDetails"
USERS, GROUPS, ROLES, POLICIES = "UserDetailList", "GroupDetailList", "RoleDetailList", "Policies"
INLINE = {USERS: "UserPolicyList", GROUPS: "GroupPolicyList", ROLES: "RolePolicyList"}


class IamPrincipal(Resource, frozen=True, kw_only=True):
    """An identity with policies: the names of its inline ones, and the ARNs of those attached to it."""

    inline: Observed[tuple[str, ...]]
    attached: Observed[tuple[str, ...]]

    def holds_aws_policy(self, name: str) -> bool:
        """Return whether the AWS managed policy of this name is attached, in whichever partition.

        Raises NotSeenError where the attached policies were not seen.
        """
        return any(arn.endswith(f":iam::aws:policy/{name}") for arn in self.attached.value)


class User(IamPrincipal, frozen=True, kw_only=True):
    """An IAM user; the root user is not one."""

    groups: tuple[str, ...] = ()


class Group(IamPrincipal, frozen=True, kw_only=True):
    """A group of IAM users."""


class Role(IamPrincipal, frozen=True, kw_only=True):
    """An IAM role."""


class InstanceProfile(Resource, frozen=True, kw_only=True):
    """An instance profile with the role that it passes to instances; profiles without a role are not listed.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_switch-role-ec2_instance-profiles.html
    """

    role_arn: str


class ManagedPolicy(Resource, frozen=True, kw_only=True):
    """A policy with an ARN: the ARNs of the identities that it is attached to, and what its default version grants.

    `hidden` is set where it may be attached to more, because the policies of an identity were not seen.
    """

    attached_to: tuple[str, ...] = ()
    hidden: Gap | None = None
    grants: Observed[PolicyGrants]

    @property
    def holders(self) -> tuple[str, ...]:
        """All identities that it is attached to; raises NotSeenError where there may be more than were seen."""
        if self.hidden is not None:
            raise NotSeenError(self.hidden)
        return self.attached_to


class CustomerPolicy(ManagedPolicy, frozen=True, kw_only=True):
    """A managed policy of the account, attached or not.

    `services` are its grants of whole services. `bounds` is whether it limits a user or a role as permissions boundary.
    """

    services: Observed[ServiceGrants] = UNREAD
    bounds: bool = False


class AwsPolicy(ManagedPolicy, frozen=True, kw_only=True):
    """An AWS managed policy that is attached in the account, which counts as its account here."""


class InlinePolicy(Resource, frozen=True, kw_only=True):
    """A policy within a user, a group or a role, the ARN of which is its `holder`; its own ARN is made up of both."""

    holder: str
    services: Observed[ServiceGrants]


async def authorization(aws: Aws) -> dict[str, Rows]:
    """Return the account's users, groups, roles and policies as IAM lists them; meant for `Aws.once`."""
    found = {kind: Rows() for kind in (USERS, GROUPS, ROLES, POLICIES)}
    async for page in aws.pages("iam", "GetAccountAuthorizationDetails"):
        for kind, rows in found.items():
            rows.extend(page.get(kind, ()))
    return found


@collector(scope=Scope.ACCOUNT, actions=(ACTION,))
async def users(aws: Aws) -> AsyncIterator[User]:
    """Yield every IAM user."""
    async for row in each_row(aws, ACTION, [(await aws.once(authorization))[USERS]]):
        with row as each:
            yield User(**_principal(aws, row, INLINE[USERS]), groups=tuple(each.get("GroupList", ())))


@collector(scope=Scope.ACCOUNT, actions=(ACTION,))
async def groups(aws: Aws) -> AsyncIterator[Group]:
    """Yield every group."""
    async for row in each_row(aws, ACTION, [(await aws.once(authorization))[GROUPS]]):
        with row:
            yield Group(**_principal(aws, row, INLINE[GROUPS]))


@collector(scope=Scope.ACCOUNT, actions=(ACTION,))
async def roles(aws: Aws) -> AsyncIterator[Role]:
    """Yield every role, those of services included."""
    async for row in each_row(aws, ACTION, [(await aws.once(authorization))[ROLES]]):
        with row:
            yield Role(**_principal(aws, row, INLINE[ROLES]))


@collector(scope=Scope.ACCOUNT, actions=(ACTION,))
async def instance_profiles(aws: Aws) -> AsyncIterator[InstanceProfile]:
    """Yield every instance profile that has a role."""
    async for row in each_row(aws, ACTION, [(await aws.once(authorization))[ROLES]]):
        with row as role:
            async for profile in each_row(aws, ACTION, [role["InstanceProfileList"]]):
                with profile as found:
                    arn, role_arn = found["Arn"], role["Arn"]
                    yield InstanceProfile(arn=arn, **here(aws, GLOBAL), role_arn=role_arn)


def _principal(aws: Aws, row: Row, inline: str) -> dict[str, Any]:
    return {
        "arn": row.found["Arn"],
        **here(aws, GLOBAL),
        "tags": tags_in(row.found.get("Tags")),
        # An identity without inline policies may have no list of them, unlike one of attached policies: the response in
        # https://docs.aws.amazon.com/IAM/latest/APIReference/API_GetAccountAuthorizationDetails.html
        "inline": row.read(lambda found: tuple(policy["PolicyName"] for policy in found.get(inline, ()))),
        "attached": row.read(_attached),
    }


def _attached(answer: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(policy["PolicyArn"] for policy in answer["AttachedManagedPolicies"])


@collector(scope=Scope.ACCOUNT, actions=(ACTION,))
async def customer_policies(aws: Aws) -> AsyncIterator[CustomerPolicy]:
    """Yield every managed policy of the account."""
    found = await aws.once(authorization)
    holders = _holders(aws, found)
    # Only a user or a role with a boundary has this member:
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_RoleDetail.html
    limits = (each.get("PermissionsBoundary", {}) for kind in (USERS, ROLES) for each in found[kind])
    boundaries = {limit.get("PermissionsBoundaryArn") for limit in limits}
    async for row in each_row(aws, ACTION, [found[POLICIES]]):
        with row as each:
            if not _is_aws(each["Arn"]):
                yield CustomerPolicy(
                    **_policy(aws, each["Arn"], holders),
                    grants=_grants(aws, each["Arn"], row),
                    services=_services(aws, each["Arn"], row, _document),
                    bounds=each["Arn"] in boundaries,
                )


@collector(scope=Scope.ACCOUNT, actions=(ACTION,))
async def inline_policies(aws: Aws) -> AsyncIterator[InlinePolicy]:
    """Yield every policy within a user, a group or a role."""
    found = await aws.once(authorization)
    for kind, member in INLINE.items():
        async for holder in each_row(aws, ACTION, [found[kind]]):
            with holder as principal:
                async for row in each_row(aws, ACTION, [principal.get(member, ())]):
                    with row as each:
                        arn = f"{text(principal['Arn'])}/inline-policy/{text(each['PolicyName'])}"
                        services = _services(aws, arn, row, lambda answer: answer["PolicyDocument"])
                        yield InlinePolicy(arn=arn, **here(aws, GLOBAL), holder=principal["Arn"], services=services)


@collector(scope=Scope.ACCOUNT, actions=(ACTION,))
async def aws_policies(aws: Aws) -> AsyncIterator[AwsPolicy]:
    """Yield every AWS managed policy that is attached to a user, a group or a role."""
    found = await aws.once(authorization)
    holders = _holders(aws, found)
    answers = {each.get("Arn"): each for each in found[POLICIES] if each.get("Arn") in holders.known}
    for arn in sorted(filter(_is_aws, holders.known)):
        row = Row(aws, ACTION, answers.get(arn, {}))
        yield AwsPolicy(**_policy(aws, arn, holders), grants=_grants(aws, arn, row))
    if holders.hidden is not None:  # further policies may be attached there
        raise NotSeenError(holders.hidden)


def _is_aws(arn: str) -> bool:
    return ":iam::aws:policy/" in arn


@dataclass(frozen=True, slots=True)
class _Holders:
    """The identities to which each policy is attached, by ARNs; `hidden` where the policies of one were not seen."""

    known: dict[str, list[str]]
    hidden: Gap | None


def _holders(aws: Aws, found: Mapping[str, Rows]) -> _Holders:
    known: dict[str, list[str]] = {}
    hidden: Gap | None = None
    for principal in (each for kind in (USERS, GROUPS, ROLES) for each in found[kind]):
        held = Row(aws, ACTION, principal).read(lambda answer: (answer["Arn"], answer["AttachedManagedPolicies"]))
        if isinstance(held, Gap):
            hidden = hidden or held
            continue
        holder, policies = held.value
        for arn in (Row(aws, ACTION, policy).member("PolicyArn", str) for policy in policies):
            if isinstance(arn, Gap):
                hidden = hidden or arn
            else:
                known.setdefault(arn.value, []).append(holder)
    return _Holders(known, hidden)


def _policy(aws: Aws, arn: str, holders: _Holders) -> dict[str, Any]:
    attached_to = tuple(sorted(holders.known.get(arn, ())))
    return {"arn": arn, **here(aws, GLOBAL), "attached_to": attached_to, "hidden": holders.hidden}


def _grants(aws: Aws, arn: str, row: Row) -> Observed[PolicyGrants]:
    """Return what a policy's default version grants, or a gap where that cannot be determined."""
    home = Home(arn.split(":")[1], aws.account_id)
    return row.read(lambda found: grants_of(_document(found), home))


def _services(aws: Aws, arn: str, row: Row, document: Callable[[Mapping[str, Any]], Json]) -> Observed[ServiceGrants]:
    home = Home(arn.split(":")[1], aws.account_id)
    return row.read(lambda found: service_grants_of(document(found), home))


def _document(answer: Mapping[str, Any]) -> Json:
    document: Json = next((each["Document"] for each in answer["PolicyVersionList"] if each["IsDefaultVersion"]), None)
    return document
