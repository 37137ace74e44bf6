"""Instances: their metadata service, their role, their addresses, and since when they are stopped."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from orgaudit.facts.declare import UNREAD, Aws, Resource, collector
from orgaudit.facts.ec2 import PER_PAGE
from orgaudit.facts.rows import Row, each_row, listed, tags_in
from orgaudit.model import Observed, Scope

ACTION = "ec2:DescribeInstances"
GONE = frozenset({"shutting-down", "terminated"})
"""States of instances that are about to disappear; EC2 lists them for about an hour.
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html"""
STOPPED = "stopped"
_SINCE = re.compile(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:GMT|UTC)\)")
"""The time in the reason for an instance's last change of state, such as `User initiated (2025-01-31 08:00:00 GMT)`."""


class Instance(Resource, frozen=True, kw_only=True):
    """An instance that runs, starts, stops or is stopped.

    `tokens` is required or optional, `endpoint` enabled or disabled, and `applied` shows whether these options of the
    metadata service are in force already. `public_address` is its public IPv4 address, None without one; `interfaces`
    is how many network interfaces it has. `changed_at` is when its state last changed, None where EC2 does not say.
    """

    state: Observed[str]
    profile_arn: Observed[str | None]
    tokens: Observed[str]
    endpoint: Observed[str]
    applied: Observed[bool]
    vpc_id: str | None = None
    public_address: Observed[str | None] = UNREAD
    ipv6_addresses: Observed[tuple[str, ...]] = UNREAD
    interfaces: Observed[int] = UNREAD
    virtualization: Observed[str] = UNREAD
    changed_at: Observed[datetime | None] = UNREAD
    launched_at: Observed[datetime] = UNREAD


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def instances(aws: Aws) -> AsyncIterator[Instance]:
    """Yield every instance of the region that is not terminated."""
    async for held in listed(aws, "ec2", "DescribeInstances", "Reservations", MaxResults=PER_PAGE):
        with held as reservation:
            async for row in each_row(aws, ACTION, [reservation["Instances"]]):
                with row as answer:
                    if answer.get("State", {}).get("Name") not in GONE:
                        yield _instance(aws, reservation["OwnerId"], row)


def _instance(aws: Aws, owner: str, row: Row) -> Instance:
    answer = row.found
    return Instance(
        arn=f"arn:{aws.partition}:ec2:{aws.region}:{owner}:instance/{answer['InstanceId']}",
        account_id=owner,
        region=aws.region,
        tags=tags_in(answer.get("Tags")),
        state=row.member("State.Name", str),
        profile_arn=row.read(_profile),
        tokens=row.member("MetadataOptions.HttpTokens", str),
        endpoint=row.member("MetadataOptions.HttpEndpoint", str),
        applied=row.read(lambda found: found["MetadataOptions"]["State"] == "applied"),
        vpc_id=answer.get("VpcId"),
        public_address=row.read(_public_address),
        ipv6_addresses=row.read(_ipv6_addresses),
        interfaces=row.read(lambda found: len(found["NetworkInterfaces"])),
        virtualization=row.member("VirtualizationType", str),
        changed_at=row.read(lambda found: _changed_at(found["StateTransitionReason"])),
        launched_at=row.member("LaunchTime", datetime),
    )


def _profile(answer: dict[str, Any]) -> str | None:
    """Return the instance profile, which is in the answer only where the instance has one."""
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
    arn: str | None = answer["IamInstanceProfile"]["Arn"] if "IamInstanceProfile" in answer else None
    return arn


def _public_address(answer: dict[str, Any]) -> str | None:
    """Return the public IPv4 address, which is in the answer only where the instance has one.

    EC2 shows a carrier address of a Wavelength Zone in the same place; the internet cannot connect to it.
    """
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
    # https://docs.aws.amazon.com/vpc/latest/userguide/Carrier_Gateway.html
    address: str | None = answer.get("PublicIpAddress")
    carriers = {each.get("Association", {}).get("CarrierIp") for each in answer["NetworkInterfaces"]}
    return None if address in carriers else address


def _ipv6_addresses(answer: dict[str, Any]) -> tuple[str, ...]:
    return tuple(
        each["Ipv6Address"]
        for interface in answer["NetworkInterfaces"]
        # Only interfaces with IPv6 have it:
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InstanceNetworkInterface.html
        for each in interface.get("Ipv6Addresses", ())
    )


def _changed_at(reason: str) -> datetime | None:
    """Return the time in the reason for the last change of state, which EC2 may leave empty."""
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Instance.html
    found = _SINCE.search(reason)
    return datetime.strptime(found[1], "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) if found else None
