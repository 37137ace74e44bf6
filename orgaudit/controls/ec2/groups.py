"""Controls on security groups: what they open to the internet, and default groups that should open nothing."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Sequence

from orgaudit.analysis.ec2.reach import Inbound, PortOpening, Question
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.facts.ec2.groups import DefaultSecurityGroup, SecurityGroup
from orgaudit.languages.cidr import Family
from orgaudit.model import Json, Severity, Verdict, failed, passed
from orgaudit.settings.thresholds import Thresholds

ADMIN_PORTS = (22, 3389)
"""SSH and RDP, which every benchmark names; [thresholds] further_admin_ports adds an organization's own."""
CLOSED = "not open to the internet"

FIX = Fix(
    service_wide="Administer machines through Systems Manager Session Manager or EC2 Instance Connect Endpoint, which "
    "need no inbound rule, then remove these rules in all accounts.",
    asset="Remove the open rules of security group {resource.name}, or narrow their sources to networks you know.",
    command="aws ec2 describe-security-group-rules --region {region} --filters Name=group-id,Values={resource.name}",
    preventive="Turn on VPC block public access for inbound traffic with a declarative policy for EC2, and let AWS "
    "Firewall Manager or AWS Config remove such rules when they appear.",
)


def _judged(group: SecurityGroup, question: Question) -> Verdict:
    inbound = Inbound.of(group).about(question)
    if found := inbound.openings(question):
        openings = [opening.describe() for opening in found]
        said = f"open to the internet: {', '.join(openings)}"
        return failed(said, command=_revoke(group, found), open=openings, rules=_rules(found))
    if not inbound.rules:
        return passed(CLOSED)
    lists, share = inbound.unread(question), inbound.widest_share(question)
    said, evidence = CLOSED, dict[str, Json]()
    if lists:
        said += f"; to be reviewed: AWS's own prefix lists {', '.join(lists)}"
        evidence["aws_prefix_lists"] = lists
    if share:
        said += f"; the widest sources are {share:.0%} of all public addresses"
        evidence["public_share"] = round(share, 3)
    return passed(said, **evidence)


def _rules(found: Sequence[PortOpening]) -> list[str]:
    return sorted({source.rule.describe() for opening in found for source in opening.sources})


def _revoke(group: SecurityGroup, found: Sequence[PortOpening]) -> str:
    """Return the command that takes away just the sources that make the openings."""
    permissions = [source.permission() for opening in found for source in opening.sources]
    unique = list({json.dumps(each, sort_keys=True): each for each in permissions}.values())
    return (
        f"aws ec2 revoke-security-group-ingress --region {group.region} --group-id {shlex.quote(group.name)} "
        f"--ip-permissions {shlex.quote(json.dumps(unique))}"
    )


def _named(judge: Callable[..., Verdict], name: str, title: str, rationale: str, severity: Severity) -> Control:
    judge.__name__ = judge.__qualname__ = name
    judge.__doc__ = f"{title}.\n\n{rationale}"
    return control(severity, fix=FIX)(judge)


def closed(name: str, title: str, question: Question, rationale: str, severity: Severity = Severity.HIGH) -> Control:
    """Return the control that asks whether security groups keep the internet from the ports of a question."""

    def judge(group: SecurityGroup) -> Verdict:
        return _judged(group, question)

    return _named(judge, name, title, rationale, severity)


def admin_ports_closed(name: str, title: str, question: Question) -> Control:
    """Return the control that asks so about the ports of administration, the organization's own ones included."""

    def judge(group: SecurityGroup, thresholds: Thresholds) -> Verdict:
        return _judged(group, question.with_ports(thresholds.further_admin_ports))

    rationale = (
        "Ports of administration that everybody reaches are tried by machines all day, and one weak password or one "
        "unpatched service is enough. Groups count whether something uses them or not, for the next instance may."
    )
    return _named(judge, name, title, rationale, Severity.HIGH)


TCP, IPV4, IPV6 = ("tcp",), (Family.IPV4,), (Family.IPV6,)

