"""The order of actions: greedily by points per effort, over issues that no action before has closed.

Each step takes the action with the most points per effort among the issues that are still open. That gives two
guarantees at the effort of every prefix of the order, whatever the points and efforts are: where no issue is in two
actions, no choice of the same effort closes more points; otherwise the prefix closes at least 1 - 1/e, 63 %, of what
the best choice of that effort closes. It says nothing of an effort between two prefixes.
"""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import accumulate


def greedy(
    members: Sequence[Sequence[int]], efforts: Sequence[int], points: Sequence[int]
) -> Iterator[tuple[int, list[int]]]:
    """Yield each action that closes something, as its index and the issues that it closes, the best first.

    `members` are the issues of each action, `efforts` its effort over 0, `points` those of each issue. Of actions with
    equal points per effort, the one with more points comes first, then more issues, then the lower index. Ratios are
    compared as floats, which is exact while points x effort stays under 2**52.
    """
    starts, actions = _actions_of(members, len(points))
    left = [sum([points[issue] for issue in issues]) for issues in members]
    count = [len(issues) for issues in members]

    @cache  # most actions close one issue and rank alike, and a tuple for each would be a fifth of the memory
    def worth(points: int, effort: int, issues: int) -> tuple[float, int, int]:
        return (-points / effort, -points, -issues)

    def rank(action: int) -> tuple[tuple[float, int, int], int]:
        return worth(left[action], efforts[action], count[action]), action

    # What an action still closes only shrinks, so a rank in the queue is at best too good, and is renewed when it is
    # the first.
    queue = [rank(action) for action in range(len(members)) if count[action]]
    heapq.heapify(queue)
    is_open, is_ranked = [True] * len(points), [True] * len(members)
    while queue:
        action = queue[0][-1]
        if not is_ranked[action] and count[action]:
            is_ranked[action] = True
            heapq.heapreplace(queue, rank(action))
            continue
        heapq.heappop(queue)
        if not count[action]:
            continue
        closed = [issue for issue in members[action] if is_open[issue]]
        for issue in closed:
            is_open[issue] = False
            for other in actions[starts[issue] : starts[issue + 1]]:
                left[other] -= points[issue]
                count[other] -= 1
                is_ranked[other] = False
        yield action, closed


def _actions_of(members: Sequence[Sequence[int]], issues: int) -> tuple[array[int], array[int]]:
    """Return where the actions of each issue begin in a list of actions, and that list.

    A list for each of many issues would take ten times the memory.
    """
    sizes = array("q", bytes(8 * (issues + 1)))
    for each in members:
        for issue in each:
            sizes[issue + 1] += 1
    starts = array("q", accumulate(sizes))
    free, actions = starts[:], array("q", bytes(8 * starts[-1]))
    for action, each in enumerate(members):
        for issue in each:
            actions[free[issue]] = action
            free[issue] += 1
    return starts, actions
