"""VPCs, their endpoints, security groups, network ACLs, flow logs and peering connections."""

from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.network_acls import NetworkAcl
from moto.ec2.models.vpcs import VPC
from moto.logs.models import logs_backends

from orgaudit.demo.accounts import OPT_IN_REGION, REGIONS_BY_DEFAULT, DemoAccount, account_named, assessed_accounts

_WITHOUT_DEFAULT_VPC = ("management", "security", "infrastructure", "production")
"""The environments that deleted their default VPCs."""
_EVERYONE, _EVERYONE_IPV6 = {"CidrIp": "0.0.0.0/0"}, {"CidrIpv6": "::/0"}
_OFFICE = {"CidrIp": "203.0.113.0/28"}
_ANY = "-1"
_FLOW_LOGS = "vpc-flow-logs"


@dataclass(frozen=True, slots=True)
class Network:
    """A VPC; a compliant one has a flow log, a narrow network ACL and an empty default security group."""

    account: str
    region: str
    cidr: str
    compliant: bool = True


NETWORKS = (
    Network("Network", "eu-west-1", "10.0.0.0/16"),
    Network("Network", "eu-west-1", "10.1.0.0/16"),
    Network("Shared Services", "eu-west-1", "10.8.0.0/16"),
    Network("Shared Services", "eu-west-1", "10.9.0.0/16", compliant=False),
    Network("Webshop Production", "eu-west-1", "10.16.0.0/16"),
    Network("Payments Production", "eu-central-1", "10.17.0.0/16"),
    Network("Data Platform Production", "eu-west-1", "10.18.0.0/16", compliant=False),
    Network("Meridian Management", "us-east-1", "10.250.0.0/16", compliant=False),
)


@dataclass(frozen=True, slots=True)
class _Group:
    """A security group in an account's first VPC of a region, with one rule."""

    account: str
    region: str
    name: str
    protocol: str
    ports: tuple[int, int]
    sources: tuple[dict[str, str], ...]


_GROUPS = (
    _Group("Webshop Production", "eu-west-1", "storefront", "tcp", (443, 443), (_EVERYONE, _EVERYONE_IPV6)),
    _Group("Payments Production", "eu-central-1", "bastion", "tcp", (22, 22), (_OFFICE,)),
    _Group("Webshop Development", "eu-west-1", "ssh-from-anywhere", "tcp", (22, 22), (_EVERYONE,)),
    _Group("Payments Development", "us-east-1", "remote-desktop", "tcp", (3389, 3389), (_EVERYONE_IPV6,)),
    _Group("Mobile Development", "eu-central-1", "build-farm", "tcp", (3000, 4000), (_EVERYONE,)),
    _Group("Sandbox Data Science", "eu-west-1", "file-share", "tcp", (445, 445), (_EVERYONE,)),
    _Group("Sandbox Platform", "us-east-1", "all-open", _ANY, (-1, -1), (_EVERYONE, _EVERYONE_IPV6)),
)
_ENDPOINTS = ("ec2", "ecr.api", "ecr.dkr", "ssm", "ssm-contacts", "ssm-incidents")
"""The services that the first VPC of `_HUB` reaches through interface endpoints."""
_HUB = ("Network", "eu-west-1")
_ACLS = (("Payments Production", "eu-central-1", True), ("Shared Services", "eu-west-1", False))
"""Network ACLs of the first VPC of a region beside its default one: whether its last subnet uses them."""
_PEERINGS = (("Network", "10.1.4.0/24"), ("Shared Services", "10.0.0.0/8"))
"""Accounts with a peering connection between their two VPCs, and the route from the first VPC through it."""


def seed() -> None:
    """Create networks, groups, endpoints and peering connections, and delete default VPCs."""
    for account in assessed_accounts():
        if account.environment in _WITHOUT_DEFAULT_VPC:
            for region in (*REGIONS_BY_DEFAULT, OPT_IN_REGION)[: 4 if account.has_opt_in_region else 3]:
                _delete_default_vpc(ec2_backends[account.id][region])
    for network in NETWORKS:
        _make(network)
    for group in _GROUPS:
        _open(group)
    for name, destination in _PEERINGS:
        _peer(account_named(name), destination)
    _connect(ec2_backends[account_named(_HUB[0]).id][_HUB[1]])
    for name, region, used in _ACLS:
        _add_acl(ec2_backends[account_named(name).id][region], used=used)


