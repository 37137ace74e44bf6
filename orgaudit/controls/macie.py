"""Controls on Macie."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.macie import MacieDiscovery, MacieSession
from orgaudit.facts.s3.buckets import Bucket
from orgaudit.model import (
    Disruption,
    Effort,
    Observed,
    Severity,
    Verdict,
    failed,
    manual,
    not_applicable,
    passed,
    require,
)
from orgaudit.settings.thresholds import Thresholds

DISCOVERED_OTHERWISE = (
    "sensitive data is discovered by other means, as declared in [thresholds] accept_alternative_data_discovery"
)


@control(
    Severity.MEDIUM,
    facts=(Bucket,),
    fix=Fix(
        service_wide="Register a delegated administrator for Macie, and enable every member account from it.",
        service_wide_command="aws macie2 enable-organization-admin-account --admin-account-id ACCOUNT_ID",
        asset="Enable Macie in {region} of account {account}.",
        command="aws macie2 enable-macie --region {region}",
        preventive="Deny macie2:DisableMacie in member accounts with a service control policy.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def macie_account_enabled(session: MacieSession, account: AccountFacts, thresholds: Thresholds) -> Verdict:
    """Macie is enabled in every region that has buckets.

    Macie reports which buckets hold personal data or credentials, and which become public. It covers only the regions
    in which it is enabled.
    """
    status = session.status.value
    if session.enabled:
        return passed("Macie is enabled", status=status)
    if session.account_id in thresholds.accept_alternative_data_discovery:
        return manual(DISCOVERED_OTHERWISE, status=status)
    buckets = [bucket.name for bucket in account.everywhere(Bucket) if bucket.region == session.region]
    if not buckets:
        return not_applicable(f"no buckets in {session.region}", status=status)
    reason = f"Macie is {status.lower()} in {session.region}; buckets in the region: {len(buckets)}"
    return failed(reason, status=status, buckets=buckets)


@control(
    Severity.HIGH,
    fix=Fix(
        service_wide="Enable automated discovery for all members in Macie's delegated administrator account.",
        service_wide_command="aws macie2 update-automated-discovery-configuration --status ENABLED "
        "--auto-enable-organization-members ALL",
        asset="Enable automated discovery in {region} of account {account}.",
        command="aws macie2 update-automated-discovery-configuration --region {region} --status ENABLED",
        preventive="Deny macie2:UpdateAutomatedDiscoveryConfiguration to all but the security team with a service "
        "control policy.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def macie_account_automated_discovery_enabled(session: MacieSession, discovery: Observed[MacieDiscovery]) -> Verdict:
    """Macie samples buckets for sensitive data continuously.

    Automated discovery inspects samples of all buckets each day, so that nobody has to know beforehand where personal
    data is. It is judged where it is administered: in Macie's administrator account, or in one without an
    administrator.
    """
    if not session.enabled:
        said = f"Macie is {session.status.value.lower()} in {session.region}, which macie_account_enabled judges"
        return not_applicable(said, status=session.status.value)
    seen = discovery.value
    if seen.administrator is not None:
        return not_applicable(f"decided in Macie's administrator account {seen.administrator}")
    return require(
        seen.automated,
        then="automated discovery is enabled",
        otherwise="automated discovery is not enabled",
        excluded_buckets=sorted(seen.excluded),
    )
