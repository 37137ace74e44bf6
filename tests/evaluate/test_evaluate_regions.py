"""What an audit says of a region that other accounts of the run have and one has not."""

from __future__ import annotations

from collections import deque

import msgspec
import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Control, catalogue
from orgaudit.evaluate.account import Evaluation, Tally
from orgaudit.facts.shard import AccountHeader, ListingResult
from orgaudit.model import Cell, Gap, GapReason, Status
from tests.evaluated import context_of
from tests.factories import HOME, MANAGEMENT, MEMBER, a_status, a_trail, an_account, facts_of, organization_of

AWAY = "me-south-1"


def cell_of(source: str, enabled: tuple[str, ...], disabled: tuple[str, ...] = ()) -> Cell:
    record = msgspec.structs.replace(
        facts_of(MEMBER, regions=(HOME,)).record, enabled=enabled, disabled=disabled, regions_source=source
    )
    facts = AccountFacts([AccountHeader(an_account(MEMBER), record), ListingResult("Trail", HOME)])
    control = catalogue()["cloudtrail_trail_logging"]
    return judged(control, facts, AWAY)


def judged(control: Control, facts: AccountFacts, region: str) -> Cell:
    evaluation, tally = Evaluation(facts, context_of(control, facts)), Tally()
    deque(evaluation.findings(control, region, tally), maxlen=0)
    return evaluation.counted(control, region, tally)


def test_a_region_that_aws_listed_as_disabled_holds_nothing() -> None:
    cell = cell_of("account:ListRegions", (HOME,), (AWAY,))
    assert (cell.status, cell.reason) == (Status.NOT_APPLICABLE, GapReason.REGION_DISABLED)


@pytest.mark.parametrize("enabled", [(HOME,), (HOME, "us-east-1"), ()])
def test_a_region_that_only_the_sdk_does_not_list_is_not_assessed(enabled: tuple[str, ...]) -> None:
    cell = cell_of("partition defaults", enabled)
    assert cell.status is Status.NOT_ASSESSED
    assert "unknown" in cell.message


def test_a_trail_with_its_home_in_an_unknown_region_is_not_assessed() -> None:
    control = catalogue()["cloudtrail_trail_multi_region_management_events"]
    trail = a_trail(region=AWAY, account_id=MANAGEMENT)
    statuses = {}
    for source in ("account:ListRegions", "partition defaults"):
        seen = facts_of(MEMBER, trail)
        record = msgspec.structs.replace(seen.record, regions_source=source)
        member = AccountFacts([AccountHeader(an_account(MEMBER), record), ListingResult("Trail", HOME), trail])
        owner = facts_of(MANAGEMENT, trail, a_status(trail))
        verdict = control(member, organization_of(member, owner))
        statuses[source] = verdict.status
    assert statuses == {"account:ListRegions": Status.FAIL, "partition defaults": Status.NOT_ASSESSED}


def test_a_gap_at_home_is_not_taken_for_an_absent_service() -> None:
    listed = ListingResult(
        "Root", "global", gap=Gap(MEMBER, "global", "iam:GetAccountSummary", GapReason.NOT_OFFERED, "no")
    )
    facts = facts_of(MEMBER, listed, regions=(HOME,))
    control = next(each for each in catalogue().values() if each.subject.__name__ == "Root")
    assert judged(control, facts, "global").status is Status.NOT_ASSESSED
