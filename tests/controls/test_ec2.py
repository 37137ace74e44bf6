"""What the controls on EC2 and VPC say, case by case."""

from __future__ import annotations

import json
import shlex
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Control
from orgaudit.controls.ec2.acls import (
    ec2_network_acl_admin_ports_closed_to_internet as acl,
)
from orgaudit.controls.ec2.acls import (
    ec2_network_acl_admin_tcp_ports_closed_to_internet as acl_tcp,
)
from orgaudit.controls.ec2.defaults import (
    ec2_account_imdsv2_default_required as imds_default,
)
from orgaudit.controls.ec2.defaults import (
    ec2_ebs_default_encryption_enabled as ebs,
)
from orgaudit.controls.ec2.groups import (
    ec2_default_security_group_empty as default_group,
)
from orgaudit.controls.ec2.groups import (
    ec2_security_group_admin_ports_closed_to_ipv4_internet as admin4,
)
from orgaudit.controls.ec2.groups import (
    ec2_security_group_admin_ports_closed_to_ipv6_internet as admin6,
)
from orgaudit.controls.ec2.groups import (
    ec2_security_group_admin_tcp_ports_closed_to_ipv4_internet as admin4_tcp,
)
from orgaudit.controls.ec2.groups import (
    ec2_security_group_admin_tcp_ports_closed_to_ipv6_internet as admin6_tcp,
)
from orgaudit.controls.ec2.groups import (
    ec2_security_group_all_traffic_closed_to_internet as all_closed,
)
from orgaudit.controls.ec2.groups import (
    ec2_security_group_cifs_closed_to_internet as cifs,
)
from orgaudit.controls.ec2.groups import (
    ec2_security_group_rdp_closed_to_internet as rdp,
)
from orgaudit.controls.ec2.groups import (
    ec2_security_group_rdp_closed_to_ipv4_internet as rdp4,
)
from orgaudit.controls.ec2.groups import (
    ec2_security_group_ssh_closed_to_internet as ssh,
)
from orgaudit.controls.ec2.groups import (
    ec2_security_group_ssh_closed_to_ipv4_internet as ssh4,
)
from orgaudit.controls.ec2.instances import (
    ec2_instance_iam_role_attached as role,
)
from orgaudit.controls.ec2.instances import (
    ec2_instance_imdsv2_required as imds,
)
from orgaudit.controls.ec2.vpcs import (
    ec2_vpc_flow_logs_enabled as flow_logs,
)
from orgaudit.controls.ec2.vpcs import (
    ec2_vpc_peering_routes_restricted as peering,
)
from orgaudit.facts.declare import Resource
from orgaudit.facts.ec2.rules import SecurityGroupRule
from orgaudit.facts.ec2.vpcs import FlowLog, Vpc
from orgaudit.facts.iam.authorization import InstanceProfile
from orgaudit.model import Gap, GapReason, Status, Verdict
from orgaudit.settings.thresholds import Thresholds
from tests.evaluated import findings
from tests.factories import (
    HOME,
    MEMBER,
    NASTY,
    SECURITY,
    Case,
    asking,
    denied,
    every,
    facts_of,
    failing,
    name_of,
    passing,
    unseen,
)
from tests.factories_ec2 import (
    ANY4,
    ANY6,
    HALVES4,
    HALVES6,
    OFFICE,
    a_default_group,
    a_flow_log,
    a_group,
    a_list,
    a_peering,
    a_vpc,
    all_traffic,
    an_acl,
    an_instance,
    aws_list,
    ebs_defaults_of,
    entry,
    listed,
    metadata_defaults_of,
    routes_of,
    rule,
)
from tests.factories_iam import an_instance_profile, iam_facts

USUAL = Thresholds()
WITHOUT_TEN = (
    *("0.0.0.0/5", "8.0.0.0/7", "11.0.0.0/8", "12.0.0.0/6", "16.0.0.0/4", "32.0.0.0/3", "64.0.0.0/2", "128.0.0.0/1"),
)
"""All of IPv4 but 10.0.0.0/8."""
EIGHTHS4, EIGHTHS6 = (
    tuple(str(part) for part in ip_network(whole).subnets(prefixlen_diff=3)) for whole in (ANY4, "2000::/3")
)
WIDE = tuple(f"64.0.0.0/{length}" for length in range(2, 8))
WINRM = Thresholds(further_admin_ports=(5986,))
UNSEEN_LIST = denied("ec2:GetManagedPrefixListEntries")


