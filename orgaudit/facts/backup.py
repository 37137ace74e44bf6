"""AWS Backup's vaults and their access policies."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, detail, here
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import listed
from orgaudit.model import Scope

VAULTS_PER_PAGE = 1000
"""The most that one answer holds: https://docs.aws.amazon.com/goto/WebAPI/backup-2018-11-15/ListBackupVaults"""


class BackupVault(Resource, frozen=True, kw_only=True):
    """A backup vault."""


class BackupVaultPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """A backup vault's access policy."""


@collector(scope=Scope.REGIONAL, actions=("backup:ListBackupVaults",))
async def backup_vaults(aws: Aws) -> AsyncIterator[BackupVault]:
    """Yield the region's backup vaults."""
    async for row in listed(aws, "backup", "ListBackupVaults", "BackupVaultList", MaxResults=VAULTS_PER_PAGE):
        with row as vault:
            yield BackupVault(arn=vault["BackupVaultArn"], **here(aws))


@detail(actions=("backup:GetBackupVaultAccessPolicy",))
async def backup_vault_policy(aws: Aws, vault: BackupVault) -> BackupVaultPolicy:
    """Return the vault's access policy, which AWS Backup answers with an error where there is none."""
    none = ("ResourceNotFoundException",)
    answer = await aws.find("backup", "GetBackupVaultAccessPolicy", none, BackupVaultName=vault.name)
    return BackupVaultPolicy(arn=vault.arn, document=document_of(answer.get("Policy") if answer else None))