def _delete_default_vpc(ec2: EC2Backend) -> None:
    vpc_id = ec2.default_vpc.id
    for subnet in ec2.describe_subnets(filters={"vpc-id": [vpc_id]}):
        ec2.delete_subnet(subnet.id)
    for acl in [each for each in ec2.network_acls.values() if each.vpc_id == vpc_id]:
        del ec2.network_acls[acl.id]
    ec2.delete_vpc(vpc_id)


def _make(plan: Network) -> None:
    account = account_named(plan.account)
    ec2 = ec2_backends[account.id][plan.region]
    vpc = ec2.create_vpc(plan.cidr)
    for zone, block in zip("ab", ip_network(plan.cidr).subnets(new_prefix=24), strict=False):
        subnet = ec2.create_subnet(vpc.id, str(block), availability_zone=f"{plan.region}{zone}")
        # moto takes the first subnet of each zone for a default one.
        subnet.default_for_az = subnet.map_public_ip_on_launch = False
    if plan.compliant:
        _empty_default_group(ec2, vpc)
        _narrow_acl(ec2, vpc)
        _watch(ec2, account, vpc)


def _empty_default_group(ec2: EC2Backend, vpc: VPC) -> None:
    for group in ec2.groups[vpc.id].values():
        group.ingress_rules.clear()
        group.egress_rules.clear()


def _narrow_acl(ec2: EC2Backend, vpc: VPC) -> None:
    """Replace the entry that allows all inbound traffic by entries for the published ports."""
    acl = next(each for each in ec2.network_acls.values() if each.vpc_id == vpc.id)
    ec2.delete_network_acl_entry(acl.id, 100, egress=False)
    _publish(ec2, acl)


def _publish(ec2: EC2Backend, acl: NetworkAcl) -> None:
    for number, (first, last) in enumerate(((443, 443), (32768, 60999)), start=1):
        ec2.create_network_acl_entry(
            network_acl_id=acl.id,
            rule_number=number * 100,
            protocol="6",
            rule_action="allow",
            egress=False,
            cidr_block="0.0.0.0/0",
            icmp_code=None,
            icmp_type=None,
            port_range_from=first,
            port_range_to=last,
            ipv6_cidr_block=None,
        )


def _watch(ec2: EC2Backend, account: DemoAccount, vpc: VPC) -> None:
    logs = logs_backends[account.id][ec2.region_name]
    name = f"{_FLOW_LOGS}/{vpc.id}"
    logs.create_log_group(name, {})
    ec2.create_flow_logs(
        resource_type="VPC",
        resource_ids=[vpc.id],
        traffic_type="ALL",
        deliver_logs_permission_arn=f"arn:aws:iam::{account.id}:role/flow-logs",
        log_destination_type="cloud-watch-logs",
        log_destination="",
        log_group_name=name,
        log_format="${srcaddr} ${dstaddr} ${dstport} ${action}",
        max_aggregation_interval=600,
    )


def _open(plan: _Group) -> None:
    ec2 = ec2_backends[account_named(plan.account).id][plan.region]
    vpc = next(iter(ec2.vpcs.values()))
    group = ec2.create_security_group(plan.name, plan.name, vpc_id=vpc.id)
    first, last = plan.ports
    sources: list[Any] = [dict(source) for source in plan.sources]
    ec2.authorize_security_group_ingress(group.id, plan.protocol, str(first), str(last), sources, vpc_id=vpc.id)


def _peer(account: DemoAccount, destination: str) -> None:
    ec2 = ec2_backends[account.id]["eu-west-1"]
    first, second = ec2.vpcs.values()
    connection = ec2.create_vpc_peering_connection(first, second)
    ec2.accept_vpc_peering_connection(connection.id)
    table = next(each for each in ec2.route_tables.values() if each.vpc_id == first.id)
    ec2.create_route(table.id, destination, vpc_peering_connection_id=connection.id)


def _connect(ec2: EC2Backend) -> None:
    vpc_id = next(iter(ec2.vpcs))
    subnet = ec2.describe_subnets(filters={"vpc-id": vpc_id})[0]
    for service in _ENDPOINTS:
        name = f"com.amazonaws.{ec2.region_name}.{service}"
        ec2.create_vpc_endpoint(vpc_id, name, "Interface", None, [], [subnet.id], private_dns_enabled=True)


def _add_acl(ec2: EC2Backend, *, used: bool) -> None:
    vpc_id = next(iter(ec2.vpcs))
    default = next(each for each in ec2.network_acls.values() if each.vpc_id == vpc_id)
    added = ec2.create_network_acl(vpc_id)
    _publish(ec2, added)
    if used:
        ec2.replace_network_acl_association(default.associations[-1].new_association_id, added.id)
