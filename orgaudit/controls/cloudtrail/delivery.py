"""Controls on a trail's delivery to CloudWatch Logs: its log group, its role, and the group's subscriptions."""

from __future__ import annotations

import shlex

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.cloudtrail.log_delivery import WRITES, last_delivery, trusts_cloudtrail, writes_to
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.account_trails import status_command
from orgaudit.facts.cloudtrail.log_groups import TrailLogGroup, TrailRole, TrailSubscriptions
from orgaudit.facts.cloudtrail.trails import Trail, TrailStatus
from orgaudit.languages.iam_policy import Outcome, PolicyError
from orgaudit.model import (
    Disruption,
    Effort,
    Gap,
    GapReason,
    Json,
    NotSeenError,
    Observed,
    Severity,
    Verdict,
    failed,
    manual,
    not_applicable,
    passed,
)
from orgaudit.settings.thresholds import Thresholds
from orgaudit.words import counted

RETENTION_DAYS = (30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""The retention times from a month on that logs:PutRetentionPolicy takes (CloudWatch Logs API reference)."""
NO_LOG_GROUP = "the trail has no log group, as cloudtrail_trail_cloudwatch_logs_delivered reports"


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Replace the trails of single accounts with one organization trail that delivers to a log group "
        "for all accounts.",
        asset="Configure a log group in {region} for trail {resource.name}, and a role that lets CloudTrail write to "
        "it.",
        command="aws cloudtrail update-trail --region {region} --name {resource.arn} "
        "--cloud-watch-logs-log-group-arn LOG_GROUP_ARN --cloud-watch-logs-role-arn ROLE_ARN",
        preventive="Create trails only from a template that sets the log group and the role, and deny "
        "cloudtrail:UpdateTrail and cloudtrail:DeleteTrail to all others with a service control policy.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudtrail_trail_cloudwatch_logs_delivered(
    trail: Trail, status: Observed[TrailStatus], observed: AccountFacts, thresholds: Thresholds
) -> Verdict:
    """Trails deliver to CloudWatch Logs.

    Events in a log group can be searched and raise alarms within minutes, unlike files in a bucket. A trail whose
    delivery to its log group has stopped is not monitored.
    """
    if trail.log_group_arn is None:
        return failed("no log group is configured")
    seen = status.value
    evidence = {
        "log_group": trail.log_group_arn,
        "logging": seen.logging,
        "last_delivery": seen.logs_delivered_at,
        "last_delivery_error": seen.logs_delivery_error,
    }
    works, said = last_delivery(seen, observed.now, thresholds.delivery_hours)
    return passed(said, **evidence) if works else failed(said, command=status_command(trail), **evidence)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Create the delivery role of all trails from one template, and change it only there.",
        asset="Change the role of trail {resource.name} so that it trusts cloudtrail.amazonaws.com and may write to "
        "the log group.",
        command="aws cloudtrail update-trail --region {region} --name {resource.arn} "
        "--cloud-watch-logs-log-group-arn {resource.log_group_arn} --cloud-watch-logs-role-arn ROLE_ARN",
        preventive="Check the role's trust and permissions in the pipeline that creates it.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudtrail_trail_role_can_deliver(trail: Trail, role: Observed[TrailRole], organization: Organization) -> Verdict:
    """The role of a trail can write to its log group.

    CloudTrail assumes this role for every delivery. If it was deleted, does not trust CloudTrail or may not write to
    the log group, deliveries fail without a notification.
    """
    if trail.log_group_arn is None:
        return not_applicable(NO_LOG_GROUP)
    seen = role.value
    if not seen.exists:
        return failed(f"the role {seen.role_arn} does not exist", role=seen.role_arn)
    try:
        decisions = {"sts:AssumeRole by CloudTrail": trusts_cloudtrail(seen, trail)}
        decisions |= {action: writes_to(seen, trail, action, organization.id) for action in WRITES}
    except PolicyError as error:
        reason = f"a policy of the role {seen.role_arn} cannot be read: {error}"
        gap = Gap(trail.account_id, trail.region, "iam:GetRole", GapReason.MALFORMED, reason)
        raise NotSeenError(gap) from error
    evidence: dict[str, Json] = {
        "role": seen.role_arn,
        "decisions": {what: it.outcome for what, it in decisions.items()},
    }
    if lacking := [what for what, it in decisions.items() if it.outcome in {Outcome.DENIED, Outcome.NOT_ALLOWED}]:
        return failed(f"the role {seen.role_arn} does not allow {', '.join(lacking)}", **evidence)
    if conditions := sorted({key for it in decisions.values() for key in it.depends_on}):
        reason = f"whether the role {seen.role_arn} can deliver depends on {', '.join(conditions)}"
        return manual(f"{reason}; a person must review it", **evidence)
    return passed("CloudTrail may assume the role, and the role may write to the log group", **evidence)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Set the retention of all log groups with an AWS Config rule and its remediation.",
        asset="Retain the events of trail {resource.name} for the required time, or create its log group again.",
        command="aws logs create-log-group --region {region} --log-group-name LOG_GROUP_NAME",
        preventive="Deny logs:DeleteLogGroup and logs:PutRetentionPolicy on these groups with a service control "
        "policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudtrail_trail_log_group_retained(
    trail: Trail, group: Observed[TrailLogGroup], thresholds: Thresholds
) -> Verdict:
    """The log group of a trail exists and retains events for the required time.

    Incidents are often discovered only after months. Events that were deleted before cannot be investigated.
    """
    if trail.log_group_arn is None:
        return not_applicable(NO_LOG_GROUP)
    seen, wanted = group.value, thresholds.log_retention_days
    evidence: dict[str, Json] = {
        "log_group": seen.name,
        "account": seen.account_id,
        "retention_days": seen.retention_days,
    }
    if not seen.exists:
        return failed(f"the log group {seen.name} does not exist in account {seen.account_id}", **evidence)
    if seen.retention_days is None:
        return passed("events are retained indefinitely", **evidence)
    kept = f"events are retained for {counted(seen.retention_days, 'day')}"
    if seen.retention_days >= wanted:
        return passed(kept, **evidence)
    template = "aws logs put-retention-policy --region {} --log-group-name {} --retention-in-days {}"
    days = next((allowed for allowed in RETENTION_DAYS if allowed >= wanted), RETENTION_DAYS[-1])
    command = template.format(seen.region, shlex.quote(seen.name or ""), days)
    return failed(f"{kept}; at least {wanted} are required", command=command, **evidence)


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Declare the accounts that may receive log events in [thresholds] approved_log_destinations, and "
        "deny logs:PutSubscriptionFilter to all but the logging team with a service control policy.",
        asset="Remove the subscription filter from the log group of trail {resource.name}, or approve its destination.",
        command="aws logs describe-subscription-filters --region {region} --log-group-name LOG_GROUP_NAME",
        preventive="Review new subscription filters on the log groups of trails before they are deployed.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudtrail_trail_log_group_subscriptions_known(
    trail: Trail,
    group: Observed[TrailLogGroup],
    subscriptions: Observed[TrailSubscriptions],
    organization: Organization,
    thresholds: Thresholds,
) -> Verdict:
    """Subscriptions of a trail's log group stay within the organization.

    A subscription filter copies every event to its destination. An unapproved one may disclose audit records to an
    external account.
    """
    if trail.log_group_arn is None:
        return not_applicable(NO_LOG_GROUP)
    if not group.value.exists:
        return not_applicable("the log group does not exist, as cloudtrail_trail_log_group_retained reports")
    found = subscriptions.value.subscriptions
    known = {trail.account_id, *thresholds.approved_log_destinations}
    external = [one for one in found if one.destination_account not in known | organization.account_ids]
    named = ", ".join(f"{one.name} sends to account {one.destination_account}" for one in external)
    evidence: dict[str, Json] = {
        "subscriptions": [{"name": one.name, "destination": one.destination_arn} for one in found]
    }
    if not external:
        return passed(f"subscription filters: {len(found)}, all within the organization or approved", **evidence)
    remove = "aws logs delete-subscription-filter --region {} --log-group-name {} --filter-name {}"
    names = shlex.quote(group.value.name or ""), shlex.quote(external[0].name)
    return failed(f"{named}, outside the organization", command=remove.format(group.value.region, *names), **evidence)
