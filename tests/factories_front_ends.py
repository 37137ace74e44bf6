"""Distributions, load balancers and stages of APIs for tests."""

from __future__ import annotations

from typing import Any

from orgaudit.facts.apigateway import RestApiStage
from orgaudit.facts.apigatewayv2 import ApiStage
from orgaudit.facts.cloudfront import KEY_GROUPS, Behavior, Distribution, Origin
from orgaudit.facts.elb import ClassicListener, ClassicLoadBalancer
from orgaudit.facts.elbv2 import LoadBalancer, TargetGroup
from orgaudit.model import GLOBAL, Gap
from tests.factories import HOME, MEMBER, seen_all

GROUP = f"arn:aws:logs:{HOME}:{MEMBER}:log-group:api"
ACM = f"arn:aws:acm:{HOME}:{MEMBER}:certificate/1"
ZONES = (f"{HOME}a", f"{HOME}b")


def a_distribution(name: str = "E1EXAMPLE", *, enabled: bool = True, **changes: Any) -> Distribution:
    arn = f"arn:aws:cloudfront::{MEMBER}:distribution/{name}"
    values: dict[str, Any] = {
        "origins": (an_origin(),),
        "access_controls": {},
        "groups": {"pair": ("one", "two")},
        "behaviors": (Behavior("*", "one", "https-only"),),
        "signers": {"*": (KEY_GROUPS,)},
        "certificate": f"arn:aws:acm:us-east-1:{MEMBER}:certificate/1",
        "certificate_served_by": "sni-only",
        "tls_policy": "TLSv1.2_2021",
        "web_acl": f"arn:aws:wafv2:us-east-1:{MEMBER}:global/webacl/edge/1",
    }
    return seen_all(Distribution, arn=arn, account_id=MEMBER, region=GLOBAL, enabled=enabled, **values | changes)


def an_origin(name: str = "one", domain: str = "www.example.com", protocol: str = "https-only") -> Origin:
    return Origin(name, domain, protocol, ("TLSv1.2",) if protocol else ())


def a_classic(name: str = "old", scheme: str | Gap = "internet-facing", **changes: Any) -> ClassicLoadBalancer:
    arn = f"arn:aws:elasticloadbalancing:{HOME}:{MEMBER}:loadbalancer/{name}"
    values: dict[str, Any] = {"scheme": scheme, "zones": ZONES, "listeners": (ClassicListener("HTTPS", 443, ACM),)}
    return seen_all(ClassicLoadBalancer, arn=arn, account_id=MEMBER, region=HOME, **values | changes)


def a_balancer(
    kind: str = "application", name: str = "web/1234", scheme: str | Gap = "internet-facing", **changes: Any
) -> LoadBalancer:
    arn = f"arn:aws:elasticloadbalancing:{HOME}:{MEMBER}:loadbalancer/app/{name}"
    values: dict[str, Any] = {"kind": kind, "scheme": scheme, "zones": ZONES}
    return seen_all(LoadBalancer, arn=arn, account_id=MEMBER, region=HOME, **values | changes)


def a_target_group(name: str = "web/1", **changes: Any) -> TargetGroup:
    arn = f"arn:aws:elasticloadbalancing:{HOME}:{MEMBER}:targetgroup/{name}"
    values = {"kind": "instance", "protocol": "HTTPS", "health_check_protocol": "HTTPS", "balancers": ()}
    return seen_all(TargetGroup, arn=arn, account_id=MEMBER, region=HOME, **values | changes)


def a_rest_stage(logs_to: str | None = GROUP, stage: str = "prod", **changes: Any) -> RestApiStage:
    arn = f"arn:aws:apigateway:{HOME}::/restapis/abc/stages/{stage}"
    return seen_all(
        RestApiStage,
        arn=arn,
        account_id=MEMBER,
        region=HOME,
        api_id="abc",
        api_name="orders",
        stage=stage,
        logs_to=logs_to,
        **{
            "private": False,
            "log_levels": {"*/*": "INFO"},
            "has_cache": True,
            "caches": {"*/*": True},
            "traced": True,
            "web_acl": f"arn:aws:wafv2:{HOME}:{MEMBER}:regional/webacl/api/1",
            "client_certificate": "abcdef",
        }
        | changes,
    )


def a_stage(logs_to: str | None = GROUP, stage: str = "$default", **changes: Any) -> ApiStage:
    return seen_all(
        ApiStage,
        arn=f"arn:aws:apigateway:{HOME}::/apis/abc/stages/{stage}",
        account_id=MEMBER,
        region=HOME,
        api_id="abc",
        api_name="orders",
        stage=stage,
        logs_to=logs_to,
        **{"protocol": "HTTP", "log_levels": {"*": "INFO"}} | changes,
    )
