"""Classic load balancers and their access logs."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.elbv2 import ACTION, INTERNAL
from orgaudit.facts.rows import listed, text
from orgaudit.model import Observed, Scope


class ClassicLoadBalancer(Resource, frozen=True, kw_only=True):
    """A classic load balancer; `scheme` is internet-facing or internal."""

    scheme: Observed[str]

    @property
    def internal(self) -> bool:
        """Whether it has private addresses only; raises NotSeenError where the scheme was not seen."""
        return self.scheme.value == INTERNAL


class ClassicLoadBalancerLogs(Detail, frozen=True, kw_only=True):
    """The bucket of a classic load balancer's access logs, None where it writes none."""

    bucket: str | None = None


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
            )


@detail(actions=("elasticloadbalancing:DescribeLoadBalancerAttributes",))
async def classic_load_balancer_logs(aws: Aws, balancer: ClassicLoadBalancer) -> ClassicLoadBalancerLogs:
    """Return whether the load balancer writes access logs, and where."""
    # https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_AccessLog.html
    answer = await aws.call("elb", "DescribeLoadBalancerAttributes", LoadBalancerName=balancer.name)
    log = answer["LoadBalancerAttributes"]["AccessLog"]
    return ClassicLoadBalancerLogs(arn=balancer.arn, bucket=log.get("S3BucketName", "") if log["Enabled"] else None)
