"""Controls on IAM Access Analyzer."""

from __future__ import annotations

import msgspec

from orgaudit.analysis.accessanalyzer import organization_analyzer
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.accessanalyzer import PRINCIPAL, RegionAnalyzers
from orgaudit.model import Json, NotSeenError, Severity, Verdict, failed, passed


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Create an analyzer for the organization in every region, in the delegated administrator's "
        "account; it watches all members.",
        service_wide_command="aws accessanalyzer create-analyzer --analyzer-name organization --type ORGANIZATION "
        "--region {region}",
        asset="Create an analyzer for external access in {region} of account {account}.",
        command="aws accessanalyzer create-analyzer --analyzer-name account --type ACCOUNT --region {region}",
        preventive="Create the analyzers from a StackSet, so that a region that is enabled later has one too.",
    ),
)
def accessanalyzer_external_analyzer_enabled(region: RegionAnalyzers, organization: Organization) -> Verdict:
    """An analyzer looks for access from outside in every region.

    It finds buckets, keys, roles and queues that somebody outside can reach, before somebody outside does. An analyzer
    of the organization counts for every member; one for unused or internal access does not look for this.
    """
    evidence: dict[str, Json] = {"analyzers": [f"{each.name}: {each.type}, {each.status}" for each in region.analyzers]}
    own = [each for each in region.analyzers if each.finds_external_access("ACCOUNT", "ORGANIZATION")]
    if own:
        return passed(f"analyzer {own[0].name} of type {own[0].type} is active", **evidence)
    gaps: list[NotSeenError] = []
    for account_id in _administrators(organization, region.account_id):
        try:
            found = organization_analyzer(organization.facts(account_id), region.region)
        except NotSeenError as error:
            gaps.append(error)
            continue
        if found is not None:
            said = f"the organization's analyzer {found.name} of account {organization.name(account_id)} is active here"
            verdict = passed(said, organization_analyzer=found.arn, **evidence)
            return msgspec.structs.replace(verdict, inherited_from=account_id)
    if gaps:
        raise gaps[0]
    return failed(f"no active analyzer looks for access from outside in {region.region}", **evidence)


def _administrators(organization: Organization, account_id: str) -> list[str]:
    """Return the accounts, other than this one, that may have an analyzer for the whole organization."""
    if organization.management_account_id is None:
        return []
    found = {organization.management_account_id, *organization.delegated.get(PRINCIPAL, ())}
    return sorted(found - {account_id})
