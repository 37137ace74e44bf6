"""Security groups and their rules, with the prefix lists that these name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec

from orgaudit.facts.declare import Aws, Resource, collector
from orgaudit.facts.ec2 import PER_PAGE
from orgaudit.facts.ec2.prefixes import PREFIX_LIST_ACTIONS, PrefixList, prefix_list
from orgaudit.facts.ec2.rules import SecurityGroupRule, ports_of, protocol_of
from orgaudit.facts.packed import Rows
from orgaudit.facts.rows import Row, each_row, tags_in
from orgaudit.model import UNKNOWN, Observed, Scope, Seen, shown

ACTION = "ec2:DescribeSecurityGroups"
DEFAULT = "default"


class SecurityGroup(Resource, frozen=True, kw_only=True):
    """A security group, attached or not. `lists` are the prefix lists of its inbound rules, each seen or not."""

    group_name: Observed[str]
    vpc_id: str | None = None
    rules: Observed[tuple[SecurityGroupRule, ...]]
    outbound: Observed[tuple[SecurityGroupRule, ...]]
    lists: dict[str, Observed[PrefixList]] = msgspec.field(default_factory=dict)


class DefaultSecurityGroup(SecurityGroup, frozen=True, kw_only=True):
    """The group that every VPC has: it cannot be deleted, and what names no other group gets it.

    https://docs.aws.amazon.com/vpc/latest/userguide/deleting-security-groups.html
    """


@collector(scope=Scope.REGIONAL, actions=(ACTION, *PREFIX_LIST_ACTIONS))
async def security_groups(aws: Aws) -> AsyncIterator[SecurityGroup]:
    """Yield every security group of the region, and those of other accounts that are shared with this one."""
    async for row in each_row(aws, ACTION, [await aws.once(_groups)]):
        with row:
            described = _described(aws, row)
            rules = described["rules"]
            named = sorted(
                {list_id for rule in rules.value for list_id in rule.prefix_lists} if isinstance(rules, Seen) else ()
            )
            lists = {list_id: await row.follow(prefix_list(aws, list_id)) for list_id in named}
            yield SecurityGroup(**described, lists=lists)


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def default_security_groups(aws: Aws) -> AsyncIterator[DefaultSecurityGroup]:
    """Yield the default group of every VPC, used or not, from the same answer as all groups."""
    async for row in each_row(aws, ACTION, [await aws.once(_groups)]):
        with row:
            # One without a name may be it, and is not assessed.
            if shown(row.member("GroupName", str)) in {DEFAULT, UNKNOWN}:
                yield DefaultSecurityGroup(**_described(aws, row))


async def _groups(aws: Aws) -> Rows:
    found = Rows()
    async for page in aws.pages("ec2", "DescribeSecurityGroups", MaxResults=PER_PAGE):
        found.extend(page["SecurityGroups"])
    return found


def _described(aws: Aws, row: Row) -> dict[str, Any]:
    answer = row.found
    owner, group_id = answer["OwnerId"], answer["GroupId"]
    return {
        "arn": f"arn:{aws.partition}:ec2:{aws.region}:{owner}:security-group/{group_id}",
        "account_id": owner,
        "region": aws.region,
        "tags": tags_in(answer.get("Tags")),
        "group_name": row.member("GroupName", str),
        "vpc_id": answer.get("VpcId"),
        "rules": row.read(lambda found: _rules(found["IpPermissions"])),
        "outbound": row.read(lambda found: _rules(found["IpPermissionsEgress"])),
    }


def _rules(permissions: Iterable[dict[str, Any]]) -> tuple[SecurityGroupRule, ...]:
    return tuple(_rule(found) for found in permissions)


def _rule(found: dict[str, Any]) -> SecurityGroupRule:
    """Return one permission; raises ValueError for one without a source or destination, which EC2 does not accept."""
    protocol = protocol_of(found["IpProtocol"])
    rule = SecurityGroupRule(
        protocol=protocol,
        ports=ports_of(protocol, found.get("FromPort"), found.get("ToPort")),
        cidrs=(
            *(each["CidrIp"] for each in found.get("IpRanges", ())),
            *(each["CidrIpv6"] for each in found.get("Ipv6Ranges", ())),
        ),
        prefix_lists=tuple(each["PrefixListId"] for each in found.get("PrefixListIds", ())),
        groups=tuple(each["GroupId"] for each in found.get("UserIdGroupPairs", ())),
    )
    if not rule.peers:
        raise ValueError("a rule names no source or destination")
    return rule
