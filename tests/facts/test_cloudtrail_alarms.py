"""How many events of a filter set an alarm off, by what the filter adds and what the alarm compares."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.facts.cloudtrail.alarms import Addition, Limit, Metric, MetricFilter
from tests.factories import METRIC, a_filter, an_alarm

MORE, LESS = "GreaterThanThreshold", "LessThanThreshold"
OTHER = Metric("Other", "Other")


@pytest.mark.parametrize(
    ("limit", "value", "needed"),
    [
        ({}, 1, 1),
        ({}, 0.5, 2),
        ({}, 0.3, 4),
        ({}, None, None),
        ({}, -1, 0),
        ({"threshold": 5}, 5, 1),
        ({"threshold": 5}, 4.9, 2),
        ({"threshold": 5}, 6, 1),
        ({"threshold": 5}, 1, 5),
        ({"threshold": 0}, 1, 1),
        ({"threshold": -3}, 1, 1),
        ({"threshold": 5, "operator": MORE}, 5, 2),
        ({"threshold": 0, "operator": MORE}, 0.5, 1),
        ({"operator": LESS}, 1, 0),
        ({"operator": LESS}, None, 0),
        ({"periods": 3}, 1, 3),
        ({"periods": 3}, 0.5, 6),
        ({"statistic": "SampleCount", "threshold": 2}, 5, 2),
        ({"statistic": "SampleCount"}, None, 1),
        ({"statistic": "Maximum", "threshold": 5}, 5, 1),
        ({"statistic": "Maximum", "threshold": 5}, 1, 0),
        ({"statistic": "Average", "threshold": 1}, 0.5, 0),
        ({"statistic": "Average", "threshold": 1, "periods": 2}, 1, 2),
        ({"statistic": "p99", "threshold": 1}, None, None),
    ],
)
def test_events_that_a_limit_needs(limit: dict[str, Any], value: float | None, needed: int | None) -> None:
    assert Limit(**limit).events_needed(value) == needed


@given(st.integers(1, 1000), st.integers(1, 1000), st.booleans())
def test_the_needed_events_are_enough_and_one_less_is_not(threshold: int, value: int, at_least: bool) -> None:
    limit = Limit(threshold=threshold, operator="GreaterThanOrEqualToThreshold" if at_least else MORE)
    needed = limit.events_needed(value)
    assert needed is not None

    def reached(total: int) -> bool:
        return total >= threshold if at_least else total > threshold

    assert reached(needed * value)
    assert not reached((needed - 1) * value)


@pytest.mark.parametrize(
    ("adds", "needed"),
    [
        ([(METRIC, 1)], 2),
        ([(METRIC, 2)], 1),
        ([(METRIC, 1), (METRIC, 2)], 1),
        ([(METRIC, None), (METRIC, 2)], 1),
        ([(METRIC, None), (METRIC, 1)], None),
        ([(METRIC, -1), (METRIC, 1)], 2),
        ([(METRIC, 1), (OTHER, 2)], 2),
        ([(OTHER, 2)], 0),
        ([], 0),
    ],
)
def test_only_what_is_added_to_its_own_metric_counts(adds: list[tuple[Metric, float | None]], needed: int) -> None:
    found = MetricFilter("one", "{ $.a = 1 }", tuple(Addition(*each) for each in adds))
    assert an_alarm(limit=Limit(threshold=2)).events_needed(found) == needed


def test_without_a_limit_it_cannot_be_told() -> None:
    assert an_alarm(limit=None).events_needed(a_filter()) is None
