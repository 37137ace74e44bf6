"""Controls on classic load balancers."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.elb import ClassicLoadBalancer, ClassicLoadBalancerLogs
from orgaudit.model import Observed, Severity, Verdict, not_applicable, require


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Replace classic load balancers by application or network load balancers that log to one bucket.",
        asset="Let load balancer {resource.name} write access logs to a bucket in {region}.",
        command="aws elb modify-load-balancer-attributes --region {region} --load-balancer-name {resource.name} "
        "--load-balancer-attributes AccessLog={{Enabled=true,S3BucketName=BUCKET}}",
        preventive="Deny elasticloadbalancing:CreateLoadBalancer for classic ones by service control policy.",
    ),
)
def elb_load_balancer_access_logs_enabled(
    balancer: ClassicLoadBalancer, logs: Observed[ClassicLoadBalancerLogs]
) -> Verdict:
    """Public classic load balancers write access logs.

    Who came, when, and with which request is known afterwards only where it was written down. An internal load
    balancer is not reached from the internet.
    """
    if balancer.internal:
        return not_applicable("an internal load balancer has no public endpoint", scheme=balancer.scheme.value)
    bucket = logs.value.bucket
    return require(
        bucket is not None,
        then=f"access logs go to bucket {bucket}",
        otherwise="no access logs are written",
        bucket=bucket,
        scheme=balancer.scheme.value,
    )
