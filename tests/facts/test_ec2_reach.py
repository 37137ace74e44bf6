"""Address space and reachability: properties that hold for all rules, and the cases at the edges."""

from __future__ import annotations

from ipaddress import IPv4Network, ip_address
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.facts.ec2.acls import Entry, passages
from orgaudit.facts.ec2.addresses import (
    INTERNET,
    Block,
    Family,
    Space,
    block,
    both,
    is_internet,
    minus,
    public_share,
    space_of,
    union,
)
from orgaudit.facts.ec2.reach import ALL, ALL_PORTS, Inbound, Question, Rule, ports_of, protocol_of
from tests.factories_ec2 import ANY4, ANY6, all_traffic, entry, rule

SMALL = st.tuples(st.integers(0, 40), st.integers(0, 12)).map(lambda pair: (pair[0], pair[0] + pair[1]))
BLOCKS = st.lists(SMALL, max_size=6)


def members(blocks: list[Block] | Space) -> set[int]:
    return {number for first, last in blocks for number in range(first, last + 1)}


@given(BLOCKS)
def test_union_holds_what_its_blocks_hold_and_has_no_seams(blocks: list[Block]) -> None:
    space = union(blocks)
    assert members(space) == members(blocks)
    assert all(left[1] + 1 < right[0] for left, right in pairwise(space))


@given(BLOCKS, BLOCKS)
def test_minus_and_both_are_those_of_sets(left: list[Block], right: list[Block]) -> None:
    a, b = union(left), union(right)
    assert members(minus(a, b)) == members(a) - members(b)
    assert members(both(a, b)) == members(a) & members(b)


@pytest.mark.parametrize(
    ("cidr", "public"),
    [
        ("8.8.8.8/32", True),
        ("223.255.255.255/32", True),
        ("192.0.1.0/24", True),
        ("10.0.0.0/8", False),
        ("100.64.0.0/10", False),
        ("169.254.169.254/32", False),
        ("172.31.0.0/16", False),
        ("172.32.0.0/16", True),
        ("192.168.0.0/16", False),
        ("224.0.0.0/4", False),
        ("255.255.255.255/32", False),
        ("2600::/32", True),
        ("fc00::/7", False),
        ("fe80::/10", False),
        ("2001:db8::/32", False),
    ],
)
def test_who_is_on_the_internet(cidr: str, public: bool) -> None:
    family = Family.IPV6 if ":" in cidr else Family.IPV4
    assert bool(both(INTERNET[family], (block(cidr),))) == public


@given(st.integers(0, 2**32 - 1))
def test_public_addresses_agree_with_the_standard_library(number: int) -> None:
    address = ip_address(number)
    inside = bool(both(INTERNET[Family.IPV4], ((number, number),)))
    if inside != address.is_global:
        # The library counts multicast as global and a few single addresses of 192.0.0.0/24.
        assert address.is_multicast or address in IPv4Network("192.0.0.0/24")


@pytest.mark.parametrize(("family", "whole"), [(Family.IPV4, ANY4), (Family.IPV6, ANY6)])
def test_shares(family: Family, whole: str) -> None:
    assert public_share((), family) == 0
    assert public_share(space_of([whole], family), family) == 1
    assert is_internet(space_of([whole], family), family)
    assert not is_internet((), family)


@given(st.integers(0, 32))
def test_one_address_less_is_not_the_internet(length: int) -> None:
    """All blocks beside the one that holds 8.8.8.8: as many as the prefix is long."""
    hole = (block(f"8.8.8.8/{length}"),)
    assert not is_internet(minus((block(ANY4),), hole), Family.IPV4)


def test_hosts_within_a_block_are_its_block() -> None:
    assert block("10.1.2.3/16") == block("10.1.0.0/16")
    with pytest.raises(ValueError, match="pl-1"):
        block("pl-1")


@pytest.mark.parametrize(
    ("told", "protocol"),
    [
        ("6", "tcp"),
        ("TCP", "tcp"),
        ("17", "udp"),
        ("1", "icmp"),
        ("58", "icmpv6"),
        ("-1", ALL),
        ("all", ALL),
        ("47", "47"),
    ],
)
def test_protocol_names(told: str, protocol: str) -> None:
    assert protocol_of(told) == protocol


@pytest.mark.parametrize(
    ("first", "last", "ports"),
    [(22, 22, (22, 22)), (0, 65535, (0, 65535)), (-1, -1, (0, 65535)), (0, 0, (0, 0))],
)
def test_port_ranges(first: int, last: int, ports: tuple[int, int]) -> None:
    assert ports_of("tcp", first, last) == ports


