"""What the CloudTrail collectors make of answers: literal ones, and those of the emulated organization."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orgaudit.analysis.cloudtrail.log_delivery import trusts_cloudtrail, writes_to
from orgaudit.analysis.cloudtrail.notifications import WORKS, Notification
from orgaudit.analysis.cloudtrail.recording import recorded_management
from orgaudit.aws.access import Access
from orgaudit.demo import Demo, DemoAccount
from orgaudit.demo.accounts import OPT_IN_REGION as OPT_IN
from orgaudit.demo.accounts import OUTSIDE_ACCOUNT_ID
from orgaudit.demo.accounts import REGIONS_BY_DEFAULT as DEMO_REGIONS
from orgaudit.demo.trail_plans import ROLE_REFUSED
from orgaudit.facts.cloudtrail.alarms import (
    Addition,
    Metric,
    MetricFilter,
    trail_alarms,
    trail_filters,
)
from orgaudit.facts.cloudtrail.log_groups import trail_log_group, trail_role, trail_subscriptions
from orgaudit.facts.cloudtrail.topics import AlarmTopic, TopicKey, trail_topics
from orgaudit.facts.cloudtrail.trails import Trail, trail_selectors, trail_status, trails
from orgaudit.facts.declare import Collector, closure
from orgaudit.facts.resource_policies import document_of
from orgaudit.languages.alarm import AlarmSettings
from orgaudit.languages.event_selector import AdvancedSelector
from orgaudit.languages.iam_policy import Outcome
from orgaudit.model import Gap, GapReason, NotSeenError, Seen
from orgaudit.settings.limits import load_limits
from orgaudit.settings.sections import AccessSettings, RunSettings
from tests.emulated import leading_to
from tests.factories import (
    HOME,
    LETS_CLOUDWATCH_IN,
    MANAGEMENT,
    MEMBER,
    METRIC,
    NOW,
    OUTSIDER,
    SECURITY,
    a_composite,
    a_filter,
    a_log_group,
    a_topic,
    a_topic_key,
    a_trail,
    advanced,
    alarms_of,
    an_alarm,
    basic,
    field,
    filters_of,
    seen_all,
    statement,
    topic_arn,
    trust,
)
from tests.literal_aws import Answers, LiteralAws, Refused, World

TRAIL = a_trail()
BARE = a_trail(log_group=None)
ELSEWHERE = a_trail(log_group_account=SECURITY)
GROUP, FILTERS = a_log_group(TRAIL), filters_of(TRAIL, a_filter())


def aws(here: Answers, **others: Answers) -> LiteralAws:
    """The member's account; `others` are accounts by `_` and their id."""
    accounts = {name.removeprefix("_"): answers for name, answers in others.items()}
    return LiteralAws(World({MEMBER: here} | accounts), MEMBER, HOME)


async def listed(at: LiteralAws) -> list[Trail]:
    return [trail async for trail in trails(at)]


# Trails

SMALLEST: dict[str, Any] = {
    "TrailARN": f"arn:aws:cloudtrail:us-east-1:{MANAGEMENT}:trail/org",
    "HomeRegion": "us-east-1",
    "IsMultiRegionTrail": True,
    "IsOrganizationTrail": False,
    "LogFileValidationEnabled": False,
    "S3BucketName": "files",
}
LARGEST = SMALLEST | {
    "Name": "org",
    "IsOrganizationTrail": True,
    "CloudWatchLogsLogGroupArn": f"arn:aws:logs:us-east-1:{SECURITY}:log-group:org:*",
    "CloudWatchLogsRoleArn": f"arn:aws:iam::{SECURITY}:role/service/delivers",
    "S3BucketName": "archive",
    "KmsKeyId": f"arn:aws:kms:us-east-1:{SECURITY}:key/1",
    "LogFileValidationEnabled": True,
}


async def test_trail_belongs_to_the_account_and_region_of_its_arn() -> None:
    (trail,) = await listed(aws({("cloudtrail", "DescribeTrails"): {"trailList": [SMALLEST]}}))
    values = {"multi_region": True, "organization": False, "validated": False, "bucket": "files"}
    assert trail == seen_all(Trail, arn=SMALLEST["TrailARN"], account_id=MANAGEMENT, region="us-east-1", **values)


async def test_trail_with_everything() -> None:
    at = aws({("cloudtrail", "DescribeTrails"): {"trailList": [LARGEST, LARGEST]}})
    trail, again = await listed(at)
    assert trail == again
    assert trail.organization.value
    assert trail.validated.value
    assert (trail.log_group_arn, trail.role_arn, trail.bucket, trail.key_id) == (
        LARGEST["CloudWatchLogsLogGroupArn"],
        LARGEST["CloudWatchLogsRoleArn"],
        Seen("archive"),
        LARGEST["KmsKeyId"],
    )
    assert at.world.calls[0].parameters == {"includeShadowTrails": True}


async def test_no_trails() -> None:
    assert await listed(aws({("cloudtrail", "DescribeTrails"): {"trailList": []}})) == []


async def test_status_of_a_trail_that_never_logged() -> None:
    at = aws({("cloudtrail", "GetTrailStatus"): {"IsLogging": False, "LatestDeliveryError": ""}})
    status = await trail_status(at, TRAIL)
    assert (status.logging, status.delivery_error, status.delivered_at, status.logs_delivered_at) == (
        False,
        None,
        None,
        None,
    )
    assert at.world.calls[0].parameters == {"Name": TRAIL.arn}


async def test_status_keeps_the_two_deliveries_apart() -> None:
    answer = {
        "IsLogging": True,
        "StopLoggingTime": NOW,
        "LatestDeliveryTime": NOW - timedelta(hours=1),
        "LatestDeliveryError": "NoSuchBucket",
        "LatestCloudWatchLogsDeliveryTime": NOW - timedelta(hours=2),
        "LatestCloudWatchLogsDeliveryError": "refused",
    }
    status = await trail_status(aws({("cloudtrail", "GetTrailStatus"): answer}), TRAIL)
    assert status.stopped_at == NOW
    assert (status.delivered_at, status.delivery_error) == (NOW - timedelta(hours=1), "NoSuchBucket")
    assert (status.logs_delivered_at, status.logs_delivery_error) == (NOW - timedelta(hours=2), "refused")


