"""EC2 facts for tests: every factory builds one that is right, and its keywords say what is different about it."""

from __future__ import annotations

from typing import Any, TypeVar

from orgaudit.facts.declare import Resource
from orgaudit.facts.ec2.acls import AclEntry, NetworkAcl
from orgaudit.facts.ec2.defaults import EbsDefaults, MetadataDefaults
from orgaudit.facts.ec2.groups import DefaultSecurityGroup, SecurityGroup
from orgaudit.facts.ec2.instances import Instance
from orgaudit.facts.ec2.peering import PeeringConnection, PeeringRoute, PeeringRoutes
from orgaudit.facts.ec2.prefixes import PrefixList
from orgaudit.facts.ec2.routes import InternetRoute, RouteTable
from orgaudit.facts.ec2.rules import ALL, ALL_PORTS, SecurityGroupRule
from orgaudit.facts.ec2.vpcs import FlowLog, Vpc
from orgaudit.facts.shard import ListingResult
from orgaudit.model import Gap, Observed, Seen
from tests.factories import HOME, MEMBER, seen_all

R = TypeVar("R", bound=Resource)
ANY4, ANY6 = "0.0.0.0/0", "::/0"
HALVES4, HALVES6 = ("0.0.0.0/1", "128.0.0.0/1"), ("::/1", "8000::/1")
OFFICE = "198.51.100.0/24"


def made(kind: type[R], part: str, /, account_id: str = MEMBER, region: str = HOME, **values: Any) -> R:
    """A resource of EC2 with this last part of its ARN."""
    arn = f"arn:aws:ec2:{region}:{account_id}:{part}"
    return seen_all(kind, arn=arn, account_id=account_id, region=region, **values)


def rule(protocol: str, ports: int | tuple[int, int], *peers: str) -> SecurityGroupRule:
    """A rule for one port or a range of them; peers are blocks, prefix lists and groups by their looks."""
    return SecurityGroupRule(
        protocol=protocol,
        ports=ports if isinstance(ports, tuple) else (ports, ports),
        cidrs=tuple(peer for peer in peers if "/" in peer),
        prefix_lists=tuple(peer for peer in peers if peer.startswith("pl-")),
        groups=tuple(peer for peer in peers if peer.startswith("sg-")),
    )


def all_traffic(*peers: str) -> SecurityGroupRule:
    return rule(ALL, ALL_PORTS, *peers)


def a_list(list_id: str, *cidrs: str, name: str = "partners") -> Seen[PrefixList]:
    return Seen(PrefixList(id=list_id, name=name, cidrs=cidrs))


def aws_list(list_id: str, name: str) -> Seen[PrefixList]:
    return Seen(PrefixList(id=list_id, name=name, cidrs=None))


def a_group(
    *rules: SecurityGroupRule, group_id: str = "sg-1", account_id: str = MEMBER, **lists: Observed[PrefixList]
) -> SecurityGroup:
    """A group with these inbound rules; lists are given by their ids with `_` for `-`."""
    seen = {name.replace("_", "-"): found for name, found in lists.items()}
    part = f"security-group/{group_id}"
    return made(SecurityGroup, part, account_id, group_name="web", vpc_id="vpc-1", rules=rules, outbound=(), lists=seen)


def a_default_group(
    *rules: SecurityGroupRule, outbound: tuple[SecurityGroupRule, ...] = (), group_id: str = "sg-1"
) -> DefaultSecurityGroup:
    part = f"security-group/{group_id}"
    return made(DefaultSecurityGroup, part, group_name="default", vpc_id="vpc-1", rules=rules, outbound=outbound)


def entry(number: int, verb: str, cidr: str, protocol: str = ALL, ports: int | tuple[int, int] = ALL_PORTS) -> AclEntry:
    """An inbound entry of a network ACL; the verb is allow or deny."""
    reach = ports if isinstance(ports, tuple) else (ports, ports)
    return AclEntry(number=number, allows=verb == "allow", protocol=protocol, cidr=cidr, ports=reach)


def an_acl(*entries: AclEntry, acl_id: str = "acl-1") -> NetworkAcl:
    return made(NetworkAcl, f"network-acl/{acl_id}", vpc_id="vpc-1", default=False, subnets=1, entries=entries)


def a_vpc(vpc_id: str = "vpc-1", account_id: str = MEMBER, region: str = HOME) -> Vpc:
    return made(Vpc, f"vpc/{vpc_id}", account_id, region, vpc_id=vpc_id, default=False)


def a_flow_log(vpc: Vpc, log_id: str = "fl-1", **changes: Any) -> FlowLog:
    values = {
        "watches": vpc.vpc_id,
        "status": "ACTIVE",
        "traffic": "ALL",
        "delivery": "SUCCESS",
        "destination": "logs",
    } | changes
    return made(FlowLog, f"vpc-flow-log/{log_id}", vpc.account_id, vpc.region, **values)


def a_peering(
    ours: tuple[str, ...] = ("10.0.0.0/16",), theirs: tuple[str, ...] = ("10.1.0.0/16",)
) -> PeeringConnection:
    """A connection of vpc-1 with vpc-2."""
    sides = {"vpc-1": ours, "vpc-2": theirs}
    part = "vpc-peering-connection/pcx-1"
    return made(PeeringConnection, part, connection_id="pcx-1", state="active", sides=sides, accounts=(MEMBER,))


def routes_of(connection: PeeringConnection, *destinations: str, vpc_id: str = "vpc-1") -> Seen[PeeringRoutes]:
    routes = tuple(PeeringRoute(table="rtb-1", vpc_id=vpc_id, destination=each) for each in destinations)
    return Seen(PeeringRoutes(arn=connection.arn, routes=routes))


def a_route_table(
    *subnets: str, table_id: str = "rtb-1", vpc_id: str = "vpc-1", main: bool = False, to_internet: bool = False
) -> RouteTable:
    """A table that these subnets name, with or without a default route to the internet."""
    routes = (InternetRoute(destination=ANY4, gateway="igw-1"),) if to_internet else ()
    part = f"route-table/{table_id}"
    return made(RouteTable, part, vpc_id=vpc_id, main=main, subnets=subnets, internet=routes)


def an_instance(instance_id: str = "i-1", **changes: Any) -> Instance:
    profile = f"arn:aws:iam::{MEMBER}:instance-profile/web"
    values: dict[str, Any] = {
        "state": "running",
        "tokens": "required",
        "endpoint": "enabled",
        "applied": True,
        "profile_arn": profile,
    }
    return made(Instance, f"instance/{instance_id}", **values | changes)


def ebs_defaults_of(*, encrypted: bool, region: str = HOME) -> EbsDefaults:
    return made(EbsDefaults, "ebs-encryption-by-default", region=region, encrypted=encrypted)


def metadata_defaults_of(tokens: str | None, **changes: Any) -> MetadataDefaults:
    return made(MetadataDefaults, "instance-metadata-defaults", tokens=tokens, **changes)


def listed(kind: type[Resource], region: str = HOME, gap: Gap | None = None) -> ListingResult:
    return ListingResult(kind.__name__, region, gap=gap)
