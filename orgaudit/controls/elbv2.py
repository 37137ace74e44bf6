"""Controls on application, network and gateway load balancers, and on target groups."""

from __future__ import annotations

from orgaudit.analysis.elbv2 import plain_http_served
from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.access_logs import judge_access_logs
from orgaudit.controls.judging.load_balancers import judge_desync_mode, judge_zones
from orgaudit.facts.elbv2 import (
    TLS,
    HttpRules,
    LoadBalancer,
    LoadBalancerAttributes,
    LoadBalancerListeners,
    LoadBalancerLogs,
    TargetGroup,
)
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict, not_applicable, require, shown
from orgaudit.settings.thresholds import Thresholds

APPLICATION = "application"
LISTENING = {APPLICATION: "HTTPS", "network": "TLS"}
"""The protocol of encrypted listeners, by the kind of load balancer."""
RECOMMENDED_ON = "2026-04-06"
RECOMMENDED_POLICIES = frozenset(
    {
        "ELBSecurityPolicy-TLS13-1-2-Res-2021-06",
        "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-2023-04",
        "ELBSecurityPolicy-TLS13-1-2-Res-FIPS-PQ-2025-09",
        "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
        "ELBSecurityPolicy-TLS13-1-3-2021-06",
        "ELBSecurityPolicy-TLS13-1-3-FIPS-2023-04",
        "ELBSecurityPolicy-TLS13-1-3-FIPS-PQ-2025-09",
        "ELBSecurityPolicy-TLS13-1-3-PQ-2025-09",
    }
)
"""The security policies that AWS recommends, as of RECOMMENDED_ON.
https://docs.aws.amazon.com/securityhub/latest/userguide/elb-controls.html"""
WITHOUT_TRAFFIC = {"lambda": "invokes a function", "alb": "passes connections on to an application load balancer"}
"""The kinds of target groups to which no traffic could be encrypted, with the reason."""
ENCRYPTED = frozenset({"HTTPS", "QUIC", "TLS"})
"""The protocols of target groups that encrypt."""


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


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Drop malformed headers at all application load balancers, after a look at which clients send "
        "them.",
        asset="Drop header fields with invalid names at load balancer {resource.name}.",
        command="aws elbv2 modify-load-balancer-attributes --region {region} --load-balancer-arn {resource.arn} "
        "--attributes Key=routing.http.drop_invalid_header_fields.enabled,Value=true",
        preventive="Create load balancers only from a template that sets "
        "routing.http.drop_invalid_header_fields.enabled.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elbv2_load_balancer_invalid_headers_dropped(
    balancer: LoadBalancer, attributes: Observed[LoadBalancerAttributes]
) -> Verdict:
    """Application load balancers drop header fields with invalid names.

    A header that the load balancer and its targets read in different ways can smuggle a request past the rules of the
    load balancer.
    """
    if balancer.kind.value != APPLICATION:
        return not_applicable("only application load balancers read headers", kind=balancer.kind.value)
    return require(
        attributes.value.drops_invalid_headers.value,
        then="header fields with invalid names are dropped",
        otherwise="header fields with invalid names are forwarded",
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Protect all load balancers that no controller creates and deletes by itself.",
        asset="Enable deletion protection for load balancer {resource.name}.",
        command="aws elbv2 modify-load-balancer-attributes --region {region} --load-balancer-arn {resource.arn} "
        "--attributes Key=deletion_protection.enabled,Value=true",
        preventive="Create load balancers only from a template that enables deletion protection.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elbv2_load_balancer_deletion_protected(
    balancer: LoadBalancer, attributes: Observed[LoadBalancerAttributes]
) -> Verdict:
    """Load balancers have deletion protection.

    Without it a single call, or a stack that is deleted by mistake, interrupts everything behind the load balancer.
    Where a Kubernetes controller creates and deletes load balancers, an exception is the usual answer.
    """
    return require(
        attributes.value.deletion_protected.value,
        then="deletion protection is enabled",
        otherwise="deletion protection is not enabled",
        kind=shown(balancer.kind),
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Return all application load balancers to the default mode, after a look at their access logs.",
        asset="Set the desync mitigation mode of load balancer {resource.name} to defensive.",
        command="aws elbv2 modify-load-balancer-attributes --region {region} --load-balancer-arn {resource.arn} "
        "--attributes Key=routing.http.desync_mitigation_mode,Value=defensive",
        preventive="Deny elasticloadbalancing:ModifyLoadBalancerAttributes to all but the pipeline that creates load "
        "balancers.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elbv2_load_balancer_desync_mitigated(
    balancer: LoadBalancer, attributes: Observed[LoadBalancerAttributes]
) -> Verdict:
    """Application load balancers do not forward every ambiguous request.

    Requests that a load balancer and its targets end at different places let an attacker poison the requests of others.
    The mode monitor only counts them; it has to be chosen, because the default is defensive.
    """
    if balancer.kind.value != APPLICATION:
        return not_applicable("only application load balancers read requests", kind=balancer.kind.value)
    return judge_desync_mode(attributes.value.desync_mode.value)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Give load balancers a subnet in each Availability Zone that their targets use.",
        asset="Add a subnet in a further Availability Zone to load balancer {resource.name}.",
        command="aws elbv2 set-subnets --region {region} --load-balancer-arn {resource.arn} --subnets SUBNET SUBNET",
        preventive="Create load balancers only from a template that has subnets in several Availability Zones.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elbv2_load_balancer_multi_az(balancer: LoadBalancer, thresholds: Thresholds) -> Verdict:
    """Load balancers are in several Availability Zones.

    A load balancer in one zone is unavailable when that zone fails, however many zones its targets are in.
    """
    return judge_zones(balancer.zones.value, thresholds.availability_zones)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Redirect HTTP to HTTPS at all application load balancers.",
        asset="Redirect the HTTP listeners of load balancer {resource.name} to HTTPS, and remove their rules that "
        "forward.",
        command="aws elbv2 modify-listener --region {region} --listener-arn LISTENER_ARN --default-actions "
        "file://redirect.json",
        preventive="Create load balancers only from a template that redirects HTTP to HTTPS.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elbv2_load_balancer_http_redirected(
    balancer: LoadBalancer, seen: Observed[LoadBalancerListeners], further: Observed[HttpRules]
) -> Verdict:
    """Application load balancers redirect HTTP to HTTPS.

    What is sent over plain HTTP, session cookies included, can be read and changed on the way. A rule that forwards
    serves plain HTTP even where the default action redirects.
    """
    if balancer.kind.value != APPLICATION:
        return not_applicable("only application load balancers redirect", kind=balancer.kind.value)
    plain = [listener for listener in seen.value.listeners if listener.protocol == "HTTP"]
    if not plain:
        return not_applicable("the load balancer has no HTTP listener")
    serving = plain_http_served(plain, further.value.rules)
    return require(
        not serving,
        then="every HTTP listener redirects to HTTPS",
        otherwise="; ".join(serving),
        listeners=[each.shown for each in plain],
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Move all listeners to a recommended policy, after a look at the TLS versions in the access logs.",
        asset="Set a recommended security policy for the TLS listeners of load balancer {resource.name}.",
        command="aws elbv2 modify-listener --region {region} --listener-arn LISTENER_ARN --ssl-policy "
        "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
        preventive="Deny elasticloadbalancing:CreateListener where elasticloadbalancing:SecurityPolicy is another one.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elbv2_load_balancer_tls_policy_recommended(
    balancer: LoadBalancer, seen: Observed[LoadBalancerListeners]
) -> Verdict:
    """Load balancers negotiate TLS with a recommended security policy.

    Older policies allow versions of TLS and ciphers that no longer protect the connection.
    """
    if balancer.kind.value == "gateway":
        return not_applicable("gateway load balancers have no TLS listeners", kind=balancer.kind.value)
    tls = [listener for listener in seen.value.listeners if listener.protocol in TLS]
    if not tls:
        return not_applicable("the load balancer has no HTTPS or TLS listener")
    old = [f"{each.shown} has {each.tls_policy}" for each in tls if each.tls_policy not in RECOMMENDED_POLICIES]
    return require(
        not old,
        then="every TLS listener has a recommended security policy",
        otherwise=f"a policy that is not recommended: {'; '.join(old)}",
        policies={each.shown: each.tls_policy for each in tls},
        list_of=RECOMMENDED_ON,
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Serve clients over HTTPS or TLS only, and remove the other listeners.",
        asset="Replace the listeners of load balancer {resource.name} that are not HTTPS or TLS.",
        command="aws elbv2 modify-listener --region {region} --listener-arn LISTENER_ARN --protocol HTTPS --port 443 "
        "--certificates CertificateArn=CERTIFICATE_ARN",
        preventive="Deny elasticloadbalancing:CreateListener where elasticloadbalancing:ListenerProtocol is neither "
        "HTTPS nor TLS.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elbv2_load_balancer_tls_listeners_used(balancer: LoadBalancer, seen: Observed[LoadBalancerListeners]) -> Verdict:
    """All listeners of load balancers use TLS.

    A listener without TLS receives what clients send in clear. One that only redirects to HTTPS, and a TCP listener
    that passes TLS through to its targets, fail as well: such listeners belong in the exception register.
    """
    kind = balancer.kind.value
    if kind not in LISTENING:
        return not_applicable("gateway load balancers have no protocol", kind=kind)
    listeners = seen.value.listeners
    if not listeners:
        return not_applicable("the load balancer has no listener")
    plain = [f"{each.shown} ({', '.join(each.actions)})" for each in listeners if each.protocol != LISTENING[kind]]
    return require(
        not plain,
        then=f"every listener is {LISTENING[kind]}",
        otherwise=f"not {LISTENING[kind]}: {', '.join(plain)}",
        listeners=[each.shown for each in listeners],
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Check the health of all targets over HTTPS.",
        asset="Check the health of target group {resource.name} over HTTPS.",
        command="aws elbv2 modify-target-group --region {region} --target-group-arn {resource.arn} "
        "--health-check-protocol HTTPS",
        preventive="Create target groups only from a template that sets HealthCheckProtocol to HTTPS.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def elbv2_target_group_health_checks_encrypted(group: TargetGroup) -> Verdict:
    """Health checks of target groups use HTTPS.

    A plain health check can be answered by whoever is on the way, and does not show whether the target still speaks
    TLS.
    """
    if group.kind.value == "lambda":
        return not_applicable("health checks of a Lambda function are invocations", kind="lambda")
    return require(
        group.health_check_protocol.value == "HTTPS",
        then="health checks use HTTPS",
        otherwise=f"health checks use {group.health_check_protocol.value}",
        kind=group.kind.value,
        load_balancers=shown(group.balancers),
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Encrypt the traffic from load balancers to their targets.",
        asset="The protocol of {resource.name} cannot be changed: create a target group with HTTPS or TLS, and "
        "forward to it.",
        command="aws elbv2 create-target-group --region {region} --name NAME --protocol HTTPS --port 443 --vpc-id VPC",
        preventive="Create target groups only from a template that sets HTTPS or TLS.",
        effort=Effort.L,
        per_resource=True,
        disruption=Disruption.REPLACEMENT,
        reversible=True,
    ),
)
def elbv2_target_group_traffic_encrypted(group: TargetGroup) -> Verdict:
    """Load balancers encrypt the traffic to their targets.

    TLS that ends at the load balancer leaves requests in clear between it and the targets, for all who can listen in
    the VPC.
    """
    if group.kind.value in WITHOUT_TRAFFIC:
        return not_applicable(f"a group of kind {group.kind.value} {WITHOUT_TRAFFIC[group.kind.value]}")
    if group.protocol.value == "GENEVE":
        return not_applicable("a gateway load balancer forwards packets as they are", protocol="GENEVE")
    return require(
        group.protocol.value in ENCRYPTED,
        then=f"targets are reached over {group.protocol.value}",
        otherwise=f"targets are reached over {group.protocol.value}, which is not encrypted",
        kind=group.kind.value,
        load_balancers=shown(group.balancers),
    )