def selected(**selectors: Any) -> dict[tuple[str, str], Any]:
    return {("cloudtrail", "GetEventSelectors"): {"TrailARN": TRAIL.arn, **selectors}}


async def test_empty_answer_is_no_trail_without_selectors() -> None:
    with pytest.raises(KeyError):
        await trail_selectors(aws({("cloudtrail", "GetEventSelectors"): {}}), TRAIL)


async def test_basic_selectors() -> None:
    full = {"ReadWriteType": "ReadOnly", "IncludeManagementEvents": False, "ExcludeManagementEventSources": ["kms"]}
    found = await trail_selectors(aws(selected(EventSelectors=[{}, full])), TRAIL)
    assert found.basic == (basic(), basic("ReadOnly", management=False, excluding=["kms"]))
    assert found.advanced == ()


async def test_advanced_selectors() -> None:
    fields = [
        {"Field": "eventCategory", "Equals": ["Management"]},
        {"Field": "eventSource", "NotEquals": ["kms.amazonaws.com"]},
        {"Field": "eventName", "StartsWith": ["Get"], "EndsWith": ["Object"], "Equals": []},
        {"Field": "readOnly", "Equals": ["true"], "NotStartsWith": []},
    ]
    both = [{"Name": "Mine", "FieldSelectors": fields}, {"FieldSelectors": fields[:1]}]
    found = await trail_selectors(aws(selected(AdvancedEventSelectors=both)), TRAIL)
    assert found.basic == ()
    assert found.advanced == (
        AdvancedSelector(
            "Mine",
            (
                field("eventCategory", "Management"),
                field("eventSource", not_equals=("kms.amazonaws.com",)),
                field("eventName", starts_with=("Get",), other=True),
                field("readOnly", "true"),
            ),
        ),
        advanced(field("eventCategory", "Management")),
    )


# Log group and subscriptions


def groups(*pages: list[dict[str, Any]]) -> Answers:
    return {("logs", "DescribeLogGroups"): [{"logGroups": page} for page in pages]}


LONGER = {"logGroupName": "trail-events-old", "retentionInDays": 1}


async def test_log_group_is_found_by_its_whole_name_on_any_page() -> None:
    at = aws(groups([LONGER], [{"logGroupName": "trail-events", "retentionInDays": 90}]))
    assert await trail_log_group(at, TRAIL) == a_log_group(TRAIL, retention_days=90)
    assert at.world.calls[0].parameters == {"logGroupNamePrefix": "trail-events"}


async def test_log_group_that_keeps_for_ever() -> None:
    assert await trail_log_group(aws(groups([{"logGroupName": "trail-events"}])), TRAIL) == a_log_group(TRAIL)


@pytest.mark.parametrize("pages", [[[]], [[LONGER]], [[LONGER], []]])
async def test_log_group_that_is_gone(pages: list[list[dict[str, Any]]]) -> None:
    assert await trail_log_group(aws(groups(*pages)), TRAIL) == a_log_group(TRAIL, exists=False)


async def test_log_group_of_another_account_is_read_there() -> None:
    at = aws({}, **{f"_{SECURITY}": groups([{"logGroupName": "trail-events"}])})
    found = await trail_log_group(at, ELSEWHERE)
    assert (found.account_id, found.exists) == (SECURITY, True)
    assert [(call.account_id, call.region) for call in at.world.calls] == [(SECURITY, HOME)]


async def test_log_group_outside_the_organization_is_not_seen() -> None:
    with pytest.raises(NotSeenError) as error:
        await trail_log_group(aws({}), a_trail(log_group_account=OUTSIDER))
    assert error.value.gap.reason is GapReason.ACCOUNT_UNAVAILABLE


async def test_subscriptions_of_all_pages() -> None:
    arn = f"arn:aws:logs:{HOME}:{OUTSIDER}:destination:intake"
    pages = [{"subscriptionFilters": [{"filterName": name, "destinationArn": arn}]} for name in ("one", "two")]
    found = await trail_subscriptions(aws({("logs", "DescribeSubscriptionFilters"): pages}), TRAIL, GROUP)
    assert [(one.name, one.destination_account) for one in found.subscriptions] == [
        ("one", OUTSIDER),
        ("two", OUTSIDER),
    ]


async def test_without_a_log_group_nothing_is_asked() -> None:
    at = aws({})
    nothing, gone = a_log_group(BARE), a_log_group(TRAIL, exists=False)
    assert (await trail_log_group(at, BARE)).name is None
    assert (await trail_subscriptions(at, BARE, nothing)).subscriptions == ()
    assert (await trail_subscriptions(at, TRAIL, gone)).subscriptions == ()
    assert (await trail_filters(at, BARE, nothing)).filters == ()
    assert (await trail_filters(at, TRAIL, gone)).filters == ()
    assert (await trail_alarms(at, BARE, filters_of(BARE))).alarms == ()
    assert (await trail_alarms(at, TRAIL, filters_of(TRAIL, a_filter(metrics=())))).alarms == ()
    assert (await trail_topics(at, BARE, alarms_of(BARE))).topics == {}
    assert (await trail_role(at, BARE)).role_arn is None
    assert at.world.calls == []


# The role

MANAGED = f"arn:aws:iam::{MEMBER}:policy/delivers"
EDGE = f"arn:aws:iam::{MEMBER}:policy/edge"
ROLE = {
    "Path": "/",
    "RoleName": "main-delivers",
    "RoleId": "AROA1",
    "Arn": str(TRAIL.role_arn),
    "CreateDate": NOW,
    "AssumeRolePolicyDocument": trust(),
}
DOCUMENTS = {arn: statement(f"logs:{arn[-1]}", Resource="*") for arn in (MANAGED, EDGE)}


def get_inline(RoleName: str, PolicyName: str) -> dict[str, Any]:  # noqa: N803 - the API's own names
    return {"RoleName": RoleName, "PolicyName": PolicyName, "PolicyDocument": statement(PolicyName, Resource="*")}


