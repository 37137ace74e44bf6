"""What records and reports: CloudTrail, CloudWatch and its logs, SNS, Config and EventBridge."""
# ruff: noqa: D103 - the decorator names what each function answers

from __future__ import annotations

from typing import Any

from scripts.simulator.answers import (
    CREATED,
    Asked,
    Handler,
    RefusedError,
    answers,
    constant,
    days_ago,
    own_policy,
    policy,
    statement,
)
from scripts.simulator.organization import ACCOUNT, HOME, MANAGEMENT, Place, tags
from scripts.simulator.protocol import Answer, Numbered

EVENTS = (
    *("ConsoleLogin", "StopLogging", "DeleteTrail", "PutBucketPolicy", "DisableKey", "CreatePolicy", "CreateVpc"),
    *("AuthorizeSecurityGroupIngress", "CreateNetworkAcl", "CreateRoute", "DeleteInternetGateway"),
    *("AttachRolePolicy", "StopConfigurationRecorder", "AcceptHandshake"),
)
TRAIL = "audit"
TRAIL_ARN = f"arn:aws:cloudtrail:{HOME}:{ACCOUNT}:trail/{TRAIL}"
SHARED_TRAIL_ARN = f"arn:aws:cloudtrail:{HOME}:{MANAGEMENT}:trail/organization"
LOG_GROUP = "cloudtrail/audit"
LOG_GROUP_ARN = f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:{LOG_GROUP}"
TOPIC_ARN = f"arn:aws:sns:{HOME}:{ACCOUNT}:security-alerts"
BUCKET = f"audit-logs-{ACCOUNT}"
TRAIL_KEY = f"arn:aws:kms:{HOME}:{ACCOUNT}:key/{ACCOUNT[:8]}-0000-4000-8000-{ACCOUNT}"


def _trail(place: Place) -> dict[str, Any]:
    return {
        "Name": TRAIL,
        "TrailARN": TRAIL_ARN,
        "HomeRegion": HOME,
        "S3BucketName": BUCKET,
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": True,
        "IsOrganizationTrail": False,
        "LogFileValidationEnabled": place.kind != "kind-3",
        "CloudWatchLogsLogGroupArn": f"{LOG_GROUP_ARN}:*",
        "CloudWatchLogsRoleArn": f"arn:aws:iam::{ACCOUNT}:role/cloudtrail-logs",
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
    }


def _shared_trail() -> dict[str, Any]:
    return {
        "Name": "organization",
        "TrailARN": SHARED_TRAIL_ARN,
        "HomeRegion": HOME,
        "S3BucketName": f"audit-logs-{MANAGEMENT}",
        "IncludeGlobalServiceEvents": True,
        "IsMultiRegionTrail": True,
        "IsOrganizationTrail": True,
        "LogFileValidationEnabled": True,
        "HasCustomEventSelectors": False,
        "HasInsightSelectors": False,
    }


def _names(place: Place) -> set[str]:
    shared = {"organization", SHARED_TRAIL_ARN, SHARED_TRAIL_ARN.replace(MANAGEMENT, ACCOUNT)}
    return {TRAIL, TRAIL_ARN} | (shared if place.kind == "management" else set())


@answers("cloudtrail", "DescribeTrails")
def trails(place: Place, asked: Asked) -> Answer:
    if not place.is_home and asked.get("includeShadowTrails") is False:
        return {"trailList": []}
    found = [_trail(place), _shared_trail()]
    wanted = set(asked.get("trailNameList") or ())
    return {"trailList": [each for each in found if not wanted or {each["Name"], each["TrailARN"]} & wanted]}


def _of_trail(place: Place, asked: Asked, parameter: str) -> str:
    name = str(asked.get(parameter))
    if name not in _names(place):
        raise RefusedError("TrailNotFoundException", f"There is no trail {name}.")
    return TRAIL_ARN if name in {TRAIL, TRAIL_ARN} else SHARED_TRAIL_ARN


@answers("cloudtrail", "GetTrailStatus")
def trail_status(place: Place, asked: Asked) -> Answer:
    _of_trail(place, asked, "Name")
    return {
        "IsLogging": place.kind != "kind-5",
        "StartLoggingTime": CREATED,
        "LatestDeliveryTime": days_ago(0.01),
        "LatestDigestDeliveryTime": days_ago(0.02),
        "LatestCloudWatchLogsDeliveryTime": days_ago(0.005),
    }


@answers("cloudtrail", "GetEventSelectors")
def event_selectors(place: Place, asked: Asked) -> Answer:
    selector = {"Field": "eventCategory", "Equals": ["Management"]}
    selectors = [{"Name": "Management events selector", "FieldSelectors": [selector]}]
    return {"TrailARN": _of_trail(place, asked, "TrailName"), "AdvancedEventSelectors": selectors}


constant(
    "cloudtrail",
    "ListTags",
    {"ResourceTagList": [{"ResourceId": TRAIL_ARN, "TagsList": tags(owner="security")}]},
)


def _group(name: str) -> dict[str, Any]:
    arn = f"arn:aws:logs:{HOME}:{ACCOUNT}:log-group:{name}"
    return {
        "logGroupName": name,
        "arn": f"{arn}:*",
        "logGroupArn": arn,
        "creationTime": int(CREATED.timestamp() * 1000),
        "retentionInDays": 365,
        "metricFilterCount": len(EVENTS),
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
    }


