"""Address ranges: held against sets of numbers, the standard library, and the judge of networks."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.languages.cidr import (
    Block,
    Family,
    block_holds,
    family_of,
    holds,
    is_internet,
    public_share,
    space_of,
    union,
    whole_blocks,
)
from tests.judges import networks as judge

SPACES = st.lists(
    st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda pair: (pair[0], sum(pair))), max_size=6
).map(union)
V4 = st.builds(lambda number, length: str(ip_network((number, length), strict=False)),
               st.integers(0, 2**32 - 1), st.integers(0, 32))  # fmt: skip
V6 = st.builds(lambda number, length: str(ip_network((number << 96, length), strict=False)),
               st.integers(0x2000_0000, 0x3FFF_FFFF), st.integers(2, 64))  # fmt: skip


@given(SPACES, st.integers(0, 60))
def test_a_space_holds_the_numbers_in_its_blocks(space: tuple[Block, ...], number: int) -> None:
    assert holds(space, number) == any(first <= number <= last for first, last in space)


@given(SPACES, st.sampled_from([1, 2, 4, 8]))
def test_whole_blocks_are_the_aligned_ones_inside(space: tuple[Block, ...], width: int) -> None:
    aligned = [range(start, start + width) for start in range(0, 64, width)]
    inside = {number for each in aligned if all(holds(space, number) for number in each) for number in each}
    assert {number for first, last in whole_blocks(space, width) for number in range(first, last + 1)} == inside


@given(V4 | V6, st.integers(0, 2**32 - 1).map(ip_address) | st.integers(0, 2**128 - 1).map(ip_address))
def test_a_block_holds_what_the_library_says(cidr: str, address: judge.Address) -> None:
    assert block_holds(cidr, str(address)) == (address in ip_network(cidr))
    assert block_holds(cidr, str(ip_network(cidr)[-1]))


@pytest.mark.parametrize(("cidr", "address"), [("office", "10.0.0.1"), ("10.0.0.0/8", "office"), ("10.0.0.0/8", "")])
def test_what_is_no_address_is_refused(cidr: str, address: str) -> None:
    with pytest.raises(ValueError, match="does not appear"):
        block_holds(cidr, address)


@given(st.lists(V4 | V6, max_size=8))
def test_the_public_part_agrees_with_the_judge(cidrs: list[str]) -> None:
    for family, version in ((Family.IPV4, 4), (Family.IPV6, 6)):
        own = [cidr for cidr in cidrs if family_of(cidr) is family]
        found = judge.reach(
            lambda address, own=own: any(address in judge.network(cidr) for cidr in own),  # type: ignore[misc]
            version,
            own,
        )
        space = space_of(cidrs, family)
        assert is_internet(space, family) == found.whole
        assert public_share(space, family) == pytest.approx(found.share)
