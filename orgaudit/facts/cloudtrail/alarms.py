"""The chain from a trail's log group to people: metric filters, alarms, topics and their subscribers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from orgaudit.facts.cloudtrail.delivery import TrailLogGroup
from orgaudit.facts.cloudtrail.trails import Trail
from orgaudit.facts.declare import Aws, Detail, detail, observe
from orgaudit.model import Observed, parse_arn

COUNTING = frozenset({"Sum", "SampleCount"})
"""Statistics that grow with every event."""


class Metric(msgspec.Struct, frozen=True):
    """A metric by its namespace and name: two filters may use one name in different namespaces.

    It has no dimensions. CloudWatch keeps a metric apart for each value of a dimension: an alarm on one of them sees
    some of the events only, and an alarm on the metric without dimensions sees none of them.
    """

    namespace: str
    name: str


class MetricFilter(msgspec.Struct, frozen=True):
    """A metric filter of a log group, with the metrics to which it really adds something.

    `narrowed_by` names what keeps events from the filter beside its pattern; None where nothing does.
    """

    name: str
    pattern: str
    metrics: tuple[Metric, ...]
    narrowed_by: str | None = None


class TrailFilters(Detail, frozen=True, kw_only=True):
    """The metric filters of a trail's log group."""

    filters: tuple[MetricFilter, ...] = ()


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm that looks at one or more metrics, itself or through other alarms.

    `events_needed` is how many events of a filter make it go off: 0 where none do, None where that cannot be told
    (metric math, anomaly detection).
    """

    name: str
    arn: str
    metrics: tuple[Metric, ...]
    actions_enabled: bool
    actions: tuple[str, ...]
    events_needed: int | None = None

    @property
    def topics(self) -> tuple[str, ...]:
        """The SNS topics among its actions."""
        return tuple(arn for arn in self.actions if arn.split(":")[2:3] == ["sns"])


class TrailAlarms(Detail, frozen=True, kw_only=True):
    """The alarms on the metrics of a trail's metric filters."""

    alarms: tuple[Alarm, ...] = ()


class Topic(msgspec.Struct, frozen=True):
    """An SNS topic: how many of its subscriptions are confirmed and how many wait. `exists` False: it is gone."""

    arn: str
    exists: bool
    confirmed: int = 0
    pending: int = 0


class TrailTopics(Detail, frozen=True, kw_only=True):
    """The topics that a trail's alarms notify, each seen or not by itself: they may be another account's."""

    topics: dict[str, Observed[Topic]]


@detail(actions=("logs:DescribeMetricFilters",))
async def trail_filters(aws: Aws, trail: Trail, group: TrailLogGroup) -> TrailFilters:
    """Read the metric filters of the trail's log group, where the group lives."""
    if trail.log_group_arn is None or not group.exists:
        return TrailFilters(arn=trail.arn)
    there = await aws.at(trail.log_group_arn)
    found = [
        _filter(each)
        async for page in there.pages("logs", "DescribeMetricFilters", logGroupName=group.name)
        for each in page["metricFilters"]
    ]
    return TrailFilters(arn=trail.arn, filters=tuple(found))


def _filter(answer: dict[str, Any]) -> MetricFilter:
    narrowed_by = answer.get("fieldSelectionCriteria") or None
    if answer.get("applyOnTransformedLogs"):
        narrowed_by = "a transformer, whose output the pattern is applied to"
    return MetricFilter(
        name=answer["filterName"],
        pattern=answer.get("filterPattern", ""),
        metrics=tuple(
            Metric(each["metricNamespace"], each["metricName"])
            for each in answer["metricTransformations"]
            if not _adds_nothing(each["metricValue"]) and not each.get("dimensions")
        ),
        narrowed_by=narrowed_by,
    )


def _adds_nothing(value: str) -> bool:
    """Tell whether a metric value is the number zero; `$.field` takes the value from the event."""
    try:
        return float(value) == 0
    except ValueError:
        return False


@detail(actions=("cloudwatch:DescribeAlarms",))
async def trail_alarms(aws: Aws, trail: Trail, filters: TrailFilters) -> TrailAlarms:
    """Read the alarms that look at a metric of these filters, directly, by metric math or through another alarm."""
    metrics = {metric for found in filters.filters for metric in found.metrics}
    if trail.log_group_arn is None or not metrics:
        return TrailAlarms(arn=trail.arn)
    alarms = await (await aws.at(trail.log_group_arn)).once(_alarms_in)
    return TrailAlarms(arn=trail.arn, alarms=tuple(alarm for alarm in alarms if metrics.intersection(alarm.metrics)))


async def _alarms_in(aws: Aws) -> tuple[Alarm, ...]:
    """Return all alarms of one account and region, composite ones with the metrics of the alarms they look at."""
    plain: dict[str, Alarm] = {}
    composite: list[dict[str, Any]] = []
    kinds = ["MetricAlarm", "CompositeAlarm"]
    async for page in aws.pages("cloudwatch", "DescribeAlarms", AlarmTypes=kinds):
        plain |= {each["AlarmName"]: _alarm(each) for each in page.get("MetricAlarms", ())}
        composite += page.get("CompositeAlarms", ())
    return (*plain.values(), *_composites(plain, composite))


