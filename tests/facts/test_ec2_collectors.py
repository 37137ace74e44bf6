"""What the EC2 collectors make of answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from orgaudit.analysis.ec2.acls import passages
from orgaudit.analysis.ec2.reach import Inbound, Question
from orgaudit.analysis.ec2.vpcs import Breadth, breadth_of, flaw_of, table_of
from orgaudit.aws.access import Access
from orgaudit.demo import Demo
from orgaudit.facts.declare import Collector, Resource
from orgaudit.facts.ec2.acls import NetworkAcl, network_acls
from orgaudit.facts.ec2.defaults import MetadataDefaults, ebs_defaults, metadata_defaults
from orgaudit.facts.ec2.groups import default_security_groups, security_groups
from orgaudit.facts.ec2.instances import Instance, instances
from orgaudit.facts.ec2.peering import PeeringRoute, peering_connections, peering_routes
from orgaudit.facts.ec2.prefixes import PrefixList
from orgaudit.facts.ec2.routes import InternetRoute, route_tables
from orgaudit.facts.ec2.rules import ALL, ALL_PORTS, SecurityGroupRule
from orgaudit.facts.ec2.vpcs import FlowLog, Vpc, flow_logs, vpcs
from orgaudit.languages.cidr import Family
from orgaudit.model import Gap, GapReason, NotSeenError, Scope, Seen
from orgaudit.settings.limits import load_limits
from orgaudit.settings.sections import AccessSettings, RunSettings
from tests.emulated import leading_to
from tests.factories import HOME, MEMBER, NOW, SECURITY, seen_all
from tests.factories_ec2 import ANY4, ANY6, OFFICE, a_peering, all_traffic, entry, rule
from tests.literal_aws import LiteralAws, Refused, World, aws, drained

Answered = dict[tuple[str, str], Any]


async def read(run: Callable[..., Any], operation: str, *pages: dict[str, Any]) -> list[Any]:
    return await drained(run(aws({("ec2", operation): list(pages)})))


TAGS = [{"Key": "Name", "Value": "main"}]

# Security groups


def group(group_id: str = "sg-1", *inbound: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "GroupId": group_id,
        "GroupName": "web",
        "OwnerId": MEMBER,
        "VpcId": "vpc-1",
        "IpPermissions": [*inbound],
        "IpPermissionsEgress": [],
    } | changes


def groups(*found: dict[str, Any]) -> Answered:
    return {("ec2", "DescribeSecurityGroups"): [{"SecurityGroups": [one]} for one in found]}


FROM_OFFICE = {"IpRanges": [{"CidrIp": OFFICE}]}
EVERYTHING = {
    "IpProtocol": "tcp",
    "FromPort": 22,
    "ToPort": 23,
    "IpRanges": [{"CidrIp": ANY4}, {"CidrIp": OFFICE, "Description": "office"}],
    "Ipv6Ranges": [{"CidrIpv6": ANY6}],
    "PrefixListIds": [],
    "UserIdGroupPairs": [{"GroupId": "sg-2", "UserId": SECURITY}],
}


async def test_groups_of_all_pages_with_every_kind_of_source() -> None:
    outbound = [{"IpProtocol": "-1", **FROM_OFFICE}]
    at = aws(groups(group("sg-1", EVERYTHING, Tags=TAGS), group("sg-2", IpPermissionsEgress=outbound)))
    first, second = await drained(security_groups(at))
    assert first.arn == f"arn:aws:ec2:{HOME}:{MEMBER}:security-group/sg-1"
    assert (first.group_name, first.vpc_id, first.tags) == (Seen("web"), "vpc-1", {"Name": "main"})
    assert first.rules.value == (rule("tcp", (22, 23), ANY4, OFFICE, ANY6, "sg-2"),)
    assert (second.rules.value, second.outbound.value) == ((), (all_traffic(OFFICE),))
    assert at.world.calls[0].parameters == {"MaxResults": 1000}


@pytest.mark.parametrize(
    ("permission", "protocol", "ports"),
    [
        ({"IpProtocol": "-1"}, ALL, ALL_PORTS),
        ({"IpProtocol": "-1", "FromPort": 80, "ToPort": 80}, ALL, (80, 80)),
        ({"IpProtocol": "6", "FromPort": 22, "ToPort": 22}, "tcp", (22, 22)),
        ({"IpProtocol": "17", "FromPort": 53, "ToPort": 53}, "udp", (53, 53)),
        ({"IpProtocol": "tcp", "FromPort": -1, "ToPort": -1}, "tcp", ALL_PORTS),
        ({"IpProtocol": "icmp", "FromPort": 8, "ToPort": -1}, "icmp", (8, -1)),
        ({"IpProtocol": "58", "FromPort": -1, "ToPort": -1}, "icmpv6", ALL_PORTS),
        ({"IpProtocol": "47"}, "47", ALL_PORTS),
    ],
)
async def test_protocols_and_ports(permission: dict[str, Any], protocol: str, ports: tuple[int, int]) -> None:
    (found,) = await drained(security_groups(aws(groups(group("sg-1", permission | FROM_OFFICE)))))
    assert found.rules.value == (SecurityGroupRule(protocol=protocol, ports=ports, cidrs=(OFFICE,)),)


async def test_shared_group_belongs_to_its_owner() -> None:
    (found,) = await drained(security_groups(aws(groups(group(OwnerId=SECURITY)))))
    assert (found.account_id, found.arn.split(":")[4]) == (SECURITY, SECURITY)


async def test_default_groups_come_from_the_same_answer() -> None:
    outbound = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANY4}]}]
    default = group("sg-2", {"IpProtocol": "-1", **FROM_OFFICE}, GroupName="default", IpPermissionsEgress=outbound)
    at = aws(groups(group(), default))
    assert len(await drained(security_groups(at))) == 2
    (found,) = await drained(default_security_groups(at))
    assert (found.name, found.rules.value) == ("sg-2", (all_traffic(OFFICE),))
    assert found.outbound.value == (all_traffic(ANY4),)
    assert len(at.world.calls) == 2, "two pages, read once"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (None, "the answer lacks IpPermissions"),
        ([{"IpProtocol": "tcp", **FROM_OFFICE}], "the answer cannot be read: a rule for tcp has no ports"),
        ([{"IpProtocol": "-1"}], "the answer cannot be read: a rule names no source or destination"),
    ],
    ids=["no rules", "no ports", "no sources"],
)
async def test_group_whose_rules_cannot_be_read_is_no_group_without_rules(changes: Any, message: str) -> None:
    answer = {name: value for name, value in group().items() if name != "IpPermissions"}
    answer |= {"IpPermissions": changes} if changes else {}
    found, other = await drained(security_groups(aws(groups(answer, group("sg-2")))))
    assert isinstance(found.rules, Gap)
    assert (found.rules.reason, found.rules.message) == (GapReason.MALFORMED, message)
    assert other.rules == Seen(())


# Prefix lists


def naming(*list_ids: str) -> dict[str, Any]:
    return {
        "IpProtocol": "tcp",
        "FromPort": 22,
        "ToPort": 22,
        "PrefixListIds": [{"PrefixListId": one} for one in list_ids],
    }


def named(list_id: str, name: str, owner: str) -> dict[str, Any]:
    arn = f"arn:aws:ec2:{HOME}:{owner.lower()}:prefix-list/{list_id}"
    return {"PrefixListId": list_id, "PrefixListName": name, "PrefixListArn": arn, "OwnerId": owner}


LISTS: Answered = {
    ("ec2", "DescribeManagedPrefixLists"): [
        {"PrefixLists": [named("pl-1", "partners", MEMBER)]},
        {"PrefixLists": [named("pl-a", "com.amazonaws.global.cloudfront.origin-facing", "AWS")]},
    ],
    ("ec2", "GetManagedPrefixListEntries"): [
        {"Entries": [{"Cidr": OFFICE}], "NextToken": "2"},
        {"Entries": [{"Cidr": ANY4, "Description": "all"}]},
    ],
}


async def test_lists_that_rules_name_are_read_once() -> None:
    at = aws(groups(group("sg-1", naming("pl-1", "pl-a")), group("sg-2", naming("pl-1"))) | LISTS)
    first, second = await drained(security_groups(at))
    own = Seen(PrefixList(id="pl-1", name="partners", cidrs=(OFFICE, ANY4)))
    theirs = Seen(PrefixList(id="pl-a", name="com.amazonaws.global.cloudfront.origin-facing", cidrs=None))
    assert first.lists == {"pl-1": own, "pl-a": theirs}
    assert second.lists == {"pl-1": own}
    assert [call.parameters.get("NextToken") for call in at.world.asked("GetManagedPrefixListEntries")] == [None, "2"]
    assert len(at.world.asked("DescribeManagedPrefixLists")) == 2, "two pages, read once"


async def test_without_lists_nothing_more_is_asked() -> None:
    at = aws(groups(group("sg-1", EVERYTHING)))
    await drained(security_groups(at))
    assert at.world.actions == {"ec2:DescribeSecurityGroups"}


@pytest.mark.parametrize("code", ["InvalidPrefixListID.NotFound", "InvalidPrefixListId.NotFound"])
async def test_list_that_is_gone_lets_nobody_in(code: str) -> None:
    gone = {("ec2", "GetManagedPrefixListEntries"): Refused(code)}
    (found,) = await drained(security_groups(aws(groups(group("sg-1", naming("pl-9"))) | LISTS | gone)))
    assert found.lists == {"pl-9": Seen(PrefixList(id="pl-9", name="", cidrs=()))}


@pytest.mark.parametrize("operation", ["DescribeManagedPrefixLists", "GetManagedPrefixListEntries"])
async def test_refused_list_leaves_the_groups(operation: str) -> None:
    at = aws(groups(group("sg-1", naming("pl-1")), group("sg-2")) | LISTS | {("ec2", operation): Refused()})
    first, second = await drained(security_groups(at))
    gap = first.lists["pl-1"]
    assert isinstance(gap, Gap)
    assert (gap.action, gap.reason) == (f"ec2:{operation}", GapReason.DENIED)
    assert second.lists == {}


# Network ACLs


def acl_entry(number: int, **changes: Any) -> dict[str, Any]:
    values = {"RuleNumber": number, "Protocol": "-1", "RuleAction": "allow", "Egress": False, "CidrBlock": ANY4}
    return values | changes


def acl(*entries: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "NetworkAclId": "acl-1",
        "OwnerId": MEMBER,
        "VpcId": "vpc-1",
        "IsDefault": True,
        "Associations": [{"SubnetId": "subnet-1"}],
        "Entries": [*entries],
    } | changes


IPV6_ENTRY = acl_entry(101, Ipv6CidrBlock=ANY6)
del IPV6_ENTRY["CidrBlock"]


async def test_inbound_entries_of_all_pages() -> None:
    ssh = acl_entry(90, Protocol="6", PortRange={"From": 22, "To": 23}, RuleAction="deny")
    ping = acl_entry(95, Protocol="1", IcmpTypeCode={"Code": -1, "Type": 8})
    pages = [{"NetworkAcls": [acl(ssh, acl_entry(100), ping, IPV6_ENTRY)]}, {"NetworkAcls": [acl(OwnerId=SECURITY)]}]
    first, second = await read(network_acls, "DescribeNetworkAcls", *pages)
    assert first == seen_all(
        NetworkAcl,
        arn=f"arn:aws:ec2:{HOME}:{MEMBER}:network-acl/acl-1",
        account_id=MEMBER,
        region=HOME,
        vpc_id="vpc-1",
        default=True,
        subnets=1,
        entries=(
            entry(90, "deny", ANY4, "tcp", (22, 23)),
            entry(100, "allow", ANY4),
            entry(95, "allow", ANY4, "icmp"),
            entry(101, "allow", ANY6),
        ),
        in_use=True,
    )
    assert (second.account_id, second.entries) == (SECURITY, Seen(()))


async def test_outbound_entries_are_left_out() -> None:
    (found,) = await read(network_acls, "DescribeNetworkAcls", {"NetworkAcls": [acl(acl_entry(100, Egress=True))]})
    assert found.entries == Seen(())


# VPCs and flow logs


def vpc(vpc_id: str = "vpc-1", owner: str = MEMBER) -> dict[str, Any]:
    blocks = [{"CidrBlock": "10.0.0.0/16"}, {"CidrBlock": "10.1.0.0/16"}]
    return {"VpcId": vpc_id, "OwnerId": owner, "IsDefault": False, "CidrBlockAssociationSet": blocks, "Tags": TAGS}


async def test_shared_vpc_belongs_to_its_owner() -> None:
    own, shared = await read(vpcs, "DescribeVpcs", {"Vpcs": [vpc()]}, {"Vpcs": [vpc("vpc-2", SECURITY)]})
    assert own == seen_all(
        Vpc,
        arn=f"arn:aws:ec2:{HOME}:{MEMBER}:vpc/vpc-1",
        account_id=MEMBER,
        region=HOME,
        tags={"Name": "main"},
        vpc_id="vpc-1",
        default=False,
        cidrs=("10.0.0.0/16", "10.1.0.0/16"),
    )
    assert (shared.account_id, shared.arn) == (SECURITY, f"arn:aws:ec2:{HOME}:{SECURITY}:vpc/vpc-2")


SMALL_LOG = {
    "FlowLogId": "fl-1",
    "ResourceId": "vpc-1",
    "FlowLogStatus": "ACTIVE",
    "TrafficType": "ALL",
    "DeliverLogsStatus": "SUCCESS",
    "LogGroupName": "small",
}
LARGE_LOG = SMALL_LOG | {
    "TrafficType": "REJECT",
    "DeliverLogsStatus": "FAILED",
    "DeliverLogsErrorMessage": "Access error",
    "LogGroupName": "flows",
}


async def test_flow_logs_of_all_pages() -> None:
    small, large = await read(flow_logs, "DescribeFlowLogs", {"FlowLogs": [SMALL_LOG]}, {"FlowLogs": [LARGE_LOG]})
    arn = f"arn:aws:ec2:{HOME}:{MEMBER}:vpc-flow-log/fl-1"
    values = {"watches": "vpc-1", "status": "ACTIVE", "traffic": "ALL", "delivery": "SUCCESS", "destination": "small"}
    assert small == seen_all(FlowLog, arn=arn, account_id=MEMBER, region=HOME, **values)
    assert (large.traffic, large.delivery, large.delivery_error, large.destination) == (
        Seen("REJECT"),
        Seen("FAILED"),
        "Access error",
        Seen("flows"),
    )


async def test_destination_of_a_flow_log_is_its_bucket() -> None:
    log = SMALL_LOG | {"LogDestination": "arn:aws:s3:::flows", "LogDestinationType": "s3"}
    (found,) = await read(flow_logs, "DescribeFlowLogs", {"FlowLogs": [log]})
    assert found.destination == Seen("arn:aws:s3:::flows")


# Peering


def end(vpc_id: str, *cidrs: str, owner: str = MEMBER, ipv6: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"VpcId": vpc_id, "OwnerId": owner, "CidrBlock": cidrs[0]}
    found["CidrBlockSet"] = [{"CidrBlock": one} for one in cidrs]
    return found | ({"Ipv6CidrBlockSet": [{"Ipv6CidrBlock": ipv6}]} if ipv6 else {})


def connection(code: str = "active") -> dict[str, Any]:
    return {
        "VpcPeeringConnectionId": "pcx-1",
        "Status": {"Code": code},
        "RequesterVpcInfo": end("vpc-1", "10.0.0.0/16"),
        "AccepterVpcInfo": end("vpc-2", "10.1.0.0/16", "10.2.0.0/16", owner=SECURITY, ipv6="2600:1f00::/56"),
    }


async def test_only_active_connections_count() -> None:
    others = ["pending-acceptance", "deleted", "rejected", "failed", "expired", "provisioning", "deleting"]
    pages = [{"VpcPeeringConnections": [connection(code)]} for code in (*others, "active")]
    (found,) = await read(peering_connections, "DescribeVpcPeeringConnections", *pages)
    assert found.sides.value == {"vpc-1": ("10.0.0.0/16",), "vpc-2": ("10.1.0.0/16", "10.2.0.0/16", "2600:1f00::/56")}
    assert (found.account_id, found.accounts) == (MEMBER, (MEMBER, SECURITY))


async def test_connection_seen_from_the_other_side_is_judged_there_too() -> None:
    answers = {("ec2", "DescribeVpcPeeringConnections"): {"VpcPeeringConnections": [connection()]}}
    there = LiteralAws(World({SECURITY: answers}), SECURITY, HOME)
    (found,) = await drained(peering_connections(there))
    assert found.account_id == SECURITY
    assert found.arn == f"arn:aws:ec2:{HOME}:{SECURITY}:vpc-peering-connection/pcx-1"


def table(table_id: str, *routes: dict[str, Any]) -> dict[str, Any]:
    through = [{"VpcPeeringConnectionId": "pcx-1"} | route for route in routes]
    return {"RouteTables": [{"RouteTableId": table_id, "VpcId": "vpc-1", "Routes": through}]}


TABLES: Answered = {
    ("ec2", "DescribeRouteTables"): [
        table("rtb-1", {"DestinationCidrBlock": "10.1.0.0/24"}, {"DestinationIpv6CidrBlock": "2600:1f00::/64"}),
        table("rtb-2", {"DestinationPrefixListId": "pl-1"}),
        table("rtb-3", {"DestinationCidrBlock": ANY4, "VpcPeeringConnectionId": "pcx-2"}),
    ]
}


async def test_routes_through_the_connection() -> None:
    at = aws(TABLES | LISTS)
    found = await peering_routes(at, a_peering())
    assert found.routes == tuple(
        PeeringRoute(table=name, vpc_id="vpc-1", destination=destination)
        for name, destination in [
            ("rtb-1", "10.1.0.0/24"),
            ("rtb-1", "2600:1f00::/64"),
            ("rtb-2", OFFICE),
            ("rtb-2", ANY4),
        ]
    )


async def test_route_tables_are_read_once_for_all_connections() -> None:
    at = aws({("ec2", "DescribeRouteTables"): table("rtb-1", {"DestinationCidrBlock": ANY4})})
    for _ in range(2):
        assert len((await peering_routes(at, a_peering())).routes) == 1
    assert len(at.world.calls) == 1


# Routes to the internet


def route(destination: str, gateway: str = "igw-1", **changes: str) -> dict[str, Any]:
    return {"DestinationCidrBlock": destination, "GatewayId": gateway, "State": "active"} | changes


def associated(subnet: str = "", state: str = "associated") -> dict[str, Any]:
    """An association with a subnet, or with the VPC as its main table."""
    named = {"SubnetId": subnet} if subnet else {}
    return {"Main": not subnet, "AssociationState": {"State": state}, **named}


def a_table(table_id: str, *associations: dict[str, Any], routes: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    values = {"RouteTableId": table_id, "VpcId": "vpc-1", "OwnerId": MEMBER}
    return {"RouteTables": [values | {"Associations": [*associations], "Routes": [*routes]}]}


async def test_tables_with_their_subnets_and_routes_to_the_internet() -> None:
    pages = [
        a_table("rtb-1", associated("subnet-1"), associated("subnet-2", "disassociated"), routes=(route(ANY4),)),
        a_table("rtb-2", associated(), routes=(route("10.0.0.0/16", "local"), route(ANY4, "nat-1"))),
    ]
    own, main = await read(route_tables, "DescribeRouteTables", *pages)
    assert (own.name, own.vpc_id, own.main) == ("rtb-1", Seen("vpc-1"), Seen(value=False))
    assert own.subnets == Seen(("subnet-1",))
    assert own.internet == Seen((InternetRoute(destination=ANY4, gateway="igw-1"),))
    assert (main.main, main.subnets, main.internet) == (Seen(value=True), Seen(()), Seen(()))
    tables = [own, main]
    assert [table_of(subnet, "vpc-1", tables) for subnet in ("subnet-1", "subnet-2")] == [own, main]
    assert table_of("subnet-3", "vpc-2", tables) is None


@pytest.mark.parametrize(
    ("found", "destinations"),
    [
        ({"DestinationIpv6CidrBlock": ANY6, "GatewayId": "igw-1", "State": "active"}, [ANY6]),
        ({"DestinationPrefixListId": "pl-1", "GatewayId": "igw-1", "State": "active"}, ["pl-1"]),
        (route(ANY4, State="blackhole"), []),
        (route(ANY4, "vgw-1"), []),
        ({"DestinationCidrBlock": ANY4, "NatGatewayId": "nat-1", "State": "active"}, []),
        ({"DestinationIpv6CidrBlock": ANY6, "EgressOnlyInternetGatewayId": "eigw-1", "State": "active"}, []),
    ],
    ids=["IPv6", "prefix list", "detached gateway", "VPN", "NAT", "outbound only"],
)
async def test_only_what_leads_in_is_a_route_to_the_internet(found: dict[str, Any], destinations: list[str]) -> None:
    (one,) = await read(route_tables, "DescribeRouteTables", a_table("rtb-1", routes=(found,)))
    assert [each.destination for each in one.internet.value] == destinations


async def test_tables_are_read_once_for_peering_and_for_themselves() -> None:
    at = aws({("ec2", "DescribeRouteTables"): a_table("rtb-1")})
    assert len(await drained(route_tables(at))) == 1
    assert (await peering_routes(at, a_peering())).routes == ()
    assert len(at.world.calls) == 1


# Instances


OPTIONS = {"State": "applied", "HttpTokens": "optional", "HttpEndpoint": "enabled"}


def instance(instance_id: str = "i-1", state: str = "running", **more: Any) -> dict[str, Any]:
    return {"InstanceId": instance_id, "State": {"Name": state, "Code": 0}, "MetadataOptions": OPTIONS, **more}


def reservations(*found: dict[str, Any]) -> dict[str, Any]:
    return {"Reservations": [{"OwnerId": MEMBER, "Instances": [one]} for one in found]}


FULL = instance(
    IamInstanceProfile={"Arn": f"arn:aws:iam::{MEMBER}:instance-profile/web"},
    MetadataOptions={"State": "pending", "HttpTokens": "required", "HttpEndpoint": "disabled"},
    VpcId="vpc-1",
    Tags=TAGS,
    PublicIpAddress="203.0.113.5",
    NetworkInterfaces=[{}, {"Ipv6Addresses": [{"Ipv6Address": "2600::1"}]}],
    VirtualizationType="hvm",
    StateTransitionReason="User initiated (2025-01-31 08:00:00 GMT)",
    LaunchTime=NOW,
)


async def test_instances_of_all_pages_and_reservations() -> None:
    first, second, third = await read(
        instances, "DescribeInstances", reservations(FULL, instance("i-2")), reservations(instance("i-3", "stopped"))
    )
    assert first == seen_all(
        Instance,
        arn=f"arn:aws:ec2:{HOME}:{MEMBER}:instance/i-1",
        account_id=MEMBER,
        region=HOME,
        tags={"Name": "main"},
        state="running",
        profile_arn=f"arn:aws:iam::{MEMBER}:instance-profile/web",
        tokens="required",
        endpoint="disabled",
        applied=False,
        vpc_id="vpc-1",
        public_address="203.0.113.5",
        ipv6_addresses=("2600::1",),
        interfaces=2,
        virtualization="hvm",
        changed_at=datetime(2025, 1, 31, 8, tzinfo=UTC),
        launched_at=NOW,
    )
    assert (second.tokens, second.endpoint, second.profile_arn) == (Seen("optional"), Seen("enabled"), Seen(None))
    assert (third.name, third.state) == ("i-3", Seen("stopped"))


@pytest.mark.parametrize(
    ("state", "listed"),
    [
        ("pending", True),
        ("running", True),
        ("stopping", True),
        ("stopped", True),
        ("shutting-down", False),
        ("terminated", False),
    ],
)
async def test_terminated_instances_are_skipped(state: str, listed: bool) -> None:
    found = await read(instances, "DescribeInstances", reservations(instance(state=state)))
    assert bool(found) == listed


# Defaults


@pytest.mark.parametrize("encrypted", [True, False])
async def test_ebs_default(encrypted: bool) -> None:
    (found,) = await drained(
        ebs_defaults(aws({("ec2", "GetEbsEncryptionByDefault"): {"EbsEncryptionByDefault": encrypted}}))
    )
    assert found.encrypted == Seen(encrypted)
    assert found.arn == f"arn:aws:ec2:{HOME}:{MEMBER}:ebs-encryption-by-default"


async def test_empty_answer_is_no_encryption_that_is_off() -> None:
    (found,) = await drained(ebs_defaults(aws({("ec2", "GetEbsEncryptionByDefault"): {}})))
    assert isinstance(found.encrypted, Gap)


POLICY = {
    "HttpTokens": "required",
    "HttpEndpoint": "enabled",
    "ManagedBy": "declarative-policy",
    "ManagedExceptionMessage": "ask the platform team",
}


@pytest.mark.parametrize(
    ("answer", "values"),
    [
        ({}, {}),
        ({"AccountLevel": {}}, {}),
        (
            {"AccountLevel": {"HttpTokens": "optional", "ManagedBy": "account"}},
            {"tokens": "optional", "managed_by": "account"},
        ),
        (
            {"AccountLevel": POLICY},
            {
                "tokens": "required",
                "endpoint": "enabled",
                "managed_by": "declarative-policy",
                "exception_message": "ask the platform team",
            },
        ),
    ],
    ids=["nothing", "nothing set", "account", "declarative policy"],
)
async def test_metadata_defaults(answer: dict[str, Any], values: dict[str, Any]) -> None:
    (found,) = await drained(metadata_defaults(aws({("ec2", "GetInstanceMetadataDefaults"): answer})))
    arn = f"arn:aws:ec2:{HOME}:{MEMBER}:instance-metadata-defaults"
    assert found == MetadataDefaults(arn=arn, account_id=MEMBER, region=HOME, **values)
    assert found.by_policy == (values.get("managed_by") == "declarative-policy")


# Every collector

WHOLE: dict[Callable[..., Any], tuple[Answered, tuple[Any, ...]]] = {
    security_groups: (groups(group("sg-1", naming("pl-1"))) | LISTS, ()),
    default_security_groups: (groups(group()), ()),
    network_acls: ({("ec2", "DescribeNetworkAcls"): {"NetworkAcls": []}}, ()),
    vpcs: ({("ec2", "DescribeVpcs"): {"Vpcs": []}}, ()),
    flow_logs: ({("ec2", "DescribeFlowLogs"): {"FlowLogs": []}}, ()),
    peering_connections: ({("ec2", "DescribeVpcPeeringConnections"): {"VpcPeeringConnections": []}}, ()),
    peering_routes: (TABLES | LISTS, (a_peering(),)),
    route_tables: ({("ec2", "DescribeRouteTables"): {"RouteTables": []}}, ()),
    instances: ({("ec2", "DescribeInstances"): {"Reservations": []}}, ()),
    ebs_defaults: ({("ec2", "GetEbsEncryptionByDefault"): {"EbsEncryptionByDefault": True}}, ()),
    metadata_defaults: ({("ec2", "GetInstanceMetadataDefaults"): {"AccountLevel": {}}}, ()),
}


def declared(run: Callable[..., Any]) -> Collector:
    found: Collector = getattr(run, "__collector__")  # noqa: B009 - set by the decorator
    return found


async def run_whole(run: Callable[..., Any], at: LiteralAws) -> Any:
    arguments = WHOLE[run][1]
    return await run(at, *arguments) if arguments else await drained(run(at))


@pytest.mark.parametrize("run", WHOLE)
def test_everything_is_read_in_each_region(run: Callable[..., Any]) -> None:
    assert declared(run).scope is Scope.REGIONAL


@pytest.mark.parametrize("run", WHOLE)
async def test_declared_actions_are_those_that_are_used(run: Callable[..., Any]) -> None:
    at = aws(WHOLE[run][0])
    await run_whole(run, at)
    assert at.world.actions == set(declared(run).actions)


def test_an_ordinary_region_takes_nine_calls() -> None:
    ordinary = [run for run in WHOLE if issubclass(declared(run).fact, Resource)]
    first = {declared(run).actions[0] for run in ordinary}
    assert len(ordinary) == 10
    assert len(first) == 9


OWN = {"security_groups": ("DescribeSecurityGroups",)}
DENIALS = [
    (run, operation)
    for run, (answers, _) in WHOLE.items()
    for operation in answers
    if operation[1] in OWN.get(run.__name__, (operation[1],))
]


@pytest.mark.parametrize(("run", "operation"), DENIALS)
async def test_refusal_is_a_gap(run: Callable[..., Any], operation: tuple[str, str]) -> None:
    with pytest.raises(NotSeenError) as error:
        await run_whole(run, aws(WHOLE[run][0] | {operation: Refused("UnauthorizedOperation")}))
    gap = error.value.gap
    assert (gap.account_id, gap.action, gap.reason) == (MEMBER, ":".join(operation), GapReason.DENIED)
    assert gap.action in declared(run).actions


# The emulator

LISTINGS = [run for run in WHOLE if run not in {peering_routes, metadata_defaults}]  # it has no metadata defaults


def seed(url: str) -> dict[str, str]:
    """Make one of each in the emulator; returns their ids."""
    keys: dict[str, Any] = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
    ec2: Any = boto3.client("ec2", endpoint_url=url, region_name="us-east-1", **keys)
    ours, theirs = (ec2.create_vpc(CidrBlock=cidr)["Vpc"]["VpcId"] for cidr in ("10.0.0.0/16", "10.1.0.0/16"))
    made = ec2.create_security_group(GroupName="open", Description="open", VpcId=ours)["GroupId"]
    prefixes = ec2.create_managed_prefix_list(
        PrefixListName="all", MaxEntries=2, AddressFamily="IPv4", Entries=[{"Cidr": ANY4}]
    )["PrefixList"]["PrefixListId"]
    ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[naming(prefixes)])
    log = ec2.create_flow_logs(
        ResourceType="VPC",
        ResourceIds=[ours],
        TrafficType="REJECT",
        LogDestinationType="cloud-watch-logs",
        LogGroupName="flows",
        DeliverLogsPermissionArn="arn:aws:iam::123456789012:role/flows",
    )["FlowLogIds"][0]
    peering = ec2.create_vpc_peering_connection(VpcId=ours, PeerVpcId=theirs)["VpcPeeringConnection"]
    connected = peering["VpcPeeringConnectionId"]
    ec2.accept_vpc_peering_connection(VpcPeeringConnectionId=connected)
    routes = ec2.create_route_table(VpcId=ours)["RouteTable"]["RouteTableId"]
    ec2.create_route(RouteTableId=routes, DestinationCidrBlock="10.1.0.0/16", VpcPeeringConnectionId=connected)
    gateway = ec2.create_internet_gateway()["InternetGateway"]["InternetGatewayId"]
    ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=ours)
    ec2.create_route(RouteTableId=routes, DestinationCidrBlock=ANY4, GatewayId=gateway)
    subnet = ec2.create_subnet(VpcId=ours, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
    ec2.associate_route_table(RouteTableId=routes, SubnetId=subnet)
    return {
        "subnet": subnet,
        "gateway": gateway,
        "vpc": ours,
        "group": made,
        "list": prefixes,
        "log": log,
        "peering": connected,
    }


async def read_account() -> dict[Any, Any]:
    actions = sorted({action for run in WHOLE for action in declared(run).actions})
    limits = load_limits(Path("no file of the user's"))
    async with Access(AccessSettings(), RunSettings(attempts=1), limits, actions=actions) as access:
        at: Any = access.as_caller().region("us-east-1")
        found: dict[Any, Any] = {run: await drained(run(at)) for run in LISTINGS}
        found[peering_routes] = [await peering_routes(at, each) for each in found[peering_connections]]
        return found


@pytest.fixture(scope="module")
def emulated(empty: Demo) -> Iterator[tuple[dict[str, str], dict[Any, Any]]]:
    """The ids of what was made, and what each collector sees."""
    with leading_to(empty):
        ids = seed(empty.endpoint_url)
        yield ids, asyncio.run(read_account())


def test_group_of_the_emulator_is_open_through_its_list(emulated: tuple[dict[str, str], dict[Any, Any]]) -> None:
    ids, found = emulated
    (opened,) = [one for one in found[security_groups] if one.name == ids["group"]]
    (opening,) = Inbound.of(opened).openings(Question((22,), ("tcp",)))
    assert opening.describe() == f"tcp 22 from {ids['list']}"


def test_network_of_the_emulator(emulated: tuple[dict[str, str], dict[Any, Any]]) -> None:
    ids, found = emulated
    (log,) = found[flow_logs]
    assert (log.name, log.watches, log.traffic) == (ids["log"], Seen(ids["vpc"]), Seen("REJECT"))
    assert flaw_of(log) == "fails to deliver: Access error", "its role does not exist"
    assert ids["vpc"] in {each.name for each in found[vpcs]}
    assert {one.vpc_id for one in found[default_security_groups]} == {one.vpc_id for one in found[vpcs]}
    assert all(
        passages(each.entries.value, Question((22,), ("tcp",), (Family.IPV4,)))[0].open for each in found[network_acls]
    )


def test_peering_of_the_emulator(emulated: tuple[dict[str, str], dict[Any, Any]]) -> None:
    ids, found = emulated
    (connected,), (routes,) = found[peering_connections], found[peering_routes]
    assert connected.name == ids["peering"]
    assert [breadth_of(route, connected) for route in routes.routes] == [Breadth.WHOLE]


def test_routes_of_the_emulator(emulated: tuple[dict[str, str], dict[Any, Any]]) -> None:
    ids, found = emulated
    table = table_of(ids["subnet"], ids["vpc"], found[route_tables])
    assert table is not None
    assert table.internet == Seen((InternetRoute(destination=ANY4, gateway=ids["gateway"]),))
    other = table_of("subnet-other", ids["vpc"], found[route_tables])
    assert other is not None
    assert (other.main, other.internet) == (Seen(value=True), Seen(()))


def test_settings_of_the_emulator(emulated: tuple[dict[str, str], dict[Any, Any]]) -> None:
    assert [found.encrypted.value for found in emulated[1][ebs_defaults]] == [False]
    assert emulated[1][instances] == []
