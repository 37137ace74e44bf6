"""Controls on application and network load balancers."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.access_logs import judge_access_logs
from orgaudit.facts.elbv2 import LoadBalancer, LoadBalancerLogs
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict, not_applicable


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Send the access logs of all load balancers of a region to one bucket of the log archive account.",
        asset="Enable access logging to a bucket in {region} for load balancer {resource.name}.",
        command="aws elbv2 modify-load-balancer-attributes --region {region} --load-balancer-arn {resource.arn} "
        "--attributes Key=access_logs.s3.enabled,Value=true Key=access_logs.s3.bucket,Value=BUCKET",
        preventive="Create load balancers only from a template that enables access logging.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elbv2_load_balancer_access_logs_enabled(balancer: LoadBalancer, logs: Observed[LoadBalancerLogs]) -> Verdict:
    """Public application and network load balancers have access logging.

    Access logs show which client sent which request, and when; a network load balancer logs the connections to its TLS
    listeners. Internal load balancers cannot be reached from the internet and are not judged.
    """
    if not balancer.able_to_log:
        return not_applicable("gateway load balancers do not support access logs", kind=balancer.kind.value)
    if balancer.internal:
        return not_applicable("the load balancer is internal and has no public endpoint", scheme=balancer.scheme.value)
    bucket = logs.value.bucket
    destination = None if bucket is None else f"bucket {bucket}"
    return judge_access_logs(destination, bucket=bucket, kind=balancer.kind.value, scheme=balancer.scheme.value)
