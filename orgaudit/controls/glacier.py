"""Controls on Glacier vaults."""

from __future__ import annotations

from orgaudit.controls.declare import Fix, control
from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.glacier import GlacierVault, VaultPolicy
from orgaudit.model import Disruption, Effort, Observed, Severity, Verdict


@control(
    Severity.CRITICAL,
    fix=Fix(
        service_wide="Share vaults with named accounts only.",
        asset="Name the permitted principals in the access policy of vault {resource.name}.",
        command="aws glacier set-vault-access-policy --region {region} --account-id - "
        "--vault-name {resource.name} --policy file://vault-policy.json",
        preventive="Deny glacier:SetVaultAccessPolicy to all but the backup team with a service control policy.",
        effort=Effort.M,
        per_resource=True,
        disruption=Disruption.NONE,
        reversible=True,
    ),
)
def glacier_vault_policy_restricted(_vault: GlacierVault, policy: Observed[VaultPolicy]) -> Verdict:
    """Glacier vault access policies do not allow public access.

    Archives are often the last copy of data. Through a public vault, external principals may read or delete them.
    """
    return judge_policy(policy.value)
