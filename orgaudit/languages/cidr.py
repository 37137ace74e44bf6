"""Address ranges: what CIDR blocks cover together, and how much of the internet that is."""

from bisect import bisect_right
from collections.abc import Iterable
from enum import StrEnum
from functools import lru_cache
from ipaddress import ip_address, ip_network
from operator import itemgetter
from typing import TypeAlias

Block: TypeAlias = tuple[int, int]
"""The first and the last address of a block, as numbers."""
Space: TypeAlias = tuple[Block, ...]
"""Blocks of one family, in order, that neither overlap nor touch."""


class Family(StrEnum):
    """The two families of addresses; a space holds addresses of one of them."""

    IPV4 = "IPv4"
    IPV6 = "IPv6"


def family_of(text: str) -> Family:
    """Return the family of a CIDR block or of an address."""
    return Family.IPV6 if ":" in text else Family.IPV4


@lru_cache(maxsize=1 << 16)
def block(cidr: str) -> Block:
    """Return the addresses of a CIDR block; raises ValueError for anything else."""
    network = ip_network(cidr, strict=False)
    return int(network.network_address), int(network.broadcast_address)


def block_holds(cidr: str, address: str) -> bool:
    """Return whether a CIDR block holds an address; raises ValueError for anything else."""
    (first, last), number = block(cidr), int(ip_address(address))
    return family_of(cidr) is family_of(address) and first <= number <= last


def union(blocks: Iterable[Block]) -> Space:
    """Return the space that blocks of one family cover together."""
    joined: list[Block] = []
    for first, last in sorted(blocks):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = joined[-1][0], max(joined[-1][1], last)
        else:
            joined.append((first, last))
    return tuple(joined)


def space_of(cidrs: Iterable[str], family: Family) -> Space:
    """Return what the blocks of one family cover, leaving out those of the other."""
    return union(block(cidr) for cidr in cidrs if family_of(cidr) is family)


def minus(space: Space, taken: Space) -> Space:
    """Return what is left of a space without another one of the same family."""
    left: list[Block] = []
    for first, last in space:
        start = first
        for taken_first, taken_last in taken:
            if taken_last < start:
                continue
            if taken_first > last:
                break
            if taken_first > start:
                left.append((start, taken_first - 1))
            start = taken_last + 1
        if start <= last:
            left.append((start, last))
    return tuple(left)


def both(space: Space, other: Space) -> Space:
    """Return the addresses that two spaces of the same family share."""
    return minus(space, minus(space, other))


def holds(space: Space, address: int) -> bool:
    """Return whether a space holds an address, given as a number."""
    place = bisect_right(space, address, key=itemgetter(0))
    return place > 0 and address <= space[place - 1][1]


def whole_blocks(space: Space, width: int) -> Space:
    """Return the part of a space that CIDR blocks of this width, a power of two, fill completely."""
    inner = ((-(-first // width) * width, (last + 1) // width * width - 1) for first, last in space)
    return tuple((first, last) for first, last in inner if first <= last)


# The special-purpose registries https://www.iana.org/assignments/iana-ipv4-special-registry and
# https://www.iana.org/assignments/iana-ipv6-special-registry: no host on the internet has an address among these, so
# rules that leave them out are as open as those that do not.
_NOT_PUBLIC = (
    *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24"),
    *("192.0.2.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
)
INTERNET: dict[Family, Space] = {
    Family.IPV4: minus((block("0.0.0.0/0"),), space_of(_NOT_PUBLIC, Family.IPV4)),
    Family.IPV6: minus((block("2000::/3"),), (block("2001:db8::/32"),)),
}
"""The public addresses, by family."""


def size(blocks: Iterable[Block]) -> int:
    """Return how many addresses blocks hold; those that overlap count twice."""
    return sum(last - first + 1 for first, last in blocks)


SIZES = {family: size(space) for family, space in INTERNET.items()}
"""How many public addresses there are, by family."""


def is_internet(space: Space, family: Family) -> bool:
    """Return whether a space holds every public address of its family."""
    public = INTERNET[family]
    if len(space) == 1:
        return space[0][0] <= public[0][0] and public[-1][1] <= space[0][1]
    return not minus(public, space)


def public_share(space: Space, family: Family) -> float:
    """Return the part of the public addresses of its family that a space holds, from 0 to 1."""
    return size(both(INTERNET[family], space)) / SIZES[family]
