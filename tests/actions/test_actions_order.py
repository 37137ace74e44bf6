"""The order of actions, held against every choice of actions that there is."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import accumulate, chain, combinations

from hypothesis import given
from hypothesis import strategies as st

from orgaudit.actions.order import greedy

EFFORTS = st.sampled_from([1, 4, 16])
POINTS = st.sampled_from([0, 1, 2, 5, 10])


@st.composite
def overlapping(draw: st.DrawFn) -> tuple[list[list[int]], list[int], list[int]]:
    """Up to seven actions over up to nine issues, with any overlaps."""
    points = draw(st.lists(POINTS, min_size=1, max_size=9))
    sets = st.lists(st.integers(0, len(points) - 1), unique=True, max_size=6)
    members = draw(st.lists(sets, min_size=1, max_size=7))
    return members, draw(st.lists(EFFORTS, min_size=len(members), max_size=len(members))), points


@st.composite
def apart(draw: st.DrawFn) -> tuple[list[list[int]], list[int], list[int]]:
    """Up to seven actions, each issue in one of them."""
    count = draw(st.integers(1, 7))
    homes = draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=14))
    members = [[issue for issue, home in enumerate(homes) if home == action] for action in range(count)]
    points = draw(st.lists(POINTS, min_size=len(homes), max_size=len(homes)))
    return members, draw(st.lists(EFFORTS, min_size=count, max_size=count)), points


def best(members: list[list[int]], efforts: list[int], points: list[int], effort: int) -> int:
    """The most points that any actions close whose efforts together are at most this."""
    every = chain.from_iterable(combinations(range(len(members)), size) for size in range(len(members) + 1))
    return max(
        sum(points[issue] for issue in {issue for action in chosen for issue in members[action]})
        for chosen in every
        if sum(efforts[action] for action in chosen) <= effort
    )


@given(apart())
def test_actions_that_do_not_overlap_are_in_the_best_order_at_every_effort(
    case: tuple[list[list[int]], list[int], list[int]],
) -> None:
    members, efforts, points = case
    effort = closed = 0
    for action, issues in greedy(members, efforts, points):
        effort, closed = effort + efforts[action], closed + sum(points[issue] for issue in issues)
        assert closed == best(members, efforts, points, effort)


@given(overlapping())
def test_overlapping_actions_close_63_percent_of_the_best_at_every_effort(
    case: tuple[list[list[int]], list[int], list[int]],
) -> None:
    members, efforts, points = case
    effort = closed = 0
    for action, issues in greedy(members, efforts, points):
        effort, closed = effort + efforts[action], closed + sum(points[issue] for issue in issues)
        assert closed >= (1 - 1 / math.e) * best(members, efforts, points, effort)


@given(overlapping())
def test_each_issue_is_closed_once_and_each_step_is_the_best_that_is_left(
    case: tuple[list[list[int]], list[int], list[int]],
) -> None:
    members, efforts, points = case
    left = set(chain.from_iterable(members))
    for action, issues in greedy(members, efforts, points):
        assert issues == [issue for issue in members[action] if issue in left] != []
        ratios = [
            Fraction(sum(points[i] for i in left.intersection(each)), efforts[n]) for n, each in enumerate(members)
        ]
        assert ratios[action] == max(ratios)
        left.difference_update(issues)
    assert not left


def test_a_big_action_waits_for_small_ones_that_are_worth_more_for_their_effort() -> None:
    members, efforts, points = [[0, 1, 2], [0], [1]], [16, 1, 1], [10, 5, 1]
    steps = list(greedy(members, efforts, points))
    assert steps == [(1, [0]), (2, [1]), (0, [2])]
    assert list(accumulate(sum(points[issue] for issue in issues) for _, issues in steps)) == [10, 15, 16]


def test_of_equal_ratios_the_action_with_more_points_comes_first_then_the_lower_index() -> None:
    assert [action for action, _ in greedy([[0], [1], [2, 3]], [1, 1, 2], [2, 2, 2, 2])] == [2, 0, 1]