ec2_security_group_admin_ports_closed_to_ipv4_internet = admin_ports_closed(
    "ec2_security_group_admin_ports_closed_to_ipv4_internet",
    "Security groups close admin ports to the IPv4 internet, TCP and UDP",
    Question(ADMIN_PORTS, families=IPV4),
)
ec2_security_group_admin_ports_closed_to_ipv6_internet = admin_ports_closed(
    "ec2_security_group_admin_ports_closed_to_ipv6_internet",
    "Security groups close admin ports to the IPv6 internet, TCP and UDP",
    Question(ADMIN_PORTS, families=IPV6),
)
ec2_security_group_admin_tcp_ports_closed_to_ipv4_internet = admin_ports_closed(
    "ec2_security_group_admin_tcp_ports_closed_to_ipv4_internet",
    "Security groups close admin ports to the IPv4 internet, TCP",
    Question(ADMIN_PORTS, TCP, IPV4),
)
ec2_security_group_admin_tcp_ports_closed_to_ipv6_internet = admin_ports_closed(
    "ec2_security_group_admin_tcp_ports_closed_to_ipv6_internet",
    "Security groups close admin ports to the IPv6 internet, TCP",
    Question(ADMIN_PORTS, TCP, IPV6),
)

SSH = "SSH that everybody reaches is tried by machines all day; one weak password or leaked key gives a shell."
RDP = "RDP that everybody reaches is tried by machines all day, and its holes have spread worms before."

ec2_security_group_ssh_closed_to_ipv4_internet = closed(
    "ec2_security_group_ssh_closed_to_ipv4_internet",
    "Security groups close SSH to the IPv4 internet, TCP and UDP",
    Question((22,), families=IPV4),
    SSH,
)
ec2_security_group_ssh_closed_to_internet = closed(
    "ec2_security_group_ssh_closed_to_internet",
    "Security groups close SSH to the internet",
    Question((22,), TCP),
    SSH,
)
ec2_security_group_rdp_closed_to_ipv4_internet = closed(
    "ec2_security_group_rdp_closed_to_ipv4_internet",
    "Security groups close RDP to the IPv4 internet, TCP and UDP",
    Question((3389,), families=IPV4),
    RDP,
)
ec2_security_group_rdp_closed_to_internet = closed(
    "ec2_security_group_rdp_closed_to_internet",
    "Security groups close RDP to the internet, TCP and UDP",
    Question((3389,)),
    RDP,
)
ec2_security_group_cifs_closed_to_internet = closed(
    "ec2_security_group_cifs_closed_to_internet",
    "Security groups close file sharing by CIFS to the internet",
    Question((445,), TCP),
    "File shares hold what a company works on, and CIFS has been the way in of several large outbreaks of malware.",
)
ec2_security_group_all_traffic_closed_to_internet = closed(
    "ec2_security_group_all_traffic_closed_to_internet",
    "Security groups do not open every port to the internet",
    Question(()),
    "A group that lets everything in is no group: each service that is ever started behind it is public at once.",
    Severity.CRITICAL,
)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Delete the default VPCs that nobody uses in all regions; their default groups go with them.",
        asset="Move what uses default security group {resource.name} to groups of its own, then remove all its rules.",
        command="aws ec2 describe-security-group-rules --region {region} "
        "--filters Name=group-id,Values={resource.name}",
        preventive="Let the account factory empty the default group of each VPC that it makes, and watch it with the "
        "AWS Config rule vpc-default-security-group-closed.",
    ),
)
def ec2_default_security_group_empty(group: DefaultSecurityGroup) -> Verdict:
    """Default security groups have no rules.

    What is started without naming a group gets the default one. Only a group that allows nothing makes the omission
    show at once, so it counts in every VPC, used or not.
    """
    vpc, name = group.vpc_id, group.group_name.value
    inbound = [rule.describe() for rule in group.rules.value]
    outbound = [rule.describe() for rule in group.outbound.value]
    if not inbound and not outbound:
        return passed("allows nothing in or out", vpc=vpc, group=name)
    said = f"{len(inbound)} inbound and {len(outbound)} outbound rules"
    return failed(said, command=_emptying(group), vpc=vpc, group=name, inbound=inbound, outbound=outbound)


def _emptying(group: SecurityGroup) -> str:
    """Return the commands that take away the rules of each direction that has any."""
    name = shlex.quote(group.name)
    directions = (
        ("ingress", "IpPermissions", group.rules.value),
        ("egress", "IpPermissionsEgress", group.outbound.value),
    )
    return " && ".join(
        f"aws ec2 revoke-security-group-{direction} --region {group.region} --group-id {name} --ip-permissions "
        f'"$(aws ec2 describe-security-groups --region {group.region} --group-ids {name} '
        f'--query "SecurityGroups[0].{member}" --output json)"'
        for direction, member, rules in directions
        if rules
    )
