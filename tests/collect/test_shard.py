"""What collecting an account writes: each fact once, as it will be read again, and a gap where a value is wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from orgaudit.aws.access import Access
from orgaudit.aws.transport import Traffic
from orgaudit.collect import account as module
from orgaudit.collect.account import CollectedAccount, collect_account
from orgaudit.facts.declare import Aws, Collector, Detail, Resource, collector, detail
from orgaudit.facts.shard import DetailGap, DetailsRead, ListingResult, shard_decoder
from orgaudit.model import Account, GapReason, RegionState, Scope
from orgaudit.settings.sections import Sections
from orgaudit.store.shards import Spool
from tests.factories import MEMBER

REGION = "eu-west-1"
REGIONS = {"Regions": [{"RegionName": REGION, "RegionOptStatus": "ENABLED_BY_DEFAULT"}]}


class Thing(Resource, frozen=True, kw_only=True):
    size: int


class ThingPolicy(Detail, frozen=True, kw_only=True):
    text: str


class ThingReach(Detail, frozen=True, kw_only=True):
    open: bool


class Answers:
    """An account in one region, whose answers are literal: the things that it lists, and their policies by ARN."""

    account_id, region, partition = MEMBER, REGION, "aws"

    def __init__(self, sizes: dict[str, Any], policies: dict[str, Any]) -> None:
        self.sizes, self.policies = sizes, policies

    async def pages(self, service: str, operation: str, /, **_: Any) -> AsyncIterator[dict[str, Any]]:
        assert (service, operation) == ("account", "ListRegions")
        yield REGIONS


@collector(scope=Scope.REGIONAL, actions=("x:ListThings",))
async def things(aws: Aws) -> AsyncIterator[Thing]:
    for arn, size in cast("Answers", aws).sizes.items():
        yield Thing(arn=arn, account_id=MEMBER, region=REGION, size=size)


@detail(actions=("x:GetPolicy",))
async def policy(aws: Aws, thing: Thing) -> ThingPolicy:
    return ThingPolicy(arn=thing.arn, text=cast("Answers", aws).policies[thing.arn])


@detail(actions=("x:GetReach",))
async def reach(_: Aws, thing: Thing, read: ThingPolicy) -> ThingReach:
    return ThingReach(arn=thing.arn, open=read.text == "*")


COLLECTORS: list[Collector] = [getattr(each, "__collector__") for each in (things, policy, reach)]  # noqa: B009
DECODER = shard_decoder([Thing, ThingPolicy, ThingReach])


async def collected(sizes: dict[str, Any], policies: dict[str, Any]) -> tuple[CollectedAccount, list[bytes]]:
    answers = Answers(sizes, policies)
    entered = SimpleNamespace(
        account_id=MEMBER,
        credentials=SimpleNamespace(arn="arn:session"),
        traffic=Traffic(calls=3),
        home=lambda: answers,
        region=lambda _name: answers,
    )

    async def enter(_account_id: str) -> Any:
        return entered

    access = cast("Access", SimpleNamespace(enter=enter))
    with Spool() as spool:
        found = await collect_account(access, Account(id=MEMBER, name=""), COLLECTORS, Sections(), spool)
        lines = list(spool)
    assert found.header.lines == len(lines)
    return found, lines


async def test_each_fact_is_a_line_that_is_read_again_as_it_was() -> None:
    found, lines = await collected({"arn:a": 1}, {"arn:a": "*"})
    thing, listed, *details, read = [DECODER.decode(line) for line in lines]
    assert thing == Thing(arn="arn:a", account_id=MEMBER, region=REGION, size=1)
    assert (listed.fact, listed.count, listed.gap, listed.session) == ("Thing", 1, None, "arn:session")
    assert details == [ThingPolicy(arn="arn:a", text="*"), ThingReach(arn="arn:a", open=True)]
    record = found.record
    assert (type(read), read.fact, read.arn, record.session) == (DetailsRead, "Thing", "arn:a", "arn:session")
    assert record.began_at is not None
    assert record.began_at <= listed.at <= read.at <= record.collected_at
    assert [(each.name, each.state) for each in record.regions] == [(REGION, RegionState.AUDITED)]
    assert (record.calls, record.regions_source, record.gap) == (3, "account:ListRegions", None)


@pytest.mark.parametrize("wrong", ["1", None, 1.5, {"$": 1}])
async def test_a_listed_value_of_a_wrong_type_is_a_gap_beside_the_others(wrong: Any) -> None:
    found, lines = await collected({"arn:a": wrong, "arn:b": 2}, {"arn:b": "*"})
    facts = [DECODER.decode(line) for line in lines]
    assert [each.arn for each in facts if isinstance(each, Thing)] == ["arn:b"]
    (listed,) = [each for each in facts if isinstance(each, ListingResult)]
    assert listed.gap is not None
    assert (listed.count, listed.gap.reason, listed.gap.action) == (1, GapReason.MALFORMED, "x:ListThings")
    assert found.record.regions[0].state is RegionState.NOT_ASSESSED


@pytest.mark.parametrize("wrong", [7, None, ["*"], "half a pair: \ud800"])
async def test_a_detail_of_a_wrong_type_is_a_gap_and_so_is_what_takes_it(wrong: Any) -> None:
    _, lines = await collected({"arn:a": 1, "arn:b": 2}, {"arn:a": wrong, "arn:b": ""})
    facts = [DECODER.decode(line) for line in lines]
    gaps = {each.fact: each for each in facts if isinstance(each, DetailGap)}
    assert set(gaps) == {"ThingPolicy", "ThingReach"}
    assert {each.arn for each in gaps.values()} == {"arn:a"}
    assert gaps["ThingPolicy"].gap == gaps["ThingReach"].gap
    assert (gaps["ThingPolicy"].gap.reason, gaps["ThingPolicy"].gap.action) == (GapReason.MALFORMED, "x:GetPolicy")
    assert ThingReach(arn="arn:b", open=False) in facts


async def test_each_fact_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[Any] = []
    encode = msgspec.json.Encoder().encode

    def noted(value: Any) -> bytes:
        encoded.append(value)
        return encode(value)

    monkeypatch.setattr(module, "_encode", noted)
    _, lines = await collected({"arn:a": 1, "arn:b": 2}, {"arn:a": "*", "arn:b": ""})
    assert len(encoded) == len(lines) == 9
