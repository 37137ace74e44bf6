"""Controls on security groups: what they open to the internet, and the rules of default groups."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from orgaudit.analysis.ec2.authorized import openings_beside
from orgaudit.analysis.ec2.reach import Inbound, PortOpening, Question
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.facts.ec2.groups import DefaultSecurityGroup, SecurityGroup
from orgaudit.languages.cidr import Family
from orgaudit.model import Disruption, Effort, Json, Severity, Verdict, failed, not_applicable, passed
from orgaudit.settings.thresholds import Thresholds

ADMIN_PORTS = (22, 3389)
"""SSH and RDP, which every benchmark names; [thresholds] further_admin_ports adds an organization's own."""
CLOSED = "not open to the internet"
INGRESS = "ec2_security_group_ingress"
"""The family that one revocation of all rules makes pass which open a security group to the internet."""

FIX = Fix(
    service_wide="Administer instances through Systems Manager Session Manager or EC2 Instance Connect Endpoint, which "
    "need no inbound rule, then remove these rules in all accounts.",
    asset="Remove the open rules of security group {resource.name}, or restrict their sources to known networks.",
    command="aws ec2 describe-security-group-rules --region {region} --filters Name=group-id,Values={resource.name}",
    preventive="Block public inbound traffic to VPCs with a declarative policy for EC2, and remove such rules "
    "automatically with AWS Firewall Manager or AWS Config.",
    effort=Effort.S,
    per_resource=True,
    disruption=Disruption.NONE,
    reversible=True,
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
        said += f"; review required: AWS-managed prefix lists {', '.join(lists)}"
        evidence["aws_prefix_lists"] = lists
    if share:
        said += f"; the widest sources cover {share:.0%} of all public addresses"
        evidence["public_share"] = round(share, 3)
    return passed(said, **evidence)


def _rules(found: Sequence[PortOpening]) -> list[str]:
    return sorted({source.rule.describe() for opening in found for source in opening.sources})


def _revoke(group: SecurityGroup, found: Sequence[PortOpening]) -> str:
    """Return the command that removes only the sources that make the openings."""
    permissions = [source.permission() for opening in found for source in opening.sources]
    unique = list({json.dumps(each, sort_keys=True): each for each in permissions}.values())
    return (
        f"aws ec2 revoke-security-group-ingress --region {group.region} --group-id {shlex.quote(group.name)} "
        f"--ip-permissions {shlex.quote(json.dumps(unique))}"
    )


def _closed(name: str, title: str, question: Question, rationale: str, severity: Severity = Severity.HIGH) -> Control:
    """Return the control that security groups do not open the ports of a question to the internet."""

    def judge(group: SecurityGroup) -> Verdict:
        return _judged(group, question)

    return control(severity, fix=FIX, id=name, title=title, rationale=rationale, family=INGRESS)(judge)


def _admin_ports_closed(name: str, title: str, question: Question) -> Control:
    """Return the same control on the administration ports, including those that the thresholds declare."""

    def judge(group: SecurityGroup, thresholds: Thresholds) -> Verdict:
        return _judged(group, question.with_ports(thresholds.further_admin_ports))

    rationale = (
        "Administration ports that are open to the internet are attacked continuously, and one weak password or one "
        "unpatched service is sufficient. Groups are judged whether they are in use or not, because the next instance "
        "may use them."
    )
    return control(Severity.HIGH, fix=FIX, id=name, title=title, rationale=rationale, family=INGRESS)(judge)


TCP, IPV4, IPV6 = ("tcp",), (Family.IPV4,), (Family.IPV6,)

ec2_security_group_admin_ports_closed_to_ipv4_internet = _admin_ports_closed(
    "ec2_security_group_admin_ports_closed_to_ipv4_internet",
    "Security groups block administration ports from the IPv4 internet (TCP and UDP)",
    Question(ADMIN_PORTS, families=IPV4),
)
ec2_security_group_admin_ports_closed_to_ipv6_internet = _admin_ports_closed(
    "ec2_security_group_admin_ports_closed_to_ipv6_internet",
    "Security groups block administration ports from the IPv6 internet (TCP and UDP)",
    Question(ADMIN_PORTS, families=IPV6),
)
ec2_security_group_admin_tcp_ports_closed_to_ipv4_internet = _admin_ports_closed(
    "ec2_security_group_admin_tcp_ports_closed_to_ipv4_internet",
    "Security groups block administration ports from the IPv4 internet (TCP)",
    Question(ADMIN_PORTS, TCP, IPV4),
)
ec2_security_group_admin_tcp_ports_closed_to_ipv6_internet = _admin_ports_closed(
    "ec2_security_group_admin_tcp_ports_closed_to_ipv6_internet",
    "Security groups block administration ports from the IPv6 internet (TCP)",
    Question(ADMIN_PORTS, TCP, IPV6),
)

SSH = "SSH that is open to the internet is attacked continuously; one weak password or leaked key gives shell access."
RDP = "RDP that is open to the internet is attacked continuously, and worms have spread through its vulnerabilities."

ec2_security_group_ssh_closed_to_ipv4_internet = _closed(
    "ec2_security_group_ssh_closed_to_ipv4_internet",
    "Security groups block SSH from the IPv4 internet (TCP and UDP)",
    Question((22,), families=IPV4),
    SSH,
)
ec2_security_group_ssh_closed_to_internet = _closed(
    "ec2_security_group_ssh_closed_to_internet",
    "Security groups block SSH from the internet",
    Question((22,), TCP),
    SSH,
)
ec2_security_group_rdp_closed_to_ipv4_internet = _closed(
    "ec2_security_group_rdp_closed_to_ipv4_internet",
    "Security groups block RDP from the IPv4 internet (TCP and UDP)",
    Question((3389,), families=IPV4),
    RDP,
)
ec2_security_group_rdp_closed_to_internet = _closed(
    "ec2_security_group_rdp_closed_to_internet",
    "Security groups block RDP from the internet (TCP and UDP)",
    Question((3389,)),
    RDP,
)
ec2_security_group_cifs_closed_to_internet = _closed(
    "ec2_security_group_cifs_closed_to_internet",
    "Security groups block CIFS file sharing from the internet",
    Question((445,), TCP),
    "File shares hold business data, and several large malware outbreaks have spread through CIFS.",
)
ec2_security_group_all_traffic_closed_to_internet = _closed(
    "ec2_security_group_all_traffic_closed_to_internet",
    "Security groups do not open all ports to the internet",
    Question(()),
    "A group that allows all traffic does not protect: every service that is started behind it is public at once.",
    Severity.CRITICAL,
)

HIGH_RISK_PORTS = (
    *(20, 21, 22, 23, 25, 110, 135, 143, 445, 1433, 1434, 3000, 3306, 3389, 4333, 5000, 5432, 5500, 5601),
    *(8080, 8088, 8888, 9200, 9300),
)
"""https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html#ec2-19"""
ec2_security_group_high_risk_ports_closed_to_internet = _closed(
    "ec2_security_group_high_risk_ports_closed_to_internet",
    "Security groups block high-risk ports from the internet",
    Question(HIGH_RISK_PORTS, TCP),
    "These ports belong to administration, mail, file sharing, databases and search engines, which are attacked "
    "continuously, and which few have a reason to publish.",
    Severity.CRITICAL,
)


@control(Severity.HIGH, fix=FIX)
def ec2_security_group_open_ports_authorized(group: SecurityGroup, thresholds: Thresholds) -> Verdict:
    """Security groups open only authorized ports to the internet.

    Every port that is open to the internet is a service that has to be hardened and watched, so it should be one that
    was decided to be public. [thresholds] authorized_tcp_ports and authorized_udp_ports name these.
    """
    inbound = Inbound.of(group)
    authorized = {"tcp": thresholds.authorized_tcp_ports, "udp": thresholds.authorized_udp_ports}
    evidence: dict[str, Json] = {"authorized": {name: list(ports) for name, ports in authorized.items()}}
    if found := openings_beside(inbound, authorized):
        openings = [opening.describe() for opening in found]
        said = f"open to the internet by ports that are not authorized, such as {', '.join(openings)}"
        return failed(said, command=_revoke(group, found), open=openings, rules=_rules(found), **evidence)
    if openings_beside(inbound, {"tcp": (), "udp": ()}):
        return passed("only authorized ports are open to the internet", **evidence)
    return not_applicable(CLOSED, **evidence)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Delete unused default VPCs in all regions, and their default security groups with them.",
        asset="Move the resources that use default security group {resource.name} to other groups, then remove all "
        "its rules.",
        command="aws ec2 describe-security-group-rules --region {region} "
        "--filters Name=group-id,Values={resource.name}",
        preventive="Remove the rules of the default group of each new VPC in the account factory, and monitor it with "
        "the AWS Config rule vpc-default-security-group-closed.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ec2_default_security_group_empty(group: DefaultSecurityGroup) -> Verdict:
    """Default security groups have no rules.

    Resources that are launched without a security group get the default one. Only a group without rules makes this
    omission visible, so the default group is judged in every VPC, used or not.
    """
    vpc, name = group.vpc_id, group.group_name.value
    inbound = [rule.describe() for rule in group.rules.value]
    outbound = [rule.describe() for rule in group.outbound.value]
    if not inbound and not outbound:
        return passed("no inbound and no outbound rules", vpc=vpc, group=name)
    said = f"{len(inbound)} inbound and {len(outbound)} outbound rules"
    return failed(said, command=_emptying(group), vpc=vpc, group=name, inbound=inbound, outbound=outbound)


def _emptying(group: SecurityGroup) -> str:
    """Return the commands that remove the rules of each direction that has any."""
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
