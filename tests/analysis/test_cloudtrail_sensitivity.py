"""Which alarms look at what a filter publishes, and how many of its events set each of them off."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.analysis.cloudtrail.sensitivity import Watcher, watchers
from orgaudit.facts.cloudtrail.alarms import ActingAlarm, Addition, Alarm, CompositeAlarm, Metric, MetricFilter
from orgaudit.languages.alarm import AlarmSettings
from orgaudit.languages.filter_pattern.prescribed import CLOUDTRAIL_CHANGES
from tests.factories import METRIC, a_composite, a_filter, a_trail, alarms_of, an_alarm

OTHER = Metric("Other", "Other")
TRAIL = a_trail()


def watched(
    *alarms: ActingAlarm, found: MetricFilter | None = None, others: tuple[MetricFilter, ...] = ()
) -> list[Watcher]:
    found = found or a_filter()
    known = [alarm for alarm in alarms if isinstance(alarm, Alarm | CompositeAlarm)]
    return watchers(found, (found, *others), alarms_of(TRAIL, *known), CLOUDTRAIL_CHANGES)


def needed(*alarms: ActingAlarm, **more: Any) -> dict[str, int | None]:
    return {each.alarm.name: each.answer.needed for each in watched(*alarms, **more)}


def reason(name: str, *alarms: ActingAlarm, **more: Any) -> str:
    return next(each.answer.why for each in watched(*alarms, **more) if each.alarm.name == name)


def adding(*additions: Addition) -> MetricFilter:
    return MetricFilter("one", "{ $.a = 1 }", additions)


@pytest.mark.parametrize(
    ("adds", "answer"),
    [
        ([(METRIC, 1)], 2),
        ([(METRIC, 2)], 1),
        ([(METRIC, 0)], 0),
        ([(METRIC, 1), (METRIC, 2)], 1),
        ([(METRIC, None, "$.requestParameters.size"), (METRIC, 2)], 1),
        ([(METRIC, None, "$.requestParameters.size"), (METRIC, 1)], None),
        ([(METRIC, -1), (METRIC, 1)], 2),
        ([(METRIC, 1), (OTHER, 2)], 2),
    ],
)
def test_only_what_is_added_to_its_own_metric_counts(adds: list[tuple[Any, ...]], answer: int | None) -> None:
    found = adding(*(Addition(*each) for each in adds))
    assert needed(an_alarm("one", limit=AlarmSettings(threshold=2)), found=found) == {"one": answer}


def test_alarm_on_another_metric_does_not_watch() -> None:
    assert needed(an_alarm(metrics=(OTHER,))) == {}
    assert needed(an_alarm(), found=adding()) == {}


def test_without_a_limit_it_cannot_be_determined() -> None:
    math = an_alarm("math", limit=None, unclear="compares a metric math expression")
    assert needed(math) == {"math": None}
    assert reason("math", math) == "compares a metric math expression"


@pytest.mark.parametrize(
    ("field", "answer"),
    [
        ("$.latency", 0),
        ("$.eventName", 0),
        ("$.readOnly", 0),
        ("$['eventName']", 0),
        ("$.eventName.length", 0),
        ("$.requestParameters.maxResults", None),
        ("$.eventVersion", None),
        ("$.recipientAccountId", None),
        ("$.*", None),
    ],
)
def test_value_from_a_field_of_the_event(field: str, answer: int | None) -> None:
    assert needed(an_alarm("one"), found=a_filter(value=None, field=field)) == {"one": answer}


def test_field_that_the_events_lack_is_named() -> None:
    assert reason("one", an_alarm("one"), found=a_filter(value=None, field="$.latency")) == (
        "gets no data, as the events have no number in $.latency"
    )


@pytest.mark.parametrize(
    ("unit", "published", "answer"),
    [
        (None, "None", 1),
        ("None", "None", 1),
        ("Count", "None", 0),
        ("Count", "Count", 1),
        (None, "Count", 1),
        ("None", "Count", 0),
    ],
)
def test_unit(unit: str | None, published: str, answer: int) -> None:
    found = a_filter(unit=published)
    assert needed(an_alarm("one", limit=AlarmSettings(unit=unit)), found=found) == {"one": answer}


def test_units_of_other_filters_on_the_metric() -> None:
    counts = a_filter("counts", unit="Count")
    assert needed(an_alarm("one"), others=(counts,)) == {"one": None}
    assert "several units (Count, None)" in reason("one", an_alarm("one"), others=(counts,))
    assert needed(an_alarm("one", limit=AlarmSettings(unit="None")), others=(counts,)) == {"one": 1}


@pytest.mark.parametrize(
    ("other", "answer"),
    [
        (a_filter("other"), 1),
        (a_filter("other", default=0), 0),
        (a_filter("other", default=0, unit="Count"), 1),
        (a_filter("other", default=0, metrics=(OTHER,)), 1),
    ],
    ids=["no default value", "a default value", "in another unit", "on another metric"],
)
def test_default_value_of_another_filter_dilutes(other: MetricFilter, answer: int) -> None:
    limit = AlarmSettings(statistic="Average", period=60, unit="None")
    assert needed(an_alarm("one", limit=limit), others=(other,)) == {"one": answer}


def test_alarm_that_nothing_takes_out_of_alarm_latches() -> None:
    ignoring = an_alarm("one", limit=AlarmSettings(missing="ignore"))
    assert [each.latches for each in watched(ignoring, a_composite("ALARM(one)"))] == [True, True]
    assert [each.latches for each in watched(ignoring, found=a_filter(default=0))] == [False]
    assert [each.latches for each in watched(an_alarm())] == [False]


# Composite alarms

PLAIN, SLOW = an_alarm("plain"), an_alarm("slow", limit=AlarmSettings(threshold=5))
TWIN, LONG = an_alarm("twin"), an_alarm("long", limit=AlarmSettings(period=3600))
MATH, DEAF = an_alarm("math", limit=None), an_alarm("deaf", limit=AlarmSettings(operator="LessThanThreshold"))
LOUD = an_alarm("loud", limit=AlarmSettings(missing="breaching"))
QUIET = an_alarm("quiet", limit=AlarmSettings(missing="notBreaching"))
HOLDS = an_alarm("holds", limit=AlarmSettings(missing="ignore"))


@pytest.mark.parametrize(
    ("rule", "answer"),
    [
        ('ALARM("plain")', 1),
        ("ALARM(arn:aws:cloudwatch:eu-west-1:222222222222:alarm:plain)", 1),
        ('ALARM("plain") OR ALARM("other")', 1),
        ('ALARM("slow") OR ALARM("plain")', 1),
        ('ALARM("slow") OR ALARM("other")', 5),
        ('ALARM("plain") AND ALARM("other")', 0),
        ('ALARM("plain") AND ALARM("slow")', 0),
        ('ALARM("plain") AND NOT ALARM("other")', None),
        ('ALARM("plain") AND OK("other")', None),
        ('ALARM("plain") AND ALARM("twin")', 1),
        ('ALARM("plain") AND ALARM("long")', None),
        ('ALARM("plain") AND ALARM("math")', None),
        ('ALARM("plain") OR ALARM("math")', 1),
        ('ALARM("math")', None),
        ('ALARM("deaf")', 0),
        ('NOT ALARM("plain")', 0),
        ('OK("plain")', 0),
        ('NOT OK("plain")', 0),
        ('NOT OK("quiet")', 1),
        ('NOT OK("holds")', None),
        ('ALARM("plain") OR ALARM("loud")', 0),
        ('ALARM("plain") OR TRUE', 0),
        ('ALARM("plain") OR FALSE', 1),
        ('ALARM("plain") AND FALSE', 0),
        ('ALARM("inner")', 1),
        ('ALARM("inner") AND NOT ALARM("night")', None),
        ('ALARM("plain") AND NOT ALARM("never")', 1),
        ('ALARM("loop") OR ALARM("plain")', None),
        ('ALARM("loop") AND ALARM("plain")', None),
        ("AT_LEAST(1, ALARM, (plain, other))", 1),
        ("AT_LEAST(2, ALARM, (plain, other))", 0),
        ("AT_LEAST(2, ALARM, (plain, twin, other))", 1),
        ("AT_LEAST(50%, ALARM, (plain, other))", 1),
        ("AT_LEAST(1, NOT OK, (quiet, other))", None),
        ("SOMETHING_NEW(plain)", None),
        ("ALARM(plain) OR ALARM(other) AND ALARM(third)", None),
    ],
)
def test_composite_alarm(rule: str, answer: int | None) -> None:
    """One event has to be enough, whatever the states of other alarms; what depends on those is for a person."""
    inner, night = a_composite('ALARM("plain")', "inner"), a_composite("ALARM(dusk)", "night")
    loop, never = a_composite('ALARM("all")', "loop"), a_composite("FALSE", "never")
    metric = (PLAIN, SLOW, TWIN, LONG, MATH, DEAF, LOUD, QUIET, HOLDS)
    assert needed(*metric, inner, night, loop, never, a_composite(rule))["all"] == answer


def test_composite_alarm_of_other_alarms_does_not_watch() -> None:
    assert needed(PLAIN, a_composite('ALARM("other")')) == {"plain": 1}


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("ALARM(plain) AND NOT ALARM(other)", "depends on the state of other, by its rule ALARM(plain) AND NOT"),
        ("ALARM(plain) AND ALARM(long)", "depends on several alarms in ALARM at the same time"),
        ("ALARM(plain) AND ALARM(other)", "one event never sets off, by its rule"),
        ("ALARM(plain) OR TRUE", "is in ALARM without any event, by its rule"),
        ("ALARM(slow) OR ALARM(other)", "goes off only after 5 events"),
        ("SOMETHING_NEW(plain)", "has a rule that cannot be read: SOMETHING_NEW is not expected there"),
    ],
)
def test_composite_alarm_says_why(rule: str, says: str) -> None:
    assert says in reason("all", PLAIN, SLOW, LONG, a_composite(rule))


@pytest.mark.parametrize(
    ("suppressor", "answer", "says"),
    [
        ("maintenance", None, "does not act while the alarm maintenance is in ALARM"),
        ("never", 1, ""),
        ("always", 0, "never acts, as the alarm always suppresses its actions"),
        ("plain", None, "does not act while the alarm plain is in ALARM"),
        (None, 1, ""),
    ],
)
def test_what_suppresses_the_actions(suppressor: str | None, answer: int | None, says: str) -> None:
    others = a_composite("FALSE", "never"), a_composite("TRUE", "always")
    watching = a_composite("ALARM(plain)", suppressor=suppressor)
    assert needed(PLAIN, *others, watching)["all"] == answer
    assert says in reason("all", PLAIN, *others, watching)


def test_a_broken_alarm_stays_broken_under_a_suppressor() -> None:
    assert needed(SLOW, a_composite("ALARM(slow)", suppressor="maintenance"))["all"] == 5