def admin(*rules: SecurityGroupRule, thresholds: Thresholds = USUAL, **lists: Any) -> tuple[Any, ...]:
    return a_group(*rules, **lists), thresholds


ADMIN4_TCP = (
    passing("no rules", *admin(), says="not open to the internet"),
    passing("the office", *admin(rule("tcp", 22, OFFICE))),
    passing("https", *admin(rule("tcp", 443, ANY4))),
    passing("up to the port before", *admin(rule("tcp", (0, 21), ANY4), rule("tcp", (23, 3388), ANY4))),
    passing("from the port after", *admin(rule("tcp", (3390, 65535), ANY4))),
    passing("ICMP types are no ports", *admin(rule("icmp", (22, 22), ANY4), rule("icmpv6", 3389, ANY6))),
    passing("another protocol by number", *admin(rule("47", 22, ANY4))),
    passing("a group as source", *admin(all_traffic("sg-2"))),
    passing("IPv6 is another requirement", *admin(rule("tcp", 22, ANY6))),
    passing("UDP does not count", *admin(rule("udp", 22, ANY4))),
    passing("half the internet", *admin(rule("tcp", 22, "0.0.0.0/1")), says="of all public addresses"),
    passing(
        "AWS's own list",
        *admin(rule("tcp", 22, "pl-a"), pl_a=aws_list("pl-a", "cloudfront")),
        says="pl-a (cloudfront)",
    ),
    passing("a list of the office", *admin(rule("tcp", 22, "pl-1"), pl_1=a_list("pl-1", OFFICE))),
    passing("halves on two ports", *admin(rule("tcp", 22, HALVES4[0]), rule("tcp", 3389, HALVES4[1]))),
    passing("an unseen list for https", *admin(rule("tcp", 443, "pl-1"), pl_1=UNSEEN_LIST)),
    failing("ssh", *admin(rule("tcp", 22, ANY4)), says="tcp 22 from 0.0.0.0/0"),
    failing("rdp", *admin(rule("tcp", 3389, ANY4)), says="tcp 3389 from 0.0.0.0/0"),
    failing("a range that begins there", *admin(rule("tcp", (22, 30), ANY4)), says="tcp 22"),
    failing("a range that ends there", *admin(rule("tcp", (0, 22), ANY4)), says="tcp 22"),
    failing("all traffic is one with the ports", *admin(all_traffic(ANY4)), says="tcp 22 from 0.0.0.0/0, tcp 3389"),
    failing("attached or not", *admin(rule("tcp", 22, ANY4)), says="open to the internet"),
    failing("two halves in one rule", *admin(rule("tcp", 22, *HALVES4)), says="0.0.0.0/1 + 128.0.0.0/1"),
    failing(
        "two halves in two rules",
        *admin(rule("tcp", (0, 22), HALVES4[0]), rule("tcp", (22, 99), HALVES4[1])),
        says="+",
    ),
    failing(
        "a half and a list",
        *admin(rule("tcp", 22, HALVES4[0], "pl-1"), pl_1=a_list("pl-1", HALVES4[1])),
        says="pl-1",
    ),
    failing("a list", *admin(rule("tcp", 22, "pl-1"), pl_1=a_list("pl-1", OFFICE, ANY4)), says="from pl-1"),
    failing(
        "eighths over four rules",
        *admin(*(rule("tcp", (22, 22 + place), *EIGHTHS4[place::4]) for place in range(4))),
        says="tcp 22 from 0.0.0.0/3 + 128.0.0.0/3 + 32.0.0.0/3 + 160.0.0.0/3 + 3 more",
    ),
    failing(
        "eighths over two lists and all traffic",
        *admin(
            *(rule("tcp", 22, "pl-1"), all_traffic("pl-2"), rule("tcp", (0, 65535), *EIGHTHS4[6:])),
            pl_1=a_list("pl-1", *EIGHTHS4[:3]),
            pl_2=a_list("pl-2", *EIGHTHS4[3:6]),
        ),
        says="tcp 22 from pl-1 + pl-2",
    ),
    passing("all but one eighth", *admin(rule("tcp", 22, *EIGHTHS4[1:])), says="of all public addresses"),
    *(passing(f"{cidr} alone", *admin(rule("tcp", 22, cidr)), says="% of all public addresses") for cidr in WIDE),
    failing("all but private addresses", *admin(rule("tcp", 22, *WITHOUT_TEN)), says="tcp 22"),
    failing("open beside an unseen list", *admin(rule("tcp", 22, ANY4, "pl-1"), pl_1=UNSEEN_LIST), says="0.0.0.0/0"),
    failing("the organization's own port", *admin(rule("tcp", 5986, ANY4), thresholds=WINRM), says="tcp 5986"),
    unseen("a list denied", *admin(rule("tcp", 22, "pl-1"), pl_1=UNSEEN_LIST), says="GetManagedPrefixListEntries"),
    unseen("a half and a list denied", *admin(rule("tcp", 22, HALVES4[0], "pl-1"), pl_1=UNSEEN_LIST)),
)

