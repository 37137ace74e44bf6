"""Controls on CloudTrail trails and on what their delivery to CloudWatch Logs rests on."""

from __future__ import annotations

import math
import shlex
from datetime import timedelta

from orgaudit.controls.declare import Control, Fix, control
from orgaudit.controls.openings import judge_openings
from orgaudit.controls.trails import judge_each, not_everywhere, recording
from orgaudit.facts.account import AccountFacts
from orgaudit.facts.cloudtrail.buckets import bucket_of
from orgaudit.facts.cloudtrail.delivery import WRITES, TrailLogGroup, TrailRole, TrailSubscriptions
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.facts.kms import Key, KeyDescription, key_state
from orgaudit.facts.organization import Organization
from orgaudit.facts.policies import Outcome, PolicyError
from orgaudit.facts.s3.block import AccountPublicAccessBlock, BucketPublicAccessBlock
from orgaudit.facts.s3.buckets import Bucket, BucketAcl, BucketLogging, BucketPolicy
from orgaudit.facts.s3.exposure import exposure
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
    require,
)
from orgaudit.thresholds import Thresholds

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
    check = f"aws cloudtrail get-trail-status --region {trail.region} --name {shlex.quote(trail.arn)}"
    if seen.logs_delivery_error:
        return failed(f"the last delivery failed: {seen.logs_delivery_error}", command=check, **evidence)
    if seen.logs_delivered_at is None:
        return failed("nothing has ever been delivered to the log group", command=check, **evidence)
    age = observed.now - seen.logs_delivered_at
    hours, wanted = age / timedelta(hours=1), thresholds.delivery_hours
    return require(
        hours <= wanted,
        then=f"delivered {hours:.0f} hours ago",
        otherwise=f"the last delivery was more than {math.ceil(hours) - 1} hours ago; at most {wanted} are allowed",
        **evidence,
    )


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Protect every trail with a service control policy that denies cloudtrail:StopLogging.",
        asset="Start trail {resource.name}, or delete it when another trail has taken its place.",
        command="aws cloudtrail start-logging --region {region} --name {resource.arn}",
        preventive="Alarm on cloudtrail:StopLogging, so that a trail that stops is noticed the same day.",
    ),
)
def cloudtrail_trail_logging(_trail: Trail, status: Observed[TrailStatus]) -> Verdict:
    """Trails log.

    A stopped trail stays in every list of trails and looks like protection, but nothing that happens is recorded.
    """
    seen = status.value
    stopped = f" since {seen.stopped_at:%Y-%m-%d}" if seen.stopped_at else ""
    return require(
        seen.logging,
        then="the trail logs",
        otherwise=f"the trail has been stopped{stopped}",
        stopped_at=seen.stopped_at,
        last_delivery_to_bucket=seen.delivered_at,
        last_delivery_to_bucket_error=seen.delivery_error,
    )


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
        decisions = {"sts:AssumeRole by CloudTrail": seen.trusts_cloudtrail(trail)}
        decisions |= {action: seen.writes_to(trail, action, organization.id) for action in WRITES}
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


@control(
    Severity.HIGH,
    facts=(Trail, TrailStatus, TrailSelectors),
    fix=Fix(
        service_wide="Create one multi-region organization trail in the management account; it records every account.",
        service_wide_command="aws cloudtrail create-trail --name organization-trail --s3-bucket-name BUCKET "
        "--is-multi-region-trail --is-organization-trail --enable-log-file-validation",
        asset="Give account {account} a multi-region trail that logs and records read and write management events.",
        command="aws cloudtrail create-trail --name account-trail --s3-bucket-name BUCKET --is-multi-region-trail",
        preventive="Let the account factory enrol new accounts into the organization trail, and deny "
        "cloudtrail:StopLogging and cloudtrail:PutEventSelectors with a service control policy.",
    ),
)
def cloudtrail_trail_multi_region_management_events(account: AccountFacts, organization: Organization) -> Verdict:
    """A multi-region trail records all management events.

    Without one, what happens in a region that nobody uses, or through an action that is not recorded, leaves no trace.
    An organization trail of the management account counts for every account that it covers.
    """

    def judge(trail: Trail, owner: AccountFacts) -> Verdict:
        evidence: dict[str, Json] = {
            "trail": trail.arn,
            "home_region": trail.region,
            "of_organization": trail.organization,
        }
        if reason := recording(trail, account, owner):
            return failed(reason, **evidence)
        recorded = owner.detail(TrailSelectors, trail).value.management
        left_out = list(recorded.excluded)
        said = f"trail {trail.name} of account {organization.name(trail.account_id)} records {recorded.describe()}"
        return passed(said, excluded_sources=left_out, **evidence)

    return judge_each(account, organization, judge)


