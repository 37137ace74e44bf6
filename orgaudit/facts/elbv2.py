"""Application, network and gateway load balancers, and their access logs."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.rows import listed
from orgaudit.model import Observed, Scope

ACTION = "elasticloadbalancing:DescribeLoadBalancers"
INTERNAL = "internal"
"""The scheme of a load balancer that has private addresses only."""


class LoadBalancer(Resource, frozen=True, kw_only=True):
    """A load balancer of the kind application, network or gateway; `scheme` is internet-facing or internal."""

    kind: Observed[str]
    scheme: Observed[str]

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
            )


@detail(actions=("elasticloadbalancing:DescribeLoadBalancerAttributes",))
async def load_balancer_logs(aws: Aws, balancer: LoadBalancer) -> LoadBalancerLogs:
    """Return whether the load balancer writes access logs, where its kind can."""
    if not balancer.able_to_log:
        return LoadBalancerLogs(arn=balancer.arn)
    answer = await aws.call("elbv2", "DescribeLoadBalancerAttributes", LoadBalancerArn=balancer.arn)
    attributes = {each["Key"]: each.get("Value", "") for each in answer["Attributes"]}
    enabled = attributes.get("access_logs.s3.enabled") == "true"  # false is the default
    return LoadBalancerLogs(arn=balancer.arn, bucket=attributes.get("access_logs.s3.bucket", "") if enabled else None)
