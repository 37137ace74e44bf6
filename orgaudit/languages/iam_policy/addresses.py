"""Source addresses in conditions: which of them an owner may hold, and which an outside caller can come from."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_network

from orgaudit.languages.cidr import Family, Space, holds, minus, size, space_of, whole_blocks

# Blocks of this size and larger ones, a /7 of IPv4 and a /31 of IPv6, do not make a policy non-public:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
_OPEN_BLOCK = {Family.IPV4: 1 << 25, Family.IPV6: 1 << 97}
# A list that holds more than half of all addresses is open, however small its networks: IPv6 hands out 2000::/3 only.
_HALF = {Family.IPV4: 1 << 31, Family.IPV6: 1 << 124}
_ENDS = {Family.IPV4: 1 << 32, Family.IPV6: 1 << 128}


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks that one condition lists, by family, and those of them that are narrow enough to be owned."""

    listed: dict[Family, Space]
    owned: dict[Family, Space]


@lru_cache(maxsize=1024)
def networks_of(values: tuple[str, ...]) -> Networks | None:
    """Return the networks that the values list together, or None where one of them is not a network."""
    try:
        listed = {family: space_of(values, family) for family in Family}
    except ValueError:
        return None
    return Networks(listed, {family: _owned(space, family) for family, space in listed.items()})


def _owned(space: Space, family: Family) -> Space:
    return () if size(space) > _HALF[family] else minus(space, whole_blocks(space, _OPEN_BLOCK[family]))


def memberships(lists: Sequence[Networks], *, outside: bool) -> set[tuple[bool, ...]]:
    """Return the ways in which an address can be in some of the lists and not in others.

    With `outside`, addresses of networks that are narrow enough to be owned are left out.
    """
    found: set[tuple[bool, ...]] = set()
    for family in Family:
        listed = [each.listed[family] for each in lists]
        owned = [each.owned[family] for each in lists] if outside else []
        # An owned network may lie in a listed block without being one by itself.
        edges = {0, *(edge for space in (*listed, *owned) for first, last in space for edge in (first, last + 1))}
        found |= {
            tuple(holds(space, address) for space in listed)
            for address in edges - {_ENDS[family]}
            if not any(holds(space, address) for space in owned)
        }
    return found


def first_addresses(values: Iterable[str]) -> Iterator[str]:
    """Yield the first address of each value that is a network."""
    for value in values:
        try:
            yield str(ip_network(value, strict=False).network_address)
        except ValueError:
            continue
