"""What an account's facts say, and how the organization finds those of another account."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.facts.cloudtrail.trails import Trail, TrailStatus
from orgaudit.facts.declare import load
from orgaudit.facts.shard import AccountHeader, DetailGap, ListingResult, shard_decoder
from orgaudit.model import GLOBAL, Gap, GapReason, NotSeenError, RegionRecord, RegionState, Seen
from tests.factories import (
    HOME,
    MANAGEMENT,
    MEMBER,
    NOW,
    OUTSIDER,
    REGIONS,
    SECURITY,
    a_log_group,
    a_role,
    a_selection,
    a_status,
    a_trail,
    advanced,
    an_account,
    basic,
    chain_of,
    denied,
    facts_of,
    field,
    gap_in,
    organization_of,
    subscriptions_to,
    topic_arn,
    topics_of,
)

TRAIL, SECOND = a_trail(), a_trail("second")


def gap(reason: GapReason, region: str) -> Gap:
    return Gap(MEMBER, region, "cloudtrail:DescribeTrails", reason, f"{region} is {reason}")


def test_account_tells_who_and_when() -> None:
    facts = facts_of(MEMBER)
    assert (facts.account_id, facts.now) == (MEMBER, NOW)


def with_regions(source: str, *enabled: str, disabled: tuple[str, ...] = ()) -> AccountFacts:
    seen = facts_of(MEMBER).record
    record = msgspec.structs.replace(seen, enabled=enabled, disabled=disabled, regions_source=source)
    return AccountFacts([AccountHeader(an_account(MEMBER), record)])


@pytest.mark.parametrize("source", ["account:ListRegions", "ec2:DescribeRegions"])
def test_regions_that_aws_listed_are_known(source: str) -> None:
    facts = with_regions(source, "us-east-1", "me-south-1", disabled=("af-south-1",))
    assert [facts.has_enabled(each) for each in ("us-east-1", "me-south-1", "af-south-1")] == [True, True, False]


def test_without_a_list_only_default_regions_are_known() -> None:
    facts = with_regions("partition defaults", "eu-west-1", "me-south-1")
    for region in ("us-east-1", "eu-west-1", "us-gov-west-1", "cn-north-1"):
        assert facts.has_enabled(region)
    for region in ("me-south-1", "af-south-1", "xx-new-1"):
        with pytest.raises(NotSeenError, match=f"whether {region} is enabled in this account is unknown"):
            facts.has_enabled(region)


@pytest.mark.parametrize("reason", [GapReason.NOT_OFFERED, GapReason.REGION_DISABLED])
def test_what_exists_once_in_an_account_is_always_there(reason: GapReason) -> None:
    assert not ListingResult("Root", GLOBAL, gap=gap(reason, GLOBAL)).nothing_there
    assert ListingResult("Trail", "eu-west-1", gap=gap(reason, "eu-west-1")).nothing_there


def test_resource_that_two_regions_show_is_there_once() -> None:
    facts = facts_of(MEMBER, TRAIL, a_trail(multi_region=False), SECOND)
    assert facts.resources(Trail) == [TRAIL, SECOND]


@pytest.mark.parametrize("reason", GapReason)
def test_one_unseen_region(reason: GapReason) -> None:
    """What every region shows is seen in the other one; what one may hide is not, unless nothing can be there."""
    facts = facts_of(MEMBER, TRAIL, ListingResult("Trail", REGIONS[0], gap=gap(reason, REGIONS[0])))
    assert facts.anywhere(Trail) == [TRAIL]
    if reason in {GapReason.NOT_OFFERED, GapReason.REGION_DISABLED}:
        assert facts.everywhere(Trail) == [TRAIL]
    else:
        with pytest.raises(NotSeenError, match=REGIONS[0]):
            facts.everywhere(Trail)


@pytest.mark.parametrize("reason", GapReason)
def test_no_region_was_seen(reason: GapReason) -> None:
    facts = facts_of(MEMBER, *(ListingResult("Trail", region, gap=gap(reason, region)) for region in REGIONS))
    with pytest.raises(NotSeenError):
        facts.anywhere(Trail)
    assert facts.resources(Trail) == []


def test_every_region_was_seen_and_empty() -> None:
    facts = facts_of(MEMBER)
    assert facts.anywhere(Trail) == facts.everywhere(Trail) == []


@pytest.mark.parametrize("look", [AccountFacts.anywhere, AccountFacts.everywhere])
def test_listing_that_was_not_asked_is_not_seen(look: Any) -> None:
    with pytest.raises(NotSeenError, match="Trail was not collected in this run"):
        look(facts_of(MEMBER, regions=()), Trail)


@pytest.mark.parametrize("look", [AccountFacts.anywhere, AccountFacts.everywhere])
def test_account_that_was_not_entered_is_not_seen(look: Any) -> None:
    with pytest.raises(NotSeenError) as error:
        look(facts_of(MEMBER, gap=denied("sts:AssumeRole")), Trail)
    assert error.value.gap == denied("sts:AssumeRole")


def test_listing_tells_how_it_ended() -> None:
    told = ListingResult("Trail", REGIONS[0], count=3)
    facts = facts_of(MEMBER, told)
    assert facts.listing(Trail, REGIONS[0]) == told
    assert facts.listing(Trail, "nowhere-1") is None


def test_detail_is_seen_or_a_gap_or_unasked() -> None:
    facts = facts_of(MEMBER, TRAIL, a_status(TRAIL), SECOND, gap_in(TrailStatus, SECOND))
    assert facts.detail(TrailStatus, TRAIL) == Seen(a_status(TRAIL))
    assert facts.detail(TrailStatus, SECOND) == denied()
    unasked = facts.detail(TrailStatus, a_trail("third"))
    assert isinstance(unasked, Gap)
    assert (unasked.account_id, unasked.reason) == (MEMBER, GapReason.DEFECT)


# Shards

TEXTS = st.text(max_size=8)
STATUSES = st.builds(
    a_status,
    st.just(TRAIL),
    delivered=st.none() | st.timedeltas(timedelta(0), timedelta(days=9999)),
    logging=st.booleans(),
    delivery_error=st.none() | TEXTS,
    logs_delivery_error=st.none() | TEXTS,
)


def told_again(lines: list[Any]) -> list[Any]:
    decoder, encoder = shard_decoder(load()), msgspec.json.Encoder()
    return [decoder.decode(encoder.encode(line)) for line in lines]


def test_every_line_comes_back() -> None:
    entered = AccountHeader(an_account(), facts_of(MEMBER).record)
    lines = [
        entered,
        ListingResult("Trail", REGIONS[0], count=1),
        ListingResult("Trail", REGIONS[1], gap=denied()),
        *chain_of(TRAIL),
        a_selection(SECOND, basic(excluding=["kms.amazonaws.com"]), advanced(field("readOnly", "true"), name="x")),
        a_log_group(SECOND, retention_days=30),
        a_role(SECOND),
        subscriptions_to(SECOND, OUTSIDER),
        topics_of(SECOND, (topic_arn(), denied())),
        DetailGap("TrailStatus", SECOND.arn, denied()),
    ]
    assert told_again(lines) == lines


def test_lines_keep_their_tags() -> None:
    lines = (AccountHeader(an_account(), facts_of(MEMBER).record), ListingResult("Trail", HOME))
    tags = [msgspec.json.decode(msgspec.json.encode(line))["type"] for line in lines]
    assert tags == ["Entered", "Listed"], "shards of earlier runs are read by these"


@given(STATUSES)
def test_status_comes_back(status: TrailStatus) -> None:
    assert told_again([status]) == [status]


def test_line_of_an_unknown_kind_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        shard_decoder(load()).decode(b'{"type": "Kettle"}')


# The organization


def test_names() -> None:
    organization = organization_of(accounts=(MEMBER,))
    assert organization.name(MEMBER) == f"Account 2 ({MEMBER})"
    assert organization.name(OUTSIDER) == OUTSIDER
    nameless = Organization([an_account(name="")], management_account_id=None, load=lambda _: None)
    assert nameless.name(MEMBER) == MEMBER


def test_members_are_known_whether_collected_or_not() -> None:
    assert organization_of(facts_of(MEMBER)).account_ids == {MANAGEMENT, MEMBER, SECURITY}


def test_facts_of_another_account() -> None:
    facts = facts_of(SECURITY)
    assert organization_of(facts).facts(SECURITY) is facts


@pytest.mark.parametrize(
    ("account_id", "says"),
    [(SECURITY, "was not collected in this run"), (OUTSIDER, "is not part of the organization")],
)
def test_account_without_facts_is_not_seen(account_id: str, says: str) -> None:
    with pytest.raises(NotSeenError, match=says) as error:
        organization_of(facts_of(MEMBER)).facts(account_id)
    assert (error.value.gap.account_id, error.value.gap.reason) == (account_id, GapReason.ACCOUNT_UNAVAILABLE)


def test_account_that_could_not_be_entered_is_its_gap() -> None:
    with pytest.raises(NotSeenError) as error:
        organization_of(facts_of(SECURITY, gap=denied("sts:AssumeRole", SECURITY))).facts(SECURITY)
    assert error.value.gap == denied("sts:AssumeRole", SECURITY)


# Regions that a service control policy denies


def behind_a_policy(*lines: Any, accepts: str, state: RegionState = RegionState.BLOCKED) -> AccountFacts:
    """Facts of an account whose first region a policy denies, with one accepted region in the settings."""
    record = facts_of(MEMBER).record
    blocked = RegionRecord(REGIONS[0], state, gap(GapReason.SCP_DENIED, REGIONS[0]))
    record = msgspec.structs.replace(record, regions=(blocked, *record.regions[1:]))
    other = ListingResult("Trail", REGIONS[1], count=1)
    return AccountFacts([AccountHeader(an_account(), record), other, *lines], lambda region: region == accepts)


DENIED_TRAILS = ListingResult("Trail", REGIONS[0], gap=gap(GapReason.SCP_DENIED, REGIONS[0]))


def test_an_accepted_region_is_left_out_and_named() -> None:
    facts = behind_a_policy(TRAIL, DENIED_TRAILS, accepts=REGIONS[0])
    assert facts.everywhere(Trail) == [TRAIL]
    assert facts.overlooked([Trail, TrailStatus]) == [REGIONS[0]]
    assert facts.is_accepted(DENIED_TRAILS.gap or denied())


@pytest.mark.parametrize(
    ("accepts", "state"),
    [
        pytest.param("nowhere-1", RegionState.BLOCKED, id="not accepted"),
        pytest.param(REGIONS[0], RegionState.AUDITED, id="denied in part"),
        pytest.param(REGIONS[0], RegionState.NOT_ASSESSED, id="denied in every region"),
    ],
)
def test_only_a_region_that_is_denied_whole_and_accepted_is_left_out(accepts: str, state: RegionState) -> None:
    facts = behind_a_policy(TRAIL, DENIED_TRAILS, accepts=accepts, state=state)
    with pytest.raises(NotSeenError):
        facts.everywhere(Trail)
    assert facts.overlooked([Trail]) == []


@pytest.mark.parametrize("reason", set(GapReason) - {GapReason.SCP_DENIED})
def test_no_other_gap_in_an_accepted_region_is_accepted(reason: GapReason) -> None:
    facts = behind_a_policy(accepts=REGIONS[0])
    assert not facts.is_accepted(gap(reason, REGIONS[0]))
    assert not facts.is_accepted(gap(GapReason.SCP_DENIED, REGIONS[1]))
    assert not facts.is_accepted(Gap(SECURITY, REGIONS[0], "x:Y", GapReason.SCP_DENIED, "of another account"))
