"""Metric filters of a trail's log group, and the alarms on their metrics, as AWS describes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from orgaudit.facts.cloudtrail.log_groups import TrailLogGroup
from orgaudit.facts.cloudtrail.trails import Trail
from orgaudit.facts.declare import Aws, Detail, detail
from orgaudit.languages.alarm import AlarmSettings, mentioned, name_of


class Metric(msgspec.Struct, frozen=True):
    """A metric by its namespace and name: two filters may use one name in different namespaces.

    It has no dimensions. CloudWatch keeps a metric apart for each value of a dimension: an alarm on one of them sees
    some of the events only, and an alarm on the metric without dimensions sees none of them.
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
    """

    namespace: str
    name: str


NO_UNIT = "None"
"""The unit of data that is published without one.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_MetricTransformation.html"""


class Addition(msgspec.Struct, frozen=True):
    """What a filter publishes to a metric for each event; `value` is None where `field` of the event has it.

    `default` is what it publishes in a minute with log events of which none matches; None for nothing.
    """

    metric: Metric
    value: float | None = 1
    field: str | None = None
    default: float | None = None
    unit: str = NO_UNIT


class MetricFilter(msgspec.Struct, frozen=True):
    """A metric filter of a log group, with what it publishes to metrics; metrics with dimensions are left out.

    `narrowed_by` is what keeps events from the filter beside its pattern, None where nothing does.
    https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_MetricFilter.html
    """

    name: str
    pattern: str
    adds: tuple[Addition, ...]
    narrowed_by: str | None = None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The metrics to which it publishes."""
        return tuple(addition.metric for addition in self.adds)


class TrailFilters(Detail, frozen=True, kw_only=True):
    """The metric filters of a trail's log group."""

    filters: tuple[MetricFilter, ...] = ()


class ActingAlarm(msgspec.Struct, frozen=True, kw_only=True):
    """An alarm and what it does when it goes off."""

    name: str
    arn: str
    actions_enabled: bool
    actions: tuple[str, ...]

    @property
    def topics(self) -> tuple[str, ...]:
        """The SNS topics among its actions."""
        return tuple(arn for arn in self.actions if arn.split(":")[2:3] == ["sns"])


class Alarm(ActingAlarm, frozen=True, kw_only=True):
    """An alarm that watches one metric, or several by an expression.

    `limit` is None where it cannot be determined how many events set it off; `unclear` is then what the alarm does.
    `query` is a Metrics Insights query, which names metrics in its text.
    """

    metrics: tuple[Metric, ...]
    limit: AlarmSettings | None = None
    unclear: str = ""
    query: str = ""

    def watches(self, metric: Metric) -> bool:
        """Return whether the alarm watches a metric, or may do so by its query."""
        return metric in self.metrics or metric.name in self.query


class CompositeAlarm(ActingAlarm, frozen=True, kw_only=True):
    """An alarm that watches other alarms. While the alarm `suppressor` is in ALARM it does not act.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_CompositeAlarm.html
    """

    rule: str
    suppressor: str | None = None


class TrailAlarms(Detail, frozen=True, kw_only=True):
    """The alarms on the metrics of a trail's metric filters, and the composite alarms that depend on these."""

    alarms: tuple[Alarm, ...] = ()
    composites: tuple[CompositeAlarm, ...] = ()


@detail(actions=("logs:DescribeMetricFilters",))
async def trail_filters(aws: Aws, trail: Trail, group: TrailLogGroup) -> TrailFilters:
    """Return the metric filters of the trail's log group, read where the group is."""
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
    split = bool(answer.get("emitSystemFieldDimensions"))
    return MetricFilter(
        name=answer["filterName"],
        pattern=answer.get("filterPattern", ""),
        adds=tuple(
            _addition(each) for each in answer["metricTransformations"] if not split and not each.get("dimensions")
        ),
        narrowed_by=narrowed_by,
    )


def _addition(answer: dict[str, Any]) -> Addition:
    value = answer["metricValue"]
    from_event = value.startswith("$")
    return Addition(
        metric=Metric(answer["metricNamespace"], answer["metricName"]),
        value=None if from_event else float(value),
        field=value if from_event else None,
        default=answer.get("defaultValue"),
        unit=answer.get("unit") or NO_UNIT,
    )


@detail(actions=("cloudwatch:DescribeAlarms",))
async def trail_alarms(aws: Aws, trail: Trail, filters: TrailFilters) -> TrailAlarms:
    """Return the alarms that watch a metric of these filters: directly, by metric math or through another alarm."""
    metrics = {metric for found in filters.filters for metric in found.metrics}
    if trail.log_group_arn is None or not metrics:
        return TrailAlarms(arn=trail.arn)
    plain, composites = await (await aws.at(trail.log_group_arn)).once(_alarms_in)
    alarms = tuple(alarm for alarm in plain if any(map(alarm.watches, metrics)))
    connected = _connected({alarm.name for alarm in alarms}, composites)
    return TrailAlarms(arn=trail.arn, alarms=alarms, composites=connected)


