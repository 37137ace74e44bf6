"""The analyzer with which an administrator account analyzes its whole organization."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.facts.accessanalyzer import Analyzer, RegionAnalyzers
from orgaudit.model import NotSeenError


def organization_analyzer(administrator: AccountFacts, region: str) -> Analyzer | None:
    """Return the analyzer with which an account analyzes its whole organization in a region, or None.

    Raises NotSeenError where it may have one that was not seen.
    """
    listed = administrator.listing(RegionAnalyzers, region)
    if listed is None and administrator.has_enabled(region):
        administrator.everywhere(RegionAnalyzers)
    if listed is not None and listed.gap is not None and not listed.nothing_there:
        raise NotSeenError(listed.gap)
    return next(
        (
            analyzer
            for each in administrator.resources(RegionAnalyzers)
            if each.region == region
            for analyzer in each.analyzers
            if analyzer.finds_external_access("ORGANIZATION")
        ),
        None,
    )
