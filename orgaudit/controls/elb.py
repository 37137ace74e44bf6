"""Controls on Classic Load Balancers."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.access_logs import judge_access_logs
from orgaudit.controls.judging.load_balancers import judge_desync_mode, judge_zones
from orgaudit.facts.elb import ClassicLoadBalancer, ClassicLoadBalancerAttributes, ClassicLoadBalancerLogs
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict, not_applicable, parse_arn, require
from orgaudit.settings.thresholds import Thresholds


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


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Replace Classic Load Balancers with application or network load balancers that have "
        "certificates of ACM.",
        asset="Request a certificate from ACM, and set it for the TLS listeners of load balancer {resource.name}.",
        command="aws elb set-load-balancer-listener-ssl-certificate --region {region} --load-balancer-name "
        "{resource.name} --load-balancer-port 443 --ssl-certificate-id CERTIFICATE_ARN",
        preventive="Deny iam:UploadServerCertificate with a service control policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elb_load_balancer_acm_certificate_used(balancer: ClassicLoadBalancer) -> Verdict:
    """Classic Load Balancers use certificates of ACM.

    ACM renews the certificates that it issues. One that was uploaded to IAM has to be replaced by hand, and its private
    key was outside AWS.
    """
    tls = [listener for listener in balancer.listeners.value if listener.encrypted]
    if not tls:
        return not_applicable("the load balancer has no HTTPS or SSL listener")
    others = [f"{each.shown} has {each.certificate}" for each in tls if parse_arn(each.certificate)[1] != "acm"]
    return require(
        not others,
        then="every TLS listener has a certificate of ACM",
        otherwise=f"not a certificate of ACM: {'; '.join(others)}",
        certificates={each.shown: each.certificate for each in tls},
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Replace Classic Load Balancers with application or network load balancers that listen on TLS "
        "only.",
        asset="Replace the listeners of load balancer {resource.name} that are not HTTPS or SSL.",
        command="aws elb create-load-balancer-listeners --region {region} --load-balancer-name {resource.name} "
        "--listeners file://listeners.json",
        preventive="Deny elasticloadbalancing:CreateLoadBalancer for Classic Load Balancers with a service control "
        "policy.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elb_load_balancer_tls_listeners_used(balancer: ClassicLoadBalancer) -> Verdict:
    """All listeners of Classic Load Balancers use TLS.

    A listener without TLS receives what clients send in clear. A TCP listener that passes TLS through to its instances
    fails as well: it belongs in the exception register.
    """
    listeners = balancer.listeners.value
    if not listeners:
        return not_applicable("the load balancer has no listener")
    plain = [each.shown for each in listeners if not each.encrypted]
    return require(
        not plain,
        then="every listener is HTTPS or SSL",
        otherwise=f"neither HTTPS nor SSL: {', '.join(plain)}",
        listeners=[each.shown for each in listeners],
    )


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Enable connection draining for all Classic Load Balancers.",
        asset="Enable connection draining for load balancer {resource.name}.",
        command="aws elb modify-load-balancer-attributes --region {region} --load-balancer-name {resource.name} "
        "--load-balancer-attributes ConnectionDraining={{Enabled=true,Timeout=300}}",
        preventive="Deny elasticloadbalancing:CreateLoadBalancer for Classic Load Balancers with a service control "
        "policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elb_load_balancer_connections_drained(
    _balancer: ClassicLoadBalancer, attributes: Observed[ClassicLoadBalancerAttributes]
) -> Verdict:
    """Classic Load Balancers have connection draining.

    Without it, requests that are in progress end with an error when an instance is removed or becomes unhealthy.
    """
    return require(
        attributes.value.drains_connections.value,
        then="connection draining is enabled",
        otherwise="connection draining is not enabled",
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Enable cross-zone load balancing for all Classic Load Balancers.",
        asset="Enable cross-zone load balancing for load balancer {resource.name}.",
        command="aws elb modify-load-balancer-attributes --region {region} --load-balancer-name {resource.name} "
        "--load-balancer-attributes CrossZoneLoadBalancing={{Enabled=true}}",
        preventive="Deny elasticloadbalancing:CreateLoadBalancer for Classic Load Balancers with a service control "
        "policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elb_load_balancer_cross_zone_enabled(
    _balancer: ClassicLoadBalancer, attributes: Observed[ClassicLoadBalancerAttributes]
) -> Verdict:
    """Classic Load Balancers distribute requests across Availability Zones.

    Without it, each zone receives the same share of the requests, and the few instances that are left in one zone are
    overloaded.
    """
    return require(
        attributes.value.balances_across_zones.value,
        then="cross-zone load balancing is enabled",
        otherwise="cross-zone load balancing is not enabled",
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Give load balancers a subnet in each Availability Zone that their instances use.",
        asset="Add a subnet in a further Availability Zone to load balancer {resource.name}.",
        command="aws elb attach-load-balancer-to-subnets --region {region} --load-balancer-name {resource.name} "
        "--subnets SUBNET",
        preventive="Deny elasticloadbalancing:CreateLoadBalancer for Classic Load Balancers with a service control "
        "policy.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elb_load_balancer_multi_az(balancer: ClassicLoadBalancer, thresholds: Thresholds) -> Verdict:
    """Classic Load Balancers are in several Availability Zones.

    A load balancer in one zone is unavailable when that zone fails, however many zones its instances are in.
    """
    return judge_zones(balancer.zones.value, thresholds.availability_zones)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Return all Classic Load Balancers to the default mode, after a look at their access logs.",
        asset="Set the desync mitigation mode of load balancer {resource.name} to defensive.",
        command="aws elb modify-load-balancer-attributes --region {region} --load-balancer-name {resource.name} "
        "--load-balancer-attributes AdditionalAttributes=[{{Key=elb.http.desyncmitigationmode,Value=defensive}}]",
        preventive="Deny elasticloadbalancing:ModifyLoadBalancerAttributes to all but the pipeline that creates load "
        "balancers.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elb_load_balancer_desync_mitigated(
    _balancer: ClassicLoadBalancer, attributes: Observed[ClassicLoadBalancerAttributes]
) -> Verdict:
    """Classic Load Balancers do not forward every ambiguous request.

    Requests that a load balancer and its instances end at different places let an attacker poison the requests of
    others. The mode monitor only counts them; it has to be chosen, because the default is defensive.
    """
    return judge_desync_mode(attributes.value.desync_mode.value)
