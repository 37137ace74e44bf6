"""How many events set a metric alarm off, held against CloudWatch's documented evaluation, period by period."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.languages.alarm import ALARM, AlarmSettings, MetricData, Sensitivity, best

MORE, LESS = "GreaterThanThreshold", "LessThanThreshold"
AT_LEAST, AT_MOST = "GreaterThanOrEqualToThreshold", "LessThanOrEqualToThreshold"


@pytest.mark.parametrize(
    ("limit", "value", "needed"),
    [
        ({}, 1, 1),
        ({}, 0.5, 2),
        ({}, 0.3, 4),
        ({}, -1, 0),
        ({}, 0, 0),
        ({"threshold": 5}, 5, 1),
        ({"threshold": 5}, 4.9, 2),
        ({"threshold": 5}, 6, 1),
        ({"threshold": 5}, 1, 5),
        ({"threshold": 0}, 1, 1),
        ({"threshold": 0}, 0, 1),
        ({"threshold": -3}, 1, 1),
        ({"threshold": 5, "operator": MORE}, 5, 2),
        ({"threshold": 0, "operator": MORE}, 0.5, 1),
        ({"operator": LESS}, 1, 0),
        ({"operator": AT_MOST}, 1, 1),
        ({"operator": LESS}, 0, 1),
        ({"operator": "LessThanLowerOrGreaterThanUpperThreshold"}, 1, None),
        ({"statistic": "SampleCount", "threshold": 2}, 5, 2),
        ({"statistic": "SampleCount"}, 0, 1),
        ({"statistic": "Maximum", "threshold": 5}, 5, 1),
        ({"statistic": "Maximum", "threshold": 5}, 1, 0),
        ({"statistic": "Average", "threshold": 1}, 0.5, 0),
        ({"statistic": "p99"}, 1, 1),
        ({"statistic": "p99"}, 0.5, 0),
        ({"statistic": "p99", "few_samples_ignored": True}, 1, 0),
        ({"few_samples_ignored": True}, 1, 1),
        ({"statistic": "tm90"}, 1, None),
        # Three of three with missing data treated as missing is reached by one event, as AWS documents.
        ({"periods": 3}, 1, 1),
        ({"periods": 3}, 0.5, 2),
        ({"periods": 3, "datapoints": 2}, 1, 1),
        ({"periods": 3, "missing": "notBreaching"}, 1, 3),
        ({"periods": 3, "missing": "notBreaching"}, 0.5, 6),
        ({"periods": 3, "missing": "ignore"}, 1, 3),
        ({"periods": 3, "datapoints": 2, "missing": "notBreaching"}, 1, 2),
        ({"periods": 3, "datapoints": 1, "missing": "notBreaching"}, 1, 1),
        ({"periods": 3, "datapoints": 1, "missing": "ignore"}, 1, 1),
        ({"missing": "breaching"}, 1, 0),
    ],
)
def test_events_alone(limit: dict[str, Any], value: float, needed: int | None) -> None:
    assert AlarmSettings(**limit).sensitivity(MetricData(value)).needed == needed


@pytest.mark.parametrize(
    ("limit", "feed", "needed"),
    [
        ({}, MetricData(1, 0), 1),
        ({}, MetricData(0.5, 0), 2),
        ({"threshold": 6}, MetricData(1, 1), 0),
        ({}, MetricData(1, 1), 0),
        ({}, MetricData(1, -1), 0),
        ({"statistic": "Average", "period": 60}, MetricData(1, 0), 1),
        ({"statistic": "Average", "period": 300}, MetricData(1, 0), 0),
        ({"statistic": "Average", "threshold": 0.2}, MetricData(1, 0), 1),
        ({"statistic": "Average", "threshold": 0.2, "operator": MORE}, MetricData(1, 0), 0),
        ({"statistic": "Average", "threshold": 0, "operator": MORE}, MetricData(1, 0), 1),
        ({"statistic": "Average", "period": 60}, MetricData(1, None, (0,)), 0),
        ({"statistic": "Minimum", "period": 60}, MetricData(1, 0), 1),
        ({"statistic": "Minimum", "period": 120}, MetricData(1, 0), 0),
        ({"statistic": "Maximum", "period": 3600}, MetricData(1, 0), 1),
        ({"statistic": "SampleCount", "period": 60}, MetricData(1, 0), 0),
        ({"statistic": "p99", "period": 60}, MetricData(1, 0), 1),
        ({"statistic": "p99", "period": 300}, MetricData(1, 0), None),
        ({"statistic": "p100", "period": 300}, MetricData(1, 0), 1),
        ({"statistic": "Minimum", "operator": LESS}, MetricData(0, 1), 1),
        ({"periods": 3}, MetricData(1, 0), 3),
        ({"periods": 3, "datapoints": 1}, MetricData(1, 0), 1),
        ({"missing": "breaching"}, MetricData(1, 0), None),
        ({"missing": "breaching", "periods": 2}, MetricData(1, 0), 2),
        ({"threshold": 3}, MetricData(1, 0.5), None),
    ],
)
def test_events_amid_default_values(limit: dict[str, Any], feed: MetricData, needed: int | None) -> None:
    assert AlarmSettings(**limit).sensitivity(feed).needed == needed


@pytest.mark.parametrize(
    ("limit", "feed", "says"),
    [
        ({"threshold": 2}, MetricData(1), "goes off only after 2 events"),
        ({"operator": LESS}, MetricData(1), "one event never sets off"),
        ({"missing": "breaching"}, MetricData(1), "is in ALARM while nothing happens"),
        ({}, MetricData(1, 1), "is in ALARM without any event, as the default value 1 breaches"),
        ({"statistic": "Average"}, MetricData(1, 0), "the Average over 300 seconds counts the default value 0 too"),
        ({"statistic": "p99", "few_samples_ignored": True}, MetricData(1), "a p99 of few samples is ignored"),
        ({"statistic": "tm90"}, MetricData(1), "compares the statistic tm90"),
    ],
)
def test_the_answer_says_why(limit: dict[str, Any], feed: MetricData, says: str) -> None:
    assert says in AlarmSettings(**limit).sensitivity(feed).why


@pytest.mark.parametrize(
    ("missing", "default", "latches"),
    [("ignore", None, True), ("ignore", 0, False), ("missing", None, False), ("notBreaching", None, False)],
)
def test_alarm_that_nothing_ends(missing: str, default: float | None, latches: bool) -> None:
    assert AlarmSettings(missing=missing).latches(MetricData(1, default)) == latches


@given(st.integers(1, 1000), st.integers(1, 1000), st.booleans())
def test_the_needed_events_are_enough_and_one_less_is_not(threshold: int, value: int, at_least: bool) -> None:
    needed = (
        AlarmSettings(threshold=threshold, operator=AT_LEAST if at_least else MORE)
        .sensitivity(MetricData(value))
        .needed
    )
    assert needed is not None

    def reached(total: int) -> bool:
        return total >= threshold if at_least else total > threshold

    assert reached(needed * value)
    assert not reached((needed - 1) * value)


def test_the_best_answer_is_certain_then_unclear_then_least() -> None:
    one, unclear, two, none = Sensitivity(1), Sensitivity(None), Sensitivity(2), Sensitivity(0)
    assert best([none, two, unclear, one]) == one
    assert best([none, two, unclear]) == unclear
    assert best([none, Sensitivity(3), two]) == two
    assert best([none]) == none


# CloudWatch as its user guide describes it: 0 is a datapoint within the threshold, X one that breaches, - none at all


def evaluated(points: str, n: int, m: int, missing: str, current: str) -> str:
    """The state that an evaluation of the most recent n + 2 datapoints sets."""
    recent = points[-(n + 2) :]
    real = recent.replace("-", "")
    if len(real) >= n:
        return ALARM if real[-n:].count("X") >= m else "OK"
    if not real:
        return {"missing": "INSUFFICIENT_DATA", "ignore": current, "breaching": ALARM, "notBreaching": "OK"}[missing]
    filled = real.count("X") + (n - len(real) if missing == "breaching" else 0)
    if filled >= m:
        return ALARM
    if "0" in real or missing in {"breaching", "notBreaching"}:
        return "OK"
    # Only breaching datapoints and missing ones are left: not before the oldest is as old as m does it count.
    age = len(recent) - recent.index("X")
    return ALARM if missing == "missing" and m <= age else current


NOW = "the current state"


@pytest.mark.parametrize(
    ("points", "m", "states"),
    [
        ("0-X-X", 3, ("OK", "OK", "OK", "OK")),
        ("0----", 3, ("OK", "OK", "OK", "OK")),
        ("-----", 3, ("INSUFFICIENT_DATA", NOW, ALARM, "OK")),
        ("0XX-X", 3, (ALARM, ALARM, ALARM, ALARM)),
        ("--X--", 3, (ALARM, NOW, ALARM, "OK")),
        ("----X", 3, (NOW, NOW, ALARM, "OK")),
        ("---X-", 3, (NOW, NOW, ALARM, "OK")),
        ("0-X-X", 2, (ALARM, ALARM, ALARM, ALARM)),
        ("00X0X", 2, (ALARM, ALARM, ALARM, ALARM)),
        ("0-X--", 2, ("OK", "OK", ALARM, "OK")),
        ("----0", 2, ("OK", "OK", ALARM, "OK")),
        ("---X-", 2, (ALARM, NOW, ALARM, "OK")),
    ],
)
def test_judge_says_what_the_tables_of_the_user_guide_say(points: str, m: int, states: tuple[str, ...]) -> None:
    for missing, state in zip(("missing", "ignore", "breaching", "notBreaching"), states, strict=True):
        assert evaluated(points, 3, m, missing, NOW) == state


STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum,
    "SampleCount": len,
    "Average": statistics.fmean,
    "Minimum": min,
    "Maximum": max,
}
BREACHES: dict[str, Callable[[float, float], bool]] = {
    AT_LEAST: lambda found, threshold: not found < threshold,
    MORE: lambda found, threshold: found > threshold,
    LESS: lambda found, threshold: found < threshold,
    AT_MOST: lambda found, threshold: not found > threshold,
}


def set_off(limit: AlarmSettings, feed: MetricData, *, logging: bool) -> bool:
    """Whether an alarm at rest goes to ALARM after one event, where other events are logged all the time or never."""
    around = limit.periods + 4
    points = ""
    for period in range(2 * around + 1):
        samples: list[float] = []
        for minute in range(limit.period // 60):
            has_event = period == around and minute == 0
            samples += [feed.value] if has_event else []
            samples += [feed.default] if logging and not has_event and feed.default is not None else []
            samples += feed.others if logging else ()
        found = STATISTICS[limit.statistic](samples) if samples else None
        points += "-" if found is None else "X" if BREACHES[limit.operator](found, limit.threshold) else "0"
    states = ["INSUFFICIENT_DATA"]
    for place in range(1, len(points) + 1):
        states.append(
            evaluated(points[:place], limit.periods, limit.datapoints or limit.periods, limit.missing, states[-1])
        )
    return states[around] != ALARM and ALARM in states[around + 1 :]


quarters = st.integers(-8, 24).map(lambda number: number / 4)
limits = st.builds(
    AlarmSettings,
    threshold=quarters,
    operator=st.sampled_from(sorted(BREACHES)),
    statistic=st.sampled_from(sorted(STATISTICS)),
    period=st.sampled_from([60, 120, 300]),
    periods=st.integers(1, 4),
    missing=st.sampled_from(["missing", "ignore", "breaching", "notBreaching"]),
).flatmap(
    lambda limit: st.sampled_from([None, *range(1, limit.periods + 1)]).map(
        lambda datapoints: AlarmSettings(
            **{name: getattr(limit, name) for name in limit.__struct_fields__} | {"datapoints": datapoints}
        )
    )
)
feeds = st.builds(
    MetricData,
    value=quarters,
    default=st.sampled_from([None, None, 0, 0.25, 1, -1]),
    others=st.sampled_from([(), (), (0,), (1,), (0, 0.5)]),
)


@given(limits, feeds)
def test_one_event_is_enough_exactly_where_cloudwatch_says_so(limit: AlarmSettings, feed: MetricData) -> None:
    found = limit.sensitivity(feed)
    alone = set_off(limit, feed, logging=False)
    if not feed.steady:
        assert (found.needed == 1) == alone
        return
    amid = set_off(limit, feed, logging=True)
    assert (found.needed == 1) == (alone and amid)
    assert (found.needed is None) == (amid and not alone)
    assert bool(found.why) == (found.needed != 1)
