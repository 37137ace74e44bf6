"""Source addresses in conditions, held against the standard library's networks, address by address."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_network
from itertools import chain
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orgaudit.languages.iam_policy.addresses import first_addresses, memberships, networks_of

NARROWEST_OPEN = {4: 7, 6: 31}
HALF = {4: 2**31, 6: 2**124}
WIDE = ["0.0.0.0/0", "0.0.0.0/1", "128.0.0.0/1", "::/0", "2000::/3", "2000::/4", "3000::/4", "192.0.2.1", "2600::1"]
V4 = st.builds(lambda number, length: str(IPv4Network((number << 24, length), strict=False)),
               st.integers(8, 16), st.integers(6, 10))  # fmt: skip
V6 = st.builds(lambda number, length: str(IPv6Network((number << 96, length), strict=False)),
               st.integers(0x2600_0000, 0x2600_0008), st.integers(30, 33))  # fmt: skip
LISTS = st.lists(V4 | V6 | st.sampled_from(WIDE), max_size=5).map(tuple)


def collapsed(values: tuple[str, ...], version: int) -> list[Any]:
    return list(collapse_addresses(network for network in map(ip_network, values) if network.version == version))  # type: ignore[type-var]


def owned(values: tuple[str, ...], version: int) -> list[Any]:
    """The networks that are narrow enough to be an owner's, none in a list of more than half of all addresses."""
    networks = collapsed(values, version)
    if sum(network.num_addresses for network in networks) > HALF[version]:
        return []
    return [network for network in networks if network.prefixlen > NARROWEST_OPEN[version]]


@given(st.lists(LISTS, max_size=3), st.booleans())
@example([("13.0.0.0/8", "14.0.0.0/7")], True)
def test_memberships_are_those_of_single_addresses(lists: list[tuple[str, ...]], outside: bool) -> None:
    expected = set()
    kinds: tuple[tuple[int, type[Any]], ...] = ((4, IPv4Address), (6, IPv6Address))
    for version, address in kinds:
        networks = list(chain.from_iterable(collapsed(values, version) for values in lists))
        edges = {0, *(int(each[0]) for each in networks), *(int(each[-1]) + 1 for each in networks)}
        for place in map(address, edges - {2 ** (32 if version == 4 else 128)}):
            if not outside or not any(place in network for values in lists for network in owned(values, version)):
                expected.add(tuple(any(place in each for each in collapsed(values, version)) for values in lists))
    read = [networks_of(values) for values in lists]
    assert memberships([each for each in read if each is not None], outside=outside) == expected


@pytest.mark.parametrize("values", [("office",), ("10.0.0.0/8", "10.0.0.0/33"), ("::/0", "")])
def test_a_list_with_what_is_no_network_is_not_read(values: tuple[str, ...]) -> None:
    assert networks_of(values) is None


def test_first_addresses_leave_out_what_is_no_network() -> None:
    assert list(first_addresses(["10.1.2.3/8", "office", "2001:db8::/32"])) == ["10.0.0.0", "2001:db8::"]