ADMIN4 = (
    passing("the office", *admin(rule("udp", 3389, OFFICE))),
    passing("IPv6 is another requirement", *admin(rule("udp", 22, ANY6))),
    passing("halves by two protocols", *admin(rule("tcp", 22, HALVES4[0]), rule("udp", 22, HALVES4[1]))),
    failing("TCP", *admin(rule("tcp", 22, ANY4)), says="tcp 22 from 0.0.0.0/0"),
    failing("UDP", *admin(rule("udp", 3389, ANY4)), says="udp 3389 from 0.0.0.0/0"),
    failing("all", *admin(all_traffic(ANY4)), says="udp 22"),
    unseen("a list denied", *admin(rule("udp", 22, "pl-1"), pl_1=UNSEEN_LIST)),
)

ADMIN6_TCP = (
    passing("IPv4 is another requirement", *admin(rule("tcp", 22, ANY4))),
    passing("UDP does not count", *admin(rule("udp", 22, ANY6))),
    passing("half of it", *admin(rule("tcp", 22, "2000::/4")), says="50% of all public addresses"),
    passing("what nobody has", *admin(rule("tcp", 22, "8000::/1"))),
    failing("ssh", *admin(rule("tcp", 22, ANY6)), says="tcp 22 from ::/0"),
    failing(
        "eighths over two rules and a list",
        *admin(
            rule("tcp", 22, *EIGHTHS6[:4]), rule("tcp", 22, *EIGHTHS6[4:6], "pl-1"), pl_1=a_list("pl-1", *EIGHTHS6[6:])
        ),
        says="tcp 22 from pl-1 + 2000::/6",
    ),
    failing("two halves", *admin(rule("tcp", 22, *HALVES6)), says="tcp 22 from ::/1"),
    failing("all that is given out", *admin(rule("tcp", 22, "2000::/3")), says="tcp 22 from 2000::/3"),
    unseen("a list denied", *admin(rule("tcp", 22, "pl-1"), pl_1=UNSEEN_LIST)),
)

ADMIN6 = (
    passing("IPv4 is another requirement", *admin(rule("udp", 22, ANY4))),
    failing("UDP", *admin(rule("udp", 22, ANY6)), says="udp 22 from ::/0"),
    failing("all", *admin(all_traffic(ANY6)), says="udp 3389 from ::/0"),
    unseen("a list denied", *admin(all_traffic("pl-1"), pl_1=UNSEEN_LIST)),
)


def single(port: int, *, ipv6: bool, udp: bool) -> tuple[Case, ...]:
    """The cases of a control on one port."""
    decide6 = failing if ipv6 else passing
    decide_udp = failing if udp else passing
    return (
        passing("the office", a_group(rule("tcp", port, OFFICE))),
        passing("the ports beside it", a_group(rule("tcp", port - 1, ANY4), rule("tcp", port + 1, ANY4))),
        failing("IPv4", a_group(rule("tcp", port, ANY4)), says=f"tcp {port} from 0.0.0.0/0"),
        failing("all traffic", a_group(all_traffic(ANY4)), says=f"tcp {port}"),
        decide6("IPv6", a_group(rule("tcp", port, ANY6)), says=f"tcp {port} from ::/0" if ipv6 else "not open"),
        decide_udp("UDP", a_group(rule("udp", port, ANY4)), says=f"udp {port}" if udp else "not open"),
        unseen("a list denied", a_group(rule("tcp", port, "pl-1"), pl_1=UNSEEN_LIST)),
    )


CIFS = (
    *single(445, ipv6=True, udp=False),
    passing("NetBIOS is optional", a_group(rule("tcp", 139, ANY4))),
    failing("a group that nothing uses", a_group(rule("tcp", (440, 450), ANY4)), says="tcp 445"),
)

LOW, HIGH = (0, 32767), (32768, 65535)

