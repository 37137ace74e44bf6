"""OpenSearch domains, those of Elasticsearch included, and their access policies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from itertools import islice
from typing import Any

from orgaudit.facts.declare import Aws, Resource, collector, detail
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import each_row, text
from orgaudit.languages.iam_policy import Opening
from orgaudit.model import Observed, Scope

ACTIONS = ("es:DescribeDomains", "es:ListDomainNames")
DOMAINS_PER_CALL = 5
"""The most domains that DescribeDomains takes (OpenSearch Service API reference)."""


class SearchDomain(Resource, frozen=True, kw_only=True):
    """A domain; `vpc_id` is None where its endpoint is public.

    `signs_in` says whether fine-grained access control refuses whoever does not sign in.
    """

    vpc_id: Observed[str | None]
    signs_in: Observed[bool]

    @property
    def held_by(self) -> str | None:
        """What keeps public requests off whatever the policy says, or None where nothing does.

        Raises NotSeenError where that was not seen.
        https://docs.aws.amazon.com/opensearch-service/latest/developerguide/vpc.html#vpc-security and fgac.html there.
        """
        if self.vpc_id.value is not None:
            return f"only what reaches VPC {self.vpc_id.value} reaches the domain"
        return "fine-grained access control asks for a sign-in" if self.signs_in.value else None


class SearchDomainPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """A domain's access policy."""

    @property
    def openings(self) -> tuple[Opening, ...]:
        """The ways in that it leaves to external callers; it is about what is in the domain."""
        return ResourcePolicy(arn=f"{self.arn}/*", document=self.document).openings


@collector(scope=Scope.REGIONAL, actions=ACTIONS)
async def search_domains(aws: Aws) -> AsyncIterator[SearchDomain]:
    """Yield the region's domains that are not about to be deleted."""
    async for row in each_row(aws, "es:DescribeDomains", [await aws.once(_domains)]):
        with row as found:
            # One whose deletion is complete is not listed at all:
            # docs.aws.amazon.com/opensearch-service/latest/APIReference/API_DomainStatus.html
            if found.get("Deleted") is True:
                continue
            yield SearchDomain(
                arn=text(found["ARN"]),
                account_id=aws.account_id,
                region=aws.region,
                vpc_id=row.read(_vpc),
                signs_in=row.read(_signs_in),
            )


def _vpc(found: Mapping[str, Any]) -> str | None:
    """Return the VPC of a domain, None where its endpoint is public; only one in a VPC has a map of endpoints.

    https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_DomainStatus.html
    """
    in_vpc = found.get("VPCOptions") or found.get("Endpoints")
    return text(found["VPCOptions"]["VPCId"]) if in_vpc else None


def _signs_in(found: Mapping[str, Any]) -> bool:
    """Tell whether access control refuses whoever does not sign in, as it does unless a migration period is on.

    https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_AdvancedSecurityOptions.html
    """
    security = found["AdvancedSecurityOptions"]
    return bool(security["Enabled"]) and not security.get("AnonymousAuthEnabled", False)


@detail(actions=ACTIONS)
async def search_domain_policy(aws: Aws, domain: SearchDomain) -> SearchDomainPolicy:
    """Return the domain's access policy, which comes with the list."""
    found = (await aws.once(_by_arn))[domain.arn]
    return SearchDomainPolicy(arn=domain.arn, document=document_of(found["AccessPolicies"]))


async def _by_arn(aws: Aws) -> dict[Any, dict[str, Any]]:
    return {each.get("ARN"): each for each in await aws.once(_domains)}


async def _domains(aws: Aws) -> list[dict[str, Any]]:
    """Return the region's domains as they are described; one without a name cannot be, and stays as it is listed."""
    answer = await aws.call("opensearch", "ListDomainNames")
    names = iter([each["DomainName"] for each in answer["DomainNames"] if "DomainName" in each])
    found: list[dict[str, Any]] = [each for each in answer["DomainNames"] if "DomainName" not in each]
    while some := list(islice(names, DOMAINS_PER_CALL)):
        described = await aws.call("opensearch", "DescribeDomains", DomainNames=some)
        found += described["DomainStatusList"]
    return found
