"""Network ACLs and their inbound entries."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from orgaudit.facts.declare import UNREAD, Aws, Resource, collector
from orgaudit.facts.ec2 import PER_PAGE
from orgaudit.facts.ec2.rules import ALL_PORTS, described, ports_of, protocol_of
from orgaudit.facts.rows import listed, tags_in
from orgaudit.model import Observed, Scope


class AclEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One inbound entry of a network ACL."""

    number: int
    allows: bool
    protocol: str
    cidr: str
    ports: tuple[int, int] = ALL_PORTS

    def describe(self) -> str:
        """Return the entry in a few words, such as `entry 100: tcp 22 from 0.0.0.0/0`."""
        return f"entry {self.number}: {described(self.protocol, self.ports)} from {self.cidr}"


class NetworkAcl(Resource, frozen=True, kw_only=True):
    """A network ACL, with or without subnets; `in_use` shows whether it has any."""

    vpc_id: str | None = None
    default: Observed[bool]
    subnets: int = 0
    entries: Observed[tuple[AclEntry, ...]]
    in_use: Observed[bool] = UNREAD


@collector(scope=Scope.REGIONAL, actions=("ec2:DescribeNetworkAcls",))
async def network_acls(aws: Aws) -> AsyncIterator[NetworkAcl]:
    """Yield every network ACL of the region."""
    async for row in listed(aws, "ec2", "DescribeNetworkAcls", "NetworkAcls", MaxResults=PER_PAGE):
        with row as answer:
            owner, acl_id = answer["OwnerId"], answer["NetworkAclId"]
            yield NetworkAcl(
                arn=f"arn:{aws.partition}:ec2:{aws.region}:{owner}:network-acl/{acl_id}",
                account_id=owner,
                region=aws.region,
                tags=tags_in(answer.get("Tags")),
                vpc_id=answer.get("VpcId"),
                default=row.member("IsDefault", bool),
                subnets=len(answer.get("Associations", ())),
                entries=row.read(_inbound),
                in_use=row.read(lambda found: bool(found["Associations"])),
            )


def _inbound(answer: dict[str, Any]) -> tuple[AclEntry, ...]:
    return tuple(_entry(entry) for entry in answer["Entries"] if not entry["Egress"])


def _entry(answer: dict[str, Any]) -> AclEntry:
    protocol, ports = protocol_of(answer["Protocol"]), answer.get("PortRange", {})
    return AclEntry(
        number=answer["RuleNumber"],
        allows=answer["RuleAction"] == "allow",
        protocol=protocol,
        ports=ports_of(protocol, ports.get("From"), ports.get("To")),
        cidr=answer.get("CidrBlock") or answer["Ipv6CidrBlock"],
    )