def get_version(PolicyArn: str, VersionId: str) -> dict[str, Any]:  # noqa: N803 - the API's own names
    return {"PolicyVersion": {"VersionId": VersionId, "Document": DOCUMENTS[PolicyArn]}}


IAM: dict[tuple[str, str], Any] = {
    ("iam", "GetRole"): {"Role": ROLE},
    ("iam", "ListRolePolicies"): [{"PolicyNames": ["a:One"]}, {"PolicyNames": ["b:Two"]}],
    ("iam", "GetRolePolicy"): get_inline,
    ("iam", "ListAttachedRolePolicies"): [{"AttachedPolicies": []}, {"AttachedPolicies": [{"PolicyArn": MANAGED}]}],
    ("iam", "GetPolicy"): {"Policy": {"DefaultVersionId": "v7"}},
    ("iam", "GetPolicyVersion"): get_version,
}


async def test_role_with_every_policy() -> None:
    at = aws(IAM)
    found = await trail_role(at, TRAIL)
    assert (found.exists, found.trust, found.boundary) == (True, trust(), None)
    assert found.permissions == (
        statement("a:One", Resource="*"),
        statement("b:Two", Resource="*"),
        DOCUMENTS[MANAGED],
    )
    assert [call.parameters["VersionId"] for call in at.world.asked("GetPolicyVersion")] == ["v7"]


async def test_role_with_a_boundary() -> None:
    bounded = ROLE | {"PermissionsBoundary": {"PermissionsBoundaryArn": EDGE}}
    found = await trail_role(aws(IAM | {("iam", "GetRole"): {"Role": bounded}}), TRAIL)
    assert found.boundary == DOCUMENTS[EDGE]


async def test_role_that_is_gone() -> None:
    found = await trail_role(aws({("iam", "GetRole"): Refused("NoSuchEntity")}), TRAIL)
    assert (found.role_arn, found.exists) == (TRAIL.role_arn, False)


async def test_role_with_a_path_in_another_account() -> None:
    trail = a_trail(role_arn=f"arn:aws:iam::{SECURITY}:role/service/main-delivers")
    at = aws({}, **{f"_{SECURITY}": IAM})
    assert (await trail_role(at, trail)).exists
    assert at.world.asked("GetRole")[0].parameters == {"RoleName": "main-delivers"}


# Metric filters


def transformed(value: str = "1", name: str = METRIC.name, namespace: str = METRIC.namespace) -> dict[str, str]:
    return {"metricName": name, "metricNamespace": namespace, "metricValue": value}


async def filters_in(*pages: list[dict[str, Any]]) -> tuple[MetricFilter, ...]:
    at = aws({("logs", "DescribeMetricFilters"): [{"metricFilters": page} for page in pages]})
    found = await trail_filters(at, TRAIL, GROUP)
    assert at.world.calls[0].parameters == {"logGroupName": "trail-events"}
    return found.filters


def described(name: str = "one", *transformations: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"filterName": name, "filterPattern": "{ $.a = 1 }", "metricTransformations": [*transformations], **more}


async def test_filters_of_all_pages() -> None:
    found = await filters_in([described("one", transformed())], [described("two", transformed())])
    assert found == (a_filter("one", "{ $.a = 1 }"), a_filter("two", "{ $.a = 1 }"))


@pytest.mark.parametrize(
    ("value", "adds", "field"),
    [("1", 1, None), ("0", 0, None), ("0.5", 0.5, None), ("-2", -2, None), ("5", 5, None), ("$.size", None, "$.size")],
)
async def test_what_a_filter_adds_for_each_event(value: str, adds: float | None, field: str | None) -> None:
    (found,) = await filters_in([described("one", transformed(value))])
    assert found.adds == (Addition(METRIC, adds, field),)


async def test_default_value_and_unit_of_a_filter() -> None:
    more: dict[str, Any] = {"defaultValue": 0.0, "unit": "Count"}
    (found,) = await filters_in([described("one", transformed() | more)])
    assert found.adds == (Addition(METRIC, 1, default=0, unit="Count"),)
    (bare,) = await filters_in([described("one", transformed())])
    assert bare.adds == (Addition(METRIC, 1, default=None, unit="None"),)


async def test_every_transformation_counts_by_namespace_and_name() -> None:
    (found,) = await filters_in([described("one", transformed(namespace="Other"), transformed())])
    assert found.metrics == (Metric("Other", METRIC.name), METRIC)


async def test_metric_that_is_split_by_dimensions_does_not_count() -> None:
    split: dict[str, Any] = transformed() | {"dimensions": {"Who": "$.userIdentity.arn"}}
    (found,) = await filters_in([described("one", split, transformed(namespace="Other"))])
    assert found.metrics == (Metric("Other", METRIC.name),)
    (everywhere,) = await filters_in([described("one", transformed(), emitSystemFieldDimensions=["@aws.account"])])
    assert everywhere.metrics == ()


@pytest.mark.parametrize(
    ("more", "narrowed"),
    [
        ({}, False),
        ({"fieldSelectionCriteria": ""}, False),
        ({"applyOnTransformedLogs": False}, False),
        ({"fieldSelectionCriteria": '@aws.region = "us-east-1"'}, True),
        ({"applyOnTransformedLogs": True}, True),
    ],
)
async def test_what_narrows_a_filter_beside_its_pattern(more: dict[str, Any], narrowed: bool) -> None:
    (found,) = await filters_in([described("one", transformed(), **more)])
    assert (found.narrowed_by is not None) == narrowed


# Alarms


def alarm_answer(name: str = "plain", **changes: Any) -> dict[str, Any]:
    return {
        "AlarmName": name,
        "AlarmArn": f"arn:aws:cloudwatch:{HOME}:{MEMBER}:alarm:{name}",
        "ActionsEnabled": True,
        "AlarmActions": [topic_arn()],
        "Namespace": METRIC.namespace,
        "MetricName": METRIC.name,
        "Statistic": "Sum",
        "Period": 300,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    } | changes


