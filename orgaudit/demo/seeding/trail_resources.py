"""Trails, with their buckets, roles, log groups, filters, alarms and topics."""

from collections.abc import Mapping
from datetime import datetime

from moto.cloudtrail.models import Trail, cloudtrail_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends

from orgaudit.demo.accounts import DemoAccount, account_named
from orgaudit.demo.extra_state import ExtraState, LogDelivery
from orgaudit.demo.seeding.policies import add_role, document, public
from orgaudit.demo.seeding.shared_resources import add_key
from orgaudit.demo.seeding.storage import ACCESS_LOGS, add_bucket
from orgaudit.demo.trail_plans import (
    LOGGED_TRAIL_BUCKETS,
    PUBLIC_TRAIL_BUCKETS,
    TRAILS,
    Alarm,
    DeliveryRole,
    DemoTrail,
    Logs,
    Selectors,
)

_NAMESPACE = "CloudTrailMetrics"
# moto counts in naive UTC.
_STARTED = datetime(2024, 1, 15, 9, 0)  # noqa: DTZ001
_STOPPED = datetime(2025, 3, 1, 17, 30)  # noqa: DTZ001


def seed(state: ExtraState) -> None:
    """Create every trail with its dependencies, and note how it delivers."""
    for plan in TRAILS:
        _trail(plan, state)


def _trail(plan: DemoTrail, state: ExtraState) -> None:
    account = account_named(plan.account)
    log_group = _log_group_arn(plan, account) if plan.logs else ""
    made = cloudtrail_backends[account.id][plan.region].create_trail(
        name=plan.name,
        bucket_name=_bucket(account, plan.region),
        s3_key_prefix="",
        sns_topic_name="",
        is_global=plan.multi_region,
        is_multi_region=plan.multi_region,
        log_validation=plan.validated,
        is_org_trail=plan.organization,
        cw_log_group_arn=f"{log_group}:*" if log_group else "",
        cw_role_arn=_delivery_role(account, plan, plan.logs, log_group) if plan.logs else "",
        kms_key_id=add_key(account.id, plan.region, plan.name, rotates=True) if plan.encrypted else "",
        tags_list=[],
    )
    if plan.bucket_owner:
        made.bucket_name = _bucket(account_named(plan.bucket_owner), plan.region)
    _record(made, plan)
    if plan.logs:
        state.deliveries[made.arn] = LogDelivery(plan.logs.last_delivery, plan.logs.error)
        if plan.logs.group_exists:
            _fill_log_group(account, plan, plan.logs)


def _record(trail: Trail, plan: DemoTrail) -> None:
    """Set what the trail records, and start it; stop one that does not log."""
    match plan.selectors:
        case Selectors.UNSET:
            pass
        case Selectors.READ_ONLY:
            trail.put_event_selectors([{"ReadWriteType": "ReadOnly", "IncludeManagementEvents": True}], [])
        case Selectors.ADVANCED_COMPLETE:
            objects = [_OBJECT_EVENTS] if plan.records_objects else []
            trail.put_event_selectors([], [_management_events(), *objects])
        case Selectors.ADVANCED_WITHOUT_KMS:
            no_kms = {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]}
            trail.put_event_selectors([], [_management_events(no_kms)])
    trail.start_logging()
    trail.status.started = _STARTED
    if not plan.logging:
        trail.stop_logging()
        trail.status.stopped = _STOPPED
        trail.status.latest_delivery_time = int(_STOPPED.timestamp())


_OBJECT_EVENTS = {
    "Name": "Objects in all buckets",
    "FieldSelectors": [
        {"Field": "eventCategory", "Equals": ["Data"]},
        {"Field": "resources.type", "Equals": ["AWS::S3::Object"]},
    ],
}


def _management_events(*narrower: Mapping[str, object]) -> dict[str, object]:
    fields = [{"Field": "eventCategory", "Equals": ["Management"]}, *narrower]
    return {"Name": "Management events", "FieldSelectors": fields}


def _bucket(account: DemoAccount, region: str) -> str:
    """Return the account's bucket for trails, creating it at its first use."""
    name = f"meridian-cloudtrail-{account.id}"
    if name not in s3_backends[account.id]["aws"].buckets:
        bucket = add_bucket(account.id, name, region)
        if account.name in LOGGED_TRAIL_BUCKETS:
            bucket.logging = {"TargetBucket": ACCESS_LOGS, "TargetPrefix": f"{name}/"}
        if account.name in PUBLIC_TRAIL_BUCKETS:
            bucket.policy = document([public("s3:GetObject", f"{bucket.arn}/*")]).encode()
    return name


