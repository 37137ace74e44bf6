"""Controls on the buckets of trails, and on the recording of object events in buckets."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TypeAlias

import msgspec

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.cloudtrail.recording import record_objects
from orgaudit.analysis.cloudtrail.trail_bucket import bucket_of
from orgaudit.analysis.organization_facts import Organization
from orgaudit.analysis.s3.exposure import exposure
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.controls.judging.account_trails import judge_each, not_everywhere
from orgaudit.controls.judging.public_access import judge_openings
from orgaudit.controls.s3 import BLOCK_EVERYTHING, BLOCK_FOR_GOOD
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.facts.s3.block import AccountPublicAccessBlock, BucketPublicAccessBlock
from orgaudit.facts.s3.buckets import Bucket, BucketAcl, BucketLogging, BucketPolicy
from orgaudit.model import (
    Disruption,
    Effort,
    Json,
    NotSeenError,
    Severity,
    Status,
    Verdict,
    failed,
    not_applicable,
    passed,
    require,
)

Recorders: TypeAlias = Sequence[tuple[Trail, TrailSelectors]]
"""Trails that log in every region, with what they record."""


@control(
    Severity.LOW,
    facts=(Bucket, BucketLogging),
    fix=Fix(
        service_wide="Enable access logging for the one bucket that receives the organization trail.",
        asset="Enable access logging for bucket {resource.bucket.value} of trail {resource.name}.",
        command="aws s3api put-bucket-logging --bucket {resource.bucket.value} --bucket-logging-status file://logging.json",
        preventive="Create buckets for logs only from a template that enables access logging.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudtrail_bucket_access_logging_enabled(trail: Trail, organization: Organization) -> Verdict:
    """Buckets of trails have access logging.

    Access logs show who read or deleted audit records.
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
        asset="Remove the statements and grants that make bucket {resource.bucket.value} of trail {resource.name} "
        "public.",
        command="aws s3api put-public-access-block --bucket {resource.bucket.value} "
        f"--public-access-block-configuration {BLOCK_EVERYTHING}",
        preventive=BLOCK_FOR_GOOD,
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudtrail_bucket_private(trail: Trail, organization: Organization) -> Verdict:
    """Buckets of trails are not public.

    Audit records show identities, addresses, activity and weaknesses that help an attacker. The bucket's policy and ACL
    count as far as no public access block overrides them.
    """
    holder, bucket = bucket_of(trail, organization)
    found = exposure(holder, bucket)
    return judge_openings(
        found.openings,
        closed=f"neither the policy nor the ACL of {bucket.name} allows public access",
        bucket=bucket.name,
        bucket_account=organization.name(holder.account_id),
        **found.block.evidence,
    )


def _logging_everywhere(account: AccountFacts, organization: Organization) -> Recorders:
    """Return the trails that were seen to log in every region of an account."""
    found = []
    for trail in sorted(account.anywhere(Trail), key=lambda each: each.arn):
        with suppress(NotSeenError):
            owner = organization.facts(trail.account_id)
            if not not_everywhere(trail, account, owner):
                found.append((trail, owner.detail(TrailSelectors, trail).value))
    return found


def _together(account: AccountFacts, organization: Organization, trails: Recorders, side: str) -> Verdict | None:
    """Return a pass where trails together record what none records alone, with the fewest that do."""
    verdict = _recorded(account, organization, trails, side)
    for trail in trails if verdict else ():
        fewer = [each for each in trails if each is not trail]
        with suppress(NotSeenError):  # fewer may need the buckets, unlike all of them together
            found = _recorded(account, organization, fewer, side)
            if found and verdict and found.evidence["future_buckets"] == verdict.evidence["future_buckets"]:
                verdict, trails = found, fewer
    owners = {trail.account_id for trail, _ in trails}
    if verdict is None or len(owners) > 1 or account.account_id in owners:
        return verdict
    return msgspec.structs.replace(verdict, inherited_from=owners.pop())


def _recorded(account: AccountFacts, organization: Organization, trails: Recorders, side: str) -> Verdict | None:
    """Return a pass where trails together record one side of object events in all buckets, or None."""
    if not trails:
        return None
    arns = [trail.arn for trail, _ in trails]
    evidence: dict[str, Json] = {"trails": [*arns]} if len(arns) > 1 else {"trail": arns[0]}
    who = " and ".join(f"trail {trail.name} of account {organization.name(trail.account_id)}" for trail, _ in trails)
    if record_objects([selectors for _, selectors in trails], side):
        verb = "together record" if len(arns) > 1 else "records"
        said = f"{who} {verb} object {side}s in all buckets, including future ones"
        return passed(said, future_buckets=True, **evidence)
    if _left_out(account, trails, side) or not (buckets := account.everywhere(Bucket)):
        return None
    verb = "together select" if len(arns) > 1 else "selects"
    said = f"{who} {verb} each of the {len(buckets)} buckets, but not buckets that are created later"
    return passed(said, future_buckets=False, **evidence)


def _left_out(account: AccountFacts, trails: Recorders, side: str) -> list[str]:
    found = [selectors for _, selectors in trails]
    return [bucket.name for bucket in account.everywhere(Bucket) if not record_objects(found, side, bucket.arn)]


def _data_events_logged(name: str, side: str) -> Control:
    """Return the control on one side, read or write, of the events on objects in buckets."""

    def judge(account: AccountFacts, organization: Organization) -> Verdict:
        logging = _logging_everywhere(account, organization)

        def judge_trail(trail: Trail, owner: AccountFacts) -> Verdict:
            if reason := not_everywhere(trail, account, owner):
                return failed(reason)
            alone = [(trail, owner.detail(TrailSelectors, trail).value)]
            if recorded := _recorded(account, organization, alone, side):
                return recorded
            left_out = _left_out(account, logging, side)
            return failed(f"records no object {side}s in {', '.join(left_out)}", buckets_left_out=left_out)

        try:
            verdict = judge_each(account, organization, judge_trail)
        except NotSeenError:
            if together := _together(account, organization, logging, side):
                return together
            raise
        if verdict.evidence.get("future_buckets"):
            return verdict
        if verdict.status is Status.FAIL and not account.everywhere(Bucket):
            return not_applicable("the account has no buckets")
        together = _together(account, organization, logging, side)
        better = together and (verdict.status is Status.FAIL or together.evidence["future_buckets"])
        return together if together and better else verdict

    return control(
        Severity.LOW,
        id=name,
        title=f"A trail records object {side}s in all S3 buckets",
        rationale=f"Management events show who changed a bucket, but not who {side}s its objects. After an incident, "
        "only data events show which objects are affected.",
        facts=(Trail, TrailStatus, TrailSelectors, Bucket),
        fix=Fix(
            service_wide="Record S3 data events in the organization trail; consider the cost for busy buckets.",
            asset=f"Record object {side}s of all buckets in a multi-region trail for account {{account}}.",
            command="aws cloudtrail put-event-selectors --trail-name TRAIL_ARN "
            "--advanced-event-selectors file://selectors.json",
            preventive="Deny cloudtrail:PutEventSelectors to all but the security team with a service control policy.",
            effort=Effort.M,
            per_resource=False,
            disruption=Disruption.NONE,
            reversible=True,
        ),
    )(judge)


cloudtrail_s3_read_data_events_logged = _data_events_logged("cloudtrail_s3_read_data_events_logged", "read")
cloudtrail_s3_write_data_events_logged = _data_events_logged("cloudtrail_s3_write_data_events_logged", "write")
