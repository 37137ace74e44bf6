"""Controls on the buckets of trails, and on the recording of what happens in buckets."""

from __future__ import annotations

from orgaudit.controls.declare import Control, Fix, control
from orgaudit.controls.openings import judge_openings
from orgaudit.controls.trails import judge_each, not_everywhere
from orgaudit.facts.account import AccountFacts
from orgaudit.facts.cloudtrail.buckets import bucket_of
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.facts.organization import Organization
from orgaudit.facts.s3.block import AccountPublicAccessBlock, BucketPublicAccessBlock
from orgaudit.facts.s3.buckets import Bucket, BucketAcl, BucketLogging, BucketPolicy
from orgaudit.facts.s3.exposure import exposure
from orgaudit.model import (
    Severity,
    Status,
    Verdict,
    failed,
    not_applicable,
    passed,
    require,
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
