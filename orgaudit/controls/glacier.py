"""Controls on Glacier vaults."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.resource_policies import judge_policy
from orgaudit.facts.glacier import GlacierVault, VaultPolicy
from orgaudit.model import Observed, Severity, Verdict


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Share vaults with named accounts only.",
        asset="Name in the access policy of vault {resource.name} who may read and write archives.",
        command="aws glacier set-vault-access-policy --region {region} --account-id - "
        "--vault-name {resource.name} --policy file://vault-policy.json",
        preventive="Deny glacier:SetVaultAccessPolicy to all but the backup team with a service control policy.",
    ),
)
def glacier_vault_policy_restricted(_vault: GlacierVault, policy: Observed[VaultPolicy]) -> Verdict:
    """Vault access policies name who may use the vault.

    Archives are what is left when all else is lost. A vault that is open to everyone gives copies away, and may lose
    its archives to whoever deletes them.
    """
    return judge_policy(policy.value)
