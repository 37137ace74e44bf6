"""An independent judge of security groups and network ACLs: packets, one by one, against what EC2 answers.

It shares no code with the package. A security group admits a packet where any rule matches it; a network ACL takes its
entries by number, and the first that matches decides:
https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html
https://docs.aws.amazon.com/vpc/latest/userguide/nacl-rules.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Answer: TypeAlias = Mapping[str, Any]
Lists: TypeAlias = Mapping[str, Iterable[str]]
"""The blocks of each prefix list."""

TCP, UDP = 6, 17
NUMBERS = {"icmp": 1, "tcp": TCP, "udp": UDP, "icmpv6": 58}
LAST_PORT = 65535
# Where addresses begin or cease to be public: https://www.iana.org/assignments/iana-ipv4-special-registry and
# https://www.iana.org/assignments/iana-ipv6-special-registry
SEAMS = {
    4: (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24"),
        "224.0.0.0/3",
    ),
    6: ("2000::/3", "2001:db8::/32"),
}


@dataclass(frozen=True)
class Packet:
    """What arrives: a protocol by its number, a destination port, and where it comes from."""

    protocol: int
    port: int
    source: Address


def is_public(address: Address) -> bool:
    """Whether a host on the internet may have the address."""
    if isinstance(address, IPv6Address):
        return address in network("2000::/3") and address not in network("2001:db8::/32")
    return address.is_global and not address.is_multicast and not address.is_reserved


@cache
def network(cidr: str) -> Any:
    return ip_network(cidr)


def _holds(cidr: str, address: Address) -> bool:
    return network(cidr).version == address.version and address in network(cidr)


def _is_for(protocol: str, first: int | None, last: int | None, packet: Packet) -> bool:
    """Whether a rule is for the packet's protocol and port; only TCP and UDP have ports."""
    if protocol == "-1":
        return True
    if NUMBERS.get(protocol, protocol) not in {packet.protocol, str(packet.protocol)}:
        return False
    if packet.protocol not in {TCP, UDP} or first is None or last is None or -1 in {first, last}:
        return True
    return first <= packet.port <= last


def group_admits(permissions: Iterable[Answer], packet: Packet, lists: Lists) -> bool:
    """Whether the inbound rules of a group admit the packet; what comes from the internet is in no group."""
    return any(
        _is_for(rule["IpProtocol"], rule.get("FromPort"), rule.get("ToPort"), packet)
        and any(_holds(cidr, packet.source) for cidr in sources_of(rule, lists))
        for rule in permissions
    )


def sources_of(rule: Answer, lists: Lists) -> Iterator[str]:
    """The blocks from which a rule admits packets."""
    yield from (each["CidrIp"] for each in rule.get("IpRanges", ()))
    yield from (each["CidrIpv6"] for each in rule.get("Ipv6Ranges", ()))
    for named in rule.get("PrefixListIds", ()):
        yield from lists[named["PrefixListId"]]


def acl_admits(entries: Iterable[Answer], packet: Packet) -> bool:
    """Whether the inbound entries of a network ACL admit the packet; what no entry matches is denied."""
    for entry in sorted((each for each in entries if not each["Egress"]), key=lambda each: each["RuleNumber"]):
        ports = entry.get("PortRange", {})
        cidr = entry.get("CidrBlock") or entry["Ipv6CidrBlock"]
        if _is_for(entry["Protocol"], ports.get("From"), ports.get("To"), packet) and _holds(cidr, packet.source):
            return bool(entry["RuleAction"] == "allow")
    return False


@dataclass(frozen=True)
class Reach:
    """How much of the internet gets through: from every address, from any, and which part of all, 0 to 1."""

    whole: bool
    some: bool
    share: float


def reach(admits: Callable[[Address], bool], version: int, cidrs: Iterable[str]) -> Reach:
    """What of the internet is admitted, by one packet from each stretch of addresses that no block divides."""
    found = [(last - first + 1, admits(ip_address(first) if version == 4 else IPv6Address(first)))
             for first, last in stretches(version, cidrs)]  # fmt: skip
    let_in = sum(size for size, through in found if through)
    return Reach(all(through for _, through in found), let_in > 0, let_in / sum(size for size, _ in found))


def stretches(version: int, cidrs: Iterable[str]) -> Iterator[tuple[int, int]]:
    """The public addresses, cut wherever a block begins or ends."""
    blocks = [found for cidr in (*cidrs, *SEAMS[version]) if (found := network(cidr)).version == version]
    end = 2 ** (32 if version == 4 else 128)
    starts = {0, *(int(each[0]) for each in blocks), *(int(each[-1]) + 1 for each in blocks)} - {end}
    for first, after in zip(sorted(starts), [*sorted(starts)[1:], end], strict=True):
        if is_public(IPv4Address(first) if version == 4 else IPv6Address(first)):
            yield first, after - 1
