"""Application, network and gateway load balancers: their attributes, listeners and rules, and target groups."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from orgaudit.facts.declare import UNREAD, Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.rows import Row, listed
from orgaudit.model import Observed, Scope

ACTION = "elasticloadbalancing:DescribeLoadBalancers"
ATTRIBUTES = "elasticloadbalancing:DescribeLoadBalancerAttributes"
TO_HTTPS = "redirect to HTTPS"
"""The action of a listener or a rule that sends a client to HTTPS."""
TLS = frozenset({"HTTPS", "TLS"})
"""The protocols of listeners that have certificates."""
INTERNAL = "internal"
"""The scheme of a load balancer that has private addresses only."""


class LoadBalancer(Resource, frozen=True, kw_only=True):
    """A load balancer of the kind application, network or gateway; `scheme` is internet-facing or internal.

    `zones` are the Availability Zones that it has a subnet in, which may belong to another account.
    """

    kind: Observed[str]
    scheme: Observed[str]
    zones: Observed[tuple[str, ...]] = UNREAD

    @property
    def able_to_log(self) -> bool:
        """Whether its kind writes access logs at all; raises NotSeenError where the kind was not seen."""
        # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
        return self.kind.value != "gateway"

    @property
    def internal(self) -> bool:
        """Whether it has private addresses only; raises NotSeenError where the scheme was not seen."""
        return self.scheme.value == INTERNAL


class LoadBalancerLogs(Detail, frozen=True, kw_only=True):
    """The bucket of a load balancer's access logs, None where it writes none."""

    bucket: str | None = None


class LoadBalancerAttributes(Detail, frozen=True, kw_only=True):
    """How a load balancer is set; the HTTP attributes are those of application load balancers, and gaps elsewhere.

    `desync_mode` is monitor, defensive or strictest.
    """

    deletion_protected: Observed[bool]
    drops_invalid_headers: Observed[bool]
    desync_mode: Observed[str]


class Listener(msgspec.Struct, frozen=True):
    """A listener; `actions` are those without a rule, such as "forward" and "redirect to HTTPS".

    `tls_policy` is empty where the protocol has none.
    """

    arn: str
    protocol: str
    port: int
    actions: tuple[str, ...]
    tls_policy: str = ""

    @property
    def shown(self) -> str:
        """The listener as people name it, such as HTTP:80."""
        return f"{self.protocol}:{self.port}"


class LoadBalancerListeners(Detail, frozen=True, kw_only=True):
    """The listeners of a load balancer; the one of a gateway load balancer is left out, it has no protocol."""

    listeners: tuple[Listener, ...] = ()


class HttpRule(msgspec.Struct, frozen=True):
    """A rule of a listener for plain HTTP; `listener` is its port."""

    listener: int
    priority: str
    actions: tuple[str, ...]


class HttpRules(Detail, frozen=True, kw_only=True):
    """The rules of all listeners of a load balancer for plain HTTP, without their default actions."""

    rules: tuple[HttpRule, ...] = ()


class TargetGroup(Resource, frozen=True, kw_only=True):
    """A target group; one of kind lambda has no protocol, and its health checks call the function."""

    kind: Observed[str]
    protocol: Observed[str]
    health_check_protocol: Observed[str]
    balancers: Observed[tuple[str, ...]]


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def load_balancers(aws: Aws) -> AsyncIterator[LoadBalancer]:
    """Yield the region's load balancers, without classic ones."""
    async for row in listed(aws, "elbv2", "DescribeLoadBalancers", "LoadBalancers", action=ACTION):
        with row as found:
            yield LoadBalancer(
                arn=found["LoadBalancerArn"],
                **here(aws),
                kind=row.member("Type", str),
                scheme=row.member("Scheme", str),
                zones=row.read(_zones),
            )


