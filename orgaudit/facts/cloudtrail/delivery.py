"""What a trail's delivery to CloudWatch Logs rests on: the log group, its subscriptions, and the role that writes."""

from __future__ import annotations

from typing import Any

import msgspec

from orgaudit.facts.cloudtrail.trails import Trail
from orgaudit.facts.declare import Aws, Detail, detail
from orgaudit.languages import iam_policy as policies
from orgaudit.model import Json, parse_arn

SERVICE = "cloudtrail.amazonaws.com"
WRITES = ("logs:CreateLogStream", "logs:PutLogEvents")


def group_name(log_group_arn: str) -> str:
    """Return the name in a log group's ARN, which CloudTrail ends with `:*`; raises ValueError for another ARN."""
    kind, _, name = parse_arn(log_group_arn)[4].partition(":")
    if kind != "log-group" or not name:
        raise ValueError(f"not the ARN of a log group: {log_group_arn!r}")
    return name.removesuffix(":*")


class TrailLogGroup(Detail, frozen=True, kw_only=True):
    """The log group to which a trail delivers; the trail may name one that is gone.

    `retention_days` None means that events are kept for ever.
    """

    name: str | None
    account_id: str = ""
    region: str = ""
    exists: bool = False
    retention_days: int | None = None


class Subscription(msgspec.Struct, frozen=True):
    """A subscription filter: where a copy of the log group's events goes."""

    name: str
    destination_arn: str

    @property
    def destination_account(self) -> str:
        """The account that the events reach."""
        return parse_arn(self.destination_arn)[3]


class TrailSubscriptions(Detail, frozen=True, kw_only=True):
    """The subscription filters of a trail's log group."""

    subscriptions: tuple[Subscription, ...]


class TrailRole(Detail, frozen=True, kw_only=True):
    """The role with which CloudTrail writes to the log group, with its policies as AWS returned them."""

    role_arn: str | None
    exists: bool = False
    trust: Json = None
    permissions: tuple[Json, ...] = ()
    boundary: Json = None

    def trusts_cloudtrail(self, trail: Trail) -> policies.Decision:
        """Decide whether CloudTrail may assume the role on behalf of this trail; raises PolicyError."""
        request = policies.Request(
            action="sts:AssumeRole",
            resource=self.role_arn,
            principal=policies.Principal(policies.PrincipalKind.SERVICE, SERVICE),
            context={"aws:SourceArn": trail.arn, "aws:SourceAccount": trail.account_id},
        )
        return policies.decide([policies.parse_policy(self.trust)], request)

    def writes_to(self, trail: Trail, action: str, organization_id: str | None = None) -> policies.Decision:
        """Decide whether the role may do `action` on every stream that the trail writes; raises PolicyError."""
        group = (trail.log_group_arn or "").removesuffix(":*")
        # CloudTrail User Guide, "Role policy document for CloudTrail to use CloudWatch Logs", names the streams so.
        streams = [f"{trail.account_id}_CloudTrail_{trail.region}*"]
        if organization_id and trail.organization.value:
            streams.append(f"{organization_id}_*")
        decisions = [self._decide(trail, action, f"{group}:log-stream:{stream}") for stream in streams]
        return next((found for found in decisions if found.outcome is not policies.Outcome.ALLOWED), decisions[0])

    def _decide(self, trail: Trail, action: str, resource: str) -> policies.Decision:
        context = {"aws:SourceArn": trail.arn, "aws:SourceAccount": trail.account_id}
        request = policies.Request(action=action, resource=resource, context=context)
        granted = policies.decide([policies.parse_policy(document) for document in self.permissions], request)
        if granted.outcome is not policies.Outcome.ALLOWED or self.boundary is None:
            return granted
        return policies.decide([policies.parse_policy(self.boundary)], request)


@detail(actions=("logs:DescribeLogGroups",))
async def trail_log_group(aws: Aws, trail: Trail) -> TrailLogGroup:
    """Find the trail's log group where its ARN says that it lives."""
    if trail.log_group_arn is None:
        return TrailLogGroup(arn=trail.arn, name=None)
    name = group_name(trail.log_group_arn)
    there = await aws.at(trail.log_group_arn)
    gone = TrailLogGroup(arn=trail.arn, name=name, account_id=there.account_id, region=there.region)
    async for page in there.pages("logs", "DescribeLogGroups", logGroupNamePrefix=name):
        for group in page["logGroups"]:
            if group["logGroupName"] == name:
                return msgspec.structs.replace(gone, exists=True, retention_days=group.get("retentionInDays"))
    return gone


@detail(actions=("logs:DescribeSubscriptionFilters",))
async def trail_subscriptions(aws: Aws, trail: Trail, group: TrailLogGroup) -> TrailSubscriptions:
    """Read the subscription filters of the trail's log group."""
    if trail.log_group_arn is None or group.name is None or not group.exists:
        return TrailSubscriptions(arn=trail.arn, subscriptions=())
    there = await aws.at(trail.log_group_arn)
    found = [
        Subscription(each["filterName"], each["destinationArn"])
        async for page in there.pages("logs", "DescribeSubscriptionFilters", logGroupName=group.name)
        for each in page["subscriptionFilters"]
    ]
    return TrailSubscriptions(arn=trail.arn, subscriptions=tuple(found))


@detail(
    actions=(
        "iam:GetRole",
        "iam:ListRolePolicies",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
    )
)
async def trail_role(aws: Aws, trail: Trail) -> TrailRole:
    """Read the role that the trail names, with every policy that it has."""
    if trail.role_arn is None:
        return TrailRole(arn=trail.arn, role_arn=None)
    name = trail.role_arn.rsplit("/", 1)[-1]
    there = await aws.at(trail.role_arn)
    found = await there.find("iam", "GetRole", ("NoSuchEntity",), RoleName=name)
    if found is None:
        return TrailRole(arn=trail.arn, role_arn=trail.role_arn)
    boundary = found["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
    return TrailRole(
        arn=trail.arn,
        role_arn=trail.role_arn,
        exists=True,
        trust=found["Role"]["AssumeRolePolicyDocument"],
        permissions=(*await _inline(there, name), *await _attached(there, name)),
        boundary=await _managed(there, boundary) if boundary else None,
    )


async def _inline(aws: Aws, role: str) -> list[Any]:
    names = [name async for page in aws.pages("iam", "ListRolePolicies", RoleName=role) for name in page["PolicyNames"]]
    found = [await aws.call("iam", "GetRolePolicy", RoleName=role, PolicyName=name) for name in names]
    return [policy["PolicyDocument"] for policy in found]


async def _attached(aws: Aws, role: str) -> list[Any]:
    arns = [
        policy["PolicyArn"]
        async for page in aws.pages("iam", "ListAttachedRolePolicies", RoleName=role)
        for policy in page["AttachedPolicies"]
    ]
    return [await _managed(aws, arn) for arn in arns]


async def _managed(aws: Aws, arn: str) -> Json:
    policy = await aws.call("iam", "GetPolicy", PolicyArn=arn)
    version = policy["Policy"]["DefaultVersionId"]
    found = await aws.call("iam", "GetPolicyVersion", PolicyArn=arn, VersionId=version)
    return found["PolicyVersion"]["Document"]
