"""Which accounts and regions a run is for, before anything of them is collected."""

from __future__ import annotations

from dataclasses import replace

from orgaudit.aws.access import Access
from orgaudit.model import Account, Gap
from orgaudit.organization.discovery import Discovered, discover, read_tags
from orgaudit.organization.owners import check_owners
from orgaudit.organization.scope import check_regions, select_accounts, selects_region
from orgaudit.settings.sections import OrganizationSettings, ScopeSettings
from orgaudit.settings.settings import Settings


async def discover_organization(access: Access, settings: Settings) -> Discovered:
    """Return the organization, with the accounts' tags where the scope selects by them.

    Raises AccessError, and ConfigError where the file of owners names an account or a unit that it does not have.
    """
    found = await discover(access, settings.organization)
    check_owners(settings, found.accounts)
    if found.organization is None or not (settings.scope.tags or settings.scope.exclude_tags):
        return found
    accounts, gaps = await read_tags(access, settings.organization, found.accounts)
    return replace(found, accounts=tuple(accounts), gaps=(*found.gaps, *gaps))


async def select(access: Access, found: Discovered, scope: ScopeSettings) -> tuple[list[Account], list[Account]]:
    """Return the accounts in scope and those out of it.

    Raises ConfigError where a name or glob of the scope matches nothing, and AccessError.
    """
    inside, outside = select_accounts(found.accounts, scope)
    await check_regions(access, inside, scope)
    return inside, outside


async def known_regions(access: Access, scope: ScopeSettings) -> tuple[str, ...]:
    """Return the regions in scope that stand for the run's where no account listed its own."""
    known = await access.clients.default_regions(access.caller.partition)
    return tuple(region for region in known if selects_region(region, scope))


async def tagged(
    access: Access, accounts: tuple[Account, ...], settings: OrganizationSettings
) -> tuple[tuple[Account, ...], list[Gap]]:
    """Return accounts of an organization with their tags, by which exceptions may select, and what was not read."""
    if not settings.read_tags:
        return accounts, []
    found, gaps = await read_tags(access, settings, [account for account in accounts if account.tags is None])
    by_id = {account.id: account for account in found}
    return tuple(by_id.get(account.id, account) for account in accounts), gaps