def composite(rule: str, name: str = "all", **changes: Any) -> dict[str, Any]:
    arn = f"arn:aws:cloudwatch:{HOME}:{MEMBER}:alarm:{name}"
    return {"AlarmName": name, "AlarmArn": arn, "AlarmRule": rule, "AlarmActions": [topic_arn("all")]} | changes


async def alarms_in(*plain: dict[str, Any], composites: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    """What is kept of these alarms, by name."""
    pages = [{"MetricAlarms": [one]} for one in plain] + [{"CompositeAlarms": [one]} for one in composites]
    found = await trail_alarms(aws({("cloudwatch", "DescribeAlarms"): pages[::-1]}), TRAIL, FILTERS)
    return {one.name: one for one in (*found.alarms, *found.composites)}


@pytest.mark.parametrize(
    ("changes", "limit"),
    [
        ({}, {}),
        ({"Threshold": 2.0}, {"threshold": 2}),
        ({"ComparisonOperator": "LessThanThreshold"}, {"operator": "LessThanThreshold"}),
        ({"Statistic": "Average", "Period": 60}, {"statistic": "Average", "period": 60}),
        ({"Unit": "Count"}, {"unit": "Count"}),
        ({"EvaluationPeriods": 3}, {"periods": 3}),
        ({"EvaluationPeriods": 3, "DatapointsToAlarm": 2}, {"periods": 3, "datapoints": 2}),
        ({"TreatMissingData": "notBreaching"}, {"missing": "notBreaching"}),
        ({"EvaluateLowSampleCountPercentile": "ignore"}, {"few_samples_ignored": True}),
    ],
)
async def test_what_an_alarm_compares(changes: dict[str, Any], limit: dict[str, Any]) -> None:
    found = await alarms_in(alarm_answer(**changes), alone("alone", **changes))
    assert found["plain"].limit == found["alone"].limit == AlarmSettings(**limit)


async def test_percentile_of_a_metric() -> None:
    answer = alarm_answer(ExtendedStatistic="p99")
    del answer["Statistic"]
    assert (await alarms_in(answer))["plain"].limit.statistic == "p99"


async def test_alarm_that_states_no_threshold() -> None:
    answer = alarm_answer()
    del answer["Threshold"]
    found = (await alarms_in(answer))["plain"]
    assert (found.limit, found.metrics) == (None, (METRIC,))
    assert "states no threshold" in found.unclear


# Alarms on a list of queries

MOVED = {"Statistic": "Stat", "Period": "Period", "Unit": "Unit"}


def queried(name: str, *queries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """An alarm with queries in place of a metric of its own."""
    own = {"Namespace", "MetricName", *MOVED}
    return {key: value for key, value in alarm_answer(name, **changes).items() if key not in own} | {
        "Metrics": [*queries]
    }


def stat(metric: Metric = METRIC, *, returns: bool = True, account: str = "", **changes: Any) -> dict[str, Any]:
    described = {"Namespace": metric.namespace, "MetricName": metric.name, **changes}
    found = {"Metric": described, "Period": 300, "Stat": "Sum"}
    return {"Id": f"m{metric.name}", "MetricStat": found, "ReturnData": returns} | (
        {"AccountId": account} if account else {}
    )


def alone(name: str, **changes: Any) -> dict[str, Any]:
    """An alarm whose only query is one metric."""
    query = stat()
    query["MetricStat"] |= {MOVED[key]: value for key, value in changes.items() if key in MOVED}
    return queried(name, query, **changes)


SUM = {"Id": "e1", "Expression": "SUM(METRICS())", "ReturnData": True}
BAND = {"Id": "ad1", "Expression": "ANOMALY_DETECTION_BAND(m0, 2)", "ReturnData": True}
STRANGE = Metric("Other", "Other")


@pytest.mark.parametrize(
    ("queries", "judged"),
    [
        ([stat()], True),
        ([stat(account=MEMBER)], True),
        ([stat(account=OUTSIDER)], None),
        ([stat(Dimensions=[{"Name": "Who", "Value": "root"}])], None),
        ([stat(), stat(STRANGE, returns=False)], True),
        ([stat(returns=False), stat(STRANGE)], None),
        ([stat(), stat(STRANGE)], False),
        ([stat(returns=False), SUM], False),
        ([stat(returns=False, account=OUTSIDER), SUM], None),
        ([stat(STRANGE, returns=False), SUM], None),
        ([{"Id": "q", "Expression": "SELECT SUM(TrailChanges) FROM Security"}], False),
        ([{"Id": "q", "Expression": 'SELECT SUM(Other) FROM "Other"'}], None),
    ],
)
async def test_alarm_on_queries(queries: list[dict[str, Any]], judged: bool | None) -> None:
    """The one query that returns data is judged where it is a metric; None: the alarm does not look at ours."""
    found = (await alarms_in(queried("one", *queries))).get("one")
    assert (found is None) == (judged is None)
    assert found is None or (found.limit is not None) == judged
    assert found is None or (found.unclear == "") == judged


async def test_omitted_return_data_is_true() -> None:
    query = stat()
    del query["ReturnData"]
    assert (await alarms_in(queried("one", query)))["one"].limit == AlarmSettings()


async def test_anomaly_detection_band_is_for_a_person() -> None:
    answer = queried("band", stat(), BAND, ThresholdMetricId="ad1", ComparisonOperator="GreaterThanUpperThreshold")
    del answer["Threshold"]
    found = (await alarms_in(answer))["band"]
    assert found.limit is None
    assert found.unclear.startswith("compares an anomaly detection band, ANOMALY_DETECTION_BAND(m0, 2)")


async def test_metric_math_is_for_a_person() -> None:
    found = (await alarms_in(queried("math", stat(STRANGE, returns=False), stat(returns=False), SUM)))["math"]
    assert (found.metrics, found.limit) == ((STRANGE, METRIC), None)
    assert found.unclear.startswith("compares a metric math expression, SUM(METRICS())")


async def test_alarm_on_a_namesake_in_another_namespace_is_left_out() -> None:
    assert await alarms_in(alarm_answer(Namespace="Other"), alarm_answer("b", MetricName="Other")) == {}


async def test_alarm_on_one_dimension_of_the_metric_is_left_out() -> None:
    dimensions = [{"Name": "Who", "Value": "root"}]
    assert await alarms_in(alarm_answer(Dimensions=dimensions)) == {}
    assert len(await alarms_in(alarm_answer(Dimensions=[]))) == 1
    assert await alarms_in(queried("math", stat(returns=False, Dimensions=dimensions), SUM)) == {}


async def test_alarm_that_is_switched_off() -> None:
    found = (await alarms_in(alarm_answer(ActionsEnabled=False)))["plain"]
    assert not found.actions_enabled
    assert found.topics == (topic_arn(),)


async def test_composite_alarms_are_kept_with_what_they_depend_on() -> None:
    rules = {
        "direct": 'ALARM("plain")',
        "outer": f"ALARM(arn:aws:cloudwatch:{HOME}:{MEMBER}:alarm:direct) AND NOT ALARM(night)",
        "night": "ALARM(dusk)",
        "unread": "SOMETHING_NEW(plain)",
        "strange": "ALARM(other)",
    }
    found = await alarms_in(alarm_answer(), composites=tuple(composite(rule, name) for name, rule in rules.items()))
    assert set(found) == {"plain", "direct", "outer", "night", "unread"}
    assert found["outer"].rule == rules["outer"]
    assert found["outer"].topics == (topic_arn("all"),)


async def test_what_suppresses_a_composite_alarm_is_kept() -> None:
    suppressor = f"arn:aws:cloudwatch:{HOME}:{MEMBER}:alarm:maintenance"
    both = composite("ALARM(plain)", ActionsSuppressor=suppressor), composite("ALARM(other)", "maintenance")
    found = await alarms_in(alarm_answer(), composites=both)
    assert found["all"].suppressor == "maintenance"
    assert found["maintenance"].rule == "ALARM(other)"


async def test_composite_alarm_has_switch_and_actions_of_its_own() -> None:
    muted = composite('ALARM("plain")', ActionsEnabled=False, AlarmActions=[])
    found = (await alarms_in(alarm_answer(), composites=(muted,)))["all"]
    assert (found.actions_enabled, found.actions) == (False, ())


async def test_alarms_are_read_once_for_all_trails_of_a_region() -> None:
    at = aws({("cloudwatch", "DescribeAlarms"): {"MetricAlarms": [alarm_answer()]}})
    for trail in (TRAIL, a_trail("second")):
        assert len((await trail_alarms(at, trail, FILTERS)).alarms) == 1
    assert len(at.world.calls) == 1


async def test_alarms_are_read_where_the_log_group_is() -> None:
    there: Answers = {("cloudwatch", "DescribeAlarms"): {"MetricAlarms": [alarm_answer()]}}
    at = aws({}, **{f"_{SECURITY}": there})
    assert len((await trail_alarms(at, ELSEWHERE, FILTERS)).alarms) == 1


# Topics

CONFIRMED = f"{topic_arn()}:0a1b2c3d"


def subscribers(*arns: str, more: str = "") -> dict[str, Any]:
    return {"Subscriptions": [{"SubscriptionArn": arn} for arn in arns]} | ({"NextToken": more} if more else {})


POLICY = document_of(json.dumps(statement("sns:Publish", **LETS_CLOUDWATCH_IN)))


def attributes(**more: str) -> dict[str, Any]:
    return {"Attributes": {"TopicArn": topic_arn(), "Policy": json.dumps(POLICY), **more}}


async def topic_in(*answers: Any, key: str = "", **others: Answers) -> AlarmTopic:
    """What is read of a topic with these subscriptions, encrypted with a key or not; `others` answer for accounts."""
    here: dict[tuple[str, str], Any] = {
        ("sns", "ListSubscriptionsByTopic"): [*answers] or subscribers(CONFIRMED),
        ("sns", "GetTopicAttributes"): attributes(**({"KmsMasterKeyId": key} if key else {})),
    }
    at = aws(here | dict(others.pop("here", {})), **others)
    seen = (await trail_topics(at, TRAIL, alarms_of(TRAIL, an_alarm()))).topics[topic_arn()]
    assert isinstance(seen, Seen)
    return seen.value


@pytest.mark.parametrize(
    ("answers", "topic"),
    [
        ([subscribers()], (True, 0, 0)),
        ([subscribers(CONFIRMED)], (True, 1, 0)),
        ([subscribers("PendingConfirmation")], (True, 0, 1)),
        ([subscribers("Deleted")], (True, 0, 1)),
        ([subscribers("PendingConfirmation", CONFIRMED)], (True, 1, 1)),
        ([subscribers("PendingConfirmation", more="2"), subscribers(CONFIRMED)], (True, 1, 1)),
        ([subscribers("PendingConfirmation", more="2"), subscribers("PendingConfirmation")], (True, 0, 2)),
        ([subscribers(more="2"), subscribers(more="3"), subscribers(CONFIRMED)], (True, 1, 0)),
        ([subscribers(CONFIRMED, more="never asked for")], (True, 1, 0)),
        ([Refused("NotFound")], (False, 0, 0)),
        ([Refused("NotFoundException")], (False, 0, 0)),
        ([subscribers(more="2"), Refused("NotFound")], (False, 0, 0)),
    ],
)
async def test_subscriptions_of_a_topic(answers: list[Any], topic: tuple[bool, int, int]) -> None:
    found = await topic_in(*answers)
    assert (found.exists, found.confirmed, found.pending) == topic


async def test_policy_of_a_topic() -> None:
    found = await topic_in()
    assert (found.policy, found.key) == (Seen(POLICY), Seen(None))


async def test_refused_or_broken_policy_is_a_gap_in_the_policy_only() -> None:
    refused = await topic_in(here={("sns", "GetTopicAttributes"): Refused()})
    assert refused.confirmed == 1
    assert isinstance(refused.policy, Gap)
    assert refused.key == refused.policy
    broken = await topic_in(here={("sns", "GetTopicAttributes"): attributes(Policy="{}")})
    assert isinstance(broken.policy, Gap)
    assert (broken.policy.action, broken.policy.reason) == ("sns:GetTopicAttributes", GapReason.MALFORMED)
    assert broken.key == Seen(None)


# The key of a topic

KEY_POLICY = document_of(json.dumps(statement("kms:*", **LETS_CLOUDWATCH_IN)))


def key_answers(account: str = MEMBER, **changes: Any) -> dict[tuple[str, str], Any]:
    metadata = {
        "KeyId": "1",
        "Arn": f"arn:aws:kms:{HOME}:{account}:key/1",
        "KeyManager": "CUSTOMER",
        "KeyState": "Enabled",
    }
    return {
        ("kms", "DescribeKey"): {"KeyMetadata": metadata | changes},
        ("kms", "GetKeyPolicy"): {"Policy": json.dumps(KEY_POLICY)},
    }


@pytest.mark.parametrize("name", ["1", "alias/alerts", f"arn:aws:kms:{HOME}:{MEMBER}:alias/alerts"])
async def test_key_by_each_of_its_names(name: str) -> None:
    arn = f"arn:aws:kms:{HOME}:{MEMBER}:key/1"
    found = await topic_in(key=name, here=key_answers())
    assert found.key == Seen(TopicKey(name=name, arn=arn, state="Enabled", policy=KEY_POLICY))


async def test_key_of_another_account_is_read_there() -> None:
    name = f"arn:aws:kms:{HOME}:{SECURITY}:key/1"
    found = await topic_in(key=name, **{f"_{SECURITY}": key_answers(SECURITY)})
    assert found.key == Seen(TopicKey(name=name, arn=name, state="Enabled", policy=KEY_POLICY))
    outside = await topic_in(key=f"arn:aws:kms:{HOME}:{OUTSIDER}:key/1")
    assert isinstance(outside.key, Gap)
    assert outside.key.reason is GapReason.ACCOUNT_UNAVAILABLE


@pytest.mark.parametrize("name", ["alias/aws/sns", f"arn:aws:kms:{HOME}:{MEMBER}:alias/aws/sns"])
async def test_key_that_aws_manages_needs_no_call(name: str) -> None:
    assert (await topic_in(key=name)).key == Seen(TopicKey(name=name, managed_by_aws=True))


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({("kms", "DescribeKey"): Refused("NotFoundException")}, TopicKey(name="1")),
        (key_answers(KeyState="Disabled"), a_topic_key(name="1", state="Disabled", policy=None)),
        (key_answers(KeyManager="AWS"), a_topic_key(name="1", managed_by_aws=True, policy=None)),
    ],
    ids=["gone", "disabled", "managed by AWS"],
)
async def test_key_whose_policy_does_not_matter(answers: dict[tuple[str, str], Any], expected: TopicKey) -> None:
    without_policy = {call: answer for call, answer in answers.items() if call[1] == "DescribeKey"}
    assert (await topic_in(key="1", here=without_policy)).key == Seen(expected)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({("kms", "DescribeKey"): Refused()}, GapReason.DENIED),
        ({("kms", "GetKeyPolicy"): Refused()}, GapReason.DENIED),
        ({("kms", "GetKeyPolicy"): {"Policy": "{}"}}, GapReason.MALFORMED),
    ],
)
async def test_key_that_was_not_seen(changes: dict[tuple[str, str], Any], reason: GapReason) -> None:
    found = await topic_in(key="1", here=key_answers() | changes)
    assert isinstance(found.key, Gap)
    assert (found.key.reason, found.policy) == (reason, Seen(POLICY))