ALL_CLOSED = (
    passing("https", a_group(rule("tcp", 443, ANY4))),
    passing("all traffic of the office", a_group(all_traffic(OFFICE))),
    passing("all ports but the last", a_group(rule("tcp", (0, 65534), ANY4))),
    passing("a hole between two ranges", a_group(rule("tcp", (0, 99), ANY4), rule("tcp", (101, 65535), ANY4))),
    passing("halves of the ports by two protocols", a_group(rule("tcp", LOW, ANY4), rule("udp", HIGH, ANY4))),
    passing(
        "one half of the ports for one half of the world",
        a_group(rule("tcp", LOW, ANY4), rule("tcp", HIGH, HALVES4[0])),
    ),
    failing("all traffic", a_group(all_traffic(ANY4)), says="tcp all ports from 0.0.0.0/0"),
    failing("all traffic, IPv6", a_group(all_traffic(ANY6)), says="udp all ports from ::/0"),
    failing("all TCP ports", a_group(rule("tcp", (0, 65535), ANY4)), says="tcp all ports"),
    failing("all UDP ports that anybody listens on", a_group(rule("udp", (1, 65535), ANY4)), says="udp all ports"),
    failing("two ranges", a_group(rule("tcp", LOW, ANY4), rule("tcp", HIGH, *HALVES4)), says="tcp all ports"),
    unseen("a list denied", a_group(all_traffic("pl-1"), pl_1=UNSEEN_LIST)),
    unseen("a list denied for the rest", a_group(rule("tcp", LOW, ANY4), rule("tcp", HIGH, "pl-1"), pl_1=UNSEEN_LIST)),
)

DEFAULT_GROUP = (
    passing("no rules", a_default_group(), says="no inbound and no outbound rules"),
    failing(
        "as AWS makes it, used by nothing",
        a_default_group(all_traffic("sg-1"), outbound=(all_traffic(ANY4),)),
        says="1 inbound and 1 outbound",
    ),
    failing("only outbound", a_default_group(outbound=(all_traffic(ANY4),)), says="0 inbound and 1 outbound"),
    failing("only inbound", a_default_group(rule("tcp", 443, OFFICE)), says="1 inbound and 0 outbound"),
)

LAST = entry(32767, "deny", ANY4)


def entries(*found: Any, thresholds: Thresholds = USUAL) -> tuple[Any, ...]:
    return an_acl(*found, LAST), thresholds


ACL_TCP = (
    passing("no entries", *entries(), says="not open"),
    passing("https", *entries(entry(100, "allow", ANY4, "tcp", 443))),
    passing("the office", *entries(entry(100, "allow", OFFICE))),
    passing("ephemeral ports after RDP", *entries(entry(100, "allow", ANY4, "tcp", (3390, 65535)))),
    passing("UDP does not count", *entries(entry(100, "allow", ANY4, "udp", 22))),
    passing("ICMP", *entries(entry(100, "allow", ANY4, "icmp"))),
    passing(
        "shadowed by an earlier deny",
        *entries(entry(110, "allow", ANY4), entry(90, "deny", ANY4, "tcp", (0, 3389))),
        says="an earlier entry denies what entry 110: all traffic from 0.0.0.0/0 allows",
    ),
    passing(
        "shadowed by two",
        *entries(entry(1, "deny", HALVES4[0]), entry(2, "deny", HALVES4[1]), entry(3, "allow", ANY4)),
        says="entry 3",
    ),
    failing("all traffic", *entries(entry(100, "allow", ANY4)), says="tcp 22 by entry 100: all traffic from 0.0.0.0/0"),
    failing(
        "all traffic, IPv6", *entries(entry(101, "allow", ANY6)), says="tcp 22 by entry 101: all traffic from ::/0"
    ),
    failing("a range that ends there", *entries(entry(100, "allow", ANY4, "tcp", (0, 22))), says="tcp 22"),
    failing(
        "eighths",
        *entries(*(entry(place, "allow", part) for place, part in enumerate(EIGHTHS4, 1))),
        says="entry 4: all traffic from 96.0.0.0/3 + 3 more",
    ),
    failing(
        "eighths, IPv6",
        *entries(*(entry(place, "allow", part, "tcp", (20, 30)) for place, part in enumerate(EIGHTHS6, 1))),
        says="tcp 22 by entry 1: tcp 20-30 from 2000::/6",
    ),
    passing(
        "all but one eighth",
        *entries(*(entry(place, "allow", part) for place, part in enumerate(EIGHTHS4[1:], 1))),
        says="% of all public addresses are allowed",
    ),
    passing("a half", *entries(entry(1, "allow", HALVES4[0])), says="% of all public addresses are allowed"),
    failing("two halves", *entries(entry(1, "allow", HALVES4[0]), entry(2, "allow", HALVES4[1])), says="entry 1"),
    failing("a later deny", *entries(entry(100, "allow", ANY4), entry(110, "deny", ANY4)), says="entry 100"),
    failing(
        "the deny is for another port",
        *entries(entry(1, "deny", ANY4, "tcp", 22), entry(2, "allow", ANY4)),
        says="tcp 3389",
    ),
    failing(
        "the deny is for another protocol",
        *entries(entry(1, "deny", ANY4, "udp"), entry(2, "allow", ANY4)),
        says="tcp 22",
    ),
    failing(
        "the deny is for another family",
        *entries(entry(1, "deny", ANY6), entry(2, "allow", ANY4)),
        says="tcp 22",
    ),
    failing(
        "a list of denied networks in front",
        *entries(entry(1, "deny", OFFICE), entry(2, "deny", "5.0.0.0/8"), entry(3, "allow", ANY4)),
        says="entry 3",
    ),
    failing("half of it is denied", *entries(entry(1, "deny", HALVES4[0]), entry(2, "allow", ANY4)), says="entry 2"),
    failing(
        "the organization's own port", *entries(entry(1, "allow", ANY4, "tcp", 5986), thresholds=WINRM), says="5986"
    ),
)

