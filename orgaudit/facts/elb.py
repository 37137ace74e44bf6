"""Classic load balancers, their listeners and their attributes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import msgspec

from orgaudit.facts.declare import UNREAD, Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.elbv2 import ACTION, ATTRIBUTES, INTERNAL
from orgaudit.facts.rows import Row, listed, text
from orgaudit.model import Observed, Scope

TLS = frozenset({"HTTPS", "SSL"})
"""The protocols of listeners that have certificates."""


class ClassicListener(msgspec.Struct, frozen=True):
    """A listener; `certificate` is an ARN of ACM or IAM, empty where the protocol has none."""

    protocol: str
    port: int
    certificate: str = ""

    @property
    def encrypted(self) -> bool:
        """Whether clients speak TLS to it."""
        return self.protocol in TLS

    @property
    def shown(self) -> str:
        """The listener as people name it, such as TCP:80."""
        return f"{self.protocol}:{self.port}"


class ClassicLoadBalancer(Resource, frozen=True, kw_only=True):
    """A classic load balancer; `scheme` is internet-facing or internal."""

    scheme: Observed[str]
    zones: Observed[tuple[str, ...]] = UNREAD
    listeners: Observed[tuple[ClassicListener, ...]] = UNREAD

    @property
    def internal(self) -> bool:
        """Whether it has private addresses only; raises NotSeenError where the scheme was not seen."""
        return self.scheme.value == INTERNAL


class ClassicLoadBalancerLogs(Detail, frozen=True, kw_only=True):
    """The bucket of a classic load balancer's access logs, None where it writes none."""

    bucket: str | None = None


class ClassicLoadBalancerAttributes(Detail, frozen=True, kw_only=True):
    """How a classic load balancer is set; `desync_mode` is monitor, defensive or strictest."""

    drains_connections: Observed[bool]
    balances_across_zones: Observed[bool]
    desync_mode: Observed[str]


@collector(scope=Scope.REGIONAL, actions=(ACTION,))
async def classic_load_balancers(aws: Aws) -> AsyncIterator[ClassicLoadBalancer]:
    """Yield the region's classic load balancers."""
    async for row in listed(aws, "elb", "DescribeLoadBalancers", "LoadBalancerDescriptions", action=ACTION):
        with row as found:
            name = text(found["LoadBalancerName"])
            yield ClassicLoadBalancer(
                arn=f"arn:{aws.partition}:elasticloadbalancing:{aws.region}:{aws.account_id}:loadbalancer/{name}",
                **here(aws),
                scheme=row.member("Scheme", str),
                zones=row.read(lambda found: tuple(found["AvailabilityZones"])),
                listeners=row.read(_listeners),
            )


def _listeners(found: Mapping[str, Any]) -> tuple[ClassicListener, ...]:
    return tuple(_listener(each["Listener"]) for each in found["ListenerDescriptions"])


def _listener(found: Mapping[str, Any]) -> ClassicListener:
    protocol = found["Protocol"].upper()
    certificate = found["SSLCertificateId"] if protocol in TLS else ""
    return ClassicListener(protocol, found["LoadBalancerPort"], certificate)


@detail(actions=(ATTRIBUTES,))
async def classic_load_balancer_logs(aws: Aws, balancer: ClassicLoadBalancer) -> ClassicLoadBalancerLogs:
    """Return whether the load balancer writes access logs, and where."""
    # https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_AccessLog.html
    log = (await aws.once(_attributes, balancer.name))["AccessLog"]
    return ClassicLoadBalancerLogs(arn=balancer.arn, bucket=log.get("S3BucketName", "") if log["Enabled"] else None)


@detail(actions=(ATTRIBUTES,))
async def classic_load_balancer_attributes(aws: Aws, balancer: ClassicLoadBalancer) -> ClassicLoadBalancerAttributes:
    """Return how the load balancer is set, from the call that reads its access logs too."""
    row = Row(aws, ATTRIBUTES, await aws.once(_attributes, balancer.name))
    return ClassicLoadBalancerAttributes(
        arn=balancer.arn,
        drains_connections=row.member("ConnectionDraining.Enabled", bool),
        balances_across_zones=row.member("CrossZoneLoadBalancing.Enabled", bool),
        desync_mode=row.read(_desync_mode),
    )


async def _attributes(aws: Aws, name: str) -> dict[str, Any]:
    answer = await aws.call("elb", "DescribeLoadBalancerAttributes", LoadBalancerName=name)
    attributes: dict[str, Any] = answer["LoadBalancerAttributes"]
    return attributes


def _desync_mode(found: Mapping[str, Any]) -> str:
    """Return the mode for ambiguous requests, which is defensive unless another was chosen."""
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/config-desync-mitigation-mode.html
    further = {each["Key"]: each["Value"] for each in found.get("AdditionalAttributes", ())}
    return str(further.get("elb.http.desyncmitigationmode", "defensive"))
