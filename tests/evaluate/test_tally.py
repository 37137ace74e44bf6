"""What a cell says of its verdicts, counted one by one, is what it says of all of them together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.controls.declare import catalogue
from orgaudit.evaluate.account import Evaluation, Tally
from orgaudit.model import Cell, Gap, GapReason, Status, Verdict
from tests.evaluated import context_of
from tests.factories import HOME, MEMBER, facts_of

WORST_FIRST = (Status.NOT_ASSESSED, Status.FAIL, Status.PASS, Status.MANUAL, Status.NOT_APPLICABLE)
FACTS = facts_of(MEMBER)
CONTROL = catalogue()["cloudtrail_trail_logging"]
GAPS = [Gap(MEMBER, HOME, action, GapReason.DENIED, f"denied {action}") for action in ("a:One", "a:Two")]


@st.composite
def verdicts(draw: st.DrawFn) -> Verdict:
    status = draw(st.sampled_from(list(Status)))
    gap = draw(st.sampled_from([None, *GAPS]))
    accepted = status is Status.NOT_ASSESSED and draw(st.booleans())
    owner = draw(st.sampled_from([None, "222222222222"]))
    return Verdict(status, "because", gap=gap, accepted=accepted, inherited_from=owner)


@given(given_ones=st.lists(verdicts(), max_size=8))
def test_a_cell_is_that_of_all_its_verdicts(given_ones: list[Verdict]) -> None:
    tally = Tally()
    for verdict in given_ones:
        tally.add(verdict)
    cell = Evaluation(FACTS, context_of(CONTROL, FACTS)).counted(CONTROL, HOME, tally)
    assert msgspec.to_builtins(cell) == msgspec.to_builtins(expected(given_ones))


def expected(found: Sequence[Verdict]) -> Cell:
    counted = [verdict for verdict in found if not verdict.accepted]
    counts = Counter(verdict.status for verdict in counted)
    weighed = counted or found
    statuses = {verdict.status for verdict in weighed}
    status = next((status for status in WORST_FIRST if status in statuses), Status.NOT_APPLICABLE)
    gap = next((verdict.gap for verdict in weighed if verdict.status is status and verdict.gap), None)
    owners = {verdict.inherited_from for verdict in found}
    return Cell(
        account_id=FACTS.account.id,
        account_name=FACTS.account.name,
        ou_path=FACTS.account.ou_path,
        region=HOME,
        control=CONTROL.id,
        status=status,
        reason=gap.reason if gap else None,
        action=gap.action or None if gap else None,
        message=gap.message if gap else "" if found else "no resource of this kind exists here",
        passed=counts[Status.PASS],
        failed=counts[Status.FAIL],
        not_assessed=counts[Status.NOT_ASSESSED],
        not_applicable=counts[Status.NOT_APPLICABLE],
        manual=counts[Status.MANUAL],
        accepted=len(found) - len(counted),
        inherited_from=owners.pop() if len(owners) == 1 else None,
    )
