"""Controls on Security Hub."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.securityhub import SecurityHub
from orgaudit.model import Severity, Verdict, require


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Name a delegated administrator for Security Hub and let its central configuration enable every "
        "account in every region.",
        asset="Enable Security Hub in {region} of account {account}.",
        command="aws securityhub enable-security-hub --region {region} --no-enable-default-standards",
        preventive="Let central configuration enable new accounts, and deny securityhub:DisableSecurityHub with a "
        "service control policy.",
    ),
)
def securityhub_account_enabled(hub: SecurityHub) -> Verdict:
    """Security Hub is enabled in every region.

    It brings the findings of other services and its own checks together; in a region without it they end where nobody
    looks. Each account answers for itself, whoever administers it.
    """
    return require(
        hub.enabled,
        then=f"enabled since {hub.subscribed_at or 'an unknown time'}",
        otherwise="Security Hub is not enabled in this region",
        hub=hub.arn if hub.enabled else None,
        subscribed_at=hub.subscribed_at,
        enables_new_controls=hub.enables_new_controls,
    )
