"""Controls on Classic Load Balancers."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.access_logs import judge_access_logs
from orgaudit.facts.elb import ClassicLoadBalancer, ClassicLoadBalancerLogs
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict, not_applicable


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Replace Classic Load Balancers with application or network load balancers that log to one "
        "bucket.",
        asset="Enable access logging to a bucket in {region} for load balancer {resource.name}.",
        command="aws elb modify-load-balancer-attributes --region {region} --load-balancer-name {resource.name} "
        "--load-balancer-attributes AccessLog={{Enabled=true,S3BucketName=BUCKET}}",
        preventive="Deny elasticloadbalancing:CreateLoadBalancer for Classic Load Balancers with a service control "
        "policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elb_load_balancer_access_logs_enabled(
    balancer: ClassicLoadBalancer, logs: Observed[ClassicLoadBalancerLogs]
) -> Verdict:
    """Public Classic Load Balancers have access logging.

    Access logs show which client sent which request, and when. Internal load balancers cannot be reached from the
    internet and are not judged.
    """
    if balancer.internal:
        return not_applicable("the load balancer is internal and has no public endpoint", scheme=balancer.scheme.value)
    bucket = logs.value.bucket
    destination = None if bucket is None else f"bucket {bucket}"
    return judge_access_logs(destination, bucket=bucket, scheme=balancer.scheme.value)
