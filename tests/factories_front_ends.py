"""Distributions, load balancers and stages of APIs for tests."""

from __future__ import annotations

from orgaudit.facts.apigateway import RestApiStage
from orgaudit.facts.apigatewayv2 import ApiStage
from orgaudit.facts.cloudfront import Distribution
from orgaudit.facts.elb import ClassicLoadBalancer
from orgaudit.facts.elbv2 import LoadBalancer
from orgaudit.model import GLOBAL
from tests.factories import HOME, MEMBER, seen_all

GROUP = f"arn:aws:logs:{HOME}:{MEMBER}:log-group:api"


def a_distribution(name: str = "E1EXAMPLE", *, enabled: bool = True) -> Distribution:
    arn = f"arn:aws:cloudfront::{MEMBER}:distribution/{name}"
    return Distribution(arn=arn, account_id=MEMBER, region=GLOBAL, enabled=enabled)


def a_classic(name: str = "old", scheme: str = "internet-facing") -> ClassicLoadBalancer:
    arn = f"arn:aws:elasticloadbalancing:{HOME}:{MEMBER}:loadbalancer/{name}"
    return seen_all(ClassicLoadBalancer, arn=arn, account_id=MEMBER, region=HOME, scheme=scheme)


def a_balancer(kind: str = "application", name: str = "web/1234", scheme: str = "internet-facing") -> LoadBalancer:
    arn = f"arn:aws:elasticloadbalancing:{HOME}:{MEMBER}:loadbalancer/app/{name}"
    return seen_all(LoadBalancer, arn=arn, account_id=MEMBER, region=HOME, kind=kind, scheme=scheme)


def a_rest_stage(logs_to: str | None = GROUP, stage: str = "prod", *, private: bool = False) -> RestApiStage:
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
        private=private,
    )


def a_stage(logs_to: str | None = GROUP, stage: str = "$default") -> ApiStage:
    return ApiStage(
        arn=f"arn:aws:apigateway:{HOME}::/apis/abc/stages/{stage}",
        account_id=MEMBER,
        region=HOME,
        api_id="abc",
        api_name="orders",
        protocol="HTTP",
        stage=stage,
        logs_to=logs_to,
    )