ACL = (
    passing("the office", *entries(entry(100, "allow", OFFICE))),
    passing("shadowed", *entries(entry(1, "deny", ANY4), entry(2, "allow", ANY4, "udp", 22)), says="entry 2"),
    failing("UDP", *entries(entry(100, "allow", ANY4, "udp", 3389)), says="udp 3389"),
    failing("TCP", *entries(entry(100, "allow", ANY4, "tcp", 22)), says="tcp 22"),
    failing("only TCP is denied", *entries(entry(1, "deny", ANY4, "tcp"), entry(2, "allow", ANY4)), says="udp 22"),
)

VPC = a_vpc()
OTHER = a_vpc("vpc-2")


def logged(*logs: FlowLog, gap: Gap | None = None) -> tuple[Vpc, AccountFacts]:
    return VPC, facts_of(MEMBER, VPC, *logs, listed(Vpc), listed(FlowLog, gap=gap), regions=(HOME,))


def logged_in_two_regions() -> tuple[Vpc, AccountFacts]:
    """Flow logs were seen in another region, which says nothing about this one."""
    gap = denied("ec2:DescribeFlowLogs")
    return VPC, facts_of(MEMBER, VPC, listed(Vpc), listed(FlowLog, gap=gap), listed(FlowLog, "us-east-1"))


FLOW_LOGS = (
    passing("all traffic", *logged(a_flow_log(VPC)), says="fl-1 records all traffic"),
    passing("rejected traffic", *logged(a_flow_log(VPC, traffic="REJECT")), says="rejected traffic"),
    unseen("delivers no status yet", *logged(a_flow_log(VPC, delivery=denied())), says="is denied"),
    unseen("may be on the VPC", *logged(a_flow_log(VPC, watches=denied())), says="is denied"),
    passing("beside one that may be", *logged(a_flow_log(VPC, watches=denied()), a_flow_log(VPC, "fl-2")), says="fl-2"),
    failing("a flaw beside what is not seen", *logged(a_flow_log(VPC, status="OFF", traffic=denied())), says="is OFF"),
    passing("a good one beside a bad one", *logged(a_flow_log(VPC, status="INACTIVE"), a_flow_log(VPC, "fl-2"))),
    failing("an unused VPC without one", *logged(), says="the VPC has no flow log"),
    failing("accepted traffic only", *logged(a_flow_log(VPC, traffic="ACCEPT")), says="leaves out rejected"),
    failing(
        "does not deliver",
        *logged(a_flow_log(VPC, delivery="FAILED", delivery_error="Access error")),
        says="fails to deliver: Access error",
    ),
    failing(
        "does not deliver, nobody knows why",
        *logged(a_flow_log(VPC, delivery="FAILED")),
        says="no error message was returned",
    ),
    failing("not active", *logged(a_flow_log(VPC, status="INACTIVE")), says="fl-1 is INACTIVE"),
    failing("of another VPC", *logged(a_flow_log(OTHER)), says="no flow log"),
    failing("of one subnet", *logged(a_flow_log(VPC, watches="subnet-1")), says="no flow log"),
    unseen("flow logs denied", *logged(gap=denied("ec2:DescribeFlowLogs")), says="DescribeFlowLogs is denied"),
    unseen("flow logs denied in this region", *logged_in_two_regions(), says="DescribeFlowLogs is denied"),
    unseen("flow logs not collected", VPC, facts_of(MEMBER, VPC, listed(Vpc)), says="was not collected"),
)

