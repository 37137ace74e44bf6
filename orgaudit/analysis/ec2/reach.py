"""Reachability: which ports the rules of a security group open to the whole internet.

Rules add up: by protocol, port range and address space. Two rules for halves of the internet are one for the internet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self, TypeAlias

from orgaudit.facts.ec2.groups import SecurityGroup
from orgaudit.facts.ec2.prefixes import PrefixList
from orgaudit.facts.ec2.rules import ALL, ALL_PORTS, SecurityGroupRule
from orgaudit.languages.cidr import (
    INTERNET,
    SIZES,
    Family,
    Space,
    block,
    family_of,
    is_internet,
    public_share,
    size,
    space_of,
    union,
)
from orgaudit.model import Gap, Json, Observed, Seen

REPORTED = 0.005
"""The smallest part of all public addresses that is reported where an opening is not whole: over a /8 of IPv4."""
FEW = 4
"""How many sources of one opening a sentence names before it counts the others."""


def carries(protocol: str, ports: tuple[int, int], wanted: str, port: int) -> bool:
    """Return whether a rule is about a TCP or UDP port. The numbers of other protocols are types, or mean nothing."""
    return protocol == ALL or (protocol == wanted and ports[0] <= port <= ports[1])


def summed(parts: Iterable[str]) -> str:
    """Return the parts of an opening in one phrase: a few of them by name, and the number of the others."""
    named = list(parts)
    more = [f"{len(named) - FEW} more"] if len(named) > FEW else []
    return " + ".join([*named[:FEW], *more])


@dataclass(frozen=True, slots=True)
class Question:
    """What must not be reachable from the internet: these ports, by these protocols, from addresses of these families.

    Without ports, the question is whether all of them are open at once.
    """

    ports: tuple[int, ...]
    protocols: tuple[str, ...] = ("tcp", "udp")
    families: tuple[Family, ...] = (Family.IPV4, Family.IPV6)

    def with_ports(self, further: Sequence[int]) -> Question:
        """Return the question about further ports too."""
        return replace(self, ports=(*self.ports, *further)) if further else self

    def lines(self) -> Iterator[tuple[str, Family]]:
        """Yield each protocol with each family."""
        return ((protocol, family) for protocol in self.protocols for family in self.families)

    def concerns(self, rule: SecurityGroupRule) -> bool:
        """Return whether a rule is about a port and protocol in question."""
        if rule.protocol == ALL or rule.protocol not in self.protocols:
            return rule.protocol == ALL
        first, last = rule.ports
        return not self.ports or any(first <= port <= last for port in self.ports)


@dataclass(frozen=True, slots=True)
class RuleSource:
    """One block or prefix list from which a rule allows traffic."""

    label: str
    space: Space
    rule: SecurityGroupRule

    def permission(self) -> Json:
        """Return the part of the rule that is about this source, as the EC2 API writes it."""
        found: dict[str, Json] = {"IpProtocol": self.rule.protocol}
        if self.rule.protocol != ALL:
            found |= {"FromPort": self.rule.ports[0], "ToPort": self.rule.ports[1]}
        if self.label in self.rule.prefix_lists:
            return found | {"PrefixListIds": [{"PrefixListId": self.label}]}
        if family_of(self.label) is Family.IPV6:
            return found | {"Ipv6Ranges": [{"CidrIpv6": self.label}]}
        return found | {"IpRanges": [{"CidrIp": self.label}]}


@dataclass(frozen=True, slots=True)
class PortOpening:
    """A port that is open to the internet by one protocol; `port` None is every port. `sources` suffice to open it."""

    protocol: str
    port: int | None
    family: Family
    sources: tuple[RuleSource, ...]

    def describe(self) -> str:
        """Return the opening in a few words, such as `tcp 22 from 0.0.0.0/0`."""
        port = "all ports" if self.port is None else str(self.port)
        return f"{self.protocol} {port} from {summed(source.label for source in self.sources)}"


PrefixLists: TypeAlias = Mapping[str, Observed[PrefixList]]


@dataclass(frozen=True, slots=True)
class Inbound:
    """The inbound rules of a security group, and the prefix lists that they name."""

    rules: Sequence[SecurityGroupRule]
    lists: PrefixLists

    @classmethod
    def of(cls, group: SecurityGroup) -> Self:
        """Return the inbound rules of a group; raises NotSeenError where they were not seen."""
        return cls(group.rules.value, group.lists)

    def about(self, question: Question) -> Inbound:
        """Return the rules that admit addresses by a port and protocol in question; groups as sources do not count."""
        rules = [rule for rule in self.rules if (rule.cidrs or rule.prefix_lists) and question.concerns(rule)]
        return Inbound(rules, self.lists)

    def openings(self, question: Question) -> list[PortOpening]:
        """Return the ports that are open; raises NotSeenError where none is and a list that was not seen may open one.

        Prefix lists of AWS's own are left out here: `unread` names them.
        """
        ask = self._ports if question.ports else self._everything
        if found := list(ask(question, self._sources)):
            return found
        if any(isinstance(seen, Gap) for seen in self.lists.values()):
            for opening in ask(question, self._possible):
                unseen = next(source for source in opening.sources if isinstance(self.lists.get(source.label), Gap))
                self.lists[unseen.label].value  # noqa: B018 - a gap raises what it is
        return []

    def unread(self, question: Question) -> list[str]:
        """Return the prefix lists of AWS's own from which traffic in question comes in, with their names."""
        named = {list_id for rule in self.about(question).rules for list_id in rule.prefix_lists}
        seen = [found.value for list_id in sorted(named) if isinstance(found := self.lists.get(list_id), Seen)]
        return [f"{found.id} ({found.name})" for found in seen if found.cidrs is None]

    def widest_share(self, question: Question) -> float:
        """Return the largest part of the public addresses of a family to which a port in question is open, 0 to 1.

        A part under `REPORTED` is 0.
        """
        widest = 0.0
        for protocol, family in question.lines():
            for port in question.ports:
                blocks = [part for source in self._sources(protocol, port, family) for part in source.space]
                if size(blocks) >= REPORTED * SIZES[family]:
                    widest = max(widest, public_share(union(blocks), family))
        return widest if widest >= REPORTED else 0.0

    def _ports(self, question: Question, ask: _Ask) -> Iterator[PortOpening]:
        for protocol, family in question.lines():
            for port in question.ports:
                if sources := _enough(ask(protocol, port, family), family):
                    yield PortOpening(protocol, port, family, sources)

    def _everything(self, question: Question, ask: _Ask) -> Iterator[PortOpening]:
        for protocol, family in question.lines():
            needed: dict[RuleSource, None] = {}
            for port in self.probes(protocol):
                sources = _enough(ask(protocol, port, family), family)
                if not sources:
                    break
                needed |= dict.fromkeys(sources)
            else:
                yield PortOpening(protocol, None, family, tuple(needed))

    def probes(self, protocol: str) -> list[int]:
        """Return ports of which all are open only if every port is: the edges of all ranges. Port 0 is not used."""
        ranges = [rule.ports for rule in self.rules if rule.protocol == protocol]
        edges = {1} | {first for first, _ in ranges} | {last + 1 for _, last in ranges}
        return sorted(port for port in edges if 1 <= port <= ALL_PORTS[1])

    def _sources(self, protocol: str, port: int, family: Family) -> Iterator[RuleSource]:
        for rule in self.rules:
            if not carries(rule.protocol, rule.ports, protocol, port):
                continue
            for cidr in rule.cidrs:
                if family_of(cidr) is family:
                    yield RuleSource(cidr, (block(cidr),), rule)
            for list_id in rule.prefix_lists:
                seen = self.lists.get(list_id)
                if isinstance(seen, Seen) and seen.value.cidrs is not None:
                    yield RuleSource(list_id, space_of(seen.value.cidrs, family), rule)

    def _possible(self, protocol: str, port: int, family: Family) -> Iterator[RuleSource]:
        """Yield the sources, as if each prefix list that was not seen held every address."""
        yield from self._sources(protocol, port, family)
        for rule in self.rules:
            if carries(rule.protocol, rule.ports, protocol, port):
                for list_id in rule.prefix_lists:
                    if isinstance(self.lists.get(list_id), Gap):
                        yield RuleSource(list_id, INTERNET[family], rule)


_Ask: TypeAlias = Callable[[str, int, Family], Iterable[RuleSource]]


def _enough(sources: Iterable[RuleSource], family: Family) -> tuple[RuleSource, ...]:
    """Return the widest sources that make up the internet together; none where all of them do not."""
    found = list(sources)
    if sum(size(source.space) for source in found) < SIZES[family]:
        return ()
    chosen: list[RuleSource] = []
    covered: Space = ()
    for source in sorted(found, key=lambda each: size(each.space), reverse=True):
        wider = union((*covered, *source.space))
        if wider == covered:
            continue
        chosen.append(source)
        covered = wider
        if is_internet(covered, family):
            return tuple(chosen)
    return ()
