"""Reads the organization: every account with its state, unit and tags, and who administers which service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from orgaudit.aws.access import Access
from orgaudit.aws.region import RegionAccess
from orgaudit.errors import AccessError
from orgaudit.model import Account, Gap, NotSeenError
from orgaudit.settings import OrganizationSettings
from orgaudit.store.manifest import OrganizationRecord

ACTIONS = (
    "organizations:DescribeOrganization",
    "organizations:ListAccounts",
    "organizations:ListAccountsForParent",
    "organizations:ListDelegatedAdministrators",
    "organizations:ListDelegatedServicesForAccount",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListRoots",
    "organizations:ListTagsForResource",
)
"""What discovery asks of AWS Organizations."""

NO_ORGANIZATION = ("AWSOrganizationsNotInUseException",)


@dataclass(frozen=True, slots=True)
class Discovered:
    """The organization, or None where the caller is in none; all accounts, sorted by id; and what was not seen."""

    organization: OrganizationRecord | None
    accounts: tuple[Account, ...]
    gaps: tuple[Gap, ...] = ()


@dataclass(slots=True)
class _Unit:
    """Where an account is: the path of unit names from the root, and the ids on the way."""

    path: str
    ids: tuple[str, ...]


@dataclass(slots=True)
class _Tree:
    """The units of the accounts, as far as they could be read, and accounts that only the tree showed."""

    places: dict[str, _Unit] = field(default_factory=dict)
    listed: dict[str, dict[str, Any]] = field(default_factory=dict)


async def discover(access: Access, settings: OrganizationSettings) -> Discovered:
    """Return the organization of the caller; raises AccessError where it exists and its accounts cannot be listed.

    Without an organization the accounts are those of the configuration, or the caller's own. Units and delegations that
    cannot be read are gaps; the list of accounts is never shortened by one. Tags are read by `read_tags`.
    """
    aws = _reader(access, settings)
    try:
        answer = await aws.find("organizations", "DescribeOrganization", NO_ORGANIZATION)
    except NotSeenError as error:
        raise AccessError(_advice("describe the organization", error.gap, settings)) from error
    if answer is None:
        return Discovered(None, _configured(access, settings))
    found = answer["Organization"]
    listed = await _list_accounts(aws, found["MasterAccountId"], settings)
    gaps: list[Gap] = []
    tree, delegated = await asyncio.gather(_walk(aws, gaps), _delegated(aws, gaps))
    accounts = [_account(each, tree) for each in (tree.listed | listed).values()]
    record = OrganizationRecord(
        id=found["Id"],
        arn=found["Arn"],
        management_account_id=found["MasterAccountId"],
        feature_set=found.get("FeatureSet", ""),
        delegated=delegated,
    )
    return Discovered(record, tuple(sorted(accounts, key=lambda account: account.id)), tuple(gaps))


def _configured(access: Access, settings: OrganizationSettings) -> tuple[Account, ...]:
    ids = settings.accounts or (access.caller.account_id,)
    return tuple(Account(id=each, name="") for each in sorted(set(ids)))


async def _list_accounts(
    aws: RegionAccess, management: str, settings: OrganizationSettings
) -> dict[str, dict[str, Any]]:
    try:
        listed = {
            each["Id"]: each async for page in aws.pages("organizations", "ListAccounts") for each in page["Accounts"]
        }
    except NotSeenError as error:
        raise AccessError(_advice("list the organization's accounts", error.gap, settings)) from error
    if management not in listed:
        raise AccessError(
            f"account {aws.account_id} is not told of the management account {management}, so its list of accounts is "
            "not whole: audit from the management account or a delegated administrator's, or name a role that can read "
            "the organization in [organization] role_arn"
        )
    return listed


def _advice(what: str, gap: Gap, settings: OrganizationSettings) -> str:
    mend = (
        f"let {settings.role_arn} do {gap.action}"
        if settings.role_arn
        else f"allow {gap.action} to the caller, audit from the management account or a delegated administrator's, or "
        "name a role that can read the organization in [organization] role_arn"
    )
    return f"cannot {what}: {gap.message}; {mend}"


async def _walk(aws: RegionAccess, gaps: list[Gap]) -> _Tree:
    """Return the tree of units; a branch that cannot be read is a gap and leaves the others."""
    tree = _Tree()
    try:
        roots = [root async for page in aws.pages("organizations", "ListRoots") for root in page["Roots"]]
    except NotSeenError as error:
        gaps.append(error.gap)
        return tree
    await asyncio.gather(*(_visit(aws, root["Id"], _Unit(root["Name"], (root["Id"],)), tree, gaps) for root in roots))
    return tree


async def _visit(aws: RegionAccess, parent: str, unit: _Unit, tree: _Tree, gaps: list[Gap]) -> None:
    try:
        async for account in _children(aws, "ListAccountsForParent", "Accounts", parent):
            tree.places[account["Id"]] = unit
            tree.listed[account["Id"]] = account
        below = [
            each async for each in _children(aws, "ListOrganizationalUnitsForParent", "OrganizationalUnits", parent)
        ]
    except NotSeenError as error:
        gaps.append(error.gap)
        return
    units = [(each["Id"], _Unit(f"{unit.path}/{each['Name']}", (*unit.ids, each["Id"]))) for each in below]
    await asyncio.gather(*(_visit(aws, child, place, tree, gaps) for child, place in units))


async def _children(aws: RegionAccess, operation: str, key: str, parent: str) -> AsyncIterator[dict[str, Any]]:
    async for page in aws.pages("organizations", operation, ParentId=parent):
        for each in page[key]:
            yield each


def _account(answer: dict[str, Any], tree: _Tree) -> Account:
    place = tree.places.get(answer["Id"], _Unit("", ()))
    return Account(
        id=answer["Id"],
        name=answer.get("Name", ""),
        # Status was retired in 2026 in favour of State; older endpoints know only Status.
        state=answer.get("State") or answer.get("Status") or "ACTIVE",
        email=answer.get("Email", ""),
        ou_path=place.path,
        ou_ids=place.ids,
    )


async def read_tags(
    access: Access, settings: OrganizationSettings, accounts: Iterable[Account]
) -> tuple[list[Account], list[Gap]]:
    """Return the accounts with their tags, and a gap for each whose tags could not be read.

    AWS answers ten such calls a second, so this is the longest part of discovery in a large organization.
    """
    aws, gaps = _reader(access, settings), list[Gap]()
    return await asyncio.gather(*(_tagged(aws, account, gaps) for account in accounts)), gaps


def _reader(access: Access, settings: OrganizationSettings) -> RegionAccess:
    return (access.with_role(settings.role_arn) if settings.role_arn else access.as_caller()).home()


async def _tagged(aws: RegionAccess, account: Account, gaps: list[Gap]) -> Account:
    try:
        tags = {
            tag["Key"]: tag["Value"]
            async for page in aws.pages("organizations", "ListTagsForResource", ResourceId=account.id)
            for tag in page["Tags"]
        }
    except NotSeenError as error:
        gaps.append(error.gap)
        return account
    return msgspec.structs.replace(account, tags=tags)


async def _delegated(aws: RegionAccess, gaps: list[Gap]) -> dict[str, tuple[str, ...]] | None:
    """Return the delegated administrators of each service principal, or None where they could not be read."""
    found: dict[str, set[str]] = {}
    try:
        async for page in aws.pages("organizations", "ListDelegatedAdministrators"):
            for administrator in page["DelegatedAdministrators"]:
                async for principal in _services_of(aws, administrator["Id"]):
                    found.setdefault(principal, set()).add(administrator["Id"])
    except NotSeenError as error:
        gaps.append(error.gap)
        return None
    return {principal: tuple(sorted(ids)) for principal, ids in sorted(found.items())}


async def _services_of(aws: RegionAccess, account_id: str) -> AsyncIterator[str]:
    async for page in aws.pages("organizations", "ListDelegatedServicesForAccount", AccountId=account_id):
        for service in page["DelegatedServices"]:
            yield service["ServicePrincipal"]