PEERING = a_peering()
IPV6_PEERING = a_peering(theirs=("10.1.0.0/16", "2600:1f00::/56"))
TWO_BLOCKS = a_peering(theirs=("10.1.0.0/16", "10.2.0.0/16"))


PEERING_ROUTES = (
    passing("no route", PEERING, routes_of(PEERING), says="no route uses the peering connection"),
    passing("a subnet", PEERING, routes_of(PEERING, "10.1.2.0/24"), says="parts of the other VPC"),
    passing("one machine, IPv6", IPV6_PEERING, routes_of(IPV6_PEERING, "2600:1f00::1/128")),
    asking(
        "a whole block",
        PEERING,
        routes_of(PEERING, "10.1.2.0/24", "10.1.0.0/16"),
        says="all of 10.1.0.0/16 is required",
    ),
    asking("one of two blocks", TWO_BLOCKS, routes_of(TWO_BLOCKS, "10.2.0.0/16"), says="10.2.0.0/16"),
    asking(
        "both blocks at once",
        a_peering(theirs=("10.2.0.0/16", "10.3.0.0/16")),
        routes_of(PEERING, "10.2.0.0/15"),
        says="10.2.0.0/15",
    ),
    asking("blocks unknown", a_peering(theirs=()), routes_of(PEERING, "10.1.2.0/24"), says="10.1.2.0/24"),
    asking("a side of the other VPC", PEERING, routes_of(PEERING, "10.0.0.0/16", vpc_id="vpc-2"), says="10.0.0.0/16"),
    failing("a default route", PEERING, routes_of(PEERING, ANY4), says="0.0.0.0/0 are wider"),
    failing("twice its size", PEERING, routes_of(PEERING, "10.0.0.0/15"), says="10.0.0.0/15 are wider"),
    failing("somewhere else", PEERING, routes_of(PEERING, "192.168.0.0/24"), says="are wider"),
    unseen("routes denied", PEERING, denied("ec2:DescribeRouteTables"), says="DescribeRouteTables"),
)

IMDS = (
    passing("required and applied", an_instance(), says="IMDSv2 is required"),
    passing("endpoint disabled", an_instance(tokens="optional", endpoint="disabled"), says="is disabled"),
    unseen("optional, endpoint not seen", an_instance(tokens="optional", endpoint=denied()), says="is denied"),
    passing("required, endpoint not seen", an_instance(endpoint=denied())),
    unseen("required, not seen whether applied", an_instance(applied=denied()), says="is denied"),
    passing("stopped", an_instance(state="stopped")),
    failing("required, not applied", an_instance(applied=False), says="not applied yet"),
    failing("optional", an_instance(tokens="optional"), says="IMDSv1 is allowed"),
    failing("optional, stopped", an_instance(tokens="optional", state="stopped"), says="IMDSv1"),
)

NO_PROFILES = iam_facts(gaps={InstanceProfile: denied("iam:GetAccountAuthorizationDetails")})
ROLE = (
    passing(
        "has a role",
        an_instance(),
        iam_facts(an_instance_profile("web")),
        says=f"the instance profile has the role arn:aws:iam::{MEMBER}:role/web",
    ),
    passing("stopped", an_instance(state="stopped"), iam_facts(an_instance_profile("web"))),
    failing("has none", an_instance(profile_arn=None), iam_facts(), says="has no instance profile"),
    failing("profile without a role", an_instance(), iam_facts(), says="the instance profile web has no role"),
    failing("profile of another name", an_instance(), iam_facts(an_instance_profile("web-2")), says="web has no role"),
    failing(
        "none, profiles not seen",
        an_instance(profile_arn=None),
        NO_PROFILES,
        says="has no instance profile",
    ),
    unseen("profiles not seen", an_instance(), NO_PROFILES, says="iam:GetAccountAuthorizationDetails"),
)

EBS = (
    passing("on", ebs_defaults_of(encrypted=True), says="encryption by default is enabled"),
    failing(
        "off, region without volumes", ebs_defaults_of(encrypted=False), says="encryption by default is not enabled"
    ),
)

BY_POLICY = {"managed_by": "declarative-policy"}

IMDS_DEFAULT = (
    passing("required", metadata_defaults_of("required", managed_by="account"), says="set by the account"),
    passing(
        "by a declarative policy", metadata_defaults_of("required", **BY_POLICY), says="set by a declarative policy"
    ),
    failing("not set", metadata_defaults_of(None), says="no default is set"),
    failing("optional", metadata_defaults_of("optional"), says="the default is optional"),
    failing("optional by policy", metadata_defaults_of("optional", **BY_POLICY), says="has to be changed itself"),
    failing("endpoint disabled by default", metadata_defaults_of(None, endpoint="disabled"), says="no default is set"),
)

