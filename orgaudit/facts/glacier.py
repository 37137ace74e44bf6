"""Glacier vaults and their access policies."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orgaudit.facts.declare import Aws, Resource, collector, detail, here
from orgaudit.facts.resource_policies import ResourcePolicy, document_of
from orgaudit.facts.rows import listed
from orgaudit.model import Scope

OWN = "-"
"""The caller's own account in Glacier's API: https://docs.aws.amazon.com/amazonglacier/latest/dev/api-vaults-get.html"""


class GlacierVault(Resource, frozen=True, kw_only=True):
    """A vault."""


class VaultPolicy(ResourcePolicy, frozen=True, kw_only=True):
    """A vault's access policy."""


@collector(scope=Scope.REGIONAL, actions=("glacier:ListVaults",))
async def vaults(aws: Aws) -> AsyncIterator[GlacierVault]:
    """Yield the region's vaults."""
    async for row in listed(aws, "glacier", "ListVaults", "VaultList", accountId=OWN):
        with row as vault:
            yield GlacierVault(arn=vault["VaultARN"], **here(aws))


@detail(actions=("glacier:GetVaultAccessPolicy",))
async def vault_policy(aws: Aws, vault: GlacierVault) -> VaultPolicy:
    """Return the vault's access policy."""
    # https://docs.aws.amazon.com/amazonglacier/latest/dev/api-GetVaultAccessPolicy.html
    none = ("ResourceNotFoundException",)
    answer = await aws.find("glacier", "GetVaultAccessPolicy", none, accountId=OWN, vaultName=vault.name)
    return VaultPolicy(arn=vault.arn, document=document_of(answer["policy"].get("Policy") if answer else None))
