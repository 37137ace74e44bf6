"""Controls on OpenSearch domains."""

from __future__ import annotations

from dataclasses import replace

from orgaudit.analysis.resource_policies import openings_in
from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.opensearch import SearchDomain, SearchDomainPolicy
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Create domains in VPCs, and restrict their access policies to named roles.",
        asset="Name the roles that may read and write in the access policy of domain {resource.name}.",
        command="aws opensearch update-domain-config --region {region} --domain-name {resource.name} "
        "--access-policies file://domain-policy.json",
        preventive="Deny es:CreateDomain and es:UpdateDomainConfig to all but the pipeline that creates domains.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def opensearch_domain_policy_restricted(domain: SearchDomain, policy: Observed[SearchDomainPolicy]) -> Verdict:
    """OpenSearch domain access policies do not allow public access.

    A domain with a public endpoint and a public policy can be read and deleted from the internet without credentials.
    Where the domain is in a VPC or authenticates users itself, a person has to review whether that is sufficient.
    """
    openings = openings_in(policy.value)
    held = _held_by(domain) if openings else None
    if held is not None:
        openings = tuple(replace(each, through=f"{each.through}, but {held}", certain=False) for each in openings)
    return judge_policy(policy.value, openings)


def _held_by(domain: SearchDomain) -> str | None:
    """Return what keeps public requests off whatever the policy allows, or None where nothing does.

    https://docs.aws.amazon.com/opensearch-service/latest/developerguide/vpc.html and
    https://docs.aws.amazon.com/opensearch-service/latest/developerguide/fgac.html
    """
    if domain.vpc_id.value is not None:
        return f"only what reaches VPC {domain.vpc_id.value} reaches the domain"
    return "fine-grained access control requires a sign-in" if domain.signs_in.value else None