CASES: dict[Control, tuple[Case, ...]] = {
    admin4_tcp: ADMIN4_TCP,
    admin4: ADMIN4,
    admin6_tcp: ADMIN6_TCP,
    admin6: ADMIN6,
    ssh4: single(22, ipv6=False, udp=True),
    ssh: single(22, ipv6=True, udp=False),
    rdp4: single(3389, ipv6=False, udp=True),
    rdp: single(3389, ipv6=True, udp=True),
    cifs: CIFS,
    all_closed: ALL_CLOSED,
    default_group: DEFAULT_GROUP,
    acl_tcp: ACL_TCP,
    acl: ACL,
    flow_logs: FLOW_LOGS,
    peering: PEERING_ROUTES,
    imds: IMDS,
    role: ROLE,
    ebs: EBS,
    imds_default: IMDS_DEFAULT,
}


NASTY_RESOURCES = (
    a_group(group_id=NASTY),
    a_default_group(group_id=NASTY),
    an_acl(acl_id=NASTY),
    a_vpc(NASTY),
    a_peering(),
    an_instance(NASTY),
    ebs_defaults_of(encrypted=False),
    metadata_defaults_of(None),
)


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)
    assert msgspec.json.decode(msgspec.json.encode(verdict.evidence)) == verdict.evidence


# Evidence and commands


def option(command: str | None, name: str) -> str:
    assert command is not None
    words = shlex.split(command)
    return words[words.index(name) + 1]


def test_opening_names_rule_and_sources() -> None:
    verdict = admin4_tcp(*admin(rule("tcp", (20, 25), OFFICE, ANY4), rule("tcp", 443, ANY4)))
    assert verdict.evidence == {
        "open": ["tcp 22 from 0.0.0.0/0"],
        "rules": ["tcp 20-25: 198.51.100.0/24, 0.0.0.0/0"],
    }


