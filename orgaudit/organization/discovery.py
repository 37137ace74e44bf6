"""Reads the organization: every account with its state, unit and tags, and the delegated administrators."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from orgaudit.aws.access import Access
from orgaudit.aws.account import RegionAccess
from orgaudit.errors import AccessError
from orgaudit.model import Account, Gap, GapReason, Json, NotSeenError, OrganizationRecord
from orgaudit.organization.answers import each_of, part
from orgaudit.settings.identifiers import AnsweredAccountId
from orgaudit.settings.sections import OrganizationSettings

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
"""The actions with which discovery reads AWS Organizations."""

T = TypeVar("T")

NO_ORGANIZATION = ("AWSOrganizationsNotInUseException",)


@dataclass(frozen=True, slots=True)
class Discovered:
    """The organization, or None where the caller is in none; all accounts, sorted by id; and what could not be read."""

    organization: OrganizationRecord | None
    accounts: tuple[Account, ...]
    gaps: tuple[Gap, ...] = ()


class _Organization(msgspec.Struct, rename="pascal"):
    id: str
    arn: str
    master_account_id: AnsweredAccountId
    feature_set: str = ""


class _Account(msgspec.Struct, rename="pascal"):
    """An account as AWS lists it. State has replaced Status; older endpoints return only Status:
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_accounts_account_state.html"""

    id: AnsweredAccountId
    name: str = ""
    email: str = ""
    state: str | None = None
    status: str | None = None


class _Branch(msgspec.Struct, rename="pascal"):
    """A root or an organizational unit."""

    id: str
    name: str


class _Tag(msgspec.Struct, rename="pascal"):
    key: str
    value: str


class _Administrator(msgspec.Struct, rename="pascal"):
    id: AnsweredAccountId


class _Delegation(msgspec.Struct, rename="pascal"):
    service_principal: str


@dataclass(slots=True)
class _Unit:
    """A unit's path of names from the root, and the ids of the units on it."""

    path: str
    ids: tuple[str, ...]


@dataclass(slots=True)
class _Tree:
    """The unit of each account, as far as it could be read, the accounts in the units, and the units visited."""

    units: dict[str, _Unit] = field(default_factory=dict)
    listed: dict[str, _Account] = field(default_factory=dict)
    visited: set[str] = field(default_factory=set)


async def discover(access: Access, settings: OrganizationSettings) -> Discovered:
    """Return the organization of the caller; raises AccessError where it exists and its accounts cannot be listed.

    Without an organization the accounts are those of the configuration, or the caller's own. Units and delegations that
    cannot be read are gaps; the list of accounts is never shortened by one. Tags are read by `read_tags`.
    """
    aws = access.reader(settings.role_arn)
    try:
        answer = await aws.find("organizations", "DescribeOrganization", NO_ORGANIZATION)
        if answer is None:
            return Discovered(None, _configured(access, settings))
        found = part(aws, "organizations:DescribeOrganization", answer, "Organization", _Organization)
    except NotSeenError as error:
        raise AccessError(_advice("describe the organization", error.gap, settings)) from error
    listed = await _list_accounts(aws, found.master_account_id, settings)
    gaps: list[Gap] = []
    tree, delegated = await asyncio.gather(_walk(aws, gaps), _delegated(aws, gaps))
    accounts = [_account(each, tree) for each in (tree.listed | listed).values()]
    record = OrganizationRecord(
        id=found.id,
        arn=found.arn,
        management_account_id=found.master_account_id,
        feature_set=found.feature_set,
        delegated=delegated,
    )
    return Discovered(record, tuple(sorted(accounts, key=lambda account: account.id)), tuple(gaps))


def _configured(access: Access, settings: OrganizationSettings) -> tuple[Account, ...]:
    ids = settings.accounts or (access.caller.account_id,)
    return tuple(Account(id=each, name="") for each in sorted(set(ids)))


async def _list_accounts(aws: RegionAccess, management: str, settings: OrganizationSettings) -> dict[str, _Account]:
    try:
        listed = {each.id: each async for each in _listed(aws, "ListAccounts", "Accounts", _Account)}
    except NotSeenError as error:
        raise AccessError(_advice("list the organization's accounts", error.gap, settings)) from error
    if management not in listed:
        raise AccessError(
            f"the list of accounts that account {aws.account_id} can read is incomplete: the management account "
            f"{management} is missing; {_ELSEWHERE}"
        )
    return listed