async def test_topics_are_read_where_they_are_and_one_refusal_leaves_the_others() -> None:
    ours, theirs, strange = topic_arn(), topic_arn("soc", SECURITY), topic_arn("x", OUTSIDER)
    there = {("sns", "ListSubscriptionsByTopic"): subscribers(CONFIRMED), ("sns", "GetTopicAttributes"): attributes()}
    at = aws({}, **{f"_{SECURITY}": there})
    alarms = an_alarm(actions=(ours, theirs)), a_composite("ALARM(b)", actions=(strange, theirs))
    found = (await trail_topics(at, TRAIL, alarms_of(TRAIL, *alarms))).topics
    assert found[theirs] == Seen(a_topic(theirs, policy=Seen(POLICY)))
    gaps = [found[arn] for arn in (ours, strange)]
    assert [(gap.account_id, gap.reason) for gap in gaps if isinstance(gap, Gap)] == [
        (MEMBER, GapReason.DENIED),
        (OUTSIDER, GapReason.ACCOUNT_UNAVAILABLE),
    ]


async def test_a_topic_is_read_once_for_all_trails() -> None:
    at = aws({("sns", "ListSubscriptionsByTopic"): subscribers(CONFIRMED), ("sns", "GetTopicAttributes"): attributes()})
    for trail in (TRAIL, a_trail("second")):
        await trail_topics(at, trail, alarms_of(trail, an_alarm()))
    assert [call.operation for call in at.world.calls] == ["ListSubscriptionsByTopic", "GetTopicAttributes"]


