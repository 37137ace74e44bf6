"""Controls on CloudFront distributions."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.cloudfront import Distribution, DistributionLogs
from orgaudit.model import Observed, Severity, Verdict, not_applicable, require


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Deliver the access logs of all distributions to one bucket of the log archive account.",
        asset="Deliver the access logs of distribution {resource.name}: a source, a destination, a delivery.",
        command="aws logs put-delivery-source --region us-east-1 --name NAME --resource-arn {resource.arn} "
        "--log-type ACCESS_LOGS",
        preventive="Create distributions only from a template that sets up their access logs.",
    ),
)
def cloudfront_distribution_logging_enabled(distribution: Distribution, logs: Observed[DistributionLogs]) -> Verdict:
    """CloudFront distributions write access logs.

    An attack on a website begins with requests. The distribution answers most of them itself, so no server behind it
    can say afterwards who came.
    """
    if not distribution.enabled:
        return not_applicable("the distribution is not enabled: it serves nobody")
    seen = logs.value
    places = [f"bucket {seen.bucket}"] if seen.bucket is not None else list(seen.destinations)
    return require(
        bool(places),
        then=f"access logs go to {', '.join(places)}",
        otherwise="no access logs are written",
        logs_to=places,
        aliases=list(distribution.aliases),
    )
