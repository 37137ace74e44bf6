"""OpenSearch domains, those of Elasticsearch included, and their access policies."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import islice
from typing import Any

from orgaudit.facts.declare import Aws, Resource, collector, detail
from orgaudit.facts.openings import Opening
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.model import Scope

ACTIONS = ("es:DescribeDomains", "es:ListDomainNames")
DOMAINS_PER_CALL = 5
"""The most domains that DescribeDomains takes (OpenSearch Service API reference)."""


class SearchDomain(Resource, frozen=True, kw_only=True):
    """A domain; `vpc_id` is None where its endpoint is public.

    `signs_in` says whether fine-grained access control refuses whoever does not sign in.
    """

    vpc_id: str | None = None
    signs_in: bool = False

    @property
    def held_by(self) -> str | None:
        """What keeps public requests off whatever the policy says, or None where nothing does.

        https://docs.aws.amazon.com/opensearch-service/latest/developerguide/vpc.html#vpc-security and fgac.html there.
        """
        if self.vpc_id is not None:
            return f"only what reaches VPC {self.vpc_id} reaches the domain"
        return "fine-grained access control asks for a sign-in" if self.signs_in else None


class SearchDomainPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """A domain's access policy."""

    @property
    def openings(self) -> tuple[Opening, ...]:
        """The ways in that it leaves to external callers; it is about what is in the domain."""
        return ResourcePolicy(arn=f"{self.arn}/*", document=self.document).openings


@collector(scope=Scope.REGIONAL, actions=ACTIONS)
async def search_domains(aws: Aws) -> AsyncIterator[SearchDomain]:
    """Yield the region's domains that are not about to be deleted."""
    for arn, found in (await aws.once(_domains)).items():
        security = found.get("AdvancedSecurityOptions", {})
        yield SearchDomain(
            arn=arn,
            account_id=aws.account_id,
            region=aws.region,
            vpc_id=found.get("VPCOptions", {}).get("VPCId"),
            signs_in=security.get("Enabled", False) and not security.get("AnonymousAuthEnabled", False),
        )


@detail(actions=ACTIONS)
async def search_domain_policy(aws: Aws, domain: SearchDomain) -> SearchDomainPolicy:
    """Return the domain's access policy, which comes with the list."""
    found = (await aws.once(_domains))[domain.arn]
    return SearchDomainPolicy(arn=domain.arn, document=document_of(found.get("AccessPolicies")))


async def _domains(aws: Aws) -> dict[str, dict[str, Any]]:
    answer = await aws.call("opensearch", "ListDomainNames")
    names = iter([each["DomainName"] for each in answer["DomainNames"]])
    found: dict[str, dict[str, Any]] = {}
    while some := list(islice(names, DOMAINS_PER_CALL)):
        described = await aws.call("opensearch", "DescribeDomains", DomainNames=some)
        found |= {each["ARN"]: each for each in described["DomainStatusList"] if not each.get("Deleted", False)}
    return found
