"""Security groups and their rules, with the prefix lists that these name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec

from orgaudit.facts.declare import Aws, Resource, collector, observe
from orgaudit.facts.ec2.prefixes import PREFIX_LIST_ACTIONS, PrefixList, prefix_list
from orgaudit.facts.ec2.reach import Inbound, Rule, ports_of, protocol_of
from orgaudit.facts.ec2.tags import tags_of
from orgaudit.model import Observed, Scope

PAGE = 1000
"""The most groups that one answer holds."""


class SecurityGroup(Resource, frozen=True, kw_only=True):
    """A security group, attached or not. `lists` are the prefix lists of its inbound rules, each seen or not."""

    group_name: str
    vpc_id: str | None = None
    rules: tuple[Rule, ...] = ()
    outbound: tuple[Rule, ...] = ()
    lists: dict[str, Observed[PrefixList]] = msgspec.field(default_factory=dict)

    @property
    def inbound(self) -> Inbound:
        """Return the inbound rules with all that is needed to tell what they open."""
        return Inbound(self.rules, self.lists)


class DefaultSecurityGroup(SecurityGroup, frozen=True, kw_only=True):
    """The group that every VPC has and nobody can delete: what names no group of its own gets this one."""


@collector(scope=Scope.REGIONAL, actions=("ec2:DescribeSecurityGroups", *PREFIX_LIST_ACTIONS))
async def security_groups(aws: Aws) -> AsyncIterator[SecurityGroup]:
    """Yield every security group of the region, and those of other accounts that are shared with this one."""
    for answer in await aws.once(_groups):
        rules = _rules(answer["IpPermissions"])
        named = sorted({list_id for rule in rules for list_id in rule.prefix_lists})
        lists = {list_id: await observe(prefix_list(aws, list_id)) for list_id in named}
        yield SecurityGroup(**_described(aws, answer), rules=rules, lists=lists)


@collector(scope=Scope.REGIONAL, actions=("ec2:DescribeSecurityGroups",))
async def default_security_groups(aws: Aws) -> AsyncIterator[DefaultSecurityGroup]:
    """Yield the default group of every VPC, used or not, from the same answer as all groups."""
    for answer in await aws.once(_groups):
        if answer["GroupName"] == "default" and answer.get("VpcId"):
            yield DefaultSecurityGroup(**_described(aws, answer), rules=_rules(answer["IpPermissions"]))


async def _groups(aws: Aws) -> list[dict[str, Any]]:
    pages = aws.pages("ec2", "DescribeSecurityGroups", MaxResults=PAGE)
    return [group async for page in pages for group in page["SecurityGroups"]]


def _described(aws: Aws, answer: dict[str, Any]) -> dict[str, Any]:
    owner, group_id = answer["OwnerId"], answer["GroupId"]
    return {
        "arn": f"arn:{aws.partition}:ec2:{aws.region}:{owner}:security-group/{group_id}",
        "account_id": owner,
        "region": aws.region,
        "tags": tags_of(answer),
        "group_name": answer["GroupName"],
        "vpc_id": answer.get("VpcId"),
        "outbound": _rules(answer["IpPermissionsEgress"]),
    }


def _rules(permissions: Iterable[dict[str, Any]]) -> tuple[Rule, ...]:
    return tuple(
        Rule(
            protocol=protocol_of(found["IpProtocol"]),
            ports=ports_of(found.get("FromPort"), found.get("ToPort")),
            cidrs=(
                *(each["CidrIp"] for each in found.get("IpRanges", ())),
                *(each["CidrIpv6"] for each in found.get("Ipv6Ranges", ())),
            ),
            prefix_lists=tuple(each["PrefixListId"] for each in found.get("PrefixListIds", ())),
            groups=tuple(each["GroupId"] for each in found.get("UserIdGroupPairs", ())),
        )
        for found in permissions
    )
