"""Controls on trails themselves: whether they log, what, where, and how their files are kept safe."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.cloudtrail.recording import recorded_management
from orgaudit.analysis.kms import key_state
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Fix, control
from orgaudit.controls.trails import judge_each, recording
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.facts.kms import Key, KeyDescription
from orgaudit.model import (
    Json,
    Observed,
    Severity,
    Verdict,
    failed,
    passed,
    require,
    shown,
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
            "of_organization": shown(trail.organization),
        }
        if reason := recording(trail, account, owner):
            return failed(reason, **evidence)
        recorded = recorded_management(owner.detail(TrailSelectors, trail).value)
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
        trail.validated.value,
        then="log file validation is on",
        otherwise="log file validation is off",
        bucket=shown(trail.bucket),
    )