def test_only_rules_of_tcp_and_udp_always_have_ports() -> None:
    assert ports_of(ALL, None, None) == ports_of("47", None, None) == ALL_PORTS
    for protocol in ("tcp", "udp"):
        for first, last in ((22, None), (None, 22), (None, None)):
            with pytest.raises(ValueError, match="has no ports"):
                ports_of(protocol, first, last)


RANGES = st.tuples(st.integers(0, 65535), st.integers(0, 65535)).map(lambda pair: (min(pair), max(pair)))
SSH = Question((22,), ("tcp",), (Family.IPV4,))


def opens(rules: list[Rule], question: Question) -> bool:
    return bool(Inbound(rules, {}).openings(question))


@given(RANGES, st.integers(1, 65535))
def test_port_is_open_where_its_range_holds_it(ports: tuple[int, int], port: int) -> None:
    found = opens([rule("tcp", ports, ANY4)], Question((port,), ("tcp",), (Family.IPV4,)))
    assert found == (ports[0] <= port <= ports[1])


@given(st.lists(RANGES, max_size=5))
def test_every_port_is_open_only_where_ranges_leave_no_hole(ranges: list[tuple[int, int]]) -> None:
    rules = [rule("tcp", ports, ANY4) for ports in ranges]
    assert opens(rules, Question((), ("tcp",), (Family.IPV4,))) == (not minus(((1, 65535),), union(ranges)))


HALVES = st.lists(st.sampled_from(["0.0.0.0/1", "128.0.0.0/2", "192.0.0.0/2", "10.0.0.0/8", ANY6]), max_size=5)


@given(HALVES, st.integers(1, 5))
def test_rules_add_up_however_sources_are_spread_over_them(cidrs: list[str], size: int) -> None:
    one = [rule("tcp", 22, *cidrs)]
    many = [rule("tcp", (22 - size, 22 + size), cidr) for cidr in cidrs]
    assert opens(one, SSH) == opens(many, SSH) == is_internet(space_of(cidrs, Family.IPV4), Family.IPV4)


def test_sources_of_an_opening_are_no_more_than_needed() -> None:
    (found,) = Inbound([rule("tcp", 22, "10.0.0.0/8", "0.0.0.0/1", ANY4)], {}).openings(SSH)
    assert found.describe() == "tcp 22 from 0.0.0.0/0"


def test_rules_in_words() -> None:
    said = [each.describe() for each in (rule("udp", 53, "pl-1", "sg-1"), all_traffic(ANY6), rule("icmp", 8, ANY4))]
    assert said == ["udp 53: pl-1, sg-1", "all traffic: ::/0", "all icmp: 0.0.0.0/0"]
    assert rule("tcp", (0, 65535), ANY4).describe() == "all tcp: 0.0.0.0/0"
    assert entry(7, "deny", ANY4, "tcp", (1, 9)).describe() == "entry 7: tcp 1-9 from 0.0.0.0/0"


ENTRIES = st.lists(
    st.builds(
        entry,
        st.integers(1, 9),
        st.sampled_from(["allow", "deny"]),
        st.sampled_from([ANY4, "0.0.0.0/1", "128.0.0.0/1", ANY6]),
        st.sampled_from(["tcp", "udp", ALL]),
        st.sampled_from([22, 80, (0, 65535)]),
    ),
    max_size=6,
    unique_by=lambda found: found.number,
)


def lets_in(entries: list[Entry], number: int) -> bool:
    """What AWS does with one packet for TCP port 22."""
    for found in sorted(entries, key=lambda each: each.number):
        first, last = block(found.cidr)
        about = found.protocol in {"tcp", ALL} and (found.protocol == ALL or found.ports[0] <= 22 <= found.ports[1])
        if ":" not in found.cidr and about and first <= number <= last:
            return found.allows
    return False


@given(ENTRIES)
def test_acl_is_open_where_every_packet_passes_and_closed_where_none_does(entries: list[Entry]) -> None:
    packets = [block("8.8.8.8/32")[0], block("200.1.1.1/32")[0]]
    passing = [lets_in(entries, number) for number in packets]
    (found,) = passages(entries, SSH)
    if all(passing):
        assert found.open
    if not any(passing):
        assert not found.open


@given(ENTRIES, st.randoms(use_true_random=False))
def test_order_of_the_answer_does_not_matter(entries: list[Entry], random: object) -> None:
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert passages(shuffled, SSH) == passages(entries, SSH)
