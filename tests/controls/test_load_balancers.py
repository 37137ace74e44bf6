"""What the controls on load balancers, listeners and target groups say, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.controls import elb, elbv2
from orgaudit.controls.declare import Control
from orgaudit.facts.elb import ClassicListener, ClassicLoadBalancerAttributes
from orgaudit.facts.elbv2 import (
    TO_HTTPS,
    HttpRule,
    HttpRules,
    Listener,
    LoadBalancerAttributes,
    LoadBalancerListeners,
)
from orgaudit.model import Seen
from orgaudit.settings.thresholds import Thresholds
from tests.factories import MEMBER, NASTY, Case, denied, every, failing, idle, name_of, passing, seen_all, unseen
from tests.factories_front_ends import ACM, ZONES, a_balancer, a_classic, a_target_group

APPLICATION, NETWORK, GATEWAY = a_balancer(), a_balancer("network"), a_balancer("gateway")
KIND_UNSEEN = a_balancer(kind=denied())  # type: ignore[arg-type]  # a gap in the place of what is seen
CLASSIC = a_classic()
TWO, THREE = Thresholds(), Thresholds(availability_zones=3)
UPLOADED = f"arn:aws:iam::{MEMBER}:server-certificate/old"
GOV = f"arn:aws-us-gov:acm:us-gov-west-1:{MEMBER}:certificate/1"
MODERN, OLD = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09", "ELBSecurityPolicy-TLS13-1-2-2021-06"


def of_balancer(**changes: Any) -> Seen[LoadBalancerAttributes]:
    values = {"deletion_protected": True, "drops_invalid_headers": True, "desync_mode": "defensive"}
    return Seen(seen_all(LoadBalancerAttributes, arn=APPLICATION.arn, **values | changes))


def of_classic(**changes: Any) -> Seen[ClassicLoadBalancerAttributes]:
    values = {"drains_connections": True, "balances_across_zones": True, "desync_mode": "defensive"}
    return Seen(seen_all(ClassicLoadBalancerAttributes, arn=CLASSIC.arn, **values | changes))


def on(protocol: str, port: int, *actions: str, policy: str = "") -> Listener:
    return Listener(f"listener/{port}", protocol, port, actions or ("forward",), policy)


def listening(*listeners: Listener) -> Seen[LoadBalancerListeners]:
    return Seen(LoadBalancerListeners(arn=APPLICATION.arn, listeners=listeners))


def ruled(*actions: str) -> Seen[HttpRules]:
    return Seen(HttpRules(arn=APPLICATION.arn, rules=tuple(HttpRule(80, "5", (each,)) for each in actions)))


def plain(*listeners: ClassicListener) -> Any:
    return a_classic(listeners=listeners)


REDIRECTING, FORWARDING = on("HTTP", 80, TO_HTTPS), on("HTTP", 80)
SECURE, SECURE_TLS = on("HTTPS", 443, policy=MODERN), on("TLS", 853, policy=MODERN)
LAMBDA, ALB = a_target_group(kind="lambda", protocol=denied()), a_target_group(kind="alb", protocol="TCP")
CASES: dict[Control, tuple[Case, ...]] = {
    elbv2.elbv2_load_balancer_invalid_headers_dropped: (
        passing("dropped", APPLICATION, of_balancer()),
        failing("forwarded", APPLICATION, of_balancer(drops_invalid_headers=False), says="are forwarded"),
        idle("network", NETWORK, denied(), says="only application load balancers"),
        idle("gateway", GATEWAY, denied(), says="only application load balancers"),
        unseen("denied", APPLICATION, denied()),
        unseen("attribute unseen", APPLICATION, of_balancer(drops_invalid_headers=denied())),
        unseen("kind unseen", KIND_UNSEEN, of_balancer()),
    ),
    elbv2.elbv2_load_balancer_deletion_protected: (
        passing("application", APPLICATION, of_balancer()),
        passing("gateway", GATEWAY, of_balancer()),
        failing("off", NETWORK, of_balancer(deletion_protected=False), says="is not enabled"),
        unseen("denied", APPLICATION, denied()),
        unseen("attribute unseen", APPLICATION, of_balancer(deletion_protected=denied())),
    ),
    elbv2.elbv2_load_balancer_desync_mitigated: (
        passing("defensive", APPLICATION, of_balancer(), says="defensive"),
        passing("strictest", APPLICATION, of_balancer(desync_mode="strictest")),
        failing("monitor", APPLICATION, of_balancer(desync_mode="monitor"), says="is monitor"),
        idle("network", NETWORK, denied(), says="only application load balancers"),
        unseen("denied", APPLICATION, denied()),
        unseen("attribute unseen", APPLICATION, of_balancer(desync_mode=denied())),
    ),
    elbv2.elbv2_load_balancer_multi_az: (
        passing("two of two", APPLICATION, TWO, says="in 2 Availability Zones"),
        failing("two of three", GATEWAY, THREE, says="at least 3 are required"),
        failing("one zone twice", a_balancer(zones=("a", "a")), TWO, says="in 1 Availability Zone"),
        unseen("zones unseen", a_balancer(zones=denied()), TWO),
    ),
    elbv2.elbv2_load_balancer_http_redirected: (
        passing("redirected", APPLICATION, listening(REDIRECTING, SECURE), ruled()),
        passing("rule answers", APPLICATION, listening(REDIRECTING), ruled("fixed-response", TO_HTTPS)),
        failing("forwards", APPLICATION, listening(FORWARDING), ruled(), says="default action of HTTP:80 is forward"),
        failing("rule forwards", APPLICATION, listening(REDIRECTING), ruled("forward"), says="rule 5 of HTTP:80"),
        failing(
            "redirect to HTTP", APPLICATION, listening(on("HTTP", 80, "redirect to HTTP")), ruled(), says="HTTP:80"
        ),
        failing(
            "rule keeps HTTP", APPLICATION, listening(REDIRECTING), ruled("redirect to #{protocol}"), says="rule 5"
        ),
        failing("one of two", APPLICATION, listening(REDIRECTING, on("HTTP", 8080)), ruled(), says="HTTP:8080"),
        idle("no HTTP listener", APPLICATION, listening(SECURE), denied(), says="no HTTP listener"),
        idle("network", NETWORK, denied(), denied(), says="only application load balancers"),
        unseen("listeners denied", APPLICATION, denied(), ruled()),
        unseen("rules denied", APPLICATION, listening(REDIRECTING), denied()),
    ),
    elbv2.elbv2_load_balancer_tls_policy_recommended: (
        passing("recommended", APPLICATION, listening(SECURE, REDIRECTING)),
        passing("network", NETWORK, listening(SECURE_TLS)),
        failing("older", APPLICATION, listening(on("HTTPS", 443, policy=OLD)), says=f"HTTPS:443 has {OLD}"),
        failing("network, older", NETWORK, listening(SECURE_TLS, on("TLS", 1, policy=OLD)), says="TLS:1"),
        idle("no TLS", APPLICATION, listening(REDIRECTING), says="no HTTPS or TLS listener"),
        idle("gateway", GATEWAY, denied(), says="no TLS listeners"),
        unseen("denied", APPLICATION, denied()),
    ),
    elbv2.elbv2_load_balancer_tls_listeners_used: (
        passing("HTTPS", APPLICATION, listening(SECURE), says="every listener is HTTPS"),
        passing("TLS", NETWORK, listening(SECURE_TLS), says="every listener is TLS"),
        failing("only redirects", APPLICATION, listening(SECURE, REDIRECTING), says="HTTP:80 (redirect to HTTPS)"),
        failing("passed through", NETWORK, listening(on("TCP", 443)), says="TCP:443 (forward)"),
        failing("QUIC", NETWORK, listening(on("QUIC", 443)), says="QUIC:443"),
        idle("no listener", APPLICATION, listening(), says="no listener"),
        idle("gateway", GATEWAY, denied(), says="no protocol"),
        unseen("denied", APPLICATION, denied()),
    ),
    elbv2.elbv2_target_group_health_checks_encrypted: (
        passing("HTTPS", a_target_group()),
        failing("HTTP", a_target_group(health_check_protocol="HTTP"), says="use HTTP"),
        failing("TCP of GENEVE", a_target_group(protocol="GENEVE", health_check_protocol="TCP"), says="use TCP"),
        idle("lambda", LAMBDA, says="invocations"),
        unseen("protocol unseen", a_target_group(health_check_protocol=denied())),
    ),
    elbv2.elbv2_target_group_traffic_encrypted: (
        *(passing(each, a_target_group(protocol=each), says=each) for each in ("HTTPS", "TLS", "QUIC")),
        failing("HTTP", a_target_group(protocol="HTTP"), says="HTTP, which is not encrypted"),
        failing("TCP_QUIC", a_target_group(protocol="TCP_QUIC"), says="is not encrypted"),
        idle("lambda", LAMBDA, says="invokes a function"),
        idle("alb", ALB, says="application load balancer"),
        idle("GENEVE", a_target_group(protocol="GENEVE"), says="as they are"),
        unseen("protocol unseen", a_target_group(protocol=denied())),
    ),
    elb.elb_load_balancer_acm_certificate_used: (
        passing("ACM", CLASSIC),
        passing("ACM of another partition", plain(ClassicListener("SSL", 443, GOV))),
        failing("uploaded", plain(ClassicListener("HTTPS", 443, UPLOADED)), says=f"HTTPS:443 has {UPLOADED}"),
        failing("one of two", plain(*CLASSIC.listeners.value, ClassicListener("SSL", 1, UPLOADED)), says="SSL:1"),
        idle("no TLS", plain(ClassicListener("HTTP", 80)), says="no HTTPS or SSL listener"),
        unseen("listeners unseen", a_classic(listeners=denied())),
    ),
    elb.elb_load_balancer_tls_listeners_used: (
        passing("TLS", plain(ClassicListener("HTTPS", 443, ACM), ClassicListener("SSL", 853, ACM))),
        failing(
            "HTTP beside it", plain(ClassicListener("HTTPS", 443, ACM), ClassicListener("HTTP", 80)), says="HTTP:80"
        ),
        failing("passed through", plain(ClassicListener("TCP", 443)), says="TCP:443"),
        idle("no listener", plain(), says="no listener"),
        unseen("listeners unseen", a_classic(listeners=denied())),
    ),
    elb.elb_load_balancer_connections_drained: (
        passing("on", CLASSIC, of_classic()),
        failing("off", CLASSIC, of_classic(drains_connections=False), says="is not enabled"),
        unseen("denied", CLASSIC, denied()),
        unseen("attribute unseen", CLASSIC, of_classic(drains_connections=denied())),
    ),
    elb.elb_load_balancer_cross_zone_enabled: (
        passing("on", CLASSIC, of_classic()),
        failing("off", CLASSIC, of_classic(balances_across_zones=False), says="is not enabled"),
        unseen("denied", CLASSIC, denied()),
        unseen("attribute unseen", CLASSIC, of_classic(balances_across_zones=denied())),
    ),
    elb.elb_load_balancer_multi_az: (
        passing("two of two", CLASSIC, TWO),
        failing("two of three", CLASSIC, THREE, says="at least 3 are required"),
        failing("one", a_classic(zones=ZONES[:1]), TWO, says="in 1 Availability Zone(s)"),
        unseen("zones unseen", a_classic(zones=denied()), TWO),
    ),
    elb.elb_load_balancer_desync_mitigated: (
        passing("defensive", CLASSIC, of_classic()),
        passing("strictest", CLASSIC, of_classic(desync_mode="strictest")),
        failing("monitor", CLASSIC, of_classic(desync_mode="monitor"), says="is monitor"),
        unseen("denied", CLASSIC, denied()),
        unseen("attribute unseen", CLASSIC, of_classic(desync_mode=denied())),
    ),
}
NASTY_RESOURCES = (a_target_group(NASTY),)


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_control(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert (verdict.status, case.says in verdict.reason) == (case.status, True), verdict.reason
