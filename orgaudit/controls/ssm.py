"""Controls on Systems Manager."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.facts.ssm import DocumentSharing
from orgaudit.model import Disruption, Effort, Severity, Verdict, require


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Block public sharing of documents in every region of every account with a StackSet or a script.",
        asset="Block public sharing of documents in {region} of account {account}.",
        command="aws ssm update-service-setting --region {region} "
        "--setting-id /ssm/documents/console/public-sharing-permission --setting-value Disable",
        preventive="Deny ssm:UpdateServiceSetting and ssm:ResetServiceSetting with a service control policy.",
        effort=Effort.S,
        per_resource=False,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def ssm_account_document_public_sharing_blocked(sharing: DocumentSharing) -> Verdict:
    """Systems Manager documents cannot be made public.

    Documents hold scripts and internal names, and sometimes credentials. Sharing is allowed by default in every region,
    so the setting is needed in regions without documents too.
    """
    permission = sharing.permission.value
    return require(
        permission == "Disable",
        then="public sharing of documents is blocked",
        otherwise=f"public sharing of documents is allowed: the setting is {permission}",
        permission=permission,
    )
