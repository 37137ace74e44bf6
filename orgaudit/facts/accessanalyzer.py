"""Access analyzers, region by region."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec

from orgaudit.facts.declare import Aws, Resource, collector, here
from orgaudit.model import Scope

PRINCIPAL = "access-analyzer.amazonaws.com"
"""The service principal to which an organization delegates its analyzers.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_integrate_services_list.html"""


class Analyzer(msgspec.Struct, frozen=True):
    """An analyzer; of the types only ACCOUNT and ORGANIZATION look for external access.

    https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_AnalyzerSummary.html
    """

    name: str
    arn: str
    type: str
    status: str

    def finds_external_access(self, *types: str) -> bool:
        """Return whether it works and is of one of these types."""
        return self.status == "ACTIVE" and self.type in types


class RegionAnalyzers(Resource, frozen=True, kw_only=True):
    """All analyzers of one account in one region; the region is there also where it has none."""

    analyzers: tuple[Analyzer, ...] = ()


@collector(scope=Scope.REGIONAL, actions=("access-analyzer:ListAnalyzers",))
async def region_analyzers(aws: Aws) -> AsyncIterator[RegionAnalyzers]:
    """Yield the region with its analyzers of every type."""
    found = [
        Analyzer(each["name"], each["arn"], each["type"], each["status"])
        async for page in aws.pages("accessanalyzer", "ListAnalyzers")
        for each in page["analyzers"]
    ]
    yield RegionAnalyzers(
        arn=f"arn:{aws.partition}:access-analyzer:{aws.region}:{aws.account_id}:analyzers",
        **here(aws),
        analyzers=tuple(found),
    )
