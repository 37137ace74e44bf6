"""Controls on Security Hub."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.securityhub import SecurityHub
from orgaudit.model import Disruption, Effort, Severity, Verdict, require


@control(
    Severity.MEDIUM,
    fix=Fix(
        service_wide="Register a delegated administrator for Security Hub, and enable every account in every region "
        "with its central configuration.",
        asset="Enable Security Hub in {region} of account {account}.",
        command="aws securityhub enable-security-hub --region {region} --no-enable-default-standards",
        preventive="Enable new accounts with central configuration, and deny securityhub:DisableSecurityHub with a "
        "service control policy.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def securityhub_account_enabled(hub: SecurityHub) -> Verdict:
    """Security Hub is enabled in every region.

    Security Hub collects the findings of other services and runs checks of its own; in a region without it, these
    findings are not collected. Each account is judged individually, whichever account administers it.
    """
    return require(
        hub.enabled,
        then=f"Security Hub has been enabled since {hub.subscribed_at or 'an unknown time'}",
        otherwise="Security Hub is not enabled in this region",
        hub=hub.arn if hub.enabled else None,
        subscribed_at=hub.subscribed_at,
        enables_new_controls=hub.enables_new_controls,
    )
