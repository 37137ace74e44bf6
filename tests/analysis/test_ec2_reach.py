"""Address space and reachability: properties that hold for all rules, and the cases at the edges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from ipaddress import IPv4Network, ip_address, ip_network
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.analysis.ec2.acls import passages
from orgaudit.analysis.ec2.reach import REPORTED, Inbound, Question
from orgaudit.facts.ec2.acls import AclEntry, network_acls
from orgaudit.facts.ec2.groups import security_groups
from orgaudit.facts.ec2.rules import ALL, ALL_PORTS, SecurityGroupRule, ports_of, protocol_of
from orgaudit.languages.cidr import (
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
from orgaudit.model import NotSeenError
from tests.factories import HOME, MEMBER
from tests.factories_ec2 import ANY4, ANY6, all_traffic, entry, rule
from tests.judges import networks as judge
from tests.judges.networks import Packet, Reach
from tests.literal_aws import LiteralAws, Refused, World

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


def opens(rules: list[SecurityGroupRule], question: Question) -> bool:
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


@given(ENTRIES, st.randoms(use_true_random=False))
def test_order_of_the_answer_does_not_matter(entries: list[AclEntry], random: object) -> None:
    shuffled = list(entries)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert passages(shuffled, SSH) == passages(entries, SSH)


# Held against the judge of packets: answers of EC2 in, through the collectors, and what comes of them


CASES = 150
"""How many groups and network ACLs each test tries: a second or two."""
ASKED = (22, 3389)
PORTS = (1, 21, 22, 23, 443, 3388, 3389, 3390, 65535)
EDGES = ((22, 22), (0, 22), (22, 3389), (23, 3388), (3389, 65535), (0, 65535), (80, 443), (1, 65535))
VERSIONS = {Family.IPV4: 4, Family.IPV6: 6}
NETWORKS = {Family.IPV4: ANY4, Family.IPV6: ANY6}


def seeded(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - repeatable on purpose


def parts_of(random: Random, family: Family) -> list[str]:
    """Blocks that make up the internet, all of them or all but one; or a network of somebody."""
    shape = random.randrange(6)
    if not shape:
        return [random.choice(["5.0.0.0/8", "198.51.100.0/24", "10.0.0.0/8", "2600::/32", "fc00::/7", "8000::/1"])]
    whole = ip_network(NETWORKS[family] if random.random() < 0.8 or family is Family.IPV4 else "2000::/3")
    depth = random.choices([0, 1, 2, 3, 4, 8], [8, 8, 4, 3, 2, 1])[0]
    found = [str(each) for each in whole.subnets(prefixlen_diff=depth)]
    random.shuffle(found)
    return found[1:] if shape == 1 else found


def a_permission(random: Random, cidrs: list[str], lists: Mapping[str, list[str]]) -> dict[str, Any]:
    """A rule as EC2 returns it for these blocks, and sometimes for a list or another group."""
    protocol = random.choice(["tcp", "tcp", "6", "udp", "17", "-1", "icmp", "58", "47"])
    permission: dict[str, Any] = {"IpProtocol": protocol, "UserIdGroupPairs": [], "PrefixListIds": []}
    if protocol in {"tcp", "6", "udp", "17"}:
        first, last = random.choice(EDGES)
        permission |= {"FromPort": first, "ToPort": last}
    elif protocol != "47":
        permission |= random.choice([{"FromPort": -1, "ToPort": -1}, {"FromPort": 22, "ToPort": 22}, {}])
    permission["IpRanges"] = [{"CidrIp": cidr} for cidr in cidrs if ":" not in cidr]
    permission["Ipv6Ranges"] = [{"CidrIpv6": cidr} for cidr in cidrs if ":" in cidr]
    permission["PrefixListIds"] = [{"PrefixListId": list_id} for list_id in lists if random.random() < 0.4]
    if random.random() < 0.2 or not (cidrs or permission["PrefixListIds"]):
        permission["UserIdGroupPairs"] = [{"GroupId": "sg-2", "UserId": MEMBER}]
    return permission


def a_random_group(random: Random) -> tuple[list[dict[str, Any]], dict[str, list[str]]]:
    """Rules over which blocks are spread, and the prefix lists that they may name."""
    cidrs = [cidr for family in Family for cidr in parts_of(random, family)]
    lists: dict[str, list[str]] = {}
    while random.random() < 0.35:
        share = random.randrange(len(cidrs) + 1)
        lists[f"pl-{len(lists)}"], cidrs = cidrs[:share], cidrs[share:]
    permissions = []
    for number in range(random.choice([1, 1, 2, 3])):
        mine = cidrs if random.random() < 0.5 else cidrs[number::2]
        permissions.append(a_permission(random, mine, lists))
    return permissions, lists


async def group_of(permissions: list[dict[str, Any]], lists: Mapping[str, list[str]], unseen: str = "") -> Inbound:
    """What the collector makes of a group and its lists, of which one may not be read."""
    answer = {"GroupId": "sg-1", "GroupName": "web", "OwnerId": MEMBER, "VpcId": "vpc-1", "IpPermissionsEgress": []}

    def entries(PrefixListId: str, **_: Any) -> Any:  # noqa: N803 - as the operation calls it
        return Refused() if PrefixListId == unseen else {"Entries": [{"Cidr": cidr} for cidr in lists[PrefixListId]]}

    named = [{"PrefixListId": each, "PrefixListName": each, "OwnerId": MEMBER} for each in lists]
    answers: dict[tuple[str, str], Any] = {
        ("ec2", "DescribeSecurityGroups"): {"SecurityGroups": [answer | {"IpPermissions": permissions}]},
        ("ec2", "DescribeManagedPrefixLists"): {"PrefixLists": named},
        ("ec2", "GetManagedPrefixListEntries"): entries,
    }
    (found,) = [each async for each in security_groups(LiteralAws(World({MEMBER: answers}), MEMBER, HOME))]
    return Inbound.of(found)


def judged_group(
    permissions: list[dict[str, Any]], lists: Mapping[str, list[str]], number: int, port: int, family: Family
) -> Reach:
    version = VERSIONS[family]
    cidrs = [cidr for rule in permissions for cidr in judge.sources_of(rule, lists)]
    return judge.reach(
        lambda source: judge.group_admits(permissions, Packet(number, port, source), lists), version, cidrs
    )


def lines_of(question: Question) -> list[tuple[str, int, Family]]:
    return [(protocol, judge.NUMBERS[protocol], family) for protocol, family in question.lines()]


async def test_groups_are_open_just_where_packets_from_everywhere_come_in() -> None:
    random, outcomes = seeded(61), Counter[bool]()
    for _ in range(CASES):
        permissions, lists = a_random_group(random)
        inbound = await group_of(permissions, lists)
        for protocol, number, family in lines_of(Question(())):
            found = [judged_group(permissions, lists, number, port, family) for port in ASKED]
            question = Question(ASKED, (protocol,), (family,))
            openings = inbound.about(question).openings(question)
            whole = [port for port, each in zip(ASKED, found, strict=True) if each.whole]
            assert [opening.port for opening in openings] == whole, (permissions, lists, question)
            widest = max(each.share for each in found)
            told = widest if widest >= REPORTED else 0.0
            assert inbound.widest_share(question) == pytest.approx(told, abs=1e-6), (permissions, lists, question)
            outcomes[bool(whole)] += 1
    assert min(outcomes[True], outcomes[False]) > CASES / 2, outcomes


async def test_every_port_is_open_just_where_packets_come_in_at_each() -> None:
    random, outcomes = seeded(62), Counter[bool]()
    for _ in range(CASES // 2):
        permissions, lists = a_random_group(random)
        inbound = await group_of(permissions, lists)
        for protocol, number, family in lines_of(Question(())):
            whole = all(judged_group(permissions, lists, number, port, family).whole for port in PORTS)
            question = Question((), (protocol,), (family,))
            assert bool(inbound.about(question).openings(question)) == whole, (permissions, lists, question)
            outcomes[whole] += 1
    assert min(outcomes[True], outcomes[False]) > CASES / 10, outcomes


async def test_list_that_was_not_seen_decides_only_what_it_cannot_change() -> None:
    """Open is what is open however short the list is, closed what is closed however long it is."""
    random, outcomes = seeded(63), Counter[str]()
    question = Question((22,), ("tcp",), (Family.IPV4,))
    for _ in range(3 * CASES):
        permissions, lists = a_random_group(random)
        if not lists:
            continue
        hidden = random.choice(sorted(lists))
        inbound = await group_of(permissions, lists, hidden)
        nothing, all_of_it = ({**lists, hidden: cidrs} for cidrs in ([], [ANY4, ANY6]))
        short, long = (
            judged_group(permissions, each, judge.TCP, 22, Family.IPV4).whole for each in (nothing, all_of_it)
        )
        try:
            found = "open" if inbound.about(question).openings(question) else "closed"
        except NotSeenError:
            found = "not seen"
        assert found == ("open" if short else "not seen" if long else "closed"), (permissions, lists, hidden)
        outcomes[found] += 1
    assert min(outcomes[each] for each in ("open", "closed", "not seen")) > CASES / 40, outcomes


def a_random_entry(random: Random, number: int, cidr: str, denied: float) -> dict[str, Any]:
    """An entry as EC2 returns it, which denies with this probability."""
    protocol = random.choice(["-1", "-1", "-1", "6", "17", "1", "58"] if denied else ["-1", "6"])
    verb = "deny" if random.random() < denied else "allow"
    found: dict[str, Any] = {"RuleNumber": number, "Protocol": protocol, "RuleAction": verb}
    found |= {"Egress": random.random() < 0.1, "Ipv6CidrBlock" if ":" in cidr else "CidrBlock": cidr}
    if protocol in {"6", "17"}:
        first, last = random.choice(EDGES)
        found["PortRange"] = {"From": first, "To": last}
    return found


def a_random_acl(random: Random) -> list[dict[str, Any]]:
    """Entries in the order of the answer, which is not that of their numbers."""
    cidrs = [cidr for family in Family for cidr in parts_of(random, family)]
    cidrs += [random.choice([*cidrs, ANY4, ANY6]) for _ in range(random.choice([0, 1, 3]))]
    denied = random.choice([0, 0, 0.1, 0.4])
    numbers = random.sample(range(1, 32766), len(cidrs))
    found = [a_random_entry(random, number, cidr, denied) for number, cidr in zip(numbers, cidrs, strict=True)]
    last = {"RuleNumber": 32767, "Protocol": "-1", "RuleAction": "deny", "Egress": False}
    return [*found, last | {"CidrBlock": ANY4}]


def judged_acl(entries: list[dict[str, Any]], number: int, port: int, family: Family) -> Reach:
    cidrs = [each.get("CidrBlock") or each["Ipv6CidrBlock"] for each in entries]
    return judge.reach(lambda source: judge.acl_admits(entries, Packet(number, port, source)), VERSIONS[family], cidrs)


async def test_acls_are_open_where_packets_from_everywhere_pass_and_closed_where_none_does() -> None:
    """Between the two, an ACL that denies some networks in front of all others is open, and others show their share."""
    random, outcomes = seeded(64), Counter[str]()
    for _ in range(CASES // 2):
        entries = a_random_acl(random)
        acl = {"NetworkAclId": "acl-1", "OwnerId": MEMBER, "VpcId": "vpc-1", "IsDefault": False, "Entries": entries}
        at = LiteralAws(World({MEMBER: {("ec2", "DescribeNetworkAcls"): {"NetworkAcls": [acl]}}}), MEMBER, HOME)
        (found,) = [each async for each in network_acls(at)]
        for protocol, number, family in lines_of(Question(())):
            for passage in passages(found.entries.value, Question(ASKED, (protocol,), (family,))):
                seen = judged_acl(entries, number, passage.port, family)
                outcomes["whole" if seen.whole else "some" if seen.some else "none"] += 1
                assert bool(passage.open) or not seen.whole, (entries, passage)
                assert seen.some or not passage.open, (entries, passage)
                told = 0.0 if passage.open or seen.share < REPORTED else seen.share
                assert passage.share == pytest.approx(told, abs=1e-6), (entries, passage)
    assert min(outcomes[each] for each in ("whole", "some", "none")) > CASES / 10, outcomes