def _alarm(answer: dict[str, Any]) -> Alarm:
    metrics, needed = [], None
    if "MetricName" in answer and not answer.get("Dimensions"):
        metrics = [Metric(answer["Namespace"], answer["MetricName"])]
        needed = _events_needed(answer) if "Threshold" in answer else None
    for query in answer.get("Metrics", ()):
        metric = query.get("MetricStat", {}).get("Metric")
        if metric and not metric.get("Dimensions"):
            metrics.append(Metric(metric["Namespace"], metric["MetricName"]))
    return Alarm(
        name=answer["AlarmName"],
        arn=answer["AlarmArn"],
        metrics=tuple(metrics),
        actions_enabled=answer.get("ActionsEnabled", True),
        actions=tuple(answer.get("AlarmActions", ())),
        events_needed=needed,
    )


def _events_needed(answer: dict[str, Any]) -> int:
    """Return how many events set an alarm off, in as many periods as it asks for; 0 where no number of them does."""
    periods, threshold = answer.get("DatapointsToAlarm", answer.get("EvaluationPeriods", 1)), answer["Threshold"]
    match answer["ComparisonOperator"]:
        case "GreaterThanOrEqualToThreshold":
            needed = max(math.ceil(threshold), 1)
        case "GreaterThanThreshold":
            needed = max(math.floor(threshold) + 1, 1)
        case _:
            return 0
    # The average and the extremes of a filter's ones are never above one.
    return 0 if needed > 1 and answer.get("Statistic") not in COUNTING else int(needed * periods)


REFERENCE = re.compile(r"""ALARM\s*\(\s*(?:"([^"]+)"|'([^']+)'|([^\s()"']+))\s*\)""")
"""An alarm in a composite alarm's rule, by name or ARN: ALARM("name")."""


def _composites(plain: Mapping[str, Alarm], answers: Sequence[dict[str, Any]]) -> list[Alarm]:
    """Return a composite alarm once for each metric alarm that sets it off by itself, perhaps through another one."""
    rules = {answer["AlarmName"]: _joined_by_or(answer["AlarmRule"]) for answer in answers}

    def below(name: str, above: frozenset[str] = frozenset()) -> Iterator[Alarm]:
        if name in plain:
            yield plain[name]
        elif name not in above:
            for child in rules.get(name, ()):
                yield from below(child, above | {name})

    return [
        msgspec.structs.replace(
            alarm,
            name=answer["AlarmName"],
            arn=answer["AlarmArn"],
            actions_enabled=answer.get("ActionsEnabled", True),
            actions=tuple(answer.get("AlarmActions", ())),
        )
        for answer in answers
        for alarm in dict.fromkeys(below(answer["AlarmName"]))
    ]


def _joined_by_or(rule: str) -> list[str]:
    """Return the names of the alarms of which one is enough for a composite alarm's rule; none where it asks more."""
    if re.search(r"\b(AND|NOT)\b", REFERENCE.sub("", rule)):
        return []
    return [next(filter(None, groups)).rsplit(":alarm:", 1)[-1] for groups in REFERENCE.findall(rule)]


@detail(actions=("sns:ListSubscriptionsByTopic",))
async def trail_topics(aws: Aws, trail: Trail, alarms: TrailAlarms) -> TrailTopics:
    """Read the subscriptions of every topic that the alarms notify, in the account of the topic."""
    arns = sorted({arn for alarm in alarms.alarms if alarm.actions_enabled for arn in alarm.topics})
    return TrailTopics(arn=trail.arn, topics={arn: await observe(_topic(aws, arn)) for arn in arns})


async def _topic(aws: Aws, arn: str) -> Topic:
    return await (await aws.at(arn)).once(_subscriptions_of, arn)


async def _subscriptions_of(aws: Aws, arn: str) -> Topic:
    confirmed = pending = 0
    gone = ("NotFound", "NotFoundException")
    answer = await aws.find("sns", "ListSubscriptionsByTopic", gone, TopicArn=arn)
    while answer is not None:
        states = [_is_arn(each["SubscriptionArn"]) for each in answer["Subscriptions"]]
        confirmed, pending = confirmed + sum(states), pending + len(states) - sum(states)
        if confirmed or not answer.get("NextToken"):
            return Topic(arn, exists=True, confirmed=confirmed, pending=pending)
        answer = await aws.find("sns", "ListSubscriptionsByTopic", gone, TopicArn=arn, NextToken=answer["NextToken"])
    return Topic(arn, exists=False)


def _is_arn(text: str) -> bool:
    """Tell a confirmed subscription: others carry PendingConfirmation or Deleted in place of an ARN."""
    try:
        parse_arn(text)
    except ValueError:
        return False
    return True
