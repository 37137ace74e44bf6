"""Creates trails in the moto of this process, with their buckets, roles, log groups, filters, alarms and topics."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from moto.cloudtrail.models import Trail, cloudtrail_backends
from moto.cloudwatch.models import cloudwatch_backends
from moto.iam.models import iam_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends

from orgaudit.demo.estate.resources import add_key
from orgaudit.demo.estate.storage import ACCESS_LOGS, add_bucket
from orgaudit.demo.organization import (
    LOGGED_TRAIL_BUCKETS,
    OPEN_TRAIL_BUCKETS,
    Alarm,
    DeliveryRole,
    DemoAccount,
    DemoTrail,
    Logs,
    Selectors,
    account_named,
)
from orgaudit.demo.roles import add_role, document
from orgaudit.demo.world import LogDelivery, World

_NAMESPACE = "CloudTrailMetrics"
_METRIC = "TrailChanges"
# moto counts in naive UTC.
_STARTED = datetime(2024, 1, 15, 9, 0)  # noqa: DTZ001
_STOPPED = datetime(2025, 3, 1, 17, 30)  # noqa: DTZ001


def seed_trail(plan: DemoTrail, world: World) -> None:
    """Create the trail in its account with everything that hangs on it, and note in the world how it delivers."""
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
        world.deliveries[made.arn] = LogDelivery(plan.logs.last_delivery, plan.logs.error)
        if plan.logs.group_exists:
            _fill_log_group(account, plan, plan.logs)


def _record(trail: Trail, plan: DemoTrail) -> None:
    """Say what the trail records, and start it; one that does not log was stopped."""
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
    """The account's bucket for trails, created when first asked for."""
    name = f"meridian-cloudtrail-{account.id}"
    if name not in s3_backends[account.id]["aws"].buckets:
        bucket = add_bucket(account.id, name, region)
        if account.name in LOGGED_TRAIL_BUCKETS:
            bucket.logging = {"TargetBucket": ACCESS_LOGS, "TargetPrefix": f"{name}/"}
        if account.name in OPEN_TRAIL_BUCKETS:
            bucket.policy = document([
                {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"{bucket.arn}/*"},
            ]).encode()  # fmt: skip
    return name


def _group_name(plan: DemoTrail) -> str:
    return f"/aws/cloudtrail/{plan.name}"


def _log_group_arn(plan: DemoTrail, account: DemoAccount) -> str:
    return f"arn:aws:logs:{plan.region}:{account.id}:log-group:{_group_name(plan)}"


def _delivery_role(account: DemoAccount, plan: DemoTrail, logs: Logs, log_group: str) -> str:
    """The ARN of the trail's delivery role, sound or with the flaw that the plan asks for."""
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
        # moto answers what it was given: a number over HTTP, whatever its annotation says.
        backend.put_retention_policy(_group_name(plan), logs.retention_days)  # type: ignore[arg-type]
    if logs.forwarded_to:
        # The backend's own call refuses destinations, which moto does not know; the group takes any ARN.
        destination = f"arn:aws:logs:{plan.region}:{logs.forwarded_to}:destination:cloudtrail-intake"
        group.put_subscription_filter("forward", "", destination, "")
    if logs.alarm:
        topic = _topic(account, plan, logs.alarm)
        _alarm(account, plan, logs.alarm, _Metric("trail-changes", _METRIC, logs.alarm.pattern), topic)
        for name, pattern in logs.alarm.others.items():
            metric = _Metric(name, name.title().replace("-", ""), pattern)
            _alarm(account, plan, logs.alarm, metric, topic)


class _Metric(NamedTuple):
    """A filter's name, the metric that it counts in, and what it looks for."""

    filter: str
    name: str
    pattern: str


def _alarm(account: DemoAccount, plan: DemoTrail, alarm: Alarm, metric: _Metric, topic: str) -> None:
    transformation = {"metricName": metric.name, "metricNamespace": _NAMESPACE, "metricValue": "1"}
    # Stored as the service returns them; the backend's own call takes no creation time.
    logs_backends[account.id][plan.region].filters.metric_filters.append({
        "filterName": metric.filter,
        "filterPattern": metric.pattern,
        "logGroupName": _group_name(plan),
        "metricTransformations": [transformation],
        "creationTime": int(_STARTED.timestamp() * 1000),
    })  # fmt: skip
    cloudwatch_backends[account.id][plan.region].put_metric_alarm(
        name=metric.filter,
        namespace=_NAMESPACE,
        metric_name=metric.name,
        comparison_operator="GreaterThanOrEqualToThreshold",
        evaluation_periods=1,
        period=300,
        threshold=1.0,
        statistic="Sum",
        description=f"Raised by the filter {metric.filter}.",
        dimensions=[],
        alarm_actions=[topic],
        ok_actions=[],
        insufficient_data_actions=[],
        actions_enabled=alarm.actions_enabled,
        treat_missing_data="notBreaching",
    )


def _topic(account: DemoAccount, plan: DemoTrail, alarm: Alarm) -> str:
    """The ARN of a topic with the alarm's mailbox as its only subscriber."""
    owner = account_named(alarm.topic_owner) if alarm.topic_owner else account
    backend = sns_backends[owner.id][plan.region]
    topic = backend.create_topic("security-alerts")
    if owner is not account:
        topic.policy = document([
            {
                "Effect": "Allow",
                "Principal": {"Service": "cloudwatch.amazonaws.com"},
                "Action": "sns:Publish",
                "Resource": topic.arn,
                "Condition": {"StringEquals": {"aws:SourceAccount": account.id}},
            },
        ])  # fmt: skip
    subscription = backend.subscribe(topic.arn, alarm.mailbox, "email")
    subscription.attributes["PendingConfirmation"] = not alarm.subscription_confirmed
    return topic.arn