@answers("logs", "DescribeLogGroups")
def log_groups(place: Place, asked: Asked) -> Answer:
    """Return the trail's group; those of a huge account sort before it, and all have its name as prefix."""
    if huge := place.huge.get("loggroups"):
        return {"logGroups": Numbered(_group(f"{LOG_GROUP}/{Numbered.FIRST}"), huge)}
    prefix = str(asked.get("logGroupNamePrefix", ""))
    return {"logGroups": [_group(LOG_GROUP)] if place.is_home and LOG_GROUP.startswith(prefix) else []}


@answers("logs", "DescribeMetricFilters")
def metric_filters(place: Place, _asked: Asked) -> Answer:
    events = EVENTS[:-1] if place.kind == "kind-2" else EVENTS
    found = [
        {
            "filterName": event,
            "filterPattern": f"{{ $.eventName = {event} }}",
            "logGroupName": LOG_GROUP,
            "creationTime": int(CREATED.timestamp() * 1000),
            "metricTransformations": [{"metricName": event, "metricNamespace": "Security", "metricValue": "1"}],
        }
        for event in events
    ]
    return {"metricFilters": found if place.is_home else []}


constant("logs", "DescribeSubscriptionFilters", {"subscriptionFilters": []})


@answers("cloudwatch", "DescribeAlarms")
def alarms(place: Place, _asked: Asked) -> Answer:
    found = [
        {
            "AlarmName": event,
            "AlarmArn": f"arn:aws:cloudwatch:{HOME}:{ACCOUNT}:alarm:{event}",
            "ActionsEnabled": True,
            "AlarmActions": [TOPIC_ARN],
            "StateValue": "OK",
            "MetricName": event,
            "Namespace": "Security",
            "Statistic": "Sum",
            "Period": 300,
            "EvaluationPeriods": 1,
            "Threshold": 1.0,
            "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        }
        for event in EVENTS
    ]
    return {"MetricAlarms": found if place.is_home else [], "CompositeAlarms": []}


@answers("sns", "ListTopics")
def topics(place: Place, _asked: Asked) -> Answer:
    return {"Topics": [{"TopicArn": TOPIC_ARN}] if place.is_home else []}


def _of_topic(answer: Handler) -> Handler:
    def checked(place: Place, asked: Asked) -> Answer:
        if asked.get("TopicArn") != TOPIC_ARN:
            raise RefusedError("NotFound", f"There is no topic {asked.get('TopicArn')}.", 404)
        return answer(place, asked)

    return checked


@answers("sns", "GetTopicAttributes")
@_of_topic
def topic_attributes(_place: Place, _asked: Asked) -> Answer:
    publishes = statement("sns:Publish", TOPIC_ARN, {"Service": "cloudwatch.amazonaws.com"})
    return {
        "Attributes": {
            "TopicArn": TOPIC_ARN,
            "Owner": ACCOUNT,
            "SubscriptionsConfirmed": "1",
            "SubscriptionsPending": "0",
            "Policy": policy(publishes),
        }
    }


@answers("sns", "ListSubscriptionsByTopic")
@_of_topic
def subscriptions(_place: Place, _asked: Asked) -> Answer:
    return {
        "Subscriptions": [
            {
                "SubscriptionArn": f"{TOPIC_ARN}:00000000-0000-4000-8000-000000000001",
                "Owner": ACCOUNT,
                "Protocol": "email",
                "Endpoint": "security@example.com",
                "TopicArn": TOPIC_ARN,
            }
        ]
    }


def _records(place: Place) -> bool:
    return place.tier != "quiet" or place.often("config", 60)


@answers("config", "DescribeConfigurationRecorders")
def recorders(place: Place, _asked: Asked) -> Answer:
    recorder = {
        "arn": place.arn("config", "configuration-recorder/default"),
        "name": "default",
        "roleARN": f"arn:aws:iam::{ACCOUNT}:role/config",
        "recordingGroup": {
            "allSupported": True,
            "includeGlobalResourceTypes": place.is_home,
            "resourceTypes": [],
            "exclusionByResourceTypes": {"resourceTypes": []},
            "recordingStrategy": {"useOnly": "ALL_SUPPORTED_RESOURCE_TYPES"},
        },
    }
    return {"ConfigurationRecorders": [recorder] if _records(place) else []}


@answers("config", "DescribeConfigurationRecorderStatus")
def recorder_status(place: Place, _asked: Asked) -> Answer:
    status = {"name": "default", "recording": True, "lastStatus": "SUCCESS"}
    return {"ConfigurationRecordersStatus": [status] if _records(place) else []}


@answers("config", "DescribeDeliveryChannels")
def delivery_channels(place: Place, _asked: Asked) -> Answer:
    return {"DeliveryChannels": [{"name": "default", "s3BucketName": BUCKET}] if _records(place) else []}


@answers("events", "ListEventBuses")
def event_buses(place: Place, _asked: Asked) -> Answer:
    arn = place.arn("events", "event-bus/default")
    bus = {"Name": "default", "Arn": arn}
    return {"EventBuses": [{**bus, "Policy": own_policy("events:PutEvents", arn)} if place.tier == "busy" else bus]}
