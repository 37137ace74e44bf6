"""What the inbound entries of a network ACL allow: in the order of their numbers, the first match decides.

https://docs.aws.amazon.com/vpc/latest/userguide/nacl-basics.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from orgaudit.analysis.ec2.reach import REPORTED, Question, carries, summed
from orgaudit.facts.ec2.acls import AclEntry
from orgaudit.languages.cidr import (
    INTERNET,
    SIZES,
    Block,
    Family,
    block,
    both,
    family_of,
    is_internet,
    minus,
    size,
    union,
)


@dataclass(frozen=True, slots=True)
class Passage:
    """What the entries of a network ACL do with one port and protocol from one family of addresses.

    `open` are the allowing entries that make up the internet together, none where they do not; then `share` is the part
    of all public addresses that is admitted, 0 under `REPORTED`. `shadowed` are allowing entries for the whole
    internet of which an earlier entry leaves nothing.
    """

    protocol: str
    port: int
    family: Family
    open: tuple[AclEntry, ...]
    shadowed: tuple[AclEntry, ...]
    share: float = 0.0

    def describe(self) -> str:
        """Return the passage in a few words, such as `tcp 22 by entry 100: all traffic from 0.0.0.0/0`."""
        return f"{self.protocol} {self.port} by {summed(entry.describe() for entry in self.open)}"


def passages(entries: Iterable[AclEntry], question: Question) -> tuple[Passage, ...]:
    """Return what becomes of each port in question, entries taken in order.

    An allowing entry counts in full while earlier ones leave anything of it: a list of denied addresses in front of
    `0.0.0.0/0` does not make it narrow.
    """
    return _passages(tuple(entries), question)


@lru_cache(maxsize=1024)
def _passages(entries: tuple[AclEntry, ...], question: Question) -> tuple[Passage, ...]:
    """Return the passages; most network ACLs are a VPC's default one, with the entries that AWS gives it."""
    ordered = sorted(entries, key=lambda entry: entry.number)
    return tuple(
        _passage(ordered, protocol, port, family) for protocol, family in question.lines() for port in question.ports
    )


def _passage(ordered: Sequence[AclEntry], protocol: str, port: int, family: Family) -> Passage:
    about = [
        (entry, block(entry.cidr))
        for entry in ordered
        if family_of(entry.cidr) is family and carries(entry.protocol, entry.ports, protocol, port)
    ]
    if size(found for entry, found in about if entry.allows) < REPORTED * SIZES[family]:
        return Passage(protocol, port, family, (), ())
    undecided, denied, admitted = INTERNET[family], False, 0
    effective: list[tuple[AclEntry, Block]] = []
    shadowed: list[AclEntry] = []
    for entry, found in about:
        if entry.allows and (passing := both(undecided, (found,))):
            effective.append((entry, found))
            admitted += size(passing)
        elif entry.allows and denied and is_internet((found,), family):
            shadowed.append(entry)
        undecided, denied = minus(undecided, (found,)), denied or not entry.allows
    whole, share = _enough(effective, family), admitted / SIZES[family]
    return Passage(protocol, port, family, whole, tuple(shadowed), 0.0 if whole or share < REPORTED else share)


def _enough(effective: Sequence[tuple[AclEntry, Block]], family: Family) -> tuple[AclEntry, ...]:
    """Return the widest entries that make up the internet together; none where all of them do not."""
    widest = sorted(effective, key=lambda pair: size([pair[1]]), reverse=True)
    for count in range(1, len(widest) + 1):
        if is_internet(union(found for _, found in widest[:count]), family):
            return tuple(entry for entry, _ in widest[:count])
    return ()
