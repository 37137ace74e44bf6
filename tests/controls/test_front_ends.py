"""What the controls on access logs of distributions, load balancers and APIs say, case by case."""

from __future__ import annotations

import pytest

from orgaudit.controls.apigateway import apigateway_stage_access_logging_enabled as rest_stage_logs
from orgaudit.controls.apigatewayv2 import apigatewayv2_stage_access_logging_enabled as stage_logs
from orgaudit.controls.cloudfront import cloudfront_distribution_logging_enabled as distribution_logs
from orgaudit.controls.declare import Control
from orgaudit.controls.elb import elb_load_balancer_access_logs_enabled as classic_logs
from orgaudit.controls.elbv2 import elbv2_load_balancer_access_logs_enabled as balancer_logs
from orgaudit.facts.cloudfront import DistributionLogs
from orgaudit.facts.elb import ClassicLoadBalancerLogs
from orgaudit.facts.elbv2 import LoadBalancerLogs
from orgaudit.model import Seen
from tests.factories import NASTY, Case, denied, every, failing, idle, name_of, passing, unseen
from tests.factories_front_ends import (
    GROUP,
    a_balancer,
    a_classic,
    a_distribution,
    a_rest_stage,
    a_stage,
)

INNER, INNER_CLASSIC = a_balancer(scheme="internal"), a_classic(scheme="internal")
DISTRIBUTION, OFF, CLASSIC = a_distribution(), a_distribution(enabled=False), a_classic()
APPLICATION, NETWORK, GATEWAY = a_balancer(), a_balancer("network"), a_balancer("gateway")


def of_distribution(bucket: str | None = None, *destinations: str) -> Seen[DistributionLogs]:
    return Seen(DistributionLogs(arn=DISTRIBUTION.arn, bucket=bucket, destinations=destinations))


def of_classic(bucket: str | None) -> Seen[ClassicLoadBalancerLogs]:
    return Seen(ClassicLoadBalancerLogs(arn=CLASSIC.arn, bucket=bucket))


def of_balancer(bucket: str | None) -> Seen[LoadBalancerLogs]:
    return Seen(LoadBalancerLogs(arn=APPLICATION.arn, bucket=bucket))


CASES: dict[Control, tuple[Case, ...]] = {
    distribution_logs: (
        passing("standard logging", DISTRIBUTION, of_distribution("logs.s3.amazonaws.com"), says="bucket logs.s3"),
        passing("a delivery", DISTRIBUTION, of_distribution(None, GROUP), says=f"delivered to {GROUP}"),
        failing("none", DISTRIBUTION, of_distribution(), says="access logging is not enabled"),
        idle("off", OFF, of_distribution(), says="serves no requests"),
        idle("off, logs unseen", OFF, denied(), says="serves no requests"),
        unseen("denied", DISTRIBUTION, denied("cloudfront:GetDistributionConfig")),
    ),
    classic_logs: (
        passing("on", CLASSIC, of_classic("archive"), says="bucket archive"),
        failing("off", CLASSIC, of_classic(None), says="access logging is not enabled"),
        idle("internal", INNER_CLASSIC, of_classic(None), says="no public endpoint"),
        idle("internal, logs unseen", INNER_CLASSIC, denied(), says="no public endpoint"),
        unseen("scheme not seen", a_classic(scheme=denied()), of_classic(None)),
        unseen("denied", CLASSIC, denied("elasticloadbalancing:DescribeLoadBalancerAttributes")),
    ),
    balancer_logs: (
        passing("application, on", APPLICATION, of_balancer("archive"), says="bucket archive"),
        passing("network, on", NETWORK, of_balancer("archive")),
        failing("application, off", APPLICATION, of_balancer(None), says="access logging is not enabled"),
        failing("network, off", NETWORK, of_balancer(None), says="access logging is not enabled"),
        failing("scheme unknown", a_balancer(scheme=""), of_balancer(None), says="access logging is not enabled"),
        idle("internal", INNER, of_balancer(None), says="no public endpoint"),
        idle("internal, logs unseen", INNER, denied(), says="no public endpoint"),
        idle("gateway", GATEWAY, of_balancer(None), says="gateway load balancers do not support access logs"),
        unseen("scheme not seen", a_balancer(scheme=denied()), of_balancer(None)),
        idle(
            "gateway, scheme not seen",
            a_balancer("gateway", scheme=denied()),
            of_balancer(None),
            says="do not support access logs",
        ),
        unseen("denied", APPLICATION, denied("elasticloadbalancing:DescribeLoadBalancerAttributes")),
    ),
    rest_stage_logs: (
        passing("on", a_rest_stage(), says=GROUP),
        failing("off", a_rest_stage(None), says="access logging is not enabled"),
        idle("private", a_rest_stage(None, private=True), says="private endpoints only"),
    ),
    stage_logs: (
        passing("on", a_stage(), says=GROUP),
        failing("off", a_stage(None), says="access logging is not enabled"),
    ),
}
NASTY_RESOURCES = (
    a_distribution(NASTY),
    a_classic(NASTY),
    a_balancer(name=NASTY),
    a_rest_stage(stage=NASTY),
    a_stage(stage=NASTY),
)


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_control(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert (verdict.status, case.says in verdict.reason) == (case.status, True), verdict.reason