async def test_topics_of_alarms_that_do_not_act_are_not_asked() -> None:
    at = aws({})
    assert (await trail_topics(at, TRAIL, alarms_of(TRAIL, an_alarm(actions_enabled=False)))).topics == {}
    assert at.world.calls == []


# Every collector

WHOLE: dict[Callable[..., Any], tuple[dict[tuple[str, str], Any], tuple[Any, ...]]] = {
    trail_status: ({("cloudtrail", "GetTrailStatus"): {"IsLogging": True}}, (TRAIL,)),
    trail_selectors: (selected(), (TRAIL,)),
    trail_log_group: ({("logs", "DescribeLogGroups"): {"logGroups": []}}, (TRAIL,)),
    trail_subscriptions: ({("logs", "DescribeSubscriptionFilters"): {"subscriptionFilters": []}}, (TRAIL, GROUP)),
    trail_role: (IAM, (TRAIL,)),
    trail_filters: ({("logs", "DescribeMetricFilters"): {"metricFilters": []}}, (TRAIL, GROUP)),
    trail_alarms: ({("cloudwatch", "DescribeAlarms"): {}}, (TRAIL, FILTERS)),
    trail_topics: (
        {
            ("sns", "ListSubscriptionsByTopic"): subscribers(),
            ("sns", "GetTopicAttributes"): attributes(KmsMasterKeyId="1"),
            **key_answers(),
        },
        (TRAIL, alarms_of(TRAIL, an_alarm())),
    ),
    listed: ({("cloudtrail", "DescribeTrails"): {"trailList": []}}, ()),
}


