"""Controls on trails: whether they log, what and where, and how their log files are protected."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.cloudtrail.recording import recorded_management
from orgaudit.analysis.kms import key_state
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.account_trails import judge_each, not_recording
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.facts.kms import Key, KeyDescription
from orgaudit.model import Disruption, Effort, Json, Observed, Severity, Verdict, failed, passed, require, shown


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Protect every trail with a service control policy that denies cloudtrail:StopLogging.",
        asset="Start trail {resource.name}, or delete it if another trail has replaced it.",
        command="aws cloudtrail start-logging --region {region} --name {resource.arn}",
        preventive="Raise an alarm on cloudtrail:StopLogging, so that a stopped trail is noticed the same day.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudtrail_trail_logging(_trail: Trail, status: Observed[TrailStatus]) -> Verdict:
    """Trails are logging.

    A stopped trail is still listed, but records no events.
    """
    seen = status.value
    stopped = f" since {seen.stopped_at:%Y-%m-%d}" if seen.stopped_at else ""
    return require(
        seen.logging,
        then="the trail is logging",
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
        asset="Create a multi-region trail in account {account} that records read and write management events.",
        command="aws cloudtrail create-trail --name account-trail --s3-bucket-name BUCKET --is-multi-region-trail",
        preventive="Cover new accounts with the organization trail, and deny "
        "cloudtrail:StopLogging and cloudtrail:PutEventSelectors with a service control policy.",
        effort=Effort.M,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudtrail_trail_multi_region_management_events(account: AccountFacts, organization: Organization) -> Verdict:
    """A multi-region trail records all management events.

    Without one, activity in unused regions or through actions that are not recorded leaves no audit record. An
    organization trail of the management account counts for every account that it covers.
    """

    def judge(trail: Trail, owner: AccountFacts) -> Verdict:
        evidence: dict[str, Json] = {
            "trail": trail.arn,
            "home_region": trail.region,
            "of_organization": shown(trail.organization),
        }
        if reason := not_recording(trail, account, owner):
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
        service_wide="Encrypt the organization trail with one key, in the log archive account.",
        asset="Encrypt the log files of trail {resource.name} with a customer managed key that CloudTrail may use.",
        command="aws cloudtrail update-trail --region {region} --name {resource.arn} --kms-key-id KEY_ARN",
        preventive="Create trails only from a template that names the key, and deny cloudtrail:UpdateTrail to others.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudtrail_trail_kms_encrypted(trail: Trail, organization: Organization) -> Verdict:
    """Log files of trails are encrypted with a KMS key.

    Reading the logs then needs permission for the bucket and for the key, and each use of the key is recorded. The
    state of the key is shown for information.
    """
    if trail.key_id is None:
        return failed("the log files are encrypted with the bucket's default encryption only", kms_key=None)
    state = key_state(organization, trail.key_id)
    known = f", which is in state {state}" if state else ""
    return passed(f"the log files are encrypted with {trail.key_id}{known}", kms_key=trail.key_id, key_state=state)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Enable log file validation for the organization trail; it covers the files of every account.",
        asset="Enable log file validation for trail {resource.name}.",
        command="aws cloudtrail update-trail --region {region} --name {resource.arn} --enable-log-file-validation",
        preventive="Create trails only from a template that enables validation, and validate the digests regularly.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudtrail_trail_log_validation_enabled(trail: Trail) -> Verdict:
    """Trails have log file validation enabled.

    Only the signed digests prove that no log file was changed or deleted after its delivery.
    """
    return require(
        trail.validated.value,
        then="log file validation is enabled",
        otherwise="log file validation is not enabled",
        bucket=shown(trail.bucket),
    )
