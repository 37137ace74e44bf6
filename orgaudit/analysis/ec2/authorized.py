"""What a security group opens to the internet beside the ports that are authorized."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from orgaudit.analysis.ec2.reach import Inbound, PortOpening, Question
from orgaudit.facts.ec2.rules import ALL_PORTS
from orgaudit.model import NotSeenError


def openings_beside(inbound: Inbound, authorized: Mapping[str, Collection[int]]) -> list[PortOpening]:
    """Return openings by ports that are not authorized for their protocol, one for each range that rules open alike.

    Raises NotSeenError where there is none and a prefix list that was not seen may open one.
    """
    found: list[PortOpening] = []
    gaps: list[NotSeenError] = []
    for protocol, ports in authorized.items():
        asked = Question(tuple(_probes(inbound, protocol, ports)), (protocol,))
        # Without ports, a question is about all of them at once.
        if not asked.ports:
            continue
        try:
            found += inbound.openings(asked)
        except NotSeenError as error:
            gaps.append(error)
    if gaps and not found:
        raise gaps[0]
    return found


def _probes(inbound: Inbound, protocol: str, authorized: Collection[int]) -> Iterator[int]:
    """Yield the first port that is not authorized of each range over which no rule begins or ends."""
    starts = inbound.probes(protocol)
    for start, end in zip(starts, [*starts[1:], ALL_PORTS[1] + 1], strict=True):
        port = next((port for port in range(start, end) if port not in authorized), None)
        if port is not None:
            yield port
