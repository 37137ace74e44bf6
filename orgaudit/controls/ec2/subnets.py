"""Controls on subnets."""

from __future__ import annotations

import shlex

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.ec2.subnets import Subnet
from orgaudit.model import Disruption, Effort, Json, Seen, Severity, Verdict, failed, passed, shown


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Delete unused default VPCs in all regions, and give public addresses only to load balancers and "
        "gateways.",
        asset="Disable the automatic assignment of public addresses in subnet {resource.name}; running instances keep "
        "theirs.",
        command="aws ec2 modify-subnet-attribute --region {region} --subnet-id {resource.name} "
        "--no-map-public-ip-on-launch",
        preventive="Create subnets only in the account factory, and deny ec2:ModifySubnetAttribute to others with a "
        "service control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ec2_subnet_public_ip_assignment_disabled(subnet: Subnet) -> Verdict:
    """Subnets do not assign public addresses by default.

    Where a subnet assigns them, an instance is public without a decision to make it so. IPv6 addresses are public by
    nature, so their automatic assignment counts as well.
    """
    kinds = (("IPv4", subnet.public_ipv4), ("IPv6", subnet.ipv6))
    assigned = [kind for kind, observed in kinds if observed == Seen(value=True)]
    evidence: dict[str, Json] = {"vpc": shown(subnet.vpc_id), "default_subnet": shown(subnet.default)}
    if assigned:
        said = f"the subnet assigns public {' and '.join(assigned)} addresses by default"
        return failed(said, command=_disable(subnet, assigned), **evidence)
    for _, observed in kinds:
        observed.value  # noqa: B018 - a gap raises what it is
    return passed("the subnet assigns no public addresses by default", **evidence)


def _disable(subnet: Subnet, assigned: list[str]) -> str:
    """Return the commands that disable each kind, as one call changes only one attribute."""
    # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySubnetAttribute.html
    options = {"IPv4": "--no-map-public-ip-on-launch", "IPv6": "--no-assign-ipv6-address-on-creation"}
    name = shlex.quote(subnet.name)
    return " && ".join(
        f"aws ec2 modify-subnet-attribute --region {subnet.region} --subnet-id {name} {options[kind]}"
        for kind in assigned
    )
