"""Whether deliveries of a trail to its log group work: the last one, and what the role may do that writes them."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from orgaudit.facts.cloudtrail.log_groups import TrailRole
from orgaudit.facts.cloudtrail.trails import Trail, TrailStatus
from orgaudit.languages import iam_policy as policies

SERVICE = "cloudtrail.amazonaws.com"
WRITES = ("logs:CreateLogStream", "logs:PutLogEvents")
"""What CloudTrail does with the role in the log group."""


def last_delivery(status: TrailStatus, now: datetime, hours: int) -> tuple[bool, str]:
    """Return whether deliveries to a trail's log group work, the last within so many hours, and what was seen."""
    if status.logs_delivery_error:
        return False, f"the last delivery failed: {status.logs_delivery_error}"
    if status.logs_delivered_at is None:
        return False, "nothing has ever been delivered to the log group"
    age = (now - status.logs_delivered_at) / timedelta(hours=1)
    if age <= hours:
        return True, f"delivered {age:.0f} hours ago"
    return False, f"the last delivery was more than {math.ceil(age) - 1} hours ago; at most {hours} are allowed"


def trusts_cloudtrail(role: TrailRole, trail: Trail) -> policies.Decision:
    """Return whether CloudTrail may assume the role on behalf of a trail; raises PolicyError."""
    principal = policies.Principal(policies.PrincipalKind.SERVICE, SERVICE)
    request = policies.Request("sts:AssumeRole", role.role_arn, principal, _context(trail))
    return policies.decide([policies.parse_policy(role.trust)], request)


def writes_to(role: TrailRole, trail: Trail, action: str, organization_id: str | None = None) -> policies.Decision:
    """Return whether the role may do `action` on every stream that the trail writes; raises PolicyError.

    The names of the streams are those of
    https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-required-policy-for-cloudwatch-logs.html
    """
    group = (trail.log_group_arn or "").removesuffix(":*")
    streams = [f"{trail.account_id}_CloudTrail_{trail.region}*"]
    if organization_id and trail.organization.value:
        streams.append(f"{organization_id}_*")
    decisions = [_decide(role, trail, action, f"{group}:log-stream:{stream}") for stream in streams]
    return next((found for found in decisions if found.outcome is not policies.Outcome.ALLOWED), decisions[0])


def _decide(role: TrailRole, trail: Trail, action: str, resource: str) -> policies.Decision:
    request = policies.Request(action=action, resource=resource, context=_context(trail))
    granted = policies.decide([policies.parse_policy(document) for document in role.permissions], request)
    if granted.outcome is not policies.Outcome.ALLOWED or role.boundary is None:
        return granted
    return policies.decide([policies.parse_policy(role.boundary)], request)


def _context(trail: Trail) -> dict[str, str]:
    return {"aws:SourceArn": trail.arn, "aws:SourceAccount": trail.account_id}
