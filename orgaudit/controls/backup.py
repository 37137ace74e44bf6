"""Controls on AWS Backup."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.backup import BackupVault, BackupVaultPolicy
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Accept copies into backup vaults from the organization only, with aws:PrincipalOrgID.",
        asset="Name the permitted principals in the access policy of backup vault {resource.name}.",
        command="aws backup put-backup-vault-access-policy --region {region} --backup-vault-name {resource.name} "
        "--policy file://vault-policy.json",
        preventive="Deny backup:PutBackupVaultAccessPolicy to all but the backup team with a service control policy.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def backup_vault_policy_restricted(_vault: BackupVault, policy: Observed[BackupVaultPolicy]) -> Verdict:
    """Backup vault policies do not allow public access.

    Recovery points are needed when all other data is lost. Through a public vault, external principals may copy
    recovery points, delete them or add false ones.
    """
    return judge_policy(policy.value)
