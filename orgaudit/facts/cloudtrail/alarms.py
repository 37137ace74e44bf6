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


class Metric(msgspec.Struct, frozen=True):
    """A metric by its namespace and name: two filters may use one name in different namespaces.

    It has no dimensions. CloudWatch keeps a metric apart for each value of a dimension: an alarm on one of them sees
    some of the events only, and an alarm on the metric without dimensions sees none of them.
    """

    namespace: str
    name: str


class Addition(msgspec.Struct, frozen=True):
    """What a filter adds to a metric for each event; `value` is None where it is taken from the event."""

    metric: Metric
    value: float | None = 1


class MetricFilter(msgspec.Struct, frozen=True):
    """A metric filter of a log group, with what it adds to metrics; what adds nothing is left out.

    `narrowed_by` names what keeps events from the filter beside its pattern; None where nothing does.
    """

    name: str
    pattern: str
    adds: tuple[Addition, ...]
    narrowed_by: str | None = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics to which it adds."""
        return tuple(addition.metric for addition in self.adds)


class TrailFilters(Detail, frozen=True, kw_only=True):
    """The metric filters of a trail's log group."""

    filters: tuple[MetricFilter, ...] = ()


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """What an alarm compares: the statistic of each period with a threshold, in as many periods as it asks for."""

    threshold: float = 1
    operator: str = "GreaterThanOrEqualToThreshold"
    statistic: str = "Sum"
    periods: int = 1

    def events_needed(self, value: float | None) -> int | None:
        """Return how many events that add this value each set the alarm off; 0: no number does, None: cannot be told.

        The sum and the count grow with every event. The average and the extremes of equal values are that value.
        """
        if not self.operator.startswith("Greater"):
            return 0
        if self.statistic == "SampleCount":
            return self._times(1) * self.periods
        if value is None:
            return None
        if value <= 0:
            return 0
        times = self._times(value)
        return times * self.periods if times == 1 or self.statistic == "Sum" else 0

    def _times(self, value: float) -> int:
        """Return how often a positive value has to be added to reach the threshold, or to pass it where it must."""
        quotient = self.threshold / value
        return max(math.ceil(quotient) if "OrEqual" in self.operator else math.floor(quotient) + 1, 1)


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm that looks at one or more metrics, itself or through other alarms.

    `limit` is None where it cannot be told how many events make it go off (metric math, anomaly detection).
    """

    name: str
    arn: str
    metrics: tuple[Metric, ...]
    actions_enabled: bool
    actions: tuple[str, ...]
    limit: Limit | None = None

    def events_needed(self, found: MetricFilter) -> int | None:
        """Return how many events of a filter make it go off: 0 where none do, None where that cannot be told."""
        if self.limit is None:
            return None
        needed = [self.limit.events_needed(each.value) for each in found.adds if each.metric in self.metrics]
        certain = [number for number in needed if number]
        return None if None in needed and 1 not in certain else min(certain, default=0)

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
        adds=tuple(
            Addition(Metric(each["metricNamespace"], each["metricName"]), value)
            for each in answer["metricTransformations"]
            if (value := _number(each["metricValue"])) != 0 and not each.get("dimensions")
        ),
        narrowed_by=narrowed_by,
    )


def _number(value: str) -> float | None:
    """Return a metric value; None for `$.field`, which takes it from the event."""
    return None if value.startswith("$") else float(value)


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
    metrics, limit = [], None
    if "MetricName" in answer and not answer.get("Dimensions"):
        metrics = [Metric(answer["Namespace"], answer["MetricName"])]
        limit = _limit(answer) if "Threshold" in answer else None
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
        limit=limit,
    )


def _limit(answer: dict[str, Any]) -> Limit:
    return Limit(
        threshold=answer["Threshold"],
        operator=answer["ComparisonOperator"],
        statistic=answer.get("Statistic", answer.get("ExtendedStatistic", "")),
        periods=answer.get("DatapointsToAlarm", answer.get("EvaluationPeriods", 1)),
    )


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


GONE = ("NotFound", "NotFoundException")


async def _subscriptions_of(aws: Aws, arn: str) -> Topic:
    states: list[bool] = []
    async for page in aws.find_pages("sns", "ListSubscriptionsByTopic", GONE, TopicArn=arn):
        if page is None:
            return Topic(arn, exists=False)
        states += [_is_arn(each["SubscriptionArn"]) for each in page["Subscriptions"]]
        if any(states):
            break
    return Topic(arn, exists=True, confirmed=sum(states), pending=len(states) - sum(states))


def _is_arn(text: str) -> bool:
    """Tell a confirmed subscription: others carry PendingConfirmation or Deleted in place of an ARN."""
    try:
        parse_arn(text)
    except ValueError:
        return False
    return True
