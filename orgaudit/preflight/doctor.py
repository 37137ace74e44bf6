"""Checks what an audit needs: identity, organization, the role in each account, and the actions that it may read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import AsyncExitStack, aclosing
from enum import StrEnum
from typing import Any

import msgspec

from orgaudit.audit import Auditor
from orgaudit.aws.access import Access
from orgaudit.aws.account import AccountAccess, RegionAccess
from orgaudit.collect.account import actions_for
from orgaudit.collect.visit import visit
from orgaudit.errors import AccessError, ExitCode
from orgaudit.evaluate.rules import rules_of
from orgaudit.facts.declare import Collector, closure
from orgaudit.model import Account, Gap, GapReason, NotSeenError, Scope
from orgaudit.organization import regions as account_regions
from orgaudit.organization.discovery import NO_ORGANIZATION
from orgaudit.organization.plan import discover_organization, select
from orgaudit.organization.regions import AccountRegions, enter_account
from orgaudit.organization.scope import selects_region
from orgaudit.preflight.remediation import reading_remediation, role_remediation
from orgaudit.settings.settings import Settings

TRIALS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "cloudwatch:DescribeAlarms": ("cloudwatch", "DescribeAlarms", {"MaxRecords": 1}),
    "logs:DescribeLogGroups": ("logs", "DescribeLogGroups", {"limit": 1}),
    "logs:DescribeMetricFilters": ("logs", "DescribeMetricFilters", {"limit": 1}),
}
"""Actions of details that can be tried without a resource: service, operation and parameters of one small call."""


class CheckStatus(StrEnum):
    """How a check ended; SKIPPED means that nothing was checked."""

    OK = "OK"
    FAIL = "FAIL"
    SKIPPED = "SKIPPED"


class Check(msgspec.Struct, frozen=True):
    """One check: its account (empty for the organization), its subject, its result, and the remediation of a FAIL."""

    status: CheckStatus
    account_id: str
    name: str
    message: str
    remediation: str = ""


class Diagnosis(msgspec.Struct, frozen=True):
    """All checks in the order of an audit; `readable` is whether identity and accounts were found at all."""

    checks: tuple[Check, ...]
    readable: bool

    @property
    def exit_code(self) -> ExitCode:
        """CLEAN, INCOMPLETE where something would not be assessed, or NO_ACCESS where no audit can begin."""
        if not self.readable:
            return ExitCode.NO_ACCESS
        failed = any(check.status is CheckStatus.FAIL for check in self.checks)
        return ExitCode.INCOMPLETE if failed else ExitCode.CLEAN


class _Checks:
    """The checks of one account, or of the organization, as they are made."""

    def __init__(self, account_id: str = "") -> None:
        self.account_id = account_id
        self.made: list[Check] = []

    def ok(self, name: str, message: str) -> None:
        self.made.append(Check(CheckStatus.OK, self.account_id, name, message))

    def fail(self, name: str, message: str, remediation: str) -> None:
        self.made.append(Check(CheckStatus.FAIL, self.account_id, name, message, remediation))

    def skip(self, name: str, message: str) -> None:
        self.made.append(Check(CheckStatus.SKIPPED, self.account_id, name, message))


async def diagnose(auditor: Auditor, *, sample: int | None = None) -> Diagnosis:
    """Return the checks of all accounts in scope, or of `sample` of them; raises ConfigError."""
    rules = rules_of(auditor.settings)
    checks = _Checks()
    async with AsyncExitStack() as stack:
        try:
            access = await stack.enter_async_context(auditor.access(rules))
        except AccessError as error:
            remediation = "Sign in, or name other credentials with --profile; then check the endpoint and the proxy."
            checks.fail("identity", str(error), remediation)
            return Diagnosis(tuple(checks.made), readable=False)
        checks.ok("identity", access.caller.arn)
        return await _diagnosed(auditor, access, closure(rules.facts), sample, checks)


async def _diagnosed(
    auditor: Auditor, access: Access, collectors: Sequence[Collector], sample: int | None, checks: _Checks
) -> Diagnosis:
    await _check_organization(access, auditor.settings, checks)
    try:
        found = await discover_organization(access, auditor.settings)
        inside, _ = await select(access, found, auditor.settings.scope)
    except AccessError as error:
        if not any(check.status is CheckStatus.FAIL for check in checks.made):
            checks.fail("accounts", str(error), "Correct what the message names: an audit needs the list of accounts.")
        return Diagnosis(tuple(checks.made), readable=False)
    sampled = _spread(inside, sample)
    auditor.progress.stage("doctor", len(sampled), access.traffic)
    management = found.organization.management_account_id if found.organization else ""
    accounts = _AccountChecks(access, auditor.settings, collectors, management)

    async def read(account: Account) -> list[Check]:
        auditor.progress.account_began(account)
        made = await accounts.run(account)
        auditor.progress.account_done(account, None, access.traffic)
        return made

    for made in await visit(sampled, auditor.settings.run.concurrent_accounts, read):
        checks.made += made
    accounts.conclude(checks)
    if len(sampled) < len(inside):
        checks.skip("sample", f"{len(inside) - len(sampled)} more accounts in scope were not checked")
    return Diagnosis(tuple(checks.made), readable=True)


def _spread(accounts: Sequence[Account], sample: int | None) -> Sequence[Account]:
    """Return so many accounts, evenly spread over the sorted list: the same ones every time."""
    if sample is None or sample >= len(accounts):
        return accounts
    return [accounts[position * len(accounts) // sample] for position in range(sample)]


async def _check_organization(access: Access, settings: Settings, checks: _Checks) -> None:
    """Check each call that discovers the organization; without an organization there is only one."""
    role = settings.organization.role_arn
    aws = access.reader(role)

    async def answer(
        operation: str, *, skip: str | None = None, absent: Sequence[str] = (), **parameters: str | None
    ) -> dict[str, Any] | None:
        name = f"organizations:{operation}"
        if skip is not None:
            checks.skip(name, skip)
            return {}
        try:
            found = await aws.find("organizations", operation, absent, **parameters)
        except NotSeenError as error:
            reader = role or access.caller.arn
            checks.fail(name, error.gap.message, reading_remediation(error.gap, reader, is_role=role is not None))
            return {}
        checks.ok(name, "answered" if found is not None else f"account {aws.account_id} has no organization")
        return found

    described = await answer("DescribeOrganization", absent=NO_ORGANIZATION)
    if described is None:
        return
    organization = described.get("Organization")
    management = organization.get("MasterAccountId") if isinstance(organization, dict) else None
    await answer("ListAccounts")
    root = _first_id(await answer("ListRoots"), "Roots")
    for operation in ("ListAccountsForParent", "ListOrganizationalUnitsForParent"):
        await answer(operation, skip=None if root else "no root could be read", ParentId=root)
    skip = None if settings.organization.read_tags else "[organization] read_tags is off"
    await answer("ListTagsForResource", skip=skip, ResourceId=management or aws.account_id)
    administrator = _first_id(await answer("ListDelegatedAdministrators"), "DelegatedAdministrators")
    skip = None if administrator else "no delegated administrator could be read"
    await answer("ListDelegatedServicesForAccount", skip=skip, AccountId=administrator)


class _Identified(msgspec.Struct, rename="pascal"):
    """An item of a listing."""

    id: str


def _first_id(answer: dict[str, Any] | None, key: str) -> str | None:
    """Return the id of the first item of a listing; None where there is none, or where it is not a listing."""
    try:
        items = msgspec.convert((answer or {}).get(key), list[_Identified])
    except msgspec.ValidationError:
        return None
    return items[0].id if items else None


class _AccountChecks:
    """The checks of accounts: the role, the regions, and the actions that can be tried without a resource."""

    def __init__(
        self, access: Access, settings: Settings, collectors: Sequence[Collector], management_account_id: str
    ) -> None:
        self.access, self.settings, self.management_account_id = access, settings, management_account_id
        self.listings = [each for each in collectors if each.parent is None]
        self.needed = actions_for(each.fact for each in collectors)
        first = {each.actions[0] for each in self.listings}
        self.trials = [action for action in TRIALS if action in self.needed and action not in first]
        self.tried = {*first, *self.trials}
        self.entered: list[str] = []
        self.read: list[str] = []

    async def run(self, account: Account) -> list[Check]:
        """Return the checks of one account; there is only one where the role cannot be assumed."""
        checks = _Checks(account.id)
        try:
            entered, regions = await enter_account(self.access, account)
        except NotSeenError as error:
            is_management = account.id == self.management_account_id
            access, caller = self.settings.access, self.access.caller
            remediation = role_remediation(error.gap, access, caller, is_management=is_management)
            checks.fail("role", error.gap.message, remediation)
            return checks.made
        self.entered.append(account.id)
        own = account.id == self.access.caller.account_id
        checks.ok("role", "the caller's own credentials" if own else f"assumed {self.settings.access.role_name}")
        _check_regions(regions, checks)
        await self._check_reads(entered, [name for name in regions.enabled if self._selects(name)], checks)
        return checks.made

    def _selects(self, region: str) -> bool:
        return selects_region(region, self.settings.scope)

    async def _check_reads(self, entered: AccountAccess, regions: Sequence[str], checks: _Checks) -> None:
        """Make one check of all actions that were answered in one region, and one of each that was not."""
        if not regions:
            checks.skip("read actions", "no enabled region of the account is in scope")
            return
        self.read.append(entered.account_id)
        home = self.access.home_region
        aws = entered.region(home if home in regions else regions[0])
        gaps = await self._try_in(aws)
        for gap in filter(None, gaps):
            if gap.reason.nothing_there:
                checks.skip(gap.action, gap.message)
            else:
                checks.fail(gap.action, f"{aws.region}: {gap.message}", gap.reason.remediation(gap.action))
        if answered := gaps.count(None):
            checks.ok("read actions", f"{answered} answered in {aws.region}")

    async def _try_in(self, aws: RegionAccess) -> list[Gap | None]:
        """Return why each action that was tried in a region was not answered, or None."""
        home = aws.account.home()
        listings = [(each, home if each.scope is Scope.ACCOUNT else aws) for each in self.listings]
        return await asyncio.gather(
            *(_gap_of(at, each.actions[0], _first(each.run(at))) for each, at in listings),
            *(_gap_of(aws, action, _call(aws, *TRIALS[action])) for action in self.trials),
        )

    def conclude(self, checks: _Checks) -> None:
        """Add the checks over all accounts: that some region is read, and which actions were not tried."""
        if self.entered and not self.read:
            message = "no region in scope is enabled in any account, so nothing regional would be assessed"
            remediation = "Name other regions with --region or in [scope] regions, or enable one of these."
            checks.fail("regions", message, remediation)
        untried = [action for action in self.needed if action not in {*self.tried, *account_regions.ACTIONS}]
        if untried:
            tried = f"tried: {', '.join(sorted(self.tried))}"
            checks.skip("read actions", f"{tried}; not tried, because they need a resource: {', '.join(untried)}")


def _check_regions(regions: AccountRegions, checks: _Checks) -> None:
    if regions.certain:
        checks.ok("regions", f"{len(regions.enabled)} enabled, as listed by {regions.source}")
        return
    remediation = "Allow account:ListRegions to the audit role; without it, every region that AWS has is tried."
    checks.fail("regions", f"neither {' nor '.join(account_regions.ACTIONS)} was answered", remediation)


async def _call(aws: RegionAccess, service: str, operation: str, parameters: dict[str, Any]) -> None:
    await aws.call(service, operation, **parameters)


async def _first(listing: AsyncGenerator[Any, None]) -> None:
    """Read a listing up to its first resource."""
    async with aclosing(listing) as resources:
        async for _ in resources:
            break


async def _gap_of(aws: RegionAccess, action: str, reading: Awaitable[None]) -> Gap | None:
    """Return why an action was not answered, or None."""
    try:
        await reading
    except NotSeenError as error:
        return error.gap
    except (LookupError, ValueError) as error:
        message = f"the answer could not be read: {type(error).__name__}: {error}"
        return Gap(aws.account_id, aws.region, action, GapReason.MALFORMED, message)
    return None
