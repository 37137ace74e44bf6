"""Controls on what a trail's delivery to CloudWatch Logs rests on: its log group, its role, and who reads along."""

from __future__ import annotations

import shlex

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.cloudtrail.log_delivery import WRITES, last_delivery, trusts_cloudtrail, writes_to
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Fix, control
from orgaudit.controls.trails import status_command
from orgaudit.facts.cloudtrail.log_groups import TrailLogGroup, TrailRole, TrailSubscriptions
from orgaudit.facts.cloudtrail.trails import Trail, TrailStatus
from orgaudit.languages.iam_policy import Outcome, PolicyError
from orgaudit.model import (
    Gap,
    GapReason,
    Json,
    NotSeenError,
    Observed,
    Severity,
    Status,
    Verdict,
    failed,
    not_applicable,
    passed,
)
from orgaudit.settings.thresholds import Thresholds

RETENTION_DAYS = (30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)
"""The retention times from a month on that logs:PutRetentionPolicy takes (CloudWatch Logs API reference)."""
NO_LOG_GROUP = "the trail names no log group; cloudtrail_trail_cloudwatch_logs_delivered reports that"


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Replace trails of single accounts by one organization trail that delivers to a log group: one "
        "place is then right for every account.",
        asset="Give trail {resource.name} a log group in {region} and a role with which CloudTrail may write to it.",
        command="aws cloudtrail update-trail --region {region} --name {resource.arn} "
        "--cloud-watch-logs-log-group-arn LOG_GROUP_ARN --cloud-watch-logs-role-arn ROLE_ARN",
        preventive="Create trails only from a template that sets the log group and the role, and deny "
        "cloudtrail:UpdateTrail and cloudtrail:DeleteTrail to all others with a service control policy.",
    ),
)
def cloudtrail_trail_cloudwatch_logs_delivered(
    trail: Trail, status: Observed[TrailStatus], observed: AccountFacts, thresholds: Thresholds
) -> Verdict:
    """Trails deliver to CloudWatch Logs.

    Events in a log group can be searched and raise alarms within minutes; files in a bucket are read when it is late.
    A trail that names a log group but has stopped delivering only looks watched.
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
        service_wide="Give all trails one delivery role from one template, and change it only there.",
        asset="Let the role of trail {resource.name} trust cloudtrail.amazonaws.com and write to its log group.",
        command="aws cloudtrail update-trail --region {region} --name {resource.arn} "
        "--cloud-watch-logs-log-group-arn {resource.log_group_arn} --cloud-watch-logs-role-arn ROLE_ARN",
        preventive="Check the role's trust and permissions in the pipeline that creates it.",
    ),
)
def cloudtrail_trail_role_can_deliver(trail: Trail, role: Observed[TrailRole], organization: Organization) -> Verdict:
    """The role of a trail can write to its log group.

    CloudTrail assumes this role for every delivery. When it is gone, no longer trusts CloudTrail or may not write to
    the group, deliveries fail without a word to anybody.
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
        return failed(f"the role {seen.role_arn} lacks {', '.join(lacking)}", **evidence)
    if conditions := sorted({key for it in decisions.values() for key in it.depends_on}):
        reason = f"whether the role {seen.role_arn} can deliver depends on {', '.join(conditions)}; look at it"
        return Verdict(Status.MANUAL, reason, evidence)
    return passed("CloudTrail may assume the role, and the role may write to the log group", **evidence)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Set the retention of log groups with an AWS Config rule and its remediation.",
        asset="Keep the events of trail {resource.name} for at least a year, or create its log group again.",
        command="aws logs create-log-group --region {region} --log-group-name LOG_GROUP_NAME",
        preventive="Deny logs:DeleteLogGroup and logs:PutRetentionPolicy on these groups by service control policy.",
    ),
)
def cloudtrail_trail_log_group_retained(
    trail: Trail, group: Observed[TrailLogGroup], thresholds: Thresholds
) -> Verdict:
    """The log group of a trail exists and keeps events long enough.

    Break-ins are often found only after months. Events that have been deleted by then cannot tell what happened.
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
        return passed("events are kept for ever", **evidence)
    kept = f"events are kept for {seen.retention_days} days"
    if seen.retention_days >= wanted:
        return passed(kept, **evidence)
    mend = "aws logs put-retention-policy --region {} --log-group-name {} --retention-in-days {}"
    days = next((allowed for allowed in RETENTION_DAYS if allowed >= wanted), RETENTION_DAYS[-1])
    command = mend.format(seen.region, shlex.quote(seen.name or ""), days)
    return failed(f"{kept}; at least {wanted} are asked for", command=command, **evidence)


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Name the accounts that may receive log events in [thresholds] approved_log_destinations, and "
        "deny logs:PutSubscriptionFilter to all but the logging team with a service control policy.",
        asset="Remove the subscription filter from the log group of trail {resource.name}, or approve its receiver.",
        command="aws logs describe-subscription-filters --region {region} --log-group-name LOG_GROUP_NAME",
        preventive="Review new subscription filters of trails' log groups before they are deployed.",
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

    A subscription filter copies every event to its destination. One that nobody knows of hands the record of all that
    happens to a stranger.
    """
    if trail.log_group_arn is None:
        return not_applicable(NO_LOG_GROUP)
    if not group.value.exists:
        return not_applicable("the log group does not exist; cloudtrail_trail_log_group_retained reports that")
    found = subscriptions.value.subscriptions
    known = {trail.account_id, *thresholds.approved_log_destinations}
    strange = [one for one in found if one.destination_account not in known | organization.account_ids]
    named = ", ".join(f"{one.name} sends to account {one.destination_account}" for one in strange)
    evidence: dict[str, Json] = {
        "subscriptions": [{"name": one.name, "destination": one.destination_arn} for one in found]
    }
    if not strange:
        return passed(f"{len(found)} subscription filters, all within the organization or approved", **evidence)
    remove = "aws logs delete-subscription-filter --region {} --log-group-name {} --filter-name {}"
    names = shlex.quote(group.value.name or ""), shlex.quote(strange[0].name)
    return failed(f"{named}, outside the organization", command=remove.format(group.value.region, *names), **evidence)
