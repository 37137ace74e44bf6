"""Controls on Macie."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.controls.declare import Fix, control
from orgaudit.facts.macie import MacieSession
from orgaudit.facts.s3.buckets import Bucket
from orgaudit.model import Severity, Status, Verdict, failed, not_applicable, passed
from orgaudit.settings.thresholds import Thresholds


@control(
    Severity.MEDIUM,
    facts=(Bucket,),
    fix=Fix(
        service_wide="Name a delegated administrator for Macie and let it enable every member of the organization.",
        service_wide_command="aws macie2 enable-organization-admin-account --admin-account-id ACCOUNT_ID",
        asset="Enable Macie in {region}.",
        command="aws macie2 enable-macie --region {region}",
        preventive="Deny macie2:DisableMacie to members with a service control policy.",
    ),
)
def macie_account_enabled(session: MacieSession, account: AccountFacts, thresholds: Thresholds) -> Verdict:
    """Macie is on where there are buckets.

    Macie knows which buckets hold personal data or credentials, and says when one of them opens up. It looks only in
    the regions where it is on.
    """
    status = session.status.value
    if session.enabled:
        return passed("Macie is enabled", status=status)
    if session.account_id in thresholds.accept_alternative_data_discovery:
        reason = "looked into by other means, as [thresholds] accept_alternative_data_discovery declares"
        return Verdict(Status.MANUAL, reason, {"status": status})
    buckets = [bucket.name for bucket in account.everywhere(Bucket) if bucket.region == session.region]
    if not buckets:
        return not_applicable(f"no buckets in {session.region}", status=status)
    reason = f"Macie is {status.lower()} in {session.region}, which has {len(buckets)} buckets"
    return failed(reason, status=status, buckets=buckets)
