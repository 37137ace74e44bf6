"""What becomes of a region by what its listings answered, and which regions a policy denies whole."""

from __future__ import annotations

import pytest

from orgaudit.collect.region_states import is_exempt, region_record, region_records
from orgaudit.facts.declare import closure, load
from orgaudit.facts.ec2.vpcs import Vpc
from orgaudit.facts.kms import Key
from orgaudit.facts.shard import ListingResult
from orgaudit.model import Gap, GapReason, RegionState
from tests.factories import MEMBER

REGION = "eu-central-1"
SCP, DENIED, ABSENT = GapReason.SCP_DENIED, GapReason.DENIED, GapReason.NOT_OFFERED


def listed(**facts: GapReason | None) -> list[ListingResult]:
    """Listings in the region by the name of their fact, each seen (None) or a gap."""
    return listed_in(REGION, **facts)


def listed_in(region: str, **facts: GapReason | None) -> list[ListingResult]:
    return [
        ListingResult(fact, region, gap=None if reason is None else Gap(MEMBER, region, f"x:{fact}", reason, "refused"))
        for fact, reason in facts.items()
    ]


@pytest.mark.parametrize(
    ("lines", "state"),
    [
        pytest.param(listed(Vpc=SCP, Trail=SCP), RegionState.BLOCKED, id="all denied"),
        pytest.param(listed(Vpc=SCP, Key=None), RegionState.BLOCKED, id="only what such policies allow answered"),
        pytest.param(listed(Vpc=SCP, Key=DENIED), RegionState.BLOCKED, id="the allowed one lacks a permission"),
        pytest.param(listed(Vpc=SCP, MacieSession=ABSENT), RegionState.BLOCKED, id="a service is not offered"),
        pytest.param(listed(Vpc=SCP, Trail=None), RegionState.AUDITED, id="another listing answered"),
        pytest.param(listed(Vpc=SCP, Subnet=SCP, Trail=None), RegionState.AUDITED, id="most are denied"),
        pytest.param(listed(Vpc=SCP, Trail=DENIED), RegionState.NOT_ASSESSED, id="another lacks a permission"),
        pytest.param(listed(MacieSession=ABSENT, Key=SCP), RegionState.NOT_ASSESSED, id="only an exempt one is denied"),
        pytest.param(listed(Key=SCP), RegionState.BLOCKED, id="nothing else was asked"),
        pytest.param(listed(Key=SCP, RegionAnalyzers=None), RegionState.AUDITED, id="exempt ones in part"),
    ],
)
def test_region_is_blocked_only_where_it_is_denied_whole(lines: list[ListingResult], state: RegionState) -> None:
    found = region_record(REGION, lines, frozenset({"Key", "RegionAnalyzers"}))
    assert found.state is state
    assert (found.gap is None) == (state is RegionState.AUDITED)
    if state is RegionState.BLOCKED:
        assert found.gap is not None
        assert found.gap.reason is SCP


def test_listings_that_region_denies_leave_allowed() -> None:
    exempt = {
        fact.__name__ for fact, each in load().items() if each.parent is None and all(map(is_exempt, each.actions))
    }
    assert exempt == {"Key", "RegionAnalyzers", "ConfigRecording", "IdentityCenter"}


@pytest.mark.parametrize(
    ("other", "states"),
    [
        (None, (RegionState.BLOCKED, RegionState.AUDITED)),
        (SCP, (RegionState.NOT_ASSESSED, RegionState.NOT_ASSESSED)),
        (DENIED, (RegionState.NOT_ASSESSED, RegionState.NOT_ASSESSED)),
    ],
)
def test_policy_that_denies_every_region_hides_the_account(
    other: GapReason | None, states: tuple[RegionState, RegionState]
) -> None:
    lines = [*listed(Vpc=SCP, Key=None), *listed_in("us-east-1", Vpc=other, Key=other)]
    found = region_records([REGION, "us-east-1"], lines, closure([Vpc, Key]))
    assert tuple(each.state for each in found) == states
    assert [each.name for each in found if each.gap is None] == (["us-east-1"] if other is None else [])