@pytest.mark.parametrize(
    ("rules", "permissions"),
    [
        (
            [rule("tcp", (20, 25), OFFICE, ANY4)],
            [{"IpProtocol": "tcp", "FromPort": 20, "ToPort": 25, "IpRanges": [{"CidrIp": ANY4}]}],
        ),
        ([all_traffic(ANY4)], [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": ANY4}]}]),
        (
            [rule("tcp", 22, "pl-1")],
            [{"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "PrefixListIds": [{"PrefixListId": "pl-1"}]}],
        ),
    ],
    ids=["range", "all traffic for both ports once", "prefix list"],
)
def test_command_revokes_just_what_is_open(rules: list[SecurityGroupRule], permissions: list[dict[str, Any]]) -> None:
    verdict = admin4_tcp(*admin(*rules, pl_1=a_list("pl-1", ANY4)))
    assert json.loads(option(verdict.command, "--ip-permissions")) == permissions
    assert option(verdict.command, "--group-id") == "sg-1"


def test_command_revokes_ipv6() -> None:
    verdict = admin6_tcp(*admin(rule("tcp", 22, ANY6, ANY4)))
    (permission,) = json.loads(option(verdict.command, "--ip-permissions"))
    assert permission["Ipv6Ranges"] == [{"CidrIpv6": ANY6}]
    assert "IpRanges" not in permission


def test_what_a_pass_leaves_to_review_is_in_the_evidence() -> None:
    group = a_group(rule("tcp", 22, "pl-a", "128.0.0.0/1"), pl_a=aws_list("pl-a", "ec2-instance-connect"))
    verdict = admin4_tcp(group, USUAL)
    assert verdict.evidence["aws_prefix_lists"] == ["pl-a (ec2-instance-connect)"]
    assert 0.4 < verdict.evidence["public_share"] < 0.6


def test_part_of_the_internet_that_an_acl_lets_in_is_in_the_evidence() -> None:
    evidence = acl(*entries(entry(1, "deny", "64.0.0.0/2"), entry(2, "allow", HALVES4[0]))).evidence
    assert 0.2 < evidence["public_share"] < 0.3


@pytest.mark.parametrize("cidr", ["64.0.0.0/8", OFFICE])
def test_networks_of_some_size_are_not_told(cidr: str) -> None:
    assert admin4_tcp(*admin(rule("tcp", 22, cidr))).reason == "not open to the internet"
    assert acl(*entries(entry(1, "allow", cidr))).reason == "not open to the internet"


def test_shadowed_entry_is_information() -> None:
    verdict = acl(*entries(entry(1, "deny", ANY4), entry(2, "allow", ANY4)))
    assert verdict.evidence["shadowed"] == ["entry 2: all traffic from 0.0.0.0/0"]


def test_entry_that_repeats_an_open_one_is_not_shadowed() -> None:
    verdict = acl(*entries(entry(1, "allow", ANY4), entry(2, "allow", ANY4)))
    assert verdict.evidence["shadowed"] == []


def test_command_deletes_the_open_entry() -> None:
    found = entries(entry(1, "deny", ANY4, "tcp", 22), entry(5, "allow", "5.0.0.0/8"), entry(7, "allow", ANY4))
    assert option(acl_tcp(*found).command, "--rule-number") == "7"


@pytest.mark.parametrize(
    ("group", "directions"),
    [
        (a_default_group(all_traffic("sg-1")), ["ingress"]),
        (a_default_group(outbound=(all_traffic(ANY4),)), ["egress"]),
        (a_default_group(all_traffic("sg-1"), outbound=(all_traffic(ANY4),)), ["ingress", "egress"]),
    ],
)
def test_default_group_is_emptied_in_the_directions_that_it_has(group: Any, directions: list[str]) -> None:
    command = default_group(group).command or ""
    assert [word.rpartition("-")[2] for word in command.split() if word.startswith("revoke-")] == directions


def test_declarative_policy_is_named() -> None:
    verdict = imds_default(metadata_defaults_of("optional", **BY_POLICY, exception_message="ask the platform team"))
    assert verdict.evidence["managed_by"] == "declarative-policy"
    assert verdict.evidence["exception_message"] == "ask the platform team"
    assert "organizations" in (verdict.command or "")


NASTY = "a; rm -rf "


@pytest.mark.parametrize(
    "verdict",
    [
        admin4(a_group(all_traffic(ANY4), group_id=NASTY), USUAL),
        acl(an_acl(entry(1, "allow", ANY4), acl_id=NASTY), USUAL),
        default_group(a_default_group(all_traffic("sg-1"), group_id=NASTY)),
    ],
    ids=["group", "acl", "default group"],
)
def test_commands_are_quoted(verdict: Verdict) -> None:
    assert NASTY in shlex.split(verdict.command or "")


# In an audit


def region_with(control: Control, gap: Gap | None, *found: Resource) -> AccountFacts:
    assert issubclass(control.subject, Resource)
    return facts_of(MEMBER, *found, listed(control.subject, gap=gap), regions=(HOME,))


@pytest.mark.parametrize("control", CASES, ids=name_of)
def test_region_that_was_not_seen_is_not_assessed(tmp_path: Path, control: Control) -> None:
    (finding,) = findings(tmp_path, control, region_with(control, denied(control.actions[0])))
    assert finding.status is Status.NOT_ASSESSED
    assert finding.gap is not None


def test_region_that_is_closed_to_the_account_has_nothing(tmp_path: Path) -> None:
    disabled = Gap(MEMBER, HOME, "", GapReason.REGION_DISABLED, "not enabled")
    (finding,) = findings(tmp_path, ebs, region_with(ebs, disabled))
    assert finding.status is Status.NOT_APPLICABLE


@pytest.mark.parametrize(("traffic", "status"), [("ALL", Status.PASS), ("ACCEPT", Status.FAIL)])
def test_shared_vpc_is_judged_where_it_lives(tmp_path: Path, traffic: str, status: Status) -> None:
    shared = a_vpc(account_id=SECURITY)
    member = facts_of(MEMBER, shared, listed(Vpc), listed(FlowLog), regions=(HOME,))
    log = a_flow_log(shared, traffic=traffic)
    owner = facts_of(SECURITY, shared, log, listed(Vpc), listed(FlowLog), regions=(HOME,))
    (finding,) = findings(tmp_path, flow_logs, member, owner)
    assert (finding.status, finding.inherited_from, finding.resource) == (status, SECURITY, shared.arn)


def test_shared_vpc_of_an_unseen_owner_is_not_assessed(tmp_path: Path) -> None:
    member = facts_of(MEMBER, a_vpc(account_id=SECURITY), listed(Vpc), listed(FlowLog), regions=(HOME,))
    (finding,) = findings(tmp_path, flow_logs, member)
    assert (finding.status, finding.inherited_from) == (Status.NOT_ASSESSED, SECURITY)
