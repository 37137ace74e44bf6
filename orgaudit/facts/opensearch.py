"""OpenSearch domains, those of Elasticsearch included, and their access policies."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from orgaudit.facts.declare import UNREAD, Aws, Resource, collector, detail, here
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import each_row, text
from orgaudit.model import Observed, Scope

ACTIONS = ("es:DescribeDomains", "es:ListDomainNames")
DOMAINS_PER_CALL = 5
"""The most that one call describes.
https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_DescribeDomains.html"""


class SearchDomain(Resource, frozen=True, kw_only=True):
    """A domain; `vpc_id` is None where its endpoint is public.

    `engine` begins with OpenSearch_ or Elasticsearch_. `fine_grained` is whether access control decides by index and
    field, and `signs_in` whether it refuses requests without a sign-in. `logs` are the kinds that are sent to a log
    group. `masters` counts dedicated ones. `updates_at` is when a waiting update is installed, where that is planned.
    """

    engine: Observed[str] = UNREAD
    vpc_id: Observed[str | None]
    signs_in: Observed[bool]
    fine_grained: Observed[bool] = UNREAD
    encrypted: Observed[bool] = UNREAD
    nodes_encrypted: Observed[bool] = UNREAD
    logs: Observed[frozenset[str]] = UNREAD
    zone_aware: Observed[bool] = UNREAD
    data_nodes: Observed[int] = UNREAD
    masters: Observed[int] = UNREAD
    https_only: Observed[bool] = UNREAD
    tls_policy: Observed[str] = UNREAD
    update_available: Observed[bool] = UNREAD
    updates_at: datetime | None = None

    @property
    def is_elasticsearch(self) -> bool:
        """Whether the engine is Elasticsearch; raises NotSeenError where it was not seen."""
        return self.engine.value.startswith("Elasticsearch_")


class SearchDomainPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """A domain's access policy."""

    @property
    def governs(self) -> str:
        """The ARN of what is in the domain."""
        return f"{self.arn}/*"


@collector(scope=Scope.REGIONAL, actions=ACTIONS)
async def search_domains(aws: Aws) -> AsyncIterator[SearchDomain]:
    """Yield the region's domains that are not about to be deleted."""
    async for row in each_row(aws, "es:DescribeDomains", [await aws.once(_domains)]):
        with row as found:
            # One whose deletion is complete is not listed at all:
            # https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_DomainStatus.html
            if found.get("Deleted") is True:
                continue
            yield SearchDomain(
                arn=text(found["ARN"]),
                **here(aws),
                engine=row.member("EngineVersion", str),
                vpc_id=row.read(_vpc),
                signs_in=row.read(_signs_in),
                fine_grained=row.member("AdvancedSecurityOptions.Enabled", bool),
                encrypted=row.member("EncryptionAtRestOptions.Enabled", bool),
                nodes_encrypted=row.member("NodeToNodeEncryptionOptions.Enabled", bool),
                logs=row.read(_logs),
                zone_aware=row.member("ClusterConfig.ZoneAwarenessEnabled", bool),
                data_nodes=row.member("ClusterConfig.InstanceCount", int),
                masters=row.read(_masters),
                https_only=row.member("DomainEndpointOptions.EnforceHTTPS", bool),
                tls_policy=row.member("DomainEndpointOptions.TLSSecurityPolicy", str),
                update_available=row.member("ServiceSoftwareOptions.UpdateAvailable", bool),
                updates_at=found.get("ServiceSoftwareOptions", {}).get("AutomatedUpdateDate"),
            )


def _vpc(found: Mapping[str, Any]) -> str | None:
    """Return the VPC of a domain, None where its endpoint is public; only one in a VPC has a map of endpoints."""
    # https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_DomainStatus.html
    in_vpc = found.get("VPCOptions") or found.get("Endpoints")
    return text(found["VPCOptions"]["VPCId"]) if in_vpc else None


def _signs_in(found: Mapping[str, Any]) -> bool:
    """Return whether access control refuses requests without a sign-in, as it does outside a migration period."""
    # https://docs.aws.amazon.com/opensearch-service/latest/APIReference/API_AdvancedSecurityOptions.html
    security = found["AdvancedSecurityOptions"]
    return bool(security["Enabled"]) and not security.get("AnonymousAuthEnabled", False)


def _logs(found: Mapping[str, Any]) -> frozenset[str]:
    """Return the kinds of logs that are enabled and have a log group; logs are off until they are enabled."""
    # https://docs.aws.amazon.com/opensearch-service/latest/developerguide/createdomain-configure-slow-logs.html
    options = found.get("LogPublishingOptions", {})
    return frozenset(
        kind for kind, each in options.items() if each.get("Enabled") is True and each.get("CloudWatchLogsLogGroupArn")
    )


def _masters(found: Mapping[str, Any]) -> int:
    cluster = found["ClusterConfig"]
    return int(cluster["DedicatedMasterCount"]) if cluster["DedicatedMasterEnabled"] else 0


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
