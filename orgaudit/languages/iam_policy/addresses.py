"""Source addresses in conditions: which of them are an owner's own, and which an outside caller can come from."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, collapse_addresses, ip_network

# Wider networks than these are no restriction: https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
_NARROWEST_OPEN = {4: 7, 6: 31}
_BITS = {4: 32, 6: 128}
# A list that holds more than half of all addresses is open, however small its networks: IPv6 hands out 2000::/3 only.
_HALF = {4: 1 << 31, 6: 1 << 124}


@dataclass(frozen=True, slots=True)
class Ranges:
    """Disjoint ranges of the addresses of one IP version, as numbers, in order."""

    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def __contains__(self, address: int) -> bool:
        """Whether one of the ranges holds the address."""
        place = bisect_right(self.starts, address) - 1
        return place >= 0 and address <= self.ends[place]


@dataclass(frozen=True, slots=True)
class Networks:
    """The networks that one condition lists, by IP version, and those of them that are narrow enough to be owned."""

    listed: dict[int, Ranges]
    owned: dict[int, Ranges]


@lru_cache(maxsize=1024)
def networks_of(values: tuple[str, ...]) -> Networks | None:
    """Return the networks that the values list together, or None where one of them is not a network."""
    try:
        read = [ip_network(value, strict=False) for value in values]
    except ValueError:
        return None
    v4 = list(collapse_addresses(network for network in read if isinstance(network, IPv4Network)))
    v6 = list(collapse_addresses(network for network in read if isinstance(network, IPv6Network)))
    return Networks(
        {4: _ranges(v4), 6: _ranges(v6)},
        {4: _ranges(_owned(v4, 4)), 6: _ranges(_owned(v6, 6))},
    )


def _owned(
    networks: Sequence[IPv4Network] | Sequence[IPv6Network], version: int
) -> Sequence[IPv4Network] | Sequence[IPv6Network]:
    if sum(network.num_addresses for network in networks) > _HALF[version]:
        return ()
    return [network for network in networks if network.prefixlen > _NARROWEST_OPEN[version]]  # type: ignore[return-value]


def _ranges(networks: Iterable[IPv4Network] | Iterable[IPv6Network]) -> Ranges:
    ends = sorted((int(network.network_address), int(network.broadcast_address)) for network in networks)
    return Ranges(tuple(start for start, _ in ends), tuple(end for _, end in ends))


def memberships(lists: Sequence[Networks], *, outside: bool) -> set[tuple[bool, ...]]:
    """Return the ways in which an address can be in some of the lists and not in others.

    With `outside`, addresses of networks that are narrow enough to be somebody's own are left out.
    """
    found: set[tuple[bool, ...]] = set()
    for version, bits in _BITS.items():
        listed = [each.listed[version] for each in lists]
        owned = [each.owned[version] for each in lists] if outside else []
        edges = {0} | {edge for each in listed for edge in (*each.starts, *(end + 1 for end in each.ends))}
        found |= {
            tuple(address in each for each in listed)
            for address in edges
            if address < 1 << bits and not any(address in each for each in owned)
        }
    return found
