"""What becomes of a region by what its listings answered, and which regions a policy denies whole."""

from __future__ import annotations

import pytest

from orgaudit.collect.account import _is_exempt, _state, _unblocked
from orgaudit.facts.declare import load
from orgaudit.facts.shard import ListingResult
from orgaudit.model import Gap, GapReason, RegionRecord, RegionState
from tests.factories import MEMBER

REGION = "eu-central-1"
SCP, DENIED, ABSENT = GapReason.SCP_DENIED, GapReason.DENIED, GapReason.NOT_OFFERED


def listed(**facts: GapReason | None) -> list[ListingResult]:
    """Listings in the region by the name of their fact, each seen (None) or a gap."""
    return [
        ListingResult(fact, REGION, gap=None if reason is None else Gap(MEMBER, REGION, f"x:{fact}", reason, "refused"))
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
    found = _state(REGION, lines, frozenset({"Key", "RegionAnalyzers"}))
    assert found.state is state
    assert (found.gap is None) == (state is RegionState.AUDITED)
    if state is RegionState.BLOCKED:
        assert found.gap is not None
        assert found.gap.reason is SCP


def test_listings_that_region_denies_leave_allowed() -> None:
    exempt = {
        fact.__name__ for fact, each in load().items() if each.parent is None and all(map(_is_exempt, each.actions))
    }
    assert exempt == {"Key", "RegionAnalyzers", "ConfigRecording", "IdentityCenter"}


@pytest.mark.parametrize(
    ("other", "state"),
    [(RegionState.AUDITED, RegionState.BLOCKED), (RegionState.BLOCKED, RegionState.NOT_ASSESSED)],
)
def test_policy_that_denies_every_region_hides_the_account(other: RegionState, state: RegionState) -> None:
    gap = Gap(MEMBER, REGION, "x:Y", SCP, "refused")
    found = _unblocked((RegionRecord(REGION, RegionState.BLOCKED, gap), RegionRecord("us-east-1", other, gap)))
    assert found[0].state is state