def declared(run: Callable[..., Any]) -> Collector:
    found: Collector = getattr(trails if run is listed else run, "__collector__")  # noqa: B009 - set by the decorator
    return found


def test_every_collector_is_here() -> None:
    names = {found.name for found in closure({declared(run).fact for run in WHOLE})}
    assert names == {declared(run).name for run in WHOLE}


@pytest.mark.parametrize("run", WHOLE)
async def test_declared_actions_are_those_that_are_used(run: Callable[..., Awaitable[Any]]) -> None:
    answers, arguments = WHOLE[run]
    at = aws(answers)
    await run(at, *arguments)
    assert at.world.actions == set(declared(run).actions)


DENIALS = [(run, operation) for run, (answers, _) in WHOLE.items() if run is not trail_topics for operation in answers]


@pytest.mark.parametrize(("run", "operation"), DENIALS)
async def test_refusal_of_any_call_is_a_gap(run: Callable[..., Awaitable[Any]], operation: tuple[str, str]) -> None:
    answers, arguments = WHOLE[run]
    with pytest.raises(NotSeenError) as error:
        await run(aws(answers | {operation: Refused()}), *arguments)
    gap = error.value.gap
    assert (gap.account_id, gap.action, gap.reason) == (MEMBER, ":".join(operation), GapReason.DENIED)
    assert gap.action in declared(run).actions


@pytest.mark.parametrize(
    "answer",
    [{"IsLoging": True}, {"IsLogging": "yes"}, {"IsLogging": 1}, {"IsLogging": True, "LatestDeliveryTime": "today"}],
)
async def test_literal_answers_are_checked(answer: dict[str, Any]) -> None:
    with pytest.raises(AssertionError, match="GetTrailStatus"):
        await trail_status(aws({("cloudtrail", "GetTrailStatus"): answer}), TRAIL)


# The emulated organization

DEMO_MANAGEMENT, TOOLING = "214365870912", "318264750931"
Found = dict[str, Any]


async def seen_or_gap(reading: Awaitable[Any]) -> Any:
    try:
        return await reading
    except NotSeenError as error:
        return error.gap


async def read_trail(at: Any, trail: Trail) -> Found:
    """Every detail of a trail, by the collector's name."""
    group = await trail_log_group(at, trail)
    filters = await trail_filters(at, trail, group)
    alarms = await trail_alarms(at, trail, filters)
    return {
        "trail": trail,
        "status": await trail_status(at, trail),
        "selectors": await trail_selectors(at, trail),
        "group": group,
        "subscriptions": await trail_subscriptions(at, trail, group),
        "role": await trail_role(at, trail),
        "filters": filters,
        "alarms": alarms,
        "topics": (await trail_topics(at, trail, alarms)).topics,
    }


async def read_organization(accounts: tuple[DemoAccount, ...]) -> tuple[dict[tuple[str, str], Any], dict[str, Found]]:
    """The trails that each account shows in each region, or the gap; and all details of each trail by its name."""
    actions = [action for run in WHOLE for action in declared(run).actions]
    limits = load_limits(Path("no file of the user's"))
    shown: dict[tuple[str, str], Any] = {}
    details: dict[str, Found] = {}
    async with Access(AccessSettings(), RunSettings(attempts=1), limits, actions=actions) as access:
        access.known_accounts = frozenset(account.id for account in accounts)
        for account in accounts:
            entered = await seen_or_gap(access.enter(account.id))
            if isinstance(entered, Gap):
                shown |= {(account.id, region): entered for region in (*DEMO_REGIONS, OPT_IN)}
                continue
            entered.enabled_regions = frozenset(DEMO_REGIONS) | ({OPT_IN} if account.has_opt_in_region else set())
            for region in (*DEMO_REGIONS, OPT_IN):
                shown[account.id, region] = await seen_or_gap(listed(entered.region(region)))
            found = [trail for region in DEMO_REGIONS for trail in _own(shown[account.id, region], account.id)]
            for trail in {trail.arn: trail for trail in found}.values():
                details[trail.name] = await read_trail(entered.region(trail.region), trail)
    return shown, details


def _own(found: Any, account_id: str) -> list[Trail]:
    return [] if isinstance(found, Gap) else [trail for trail in found if trail.account_id == account_id]


@pytest.fixture(scope="module")
def organization(demo: Demo) -> Iterator[tuple[dict[tuple[str, str], Any], dict[str, Found]]]:
    with leading_to(demo):
        yield asyncio.run(read_organization(demo.accounts))


@pytest.fixture(scope="module")
def shown(organization: tuple[dict[tuple[str, str], Any], dict[str, Found]]) -> dict[tuple[str, str], Any]:
    return organization[0]


@pytest.fixture(scope="module")
def details(organization: tuple[dict[tuple[str, str], Any], dict[str, Found]]) -> dict[str, Found]:
    return organization[1]


@pytest.mark.parametrize("region", DEMO_REGIONS)
def test_every_member_shows_the_organization_trail(shown: dict[tuple[str, str], Any], region: str) -> None:
    """It carries its owner's ARN, so that all accounts speak of one trail."""
    seen = {account: found for (account, place), found in shown.items() if place == region and isinstance(found, list)}
    assert len(seen) == (11 if region == "eu-central-1" else 13)
    for found in seen.values():
        (trail,) = [trail for trail in found if trail.organization.value]
        assert trail.arn == f"arn:aws:cloudtrail:us-east-1:{DEMO_MANAGEMENT}:trail/org-trail"
        assert (trail.account_id, trail.region) == (DEMO_MANAGEMENT, "us-east-1")


