"""Controls on application and network load balancers."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.elbv2 import LoadBalancer, LoadBalancerLogs
from orgaudit.model import Observed, Severity, Verdict, not_applicable, require


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Let all load balancers of a region log to one bucket of the log archive account.",
        asset="Let load balancer {resource.name} write access logs to a bucket in {region}.",
        command="aws elbv2 modify-load-balancer-attributes --region {region} --load-balancer-arn {resource.arn} "
        "--attributes Key=access_logs.s3.enabled,Value=true Key=access_logs.s3.bucket,Value=BUCKET",
        preventive="Create load balancers only from a template that turns access logs on.",
    ),
)
def elbv2_load_balancer_access_logs_enabled(balancer: LoadBalancer, logs: Observed[LoadBalancerLogs]) -> Verdict:
    """Public application and network load balancers write access logs.

    Who came, when, and with which request is known afterwards only where it was written down. A network load balancer
    writes down the connections of its TLS listeners. An internal load balancer is not reached from the internet.
    """
    if not balancer.able_to_log:
        return not_applicable("a gateway load balancer writes no access logs", kind=balancer.kind.value)
    if balancer.internal:
        return not_applicable("an internal load balancer has no public endpoint", scheme=balancer.scheme.value)
    bucket = logs.value.bucket
    return require(
        bucket is not None,
        then=f"access logs go to bucket {bucket}",
        otherwise="no access logs are written",
        bucket=bucket,
        kind=balancer.kind.value,
        scheme=balancer.scheme.value,
    )
