"""Controls on CloudFront distributions."""

from __future__ import annotations

from collections.abc import Callable

from orgaudit.analysis.cloudfront import buckets_of, plain_origins
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Control, Fix, control
from orgaudit.controls.judging.access_logs import judge_access_logs
from orgaudit.facts.cloudfront import (
    KEY_GROUPS,
    Distribution,
    DistributionLogs,
    DistributionRoot,
    Origin,
    OriginBuckets,
)
from orgaudit.facts.s3.buckets import Bucket
from orgaudit.model import (
    Disruption,
    Effort,
    Observed,
    Severity,
    Verdict,
    failed,
    not_applicable,
    parse_arn,
    require,
)
from orgaudit.settings.thresholds import Thresholds

UPDATE = (
    "aws cloudfront update-distribution --id {resource.name} --if-match ETAG --distribution-config file://config.json"
)
TENANTS = "the tenants of a multi-tenant distribution have the certificates, and serve them with SNI"
DEDICATED = frozenset({"vip", "static-ip"})
"""How certificates are served to clients without SNI.
https://docs.aws.amazon.com/cloudfront/latest/APIReference/API_ViewerCertificate.html"""
PAIR = 2
"""The origins of an origin group with failover."""


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Deliver the access logs of all distributions to one bucket of the log archive account.",
        asset="Deliver the access logs of distribution {resource.name}: create a source, a destination and a delivery.",
        command="aws logs put-delivery-source --region us-east-1 --name NAME --resource-arn {resource.arn} "
        "--log-type ACCESS_LOGS",
        preventive="Create distributions only from a template that configures their access logs.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudfront_distribution_logging_enabled(distribution: Distribution, logs: Observed[DistributionLogs]) -> Verdict:
    """CloudFront distributions have access logging.

    A distribution answers many requests from its cache, so they appear in no log of the origin. Only its own access
    logs show all requests of an attack on a website.
    """
    if not distribution.enabled:
        return not_applicable("the distribution is disabled and serves no requests")
    seen = logs.value
    places = [f"bucket {seen.bucket}"] if seen.bucket is not None else list(seen.destinations)
    return judge_access_logs(", ".join(places) or None, logs_to=places, aliases=list(distribution.aliases))


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Set a default root object for all distributions of buckets.",
        asset="Set a default root object for distribution {resource.name}.",
        command=UPDATE,
        preventive="Create distributions only from a template that sets DefaultRootObject.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudfront_distribution_default_root_object_set(
    distribution: Distribution, root: Observed[DistributionRoot]
) -> Verdict:
    """Distributions of S3 buckets have a default root object.

    Without one, a request for the root of the distribution can return the list of all objects of the bucket.
    """
    buckets = buckets_of(distribution)
    if not buckets:
        return not_applicable("no origin is an S3 bucket")
    return require(
        bool(root.value.root_object),
        then=f"the root is answered with {root.value.root_object}",
        otherwise="no default root object is set",
        buckets=buckets,
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Redirect viewers of all distributions to HTTPS.",
        asset="Set the viewer protocol policy of the behaviors of distribution {resource.name} to redirect-to-https.",
        command=UPDATE,
        preventive="Create distributions only from a template that redirects viewers to HTTPS.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudfront_distribution_viewer_https_required(distribution: Distribution) -> Verdict:
    """Distributions serve viewers over HTTPS only.

    What is sent over plain HTTP, session cookies included, can be read and changed on the way.
    """
    plain = [behavior.path for behavior in distribution.behaviors.value if behavior.viewers == "allow-all"]
    return require(
        not plain,
        then="every behavior requires HTTPS or redirects to it",
        otherwise=f"plain HTTP is served for the paths {', '.join(plain)}",
        behaviors={behavior.path: behavior.viewers for behavior in distribution.behaviors.value},
    )


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Decide which distributions need a second origin, and set an origin group in their template.",
        asset="Create an origin group with two origins for distribution {resource.name}, or accept the risk in the "
        "register.",
        command=UPDATE,
        preventive="Create distributions only from a template that has an origin group.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudfront_distribution_origin_failover_configured(distribution: Distribution) -> Verdict:
    """Distributions have a second origin.

    Without an origin group, requests that the cache cannot answer fail as long as the only origin is unavailable.
    """
    groups = distribution.groups.value
    pairs = [name for name, members in groups.items() if len(members) >= PAIR]
    return require(
        bool(pairs),
        then=f"failover is configured in {', '.join(pairs)}",
        otherwise="no origin group with two origins is configured",
        groups={name: list(members) for name, members in groups.items()},
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Associate web ACLs with all distributions through a policy of Firewall Manager.",
        asset="Associate a web ACL with distribution {resource.name}.",
        command=UPDATE,
        preventive="Cover distributions with a policy of Firewall Manager.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudfront_distribution_waf_attached(distribution: Distribution) -> Verdict:
    """Distributions have a web ACL.

    A web ACL filters injection attempts and floods of requests at the edge. It may belong to the administrator account
    of Firewall Manager.
    """
    acl = distribution.web_acl.value
    generation = "AWS WAF" if acl.startswith("arn:") else "AWS WAF Classic"
    return require(
        bool(acl),
        then=f"web ACL {acl} of {generation} is associated",
        otherwise="no web ACL is associated",
        web_acl=acl,
    )


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Serve all distributions under names of the organization, with certificates of ACM.",
        asset="Set a certificate of ACM and the alias of distribution {resource.name}.",
        command=UPDATE,
        preventive="Create distributions only from a template that sets aliases and a certificate.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudfront_distribution_custom_certificate_used(distribution: Distribution) -> Verdict:
    """Distributions have a certificate of their own.

    With the default certificate, a distribution is served only under a name of CloudFront, with a minimum version of
    TLS that cannot be raised.
    """
    if distribution.multi_tenant:
        return not_applicable(TENANTS)
    certificate = distribution.certificate.value
    return require(
        bool(certificate),
        then=f"certificate {certificate} is used",
        otherwise="the default certificate of CloudFront is used",
        aliases=list(distribution.aliases),
    )


@control(
    Severity.LOW,
    fix=Fix(
        service_wide="Serve all distributions with SNI and their own certificates.",
        asset="Set a certificate of ACM for distribution {resource.name}, with SSLSupportMethod sni-only.",
        command=UPDATE,
        preventive="Create distributions only from a template that sets SSLSupportMethod to sni-only.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudfront_distribution_sni_used(distribution: Distribution) -> Verdict:
    """Distributions serve their certificate with SNI.

    Dedicated addresses serve only clients that are too old for SNI, at a high price each month.
    """
    if distribution.multi_tenant:
        return not_applicable(TENANTS)
    if not distribution.certificate.value:
        return failed("the default certificate of CloudFront is used, so there is none to serve with SNI")
    method = distribution.certificate_served_by.value
    return require(
        method == "sni-only",
        then="the certificate is served with SNI",
        otherwise=f"the certificate is served by the method {method}",
        certificate=distribution.certificate.value,
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Use HTTPS to all custom origins, and replace website endpoints by buckets with origin access "
        "control.",
        asset="Set the protocol of the custom origins of distribution {resource.name} to https-only.",
        command=UPDATE,
        preventive="Create distributions only from a template that sets OriginProtocolPolicy to https-only.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudfront_distribution_origin_traffic_encrypted(distribution: Distribution) -> Verdict:
    """Distributions encrypt the traffic to custom origins.

    What the edge sends in clear crosses the internet in clear, although viewers see HTTPS. The website endpoint of a
    bucket supports HTTP only.
    """
    custom = [origin for origin in distribution.origins.value if origin.protocol]
    if not custom:
        return not_applicable("no origin is a custom origin")
    plain = plain_origins(distribution)
    return require(
        not plain,
        then="all custom origins are reached over HTTPS",
        otherwise="; ".join(plain),
        origins={origin.domain: origin.protocol for origin in custom},
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Speak TLS 1.2 to all custom origins.",
        asset="Remove the refused versions from the protocols of the custom origins of distribution {resource.name}.",
        command=UPDATE,
        preventive="Create distributions only from a template that sets OriginSslProtocols to TLSv1.2.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudfront_distribution_origin_protocols_current(distribution: Distribution, thresholds: Thresholds) -> Verdict:
    """Distributions do not use broken versions of SSL with custom origins.

    SSL 3.0 can be decrypted by whoever is on the way to the origin. Which versions are refused, the settings name.
    """
    custom = [origin for origin in distribution.origins.value if origin.protocol]
    if not custom:
        return not_applicable("no origin is a custom origin")
    refused = set(thresholds.cloudfront_refused_origin_protocols)
    old = [
        f"{origin.domain} with {', '.join(sorted(refused & set(origin.tls)))}"
        for origin in custom
        if refused & set(origin.tls)
    ]
    return require(
        not old,
        then=f"no custom origin is reached with {', '.join(sorted(refused))}",
        otherwise=f"origins may be reached with refused versions: {'; '.join(old)}",
        origins={origin.domain: list(origin.tls) for origin in custom},
    )


@control(
    Severity.HIGH,
    facts=(Bucket,),
    fix=Fix(
        service_wide="Remove origins whose buckets were deleted, from the distributions of all accounts.",
        asset="Remove the origin from distribution {resource.name}, or create its bucket again in an account of the "
        "organization.",
        command=UPDATE,
        preventive="Delete a bucket only with the stack that has its distribution.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudfront_distribution_s3_origins_exist(
    distribution: Distribution, seen: Observed[OriginBuckets], organization: Organization
) -> Verdict:
    """The buckets of distributions exist.

    Anyone can create a bucket with a name that was deleted, and then serves content under the names of the
    distribution. A bucket of another account exists; its owner is in the evidence where the organization has it.
    """
    buckets = buckets_of(distribution)
    if not buckets:
        return not_applicable("no origin is an S3 bucket")
    partition = parse_arn(distribution.arn)[0]
    owners = {name: organization.find(Bucket, f"arn:{partition}:s3:::{name}") for name in buckets}
    missing = [name for name, owner in owners.items() if owner is None and not seen.value.exists[name].value]
    return require(
        not missing,
        then="the bucket of every origin exists",
        otherwise=f"buckets that do not exist: {', '.join(missing)}",
        owners={name: owner.account_id if owner else "not in the organization" for name, owner in owners.items()},
    )


ACCESS_FIX = Fix(
    service_wide="Use origin access control for all buckets and function URLs that distributions serve.",
    asset="Set an origin access control for the origins of distribution {resource.name}, and allow only the "
    "distribution in their policies.",
    command=UPDATE,
    preventive="Create distributions only from a template that sets OriginAccessControlId.",
    effort=Effort.M,
    per_resource=True,
    disruption=Disruption.NONE,
    reversible=True,
)


def _access_controlled(
    name: str, title: str, rationale: str, *, kind: str, belongs: Callable[[Origin], bool]
) -> Control:
    """Return the control on the origin access control of one kind of origins."""

    def judge(distribution: Distribution) -> Verdict:
        origins = [origin for origin in distribution.origins.value if belongs(origin)]
        if not origins:
            return not_applicable(f"no origin is {kind}")
        controls = distribution.access_controls.value
        open_ = [origin.domain for origin in origins if not controls[origin.id]]
        return require(
            not open_,
            then="every such origin has origin access control",
            otherwise=f"no origin access control for {', '.join(open_)}",
            origins={origin.domain: controls[origin.id] for origin in origins},
        )

    return control(Severity.MEDIUM, fix=ACCESS_FIX, id=name, title=title, rationale=rationale)(judge)


cloudfront_distribution_s3_origin_access_controlled = _access_controlled(
    "cloudfront_distribution_s3_origin_access_controlled",
    "S3 origins of distributions have origin access control",
    "Without it a bucket has to be open to more than the distribution, so its objects can be read past the web ACL and "
    "the signed URLs. The older origin access identity does not sign all requests, and does not pass.",
    kind="an S3 bucket",
    belongs=lambda origin: origin.bucket is not None,
)
cloudfront_distribution_lambda_origin_access_controlled = _access_controlled(
    "cloudfront_distribution_lambda_origin_access_controlled",
    "Function URLs behind distributions have origin access control",
    "Without it the URL of the function has to be public, so it can be called past the web ACL and the signed URLs of "
    "the distribution. The function may belong to another account.",
    kind="the URL of a Lambda function",
    belongs=lambda origin: origin.is_function_url,
)


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Require a recommended security policy of all distributions.",
        asset="Set the minimum protocol version of distribution {resource.name} to a recommended policy.",
        command=UPDATE,
        preventive="Create distributions only from a template that sets MinimumProtocolVersion.",
        effort=Effort.S,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudfront_distribution_tls_policy_recommended(distribution: Distribution, thresholds: Thresholds) -> Verdict:
    """Distributions require a recommended TLS policy of viewers.

    Older policies allow versions of TLS and ciphers that no longer protect the connection. Which policies are
    recommended, the settings name.
    """
    if not distribution.certificate.value:
        return not_applicable("the default certificate of CloudFront is used, whose policy cannot be set")
    method = distribution.certificate_served_by.value
    if method in DEDICATED:
        return not_applicable(f"dedicated addresses serve clients without SNI, and have older policies ({method})")
    policy = distribution.tls_policy.value
    return require(
        policy in thresholds.cloudfront_tls_policies,
        then=f"the policy is {policy}",
        otherwise=f"the policy is {policy}, which is not recommended",
        recommended=list(thresholds.cloudfront_tls_policies),
    )


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Sign URLs and cookies with key groups, and remove accounts as signers.",
        asset="Set trusted key groups for the behaviors of distribution {resource.name}, and remove trusted signers.",
        command=UPDATE,
        preventive="Create distributions only from a template that sets TrustedKeyGroups.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def cloudfront_distribution_trusted_key_groups_used(distribution: Distribution) -> Verdict:
    """Distributions trust only key groups to sign URLs.

    Keys of accounts need the root user to be replaced, and count for all distributions. A distribution for the public
    that signs nothing fails as well: it belongs in the exception register.
    """
    if distribution.multi_tenant:
        return not_applicable("a multi-tenant distribution does not support trusted signers")
    signers = distribution.signers.value
    others = {path: found for path, found in signers.items() if found != (KEY_GROUPS,)}
    return require(
        not others,
        then="every behavior trusts key groups only",
        otherwise="; ".join(f"{path} trusts {' and '.join(found) or 'no signer'}" for path, found in others.items()),
        signers={path: list(found) for path, found in signers.items()},
    )
