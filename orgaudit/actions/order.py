"""The order of actions: greedily by points per effort, over issues that no action before has closed.

Each step takes the action with the most points per effort among the issues that are still open. That gives two
guarantees at the effort of every prefix of the order, whatever the points and efforts are: where no issue is in two
actions, no choice of the same effort closes more points; otherwise the prefix closes at least 1 - 1/e, 63 %, of what
the best choice of that effort closes. It says nothing of an effort between two prefixes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence


def greedy(
    members: Sequence[Sequence[int]], efforts: Sequence[int], points: Sequence[int]
) -> Iterator[tuple[int, list[int]]]:
    """Yield each action that closes something, as its index and the issues that it closes, the best first.

    `members` are the issues of each action, `efforts` its effort over 0, `points` those of each issue. Of actions with
    equal points per effort, the one with more points comes first, then more issues, then the lower index. Ratios are
    compared as floats, which is exact while points x effort stays under 2**52.
    """
    actions_of: list[list[int]] = [[] for _ in points]
    for action, issues in enumerate(members):
        for issue in issues:
            actions_of[issue].append(action)
    left = [sum([points[issue] for issue in issues]) for issues in members]
    count = [len(issues) for issues in members]

    def rank(action: int) -> tuple[float, int, int, int]:
        return (-left[action] / efforts[action], -left[action], -count[action], action)

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
            for other in actions_of[issue]:
                left[other] -= points[issue]
                count[other] -= 1
                is_ranked[other] = False
        yield action, closed