def _group_name(plan: DemoTrail) -> str:
    return f"/aws/cloudtrail/{plan.name}"


def _log_group_arn(plan: DemoTrail, account: DemoAccount) -> str:
    return f"arn:aws:logs:{plan.region}:{account.id}:log-group:{_group_name(plan)}"


def _delivery_role(account: DemoAccount, plan: DemoTrail, logs: Logs, log_group: str) -> str:
    """Create the trail's delivery role, with the plan's flaw, and return its ARN."""
    trusted = "events" if logs.role is DeliveryRole.NOT_TRUSTING_CLOUDTRAIL else "cloudtrail"
    iam = iam_backends[account.id]["aws"]
    name = f"{plan.name}-to-cloudwatch-logs"
    arn = add_role(iam, name, {"Service": f"{trusted}.amazonaws.com"})
    writes = ["logs:CreateLogStream", "logs:PutLogEvents"]
    if logs.role is DeliveryRole.MAY_NOT_WRITE:
        writes.remove("logs:PutLogEvents")
    statement = {"Effect": "Allow", "Action": writes, "Resource": f"{log_group}:log-stream:*"}
    iam.put_role_policy(name, "deliver", document([statement]))
    return arn


def _fill_log_group(account: DemoAccount, plan: DemoTrail, logs: Logs) -> None:
    backend = logs_backends[account.id][plan.region]
    group = backend.create_log_group(_group_name(plan), {})
    if logs.retention_days:
        # moto returns what it was given: a number over HTTP, although its annotation is text.
        backend.put_retention_policy(_group_name(plan), logs.retention_days)  # type: ignore[arg-type]
    if logs.forwarded_to:
        # The backend's own call refuses destinations, which moto does not have; the group takes any ARN.
        destination = f"arn:aws:logs:{plan.region}:{logs.forwarded_to}:destination:cloudtrail-intake"
        group.put_subscription_filter("forward", "", destination, "")
    if logs.alarm:
        topic = _topic(account, plan, logs.alarm)
        for name, pattern in {"trail-changes": logs.alarm.pattern, **logs.alarm.others}.items():
            _alarm(account, plan, logs.alarm, topic, name=name, pattern=pattern)


def _alarm(account: DemoAccount, plan: DemoTrail, alarm: Alarm, topic: str, *, name: str, pattern: str) -> None:
    metric = name.title().replace("-", "")
    # Stored as the service returns them; the backend's own call takes no creation time.
    logs_backends[account.id][plan.region].filters.metric_filters.append({
        "filterName": name,
        "filterPattern": pattern,
        "logGroupName": _group_name(plan),
        "metricTransformations": [{"metricName": metric, "metricNamespace": _NAMESPACE, "metricValue": "1"}],
        "creationTime": int(_STARTED.timestamp() * 1000),
    })  # fmt: skip
    cloudwatch_backends[account.id][plan.region].put_metric_alarm(
        name=name,
        namespace=_NAMESPACE,
        metric_name=metric,
        comparison_operator="GreaterThanOrEqualToThreshold",
        evaluation_periods=1,
        period=300,
        threshold=1.0,
        statistic="Sum",
        description=f"Raised by the filter {name}.",
        dimensions=[],
        alarm_actions=[topic],
        ok_actions=[],
        insufficient_data_actions=[],
        actions_enabled=alarm.actions_enabled,
        treat_missing_data="notBreaching",
    )


def _topic(account: DemoAccount, plan: DemoTrail, alarm: Alarm) -> str:
    """Create a topic with the alarm's mailbox as its only subscriber, and return its ARN."""
    owner = account_named(alarm.topic_owner) if alarm.topic_owner else account
    backend = sns_backends[owner.id][plan.region]
    topic = backend.create_topic("security-alerts")
    if owner is not account:
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "cloudwatch.amazonaws.com"},
            "Action": "sns:Publish",
            "Resource": topic.arn,
            "Condition": {"StringEquals": {"aws:SourceAccount": account.id}},
        }
        topic.policy = document([statement])
    subscription = backend.subscribe(topic.arn, alarm.mailbox, "email")
    subscription.attributes["PendingConfirmation"] = not alarm.subscription_confirmed
    return topic.arn
