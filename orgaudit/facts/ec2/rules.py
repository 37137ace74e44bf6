"""The rules of security groups and network ACLs as EC2 describes them: protocols, ports and peers."""

from __future__ import annotations

import msgspec

ALL = "-1"
"""The protocol of a rule for all protocols."""
ALL_PORTS = (0, 65535)
# Network ACLs state protocols by their numbers, security groups only those without one of these names:
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_NetworkAclEntry.html
_NAMES = {"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": ALL}


def protocol_of(stated: str) -> str:
    """Return one name for a protocol that EC2 states by name or number: tcp, udp, icmp, icmpv6, -1, or a number."""
    return _NAMES.get(stated.lower(), stated.lower())


def ports_of(protocol: str, first: int | None, last: int | None) -> tuple[int, int]:
    """Return the port range of a rule; raises ValueError where a TCP or UDP rule has none, as these always do."""
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
    if first is None or last is None:
        if protocol in {"tcp", "udp"}:
            raise ValueError(f"a rule for {protocol} has no ports")
        return ALL_PORTS
    return ALL_PORTS if first < 0 else (first, last)


def described(protocol: str, ports: tuple[int, int]) -> str:
    """Return protocol and ports in a few words, such as `tcp 22`, `all udp` or `all traffic`."""
    if protocol == ALL:
        return "all traffic"
    if protocol not in {"tcp", "udp"} or ports == ALL_PORTS:
        return f"all {protocol}"
    return f"{protocol} {ports[0]}" if ports[0] == ports[1] else f"{protocol} {ports[0]}-{ports[1]}"


class SecurityGroupRule(msgspec.Struct, frozen=True, kw_only=True):
    """One permission of a security group. `peers` are the blocks, prefix lists and groups that it names, in order."""

    protocol: str
    ports: tuple[int, int] = ALL_PORTS
    cidrs: tuple[str, ...] = ()
    prefix_lists: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()

    @property
    def peers(self) -> tuple[str, ...]:
        """All that the rule names as source or destination."""
        return self.cidrs + self.prefix_lists + self.groups

    def describe(self) -> str:
        """Return the rule in a few words, such as `tcp 22: 0.0.0.0/0`."""
        return f"{described(self.protocol, self.ports)}: {', '.join(self.peers)}"
