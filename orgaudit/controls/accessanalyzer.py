"""Controls on IAM Access Analyzer."""

from __future__ import annotations

import msgspec

from orgaudit.analysis.accessanalyzer import organization_analyzer
from orgaudit.analysis.organization_facts import Organization
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.accessanalyzer import PRINCIPAL, RegionAnalyzers
from orgaudit.model import Disruption, Effort, Json, NotSeenError, Severity, Verdict, failed, passed


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Create an organization analyzer in every region, in the delegated administrator account; it "
        "covers all member accounts.",
        service_wide_command="aws accessanalyzer create-analyzer --analyzer-name organization --type ORGANIZATION "
        "--region {region}",
        asset="Create an external access analyzer in {region} of account {account}.",
        command="aws accessanalyzer create-analyzer --analyzer-name account --type ACCOUNT --region {region}",
        preventive="Deploy the analyzers with a StackSet, so that regions that are enabled later are covered too.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def accessanalyzer_external_analyzer_enabled(region: RegionAnalyzers, organization: Organization) -> Verdict:
    """An active analyzer covers external access in every region.

    IAM Access Analyzer reports buckets, keys, roles and queues that can be accessed from outside the account or the
    organization. An organization analyzer counts for every member account. Analyzers for unused or internal access do
    not report external access.
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
            said = f"organization analyzer {found.name} of account {organization.name(account_id)} is active"
            verdict = passed(said, organization_analyzer=found.arn, **evidence)
            return msgspec.structs.replace(verdict, inherited_from=account_id)
    if gaps:
        raise gaps[0]
    return failed(f"no active external access analyzer in {region.region}", **evidence)


def _administrators(organization: Organization, account_id: str) -> list[str]:
    """Return the other accounts that may have an organization analyzer."""
    if organization.management_account_id is None:
        return []
    found = {organization.management_account_id, *organization.delegated.get(PRINCIPAL, ())}
    return sorted(found - {account_id})