def _zones(found: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(zone["ZoneName"] for zone in found["AvailabilityZones"])


@detail(actions=(ATTRIBUTES,))
async def load_balancer_logs(aws: Aws, balancer: LoadBalancer) -> LoadBalancerLogs:
    """Return whether the load balancer writes access logs, where its kind can."""
    if not balancer.able_to_log:
        return LoadBalancerLogs(arn=balancer.arn)
    attributes = await aws.once(_attributes, balancer.arn)
    enabled = attributes.get("access_logs.s3.enabled") == "true"  # false is the default
    return LoadBalancerLogs(arn=balancer.arn, bucket=attributes.get("access_logs.s3.bucket", "") if enabled else None)


@detail(actions=(ATTRIBUTES,))
async def load_balancer_attributes(aws: Aws, balancer: LoadBalancer) -> LoadBalancerAttributes:
    """Return how the load balancer is set, from the call that reads its access logs too."""
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html
    row = Row(aws, ATTRIBUTES, await aws.once(_attributes, balancer.arn))
    return LoadBalancerAttributes(
        arn=balancer.arn,
        deletion_protected=row.read(lambda found: bool(found["deletion_protection.enabled"] == "true")),
        drops_invalid_headers=row.read(
            lambda found: bool(found["routing.http.drop_invalid_header_fields.enabled"] == "true")
        ),
        desync_mode=row.read(lambda found: str(found["routing.http.desync_mitigation_mode"])),
    )


async def _attributes(aws: Aws, arn: str) -> dict[str, str]:
    answer = await aws.call("elbv2", "DescribeLoadBalancerAttributes", LoadBalancerArn=arn)
    return {each["Key"]: each.get("Value", "") for each in answer["Attributes"]}


@detail(actions=("elasticloadbalancing:DescribeListeners",))
async def load_balancer_listeners(aws: Aws, balancer: LoadBalancer) -> LoadBalancerListeners:
    """Return the listeners of the load balancer, where its kind has a protocol."""
    if balancer.kind.value == "gateway":
        return LoadBalancerListeners(arn=balancer.arn)
    pages = aws.pages("elbv2", "DescribeListeners", LoadBalancerArn=balancer.arn)
    found = [_listener(each) async for page in pages for each in page["Listeners"]]
    return LoadBalancerListeners(arn=balancer.arn, listeners=tuple(found))


@detail(actions=("elasticloadbalancing:DescribeRules",))
async def http_rules(aws: Aws, balancer: LoadBalancer, seen: LoadBalancerListeners) -> HttpRules:
    """Return the rules of the load balancer's listeners for plain HTTP, with one call for each such listener."""
    rules: list[HttpRule] = []
    for listener in seen.listeners:
        if listener.protocol == "HTTP":
            async for page in aws.pages("elbv2", "DescribeRules", ListenerArn=listener.arn):
                further = [rule for rule in page["Rules"] if rule["Priority"] != "default"]
                rules += [HttpRule(listener.port, rule["Priority"], _actions(rule["Actions"])) for rule in further]
    return HttpRules(arn=balancer.arn, rules=tuple(rules))


def _listener(found: Mapping[str, Any]) -> Listener:
    protocol = found["Protocol"]
    policy = found["SslPolicy"] if protocol in TLS else ""
    return Listener(found["ListenerArn"], protocol, found["Port"], _actions(found["DefaultActions"]), policy)


def _actions(found: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return actions as people name them; a redirect without a protocol keeps that of the request."""
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RedirectActionConfig.html
    return tuple(
        f"redirect to {each['RedirectConfig'].get('Protocol', '#{protocol}')}"
        if each["Type"] == "redirect"
        else str(each["Type"])
        for each in found
    )


@collector(scope=Scope.REGIONAL, actions=("elasticloadbalancing:DescribeTargetGroups",))
async def target_groups(aws: Aws) -> AsyncIterator[TargetGroup]:
    """Yield the region's target groups, those without a load balancer too."""
    action = "elasticloadbalancing:DescribeTargetGroups"
    async for row in listed(aws, "elbv2", "DescribeTargetGroups", "TargetGroups", action=action):
        with row as found:
            yield TargetGroup(
                arn=found["TargetGroupArn"],
                **here(aws),
                kind=row.member("TargetType", str),
                protocol=row.member("Protocol", str),
                health_check_protocol=row.member("HealthCheckProtocol", str),
                balancers=row.read(lambda group: tuple(group["LoadBalancerArns"])),
            )