async def _alarms_in(aws: Aws) -> tuple[tuple[Alarm, ...], tuple[CompositeAlarm, ...]]:
    """Return all alarms of one account and region."""
    plain: list[Alarm] = []
    composites: list[CompositeAlarm] = []
    # Without types only metric alarms are returned:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
    kinds = ["MetricAlarm", "CompositeAlarm"]
    async for page in aws.pages("cloudwatch", "DescribeAlarms", AlarmTypes=kinds):
        plain += [_alarm(each, aws.account_id) for each in page.get("MetricAlarms", ())]
        composites += [_composite(each) for each in page.get("CompositeAlarms", ())]
    return tuple(plain), tuple(composites)


def _acting(answer: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": answer["AlarmName"],
        "arn": answer["AlarmArn"],
        "actions_enabled": answer.get("ActionsEnabled", True),
        "actions": tuple(answer.get("AlarmActions", ())),
    }


def _composite(answer: dict[str, Any]) -> CompositeAlarm:
    suppressor = answer.get("ActionsSuppressor") or None
    return CompositeAlarm(**_acting(answer), rule=answer["AlarmRule"], suppressor=suppressor and name_of(suppressor))


def _alarm(answer: dict[str, Any], account_id: str) -> Alarm:
    """Return an alarm on one metric, which may be the only one of its queries, or on what is computed from several."""
    if "MetricName" in answer:
        statistic = answer.get("Statistic", answer.get("ExtendedStatistic", ""))
        return _on_one(answer, {**answer, "Metric": answer, "Stat": statistic}, ours=True)
    queries = answer.get("Metrics", ())
    own = [query for query in queries if query.get("AccountId", account_id) == account_id]
    # The default of ReturnData is true, and the one query that returns data is what the alarm watches:
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html
    watched = [query for query in queries if query.get("ReturnData", True)]
    if len(watched) == 1 and "MetricStat" in watched[0] and "ThresholdMetricId" not in answer:
        return _on_one(answer, watched[0]["MetricStat"], ours=watched[0] in own)
    expressions = [query["Expression"] for query in queries if "Expression" in query]
    what = "an anomaly detection band" if "ThresholdMetricId" in answer else "a metric math expression"
    return Alarm(
        **_acting(answer),
        metrics=tuple(metric for query in own for metric in _metric(query.get("MetricStat", {}))),
        unclear=f"compares {what}, {'; '.join(expressions)}: whether one event sets it off cannot be determined",
        query=" ".join(text for text in expressions if text.lstrip().upper().startswith("SELECT")),
    )


def _on_one(answer: Mapping[str, Any], stated: Mapping[str, Any], *, ours: bool) -> Alarm:
    """Return an alarm that compares a statistic of one metric, which may be one of another account."""
    whole = {"Threshold", "ComparisonOperator", "EvaluationPeriods"} <= answer.keys() and {"Stat", "Period"} <= set(
        stated
    )
    return Alarm(
        **_acting(answer),
        metrics=_metric(stated) if ours else (),
        limit=_limit(answer, stated) if whole else None,
        unclear="" if whole else "states no threshold, statistic or period: what sets it off cannot be determined",
    )


def _metric(stated: Mapping[str, Any]) -> tuple[Metric, ...]:
    """Return the metric of a query; an empty tuple for a query without one, or with one of its dimensions only."""
    found = stated.get("Metric")
    return (Metric(found["Namespace"], found["MetricName"]),) if found and not found.get("Dimensions") else ()


def _limit(answer: Mapping[str, Any], stated: Mapping[str, Any]) -> AlarmSettings:
    return AlarmSettings(
        threshold=answer["Threshold"],
        operator=answer["ComparisonOperator"],
        statistic=stated["Stat"],
        period=stated["Period"],
        periods=answer["EvaluationPeriods"],
        datapoints=answer.get("DatapointsToAlarm"),
        missing=answer.get("TreatMissingData") or "missing",
        unit=stated.get("Unit"),
        few_samples_ignored=answer.get("EvaluateLowSampleCountPercentile") == "ignore",
    )


def _connected(names: set[str], composites: Iterable[CompositeAlarm]) -> tuple[CompositeAlarm, ...]:
    """Return the composite alarms that depend on alarms, with those on which these depend in turn."""
    by_name = {each.name: each for each in composites}
    known = (*names, *by_name)
    reads = {each.name: {*mentioned(each.rule, known), each.suppressor} for each in by_name.values()}
    found: set[str] = set()
    while grown := {name for name in reads if name not in found and reads[name] & (names | found)}:
        found |= grown
    while grown := {name for each in found for name in reads[each] if name in by_name} - found:
        found |= grown
    return tuple(by_name[name] for name in by_name if name in found)
