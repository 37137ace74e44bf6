"""Facts that are packed because they are many are found, counted and ordered like those that are not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.analysis import facts_by_arn
from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.facts_by_arn import FactsByArn
from orgaudit.facts import packed
from orgaudit.facts.declare import Detail, Resource
from orgaudit.facts.packed import Packed, PackedSequence, Rows
from orgaudit.facts.shard import AccountHeader, DetailGap, ListingResult
from tests.factories import HOME, MEMBER, NOW, an_account, denied, facts_of


class Box(Resource, frozen=True, kw_only=True):
    size: int


class BoxLid(Detail, frozen=True, kw_only=True):
    open: bool


def a_box(number: int, size: int = 0) -> Box:
    return Box(arn=f"arn:box/{number}", account_id=MEMBER, region=HOME, size=size)


NUMBERS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 3)), max_size=80)


@given(boxes=NUMBERS, first=st.booleans(), same_hash=st.booleans())
def test_packed_facts_are_those_of_a_dictionary(
    boxes: list[tuple[int, int]],
    first: bool,
    same_hash: bool,
) -> None:
    known: dict[str, Box] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facts_by_arn, "MANY", 5)
        patch.setattr(packed, "BLOCK", 200)
        patch.setattr(packed, "OPEN", 2)
        if same_hash:  # as ARNs may by chance
            patch.setattr(facts_by_arn, "_hash", len)
        found: FactsByArn[Resource] = FactsByArn(first=first)
        for number, size in boxes:
            box = a_box(number, size)
            found.add(box)
            if not first or box.arn not in known:
                known[box.arn] = box
        assert {each.arn: each for each in found.values(Box)} == known
        assert len(found.values(Box)) == len(known)
        if first:
            assert list(found.values(Box)) == list(known.values())
        assert [found.get(f"arn:box/{number}", Box) for number in range(32)] == [
            known.get(f"arn:box/{number}") for number in range(32)
        ]


@given(details=st.lists(st.tuples(st.integers(0, 12), st.sampled_from([True, False, None])), max_size=60))
def test_many_details_are_seen_or_gaps_as_few_are(details: list[tuple[int, bool | None]]) -> None:
    lines: list[Any] = [a_box(number) for number in range(12)]
    for number, state in details:
        arn = f"arn:box/{number}"
        lines.append(DetailGap("BoxLid", arn, denied("x:Get")) if state is None else BoxLid(arn=arn, open=state))
    plain = facts_of(MEMBER, *lines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(facts_by_arn, "MANY", 3)
        many = facts_of(MEMBER, *lines)
        assert list(many.resources(Box)) == list(plain.resources(Box))
        for box in plain.resources(Box):
            assert many.detail(BoxLid, box) == plain.detail(BoxLid, box)
            assert many.find(Box, box.arn) == box


@given(rows=st.lists(st.dictionaries(st.text(max_size=3), st.integers() | st.text() | st.none()), max_size=40))
def test_rows_are_the_same_packed_or_not(rows: list[dict[str, Any]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed, "MANY_ROWS", 5)
        patch.setattr(packed, "BLOCK", 100)
        found = Rows()
        for begin in range(0, len(rows), 7):
            found.extend(rows[begin : begin + 7])
        assert (list(found), len(found)) == (rows, len(rows))
        assert [found[place] for place in range(len(rows))] == rows
        assert list(found[1:3]) == rows[1:3]


def test_times_in_packed_rows_stay_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packed, "MANY_ROWS", 0)
    assert list(Rows([{"CreateDate": NOW, "Document": {"Version": 1}}])) == [
        {"CreateDate": NOW, "Document": {"Version": 1}}
    ]


def test_a_packed_sequence_takes_records_by_number_and_slice() -> None:
    records = Packed()
    for number in range(20_000):
        records.append(msgspec.json.encode(number))
    every: PackedSequence[int] = PackedSequence(records, msgspec.json.decode)
    assert len(records._blocks) > 0
    assert (every[0], every[19_999], list(every[10:13]), every.index(77)) == (0, 19_999, [10, 11, 12], 77)
    chosen: PackedSequence[int] = PackedSequence(records, msgspec.json.decode, [5, 3])
    assert (list(chosen), len(chosen), chosen[1]) == ([5, 3], 2, 3)


def test_a_million_resources_take_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of each of many resources is a small part of what a decoded one takes."""
    header = AccountHeader(an_account(MEMBER), facts_of(MEMBER).record)
    facts = AccountFacts([header, *map(a_box, range(20_000)), ListingResult("Box", HOME, 20_000)])
    kept = facts._resources[Box]
    assert kept._many is not None
    taken = sum(map(len, kept._many._blocks)) + kept._hashes.itemsize * len(kept._hashes)
    assert taken / 20_000 < 40
    assert not kept._few


def size_of(box: Box) -> int:
    return box.size


def parity_of(box: Box) -> int:
    return box.size % 2


@given(sizes=st.lists(st.integers(0, 5), max_size=30), asked=st.lists(st.integers(0, 7), max_size=4))
def test_resources_by_a_key_are_those_that_a_search_finds(sizes: list[int], asked: list[int]) -> None:
    boxes = [a_box(number, size) for number, size in enumerate(sizes)]
    for many in (5_000, 3):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(facts_by_arn, "MANY", many)
            facts = facts_of(MEMBER, *boxes)
            for _ in range(2):
                assert facts.having(Box, size_of, *asked) == [each for each in boxes if each.size in asked]
                assert facts.having(Box, parity_of, 1) == [each for each in boxes if each.size % 2]
