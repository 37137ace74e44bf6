"""Controls on AWS Backup."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.resource_policies import judge_policy
from orgaudit.facts.backup import BackupVault, BackupVaultPolicy
from orgaudit.model import Observed, Severity, Verdict


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Let backup vaults take copies from the organization only, by aws:PrincipalOrgID.",
        asset="Name in the access policy of backup vault {resource.name} who may use it.",
        command="aws backup put-backup-vault-access-policy --region {region} --backup-vault-name {resource.name} "
        "--policy file://vault-policy.json",
        preventive="Deny backup:PutBackupVaultAccessPolicy to all but the backup team with a service control policy.",
    ),
)
def backup_vault_policy_restricted(_vault: BackupVault, policy: Observed[BackupVaultPolicy]) -> Verdict:
    """Backup vault policies name who may use the vault.

    Recovery points are what is left when all else is lost. A vault that is open to external callers can give copies of
    them away, lose them, or be filled with false ones.
    """
    return judge_policy(policy.value)
