"""Classic, application and network load balancers, their listeners and target groups."""

from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.subnets import Subnet
from moto.elb.models import elb_backends
from moto.elbv2.models import ELBv2Backend, elbv2_backends

from orgaudit.demo.accounts import account_named
from orgaudit.demo.seeding.storage import ACCESS_LOGS

_WEB = (("Webshop Production", "eu-west-1", True), ("Webshop Development", "eu-west-1", False))
"""Accounts and regions with a classic and an application load balancer: whether these are compliant."""
_NETWORK = (
    ("Payments Production", "eu-central-1", "ledger", True),
    ("Payments Development", "eu-west-1", "ledger-test", False),
)
"""Internal network load balancers by account, region and name: whether they are compliant."""
_RECOMMENDED, _OUTDATED = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", "ELBSecurityPolicy-2016-08"
_TO_HTTPS = {"Type": "redirect", "RedirectConfig": {"Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301"}}


def seed() -> None:
    """Create every load balancer."""
    for name, region, compliant in _WEB:
        account = account_named(name).id
        subnets = _subnets(ec2_backends[account][region])
        _classic(account, region, subnets, compliant=compliant)
        _application(elbv2_backends[account][region], subnets, compliant=compliant)
    for name, region, balancer, compliant in _NETWORK:
        account = account_named(name).id
        subnets = _subnets(ec2_backends[account][region])
        _network(elbv2_backends[account][region], balancer, subnets, compliant=compliant)


def _subnets(ec2: EC2Backend) -> list[Subnet]:
    return [subnet for subnets in ec2.subnets.values() for subnet in subnets.values()][:2]


def _classic(account: str, region: str, subnets: list[Subnet], *, compliant: bool) -> None:
    """Create a classic load balancer with a TLS listener; the other one also has a plain listener, and one zone."""
    plain = {"Protocol": "TCP", "LoadBalancerPort": 8080, "InstancePort": 8080}
    tls = {"Protocol": "HTTPS", "LoadBalancerPort": 443, "InstancePort": 8443}
    used = subnets if compliant else subnets[:1]
    elb = elb_backends[account][region]
    balancer = elb.create_load_balancer(
        "legacy", [], [tls] if compliant else [tls, plain], subnets=[subnet.id for subnet in used]
    )
    # moto looks for certificates of ACM in its own store, and names no zones of subnets.
    balancer.listeners[0].ssl_certificate_id = (
        f"arn:aws:acm:{region}:{account}:certificate/4f0c2f8e-0f5b-4a52-9a86-2f3f7f6f8d11"
        if compliant
        else f"arn:aws:iam::{account}:server-certificate/shop-test-2024"
    )
    balancer.availability_zones = [subnet.availability_zone for subnet in used]
    if compliant:
        balancer.attributes |= {
            "access_log": {"enabled": True, "s3_bucket_name": ACCESS_LOGS, "emit_interval": 60},
            "connection_draining": {"enabled": True, "timeout": 300},
            "cross_zone_load_balancing": {"enabled": True},
        }
    else:
        mode = {"Key": "elb.http.desyncmitigationmode", "Value": "monitor"}
        elb.modify_load_balancer_attributes("legacy", additional_attributes=[mode])


def _application(elbv2: ELBv2Backend, subnets: list[Subnet], *, compliant: bool) -> None:
    """Create a load balancer with listeners for HTTP, which redirects in a compliant one, and HTTPS."""
    balancer = elbv2.create_load_balancer(
        "shop", [], [subnet.id for subnet in subnets], loadbalancer_type="application"
    )
    elbv2.modify_load_balancer_attributes(
        balancer.arn,
        {
            "deletion_protection.enabled": str(compliant).lower(),
            "routing.http.desync_mitigation_mode": "defensive" if compliant else "monitor",
            "routing.http.drop_invalid_header_fields.enabled": str(compliant).lower(),
        }
        | ({"access_logs.s3.enabled": "true", "access_logs.s3.bucket": ACCESS_LOGS} if compliant else {}),
    )
    protocol = "HTTPS" if compliant else "HTTP"
    targets = _targets(elbv2, "shop", subnets[0], protocol, "8443", health=protocol)
    forward = {"Type": "forward", "TargetGroupArn": targets}
    elbv2.create_listener(balancer.arn, "HTTP", "80", "", None, [_TO_HTTPS if compliant else forward])
    elbv2.create_listener(balancer.arn, "HTTPS", "443", _RECOMMENDED if compliant else _OUTDATED, None, [forward])


def _network(elbv2: ELBv2Backend, name: str, subnets: list[Subnet], *, compliant: bool) -> None:
    """Create a load balancer with one listener; only a compliant one uses TLS, and is in two zones."""
    used = [subnet.id for subnet in (subnets if compliant else subnets[:1])]
    balancer = elbv2.create_load_balancer(name, [], used, scheme="internal", loadbalancer_type="network")
    protection = {"deletion_protection.enabled": str(compliant).lower()}
    elbv2.modify_load_balancer_attributes(balancer.arn, protection)
    protocol = "TLS" if compliant else "TCP"
    targets = _targets(elbv2, name, subnets[0], protocol, "5433", health="HTTPS" if compliant else "TCP")
    forward = {"Type": "forward", "TargetGroupArn": targets}
    elbv2.create_listener(balancer.arn, protocol, "5433", _RECOMMENDED if compliant else "", None, [forward])


def _targets(elbv2: ELBv2Backend, name: str, subnet: Subnet, protocol: str, port: str, *, health: str) -> str:
    """Create a target group, and return its ARN."""
    made = elbv2.create_target_group(
        name, target_type="ip", vpc_id=subnet.vpc_id, protocol=protocol, port=port, healthcheck_protocol=health
    )
    return made.arn
