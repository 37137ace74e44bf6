"""Controls on network ACLs."""

from __future__ import annotations

import shlex

from orgaudit.analysis.ec2.acls import passages
from orgaudit.analysis.ec2.reach import Question
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.controls.ec2.groups import ADMIN_PORTS, CLOSED, TCP
from orgaudit.facts.ec2.acls import NetworkAcl
from orgaudit.model import Disruption, Effort, Json, Severity, Verdict, failed, not_applicable, passed, require, shown
from orgaudit.settings.thresholds import Thresholds

RATIONALE = (
    "A network ACL filters the traffic to all resources of its subnets. Where it blocks administration ports, a "
    "security group that is opened by mistake does not expose them."
)


def _admin_ports_closed(name: str, title: str, question: Question) -> Control:
    """Return the control that network ACLs block administration ports from the internet."""

    def judge(acl: NetworkAcl, thresholds: Thresholds) -> Verdict:
        asked = question.with_ports(thresholds.further_admin_ports)
        found = passages(acl.entries.value, asked)
        shadowed = sorted({entry.describe() for passage in found for entry in passage.shadowed})
        openings = [passage.describe() for passage in found if passage.open]
        evidence: dict[str, Json] = {"shadowed": shadowed, "default": shown(acl.default), "subnets": acl.subnets}
        if openings:
            first = next(passage.open[0] for passage in found if passage.open)
            said = f"open to the internet: {', '.join(openings)}"
            return failed(said, command=_delete(acl, first.number), open=openings, **evidence)
        said = CLOSED
        if shadowed:
            said += f"; an earlier entry denies what {', '.join(shadowed)} allows"
        if share := max((passage.share for passage in found), default=0.0):
            said += f"; {share:.0%} of all public addresses are allowed"
            evidence["public_share"] = round(share, 3)
        return passed(said, **evidence)

    fix = Fix(
        service_wide="Create network ACLs from one template that allows the internet to reach published ports only.",
        asset="Replace the open entries of network ACL {resource.name} with entries for the ports that its subnets "
        "publish and for ephemeral ports, then delete the open ones.",
        command="aws ec2 describe-network-acls --region {region} --network-acl-ids {resource.name}",
        preventive="Deny ec2:CreateNetworkAclEntry and ec2:ReplaceNetworkAclEntry to all but the network team with a "
        "service control policy.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    )
    family = "ec2_network_acl_ingress"
    return control(Severity.MEDIUM, fix=fix, id=name, title=title, rationale=RATIONALE, family=family)(judge)


def _delete(acl: NetworkAcl, number: int) -> str:
    name = shlex.quote(acl.name)
    return (
        f"aws ec2 delete-network-acl-entry --region {acl.region} --network-acl-id {name} --ingress "
        f"--rule-number {number}"
    )


ec2_network_acl_admin_ports_closed_to_internet = _admin_ports_closed(
    "ec2_network_acl_admin_ports_closed_to_internet",
    "Network ACLs block administration ports from the internet (TCP and UDP)",
    Question(ADMIN_PORTS),
)
ec2_network_acl_admin_tcp_ports_closed_to_internet = _admin_ports_closed(
    "ec2_network_acl_admin_tcp_ports_closed_to_internet",
    "Network ACLs block administration ports from the internet (TCP)",
    Question(ADMIN_PORTS, TCP),
)


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Remove unused network ACLs in all accounts.",
        asset="Delete network ACL {resource.name}, or associate it with the subnets for which it was made.",
        command="aws ec2 delete-network-acl --region {region} --network-acl-id {resource.name}",
        preventive="Create network ACLs in the same template as their subnets.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=False,
    ),
)
def ec2_network_acl_used(acl: NetworkAcl) -> Verdict:
    """Network ACLs that are not in use are removed.

    An unused network ACL hides which rules are in force, and may be associated by mistake.
    """
    if acl.default.value:
        return not_applicable("the default network ACL of a VPC, which cannot be deleted", subnets=acl.subnets)
    return require(
        acl.in_use.value,
        then="the network ACL is associated with a subnet",
        otherwise="the network ACL is associated with no subnet",
        subnets=acl.subnets,
        vpc=acl.vpc_id,
    )
