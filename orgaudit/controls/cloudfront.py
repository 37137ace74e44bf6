"""Controls on CloudFront distributions."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.access_logs import judge_access_logs
from orgaudit.facts.cloudfront import Distribution, DistributionLogs
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict, not_applicable


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
