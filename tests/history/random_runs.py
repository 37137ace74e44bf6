"""Random runs for the properties of the history."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import strategies as st

from orgaudit.model import GLOBAL
from tests.history.invented import ACCOUNTS, CONTROLS, PER_ACCOUNT, REGIONS, RESOURCES, Invented

FIRST = date(2026, 1, 1)
STATUSES = ("PASS", "FAIL", "FAIL", "FAIL", "NOT_ASSESSED", "NOT_APPLICABLE", "MANUAL")


@st.composite
def runs(draw: st.DrawFn, number: int = 0) -> Invented:
    """A run of any scope, in which anything may be unseen, fail, or not exist."""
    known = tuple(sorted(draw(st.sets(st.sampled_from(ACCOUNTS), min_size=1))))
    accounts = tuple(sorted(draw(st.sets(st.sampled_from(known), min_size=1))))
    controls = sorted(draw(st.sets(st.sampled_from(sorted(CONTROLS)), min_size=1)))
    regions = sorted(draw(st.sets(st.sampled_from(REGIONS), min_size=1)))
    cells = {
        (account, control, region)
        for account in accounts
        for control in controls
        for region in ((GLOBAL,) if control == PER_ACCOUNT else regions)
    }
    blind = draw(st.sets(st.sampled_from(sorted(cells)), max_size=3))
    places = [
        (account, control, region, resource)
        for account in accounts
        for control in controls
        for region in (REGIONS if control == PER_ACCOUNT else regions)
        for resource in RESOURCES
    ]
    statuses = {}
    for place in places:
        cell = (place[0], place[1], GLOBAL if place[1] == PER_ACCOUNT else place[2])
        status = draw(st.sampled_from((*STATUSES, "", "")))
        if status and cell not in blind:
            statuses[place] = status
    failing = [place for place, status in statuses.items() if status == "FAIL"]
    covered = draw(st.sets(st.sampled_from(failing))) if failing else set()
    day = FIRST + timedelta(days=number)
    return Invented(day, accounts, known, frozenset(cells), frozenset(blind), statuses, frozenset(covered))


@st.composite
def with_taken(draw: st.DrawFn, run: Invented) -> Invented:
    """A run that took the facts of some accounts over, a day old, and judged some resources in another account."""
    taken = draw(st.sets(st.sampled_from(run.accounts)))
    homes = {key: draw(st.sampled_from(ACCOUNTS)) for key in run.statuses if draw(st.booleans())}
    return replace(run, taken=dict.fromkeys(taken, run.day - timedelta(days=1)), homes=homes)


@st.composite
def sequences(draw: st.DrawFn, least: int = 2, most: int = 4) -> list[Invented]:
    """Runs of one organization, two days apart."""
    return [draw(runs(2 * number)) for number in range(draw(st.integers(least, most)))]