@pytest.mark.parametrize(
    ("account_id", "region", "reason"),
    [
        ("708263951447", "eu-central-1", GapReason.SCP_DENIED),
        ("715930482663", "eu-central-1", GapReason.SCP_DENIED),
        ("634718250996", OPT_IN, GapReason.REGION_DISABLED),
        ("801649273350", "us-east-1", GapReason.ACCOUNT_UNAVAILABLE),
        ("913527640881", "us-east-1", GapReason.ACCOUNT_UNAVAILABLE),
    ],
)
def test_refused_places(shown: dict[tuple[str, str], Any], account_id: str, region: str, reason: GapReason) -> None:
    gap = shown[account_id, region]
    assert isinstance(gap, Gap)
    assert (gap.account_id, gap.reason) == (account_id, reason)


def test_opt_in_region_that_is_enabled(shown: dict[tuple[str, str], Any]) -> None:
    assert "org-trail" in [trail.name for trail in shown["523871460925", OPT_IN]]


def test_single_region_trail_is_shown_at_home_only(shown: dict[tuple[str, str], Any]) -> None:
    names = {region: [trail.name for trail in shown["402958167743", region]] for region in DEMO_REGIONS}
    assert names == {
        "us-east-1": ["org-trail"],
        "eu-west-1": ["network-trail", "org-trail"],
        "eu-central-1": ["org-trail"],
    }


def test_multi_region_trail_is_shown_everywhere_with_its_home(shown: dict[tuple[str, str], Any]) -> None:
    for region in DEMO_REGIONS:
        (trail,) = [trail for trail in shown["536402918877", region] if trail.name == "payments-trail"]
        assert (trail.region, trail.multi_region, trail.organization) == ("eu-central-1", Seen(True), Seen(False))


@pytest.mark.parametrize(
    ("name", "recorded"),
    [
        ("org-trail", "all management events"),
        ("payments-trail", "all management events"),
        ("payments-dev-quiet", "all management events except those of kms.amazonaws.com"),
        ("mobile-dev-reads", "only read management events"),
    ],
)
def test_selectors_of_the_emulator(details: dict[str, Found], name: str, recorded: str) -> None:
    assert recorded_management(details[name]["selectors"]).describe() == recorded


def test_only_the_stopped_trail_is_stopped(details: dict[str, Found]) -> None:
    assert [name for name, found in details.items() if not found["status"].logging] == ["shared-audit"]
    assert details["shared-audit"]["status"].stopped_at == datetime(2025, 3, 1, 17, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "age", "error"),
    [
        ("org-trail", timedelta(minutes=4), None),
        ("data-trail", timedelta(days=3), None),
        ("payments-dev-trail", None, ROLE_REFUSED),
        ("sandbox-trail", None, None),
        ("sandbox-old", timedelta(days=41), "The specified log group does not exist."),
    ],
)
def test_deliveries(details: dict[str, Found], name: str, age: timedelta | None, error: str | None) -> None:
    status = details[name]["status"]
    assert status.logs_delivery_error == error
    assert (status.logs_delivered_at is None) == (age is None)
    if age is not None:
        assert abs(datetime.now(UTC) - age - status.logs_delivered_at) < timedelta(minutes=2)


@pytest.mark.parametrize(
    ("name", "exists", "days"),
    [
        ("org-trail", True, 400),
        ("payments-trail", True, 731),
        ("webshop-dev-trail", True, 30),
        ("experiments", True, None),
        ("sandbox-old", False, None),
        ("sandbox-trail", False, None),
    ],
)
def test_log_groups(details: dict[str, Found], name: str, exists: bool, days: int | None) -> None:
    group = details[name]["group"]
    assert (group.exists, group.retention_days) == (exists, days)
    assert group.name == (None if name == "sandbox-trail" else f"/aws/cloudtrail/{name}")


@pytest.mark.parametrize(
    ("name", "trusted", "writes"),
    [
        ("webshop-trail", Outcome.ALLOWED, Outcome.ALLOWED),
        ("payments-dev-trail", Outcome.ALLOWED, Outcome.NOT_ALLOWED),
        ("mobile-dev-trail", Outcome.NOT_ALLOWED, Outcome.ALLOWED),
    ],
)
def test_roles(details: dict[str, Found], name: str, trusted: Outcome, writes: Outcome) -> None:
    trail, role = details[name]["trail"], details[name]["role"]
    assert trusts_cloudtrail(role, trail).outcome is trusted
    assert writes_to(role, trail, "logs:PutLogEvents").outcome is writes


def test_receivers_of_copies(details: dict[str, Found]) -> None:
    receivers = {
        name: [one.destination_account for one in found["subscriptions"].subscriptions]
        for name, found in details.items()
        if found["subscriptions"].subscriptions
    }
    assert receivers == {"webshop-trail": [TOOLING], "experiments": [OUTSIDE_ACCOUNT_ID]}


def test_alarm_of_the_organization_trail_tells_a_topic_of_another_account(details: dict[str, Found]) -> None:
    found = details["org-trail"]
    (metric_filter,) = found["filters"].filters
    (alarm,) = found["alarms"].alarms
    assert metric_filter.metrics == alarm.metrics == (Metric("CloudTrailMetrics", "TrailChanges"),)
    assert (alarm.limit, alarm.actions_enabled) == (AlarmSettings(missing="notBreaching"), True)
    ((arn, topic),) = found["topics"].items()
    assert arn == f"arn:aws:sns:us-east-1:{TOOLING}:security-alerts"
    assert (topic.value.exists, topic.value.confirmed, topic.value.key) == (True, 1, Seen(None))
    assert Notification(topic.value, alarm.arn).delivery == WORKS


def test_alarms_that_do_not_reach_anybody(details: dict[str, Found]) -> None:
    assert [alarm.actions_enabled for alarm in details["payments-dev-trail"]["alarms"].alarms] == [False]
    assert details["payments-dev-trail"]["topics"] == {}
    (topic,) = details["mobile-dev-trail"]["topics"].values()
    assert (topic.value.confirmed, topic.value.pending) == (0, 1)