def _listed(aws: RegionAccess, operation: str, key: str, kind: type[T], /, **parameters: Json) -> AsyncIterator[T]:
    return each_of(aws, "organizations", operation, key, kind, **parameters)


_ELSEWHERE = (
    "audit from the management account or a delegated administrator account, or name a role that can read the "
    "organization in [organization] role_arn"
)


def _advice(what: str, gap: Gap, settings: OrganizationSettings) -> str:
    if gap.reason is GapReason.MALFORMED:
        advice = gap.reason.remediation(gap.action)
    elif settings.role_arn:
        advice = f"allow {gap.action} to {settings.role_arn}"
    else:
        advice = f"allow {gap.action} to the caller, {_ELSEWHERE}"
    return f"cannot {what}: {gap.message}; {advice}"


async def _walk(aws: RegionAccess, gaps: list[Gap]) -> _Tree:
    """Return the tree of units; a branch that cannot be read is a gap and leaves the others."""
    tree = _Tree()
    try:
        roots = [root async for root in _listed(aws, "ListRoots", "Roots", _Branch)]
    except NotSeenError as error:
        gaps.append(error.gap)
        return tree
    await asyncio.gather(*(_visit(aws, root.id, _Unit(root.name, (root.id,)), tree, gaps) for root in roots))
    return tree


async def _visit(aws: RegionAccess, parent: str, unit: _Unit, tree: _Tree, gaps: list[Gap]) -> None:
    if parent in tree.visited:
        message = f"{parent} is listed in more than one place of the organization's tree"
        action = "organizations:ListOrganizationalUnitsForParent"
        gaps.append(Gap(aws.account_id, aws.region, action, GapReason.MALFORMED, message))
        return
    tree.visited.add(parent)
    try:
        async for account in _listed(aws, "ListAccountsForParent", "Accounts", _Account, ParentId=parent):
            tree.units[account.id] = unit
            tree.listed[account.id] = account
        units = _listed(aws, "ListOrganizationalUnitsForParent", "OrganizationalUnits", _Branch, ParentId=parent)
        below = [(each.id, _Unit(f"{unit.path}/{each.name}", (*unit.ids, each.id))) async for each in units]
    except NotSeenError as error:
        gaps.append(error.gap)
        return
    await asyncio.gather(*(_visit(aws, child, path, tree, gaps) for child, path in below))


def _account(answer: _Account, tree: _Tree) -> Account:
    unit = tree.units.get(answer.id, _Unit("", ()))
    return Account(
        id=answer.id,
        name=answer.name,
        state=answer.state or answer.status or "ACTIVE",
        email=answer.email,
        ou_path=unit.path,
        ou_ids=unit.ids,
    )


async def read_tags(
    access: Access, settings: OrganizationSettings, accounts: Iterable[Account]
) -> tuple[list[Account], list[Gap]]:
    """Return the accounts with their tags, and a gap for each whose tags could not be read.

    AWS allows ten such calls a second, so this is the longest part of discovery in a large organization:
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html
    """
    aws, gaps = access.reader(settings.role_arn), list[Gap]()
    return await asyncio.gather(*(_tagged(aws, account, gaps) for account in accounts)), gaps


async def _tagged(aws: RegionAccess, account: Account, gaps: list[Gap]) -> Account:
    try:
        listed = _listed(aws, "ListTagsForResource", "Tags", _Tag, ResourceId=account.id)
        tags = {tag.key: tag.value async for tag in listed}
    except NotSeenError as error:
        gaps.append(error.gap)
        return account
    return msgspec.structs.replace(account, tags=tags)


async def _delegated(aws: RegionAccess, gaps: list[Gap]) -> dict[str, tuple[str, ...]] | None:
    """Return the delegated administrators of each service principal, or None where they could not be read."""
    found: dict[str, set[str]] = {}
    try:
        administrators = _listed(aws, "ListDelegatedAdministrators", "DelegatedAdministrators", _Administrator)
        async for administrator in administrators:
            services = _listed(
                aws, "ListDelegatedServicesForAccount", "DelegatedServices", _Delegation, AccountId=administrator.id
            )
            async for delegation in services:
                found.setdefault(delegation.service_principal, set()).add(administrator.id)
    except NotSeenError as error:
        gaps.append(error.gap)
        return None
    return {principal: tuple(sorted(ids)) for principal, ids in sorted(found.items())}