@control(
    Severity.MEDIUM,
    facts=(Key, KeyDescription),
    fix=Fix(
        service_wide="Give the organization trail one key, in the account that keeps the logs.",
        asset="Encrypt the files of trail {resource.name} with a customer managed key that CloudTrail may use.",
        command="aws cloudtrail update-trail --region {region} --name {resource.arn} --kms-key-id KEY_ARN",
        preventive="Create trails only from a template that names the key, and deny cloudtrail:UpdateTrail to others.",
    ),
)
def cloudtrail_trail_kms_encrypted(trail: Trail, organization: Organization) -> Verdict:
    """Trails encrypt their files with a KMS key.

    Whoever may read the bucket then still needs the key, so reading the log takes two permissions and leaves a trace.
    The key's own state is told for information.
    """
    if trail.key_id is None:
        return failed("the files are encrypted with the bucket's default only", kms_key=None)
    state = key_state(organization, trail.key_id)
    known = f", which is in state {state}" if state else ""
    return passed(f"the files are encrypted with {trail.key_id}{known}", kms_key=trail.key_id, key_state=state)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Turn validation on in the organization trail; it covers the files of every account.",
        asset="Turn on log file validation for trail {resource.name}.",
        command="aws cloudtrail update-trail --region {region} --name {resource.arn} --enable-log-file-validation",
        preventive="Create trails only from a template that turns validation on, and validate the digests regularly.",
    ),
)
def cloudtrail_trail_log_validation_enabled(trail: Trail) -> Verdict:
    """Trails sign digests of their files.

    Only with them can anybody show that no file was changed or removed after it was delivered.
    """
    return require(
        trail.validated,
        then="log file validation is on",
        otherwise="log file validation is off",
        bucket=trail.bucket,
    )


@control(
    Severity.LOW,
    facts=(Bucket, BucketLogging),
    fix=Fix(
        service_wide="Log the access to the one bucket that receives the organization trail.",
        asset="Turn on access logging for bucket {resource.bucket} of trail {resource.name}.",
        command="aws s3api put-bucket-logging --bucket {resource.bucket} --bucket-logging-status file://logging.json",
        preventive="Create buckets for logs only from a template that turns access logging on.",
    ),
)
def cloudtrail_bucket_access_logging_enabled(trail: Trail, organization: Organization) -> Verdict:
    """Access to the buckets of trails is logged.

    Who reads or deletes the record of all that happens should leave a record too.
    """
    holder, bucket = bucket_of(trail, organization)
    logging = holder.detail(BucketLogging, bucket).value
    return require(
        logging.target is not None,
        then=f"access to {bucket.name} is logged in {logging.target}",
        otherwise=f"access to {bucket.name} is not logged",
        bucket=bucket.name,
        bucket_account=organization.name(holder.account_id),
        target=logging.target,
        prefix=logging.prefix,
    )


@control(
    Severity.CRITICAL,
    facts=(Bucket, BucketPolicy, BucketAcl, BucketPublicAccessBlock, AccountPublicAccessBlock),
    fix=Fix(
        service_wide="Block public access for the whole account that keeps the logs.",
        asset="Remove what lets strangers into bucket {resource.bucket} of trail {resource.name}.",
        command="aws s3api put-public-access-block --bucket {resource.bucket} --public-access-block-configuration "
        "BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true",
        preventive="Attach an S3 policy of AWS Organizations that blocks public access: no member can then undo it.",
    ),
)
def cloudtrail_bucket_private(trail: Trail, organization: Organization) -> Verdict:
    """Buckets of trails are not open to strangers.

    The log shows names, addresses, habits and mistakes: all that an intruder wants to know first. Policy and ACL count
    as far as no public access block voids them.
    """
    holder, bucket = bucket_of(trail, organization)
    found = exposure(holder, bucket)
    return judge_openings(
        found.openings,
        closed=f"neither the policy nor the ACL of {bucket.name} lets strangers in",
        bucket=bucket.name,
        bucket_account=organization.name(holder.account_id),
        **found.block.evidence,
    )


def _data_events(side: str) -> Control:
    """Return the control on one side, read or write, of the events on objects in buckets."""

    def judge(account: AccountFacts, organization: Organization) -> Verdict:
        def judge_trail(trail: Trail, owner: AccountFacts) -> Verdict:
            if reason := not_everywhere(trail, account, owner):
                return failed(reason)
            recorded = owner.detail(TrailSelectors, trail).value
            who = f"trail {trail.name} of account {organization.name(trail.account_id)}"
            if recorded.records_objects(side):
                return passed(f"{who} records object {side}s in all buckets, future ones too", trail=trail.arn)
            buckets = account.everywhere(Bucket)
            left_out = [bucket.name for bucket in buckets if not recorded.records_objects(side, bucket.arn)]
            if buckets and not left_out:
                return passed(f"{who} names each of the {len(buckets)} buckets", trail=trail.arn)
            return failed(f"records no object {side}s in {', '.join(left_out)}", buckets_left_out=left_out)

        verdict = judge_each(account, organization, judge_trail)
        if verdict.status is Status.FAIL and not account.everywhere(Bucket):
            return not_applicable("the account has no buckets")
        return verdict

    judge.__name__ = f"cloudtrail_s3_{side}_data_events_logged"
    judge.__doc__ = f"""A trail records object {side}s in all buckets.

    Management events say who changed a bucket, not who {side}s its objects. After a theft only these events tell which
    data it was.
    """
    return control(
        Severity.LOW,
        facts=(Trail, TrailStatus, TrailSelectors, Bucket),
        fix=Fix(
            service_wide="Record data events of S3 in the organization trail; mind the price in busy buckets.",
            asset=f"Record object {side}s of all buckets in a multi-region trail for account {{account}}.",
            command="aws cloudtrail put-event-selectors --trail-name TRAIL_ARN "
            "--advanced-event-selectors file://selectors.json",
            preventive="Deny cloudtrail:PutEventSelectors to all but the security team by service control policy.",
        ),
    )(judge)


cloudtrail_s3_read_data_events_logged = _data_events("read")
cloudtrail_s3_write_data_events_logged = _data_events("write")
