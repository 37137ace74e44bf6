"""Checks that an audit would see everything: identity, organization, the role in each account, and what it may read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from enum import StrEnum
from typing import Any

import msgspec

from orgaudit.aws.access import Access
from orgaudit.aws.account import AccountAccess, RegionAccess
from orgaudit.collect.account import actions_for
from orgaudit.errors import AccessError, ExitCode
from orgaudit.facts.declare import Collector, closure
from orgaudit.model import Account, Gap, GapReason, NotSeenError, Scope
from orgaudit.organization import regions as account_regions
from orgaudit.organization.discovery import NO_ORGANIZATION
from orgaudit.organization.regions import discover_regions
from orgaudit.organization.scope import selects_region
from orgaudit.pipeline import Auditor, choose
from orgaudit.preflight.refusal import mend_entry, mend_reading
from orgaudit.preflight.visit import visit
from orgaudit.settings.settings import Settings

TRIALS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "cloudwatch:DescribeAlarms": ("cloudwatch", "DescribeAlarms", {"MaxRecords": 1}),
    "logs:DescribeLogGroups": ("logs", "DescribeLogGroups", {"limit": 1}),
    "logs:DescribeMetricFilters": ("logs", "DescribeMetricFilters", {"limit": 1}),
}
"""Actions of details that can be tried without a resource: service, operation and parameters of one cheap call."""


class CheckStatus(StrEnum):
    """How a check ended; SKIPPED says nothing about an audit."""

    OK = "OK"
    FAIL = "FAIL"
    SKIPPED = "SKIPPED"


class Check(msgspec.Struct, frozen=True):
    """One check: in which account (empty: the organization's), of what, what was seen, and what to do about a FAIL."""

    status: CheckStatus
    account_id: str
    name: str
    message: str
    mend: str = ""


class Diagnosis(msgspec.Struct, frozen=True):
    """All checks in the order of an audit; `readable` tells whether identity and accounts were found at all."""

    checks: tuple[Check, ...]
    readable: bool

    @property
    def exit_code(self) -> ExitCode:
        """Return CLEAN, INCOMPLETE where something would not be seen, or NO_ACCESS where no audit can begin."""
        if not self.readable:
            return ExitCode.NO_ACCESS
        failed = any(check.status is CheckStatus.FAIL for check in self.checks)
        return ExitCode.INCOMPLETE if failed else ExitCode.CLEAN


async def diagnose(auditor: Auditor, *, sample: int | None = None) -> Diagnosis:
    """Check all that an audit needs, in every account in scope or in `sample` of them; raises ConfigError."""
    chosen = choose(auditor.settings)
    async with AsyncExitStack() as stack:
        try:
            access = await stack.enter_async_context(auditor.access(chosen))
        except AccessError as error:
            mend = "Sign in or name other credentials with --profile, then look at the endpoint and the proxy."
            return Diagnosis((Check(CheckStatus.FAIL, "", "identity", str(error), mend),), readable=False)
        return await _diagnosed(auditor, access, closure(chosen.facts), sample)


async def _diagnosed(
    auditor: Auditor, access: Access, collectors: Sequence[Collector], sample: int | None
) -> Diagnosis:
    settings = auditor.settings
    organization = _OrganizationChecks(access, settings)
    checks = [Check(CheckStatus.OK, "", "identity", access.caller.arn), *[each async for each in organization.run()]]
    try:
        found = await auditor.discover(access)
        inside, _ = await auditor.select(access, found)
    except AccessError as error:
        if not any(check.status is CheckStatus.FAIL for check in checks):
            mend = "Mend what the message names; without the accounts there is nothing to audit."
            checks.append(Check(CheckStatus.FAIL, "", "accounts", str(error), mend))
        return Diagnosis(tuple(checks), readable=False)
    asked = _spread(inside, sample)
    auditor.progress.stage("doctor", len(asked))
    management = found.organization.management_account_id if found.organization else ""
    accounts = _AccountChecks(access, settings, collectors, management)

    async def look(account: Account) -> list[Check]:
        seen = [check async for check in accounts.run(account)]
        auditor.progress.account_done(account, None, access.traffic)
        return seen

    for seen in await visit(asked, settings.run.concurrent_accounts, look):
        checks += seen
    checks += accounts.read_nowhere()
    return Diagnosis((*checks, *_left_out(accounts, len(inside) - len(asked))), readable=True)


def _spread(accounts: Sequence[Account], sample: int | None) -> Sequence[Account]:
    """Return so many accounts, evenly spread over the sorted list: the same ones every time."""
    if sample is None or sample >= len(accounts):
        return accounts
    return [accounts[position * len(accounts) // sample] for position in range(sample)]


def _left_out(accounts: _AccountChecks, unsampled: int) -> Iterable[Check]:
    if untried := accounts.untried():
        message = f"tried were {', '.join(sorted(accounts.tried))}; not tried, because they need a resource to be asked"
        yield Check(CheckStatus.SKIPPED, "", "read actions", f"{message} about: {', '.join(untried)}")
    if unsampled:
        yield Check(CheckStatus.SKIPPED, "", "sample", f"{unsampled} more accounts in scope were not checked")


class _OrganizationChecks:
    """The calls with which the organization is discovered, each by itself."""

    def __init__(self, access: Access, settings: Settings) -> None:
        self.settings = settings
        self.role = settings.organization.role_arn
        self.reader = self.role or access.caller.arn
        self.aws = access.reader(self.role)

    async def run(self) -> AsyncIterator[Check]:
        """Yield a check of each call; without an organization there is only one."""
        check, found = await self._ask("DescribeOrganization", absent=NO_ORGANIZATION)
        yield check
        if found is None:
            return
        organization = found.get("Organization")
        management = organization.get("MasterAccountId") if isinstance(organization, dict) else None
        yield (await self._ask("ListAccounts"))[0]
        check, roots = await self._ask("ListRoots")
        yield check
        root = _first_id(roots, "Roots")
        for operation in ("ListAccountsForParent", "ListOrganizationalUnitsForParent"):
            yield (await self._ask(operation, ParentId=root))[0] if root else _skipped(operation, "no root was seen")
        if self.settings.organization.read_tags:
            yield (await self._ask("ListTagsForResource", ResourceId=management or self.aws.account_id))[0]
        else:
            yield _skipped("ListTagsForResource", "[organization] read_tags is off")
        check, delegated = await self._ask("ListDelegatedAdministrators")
        yield check
        administrator = _first_id(delegated, "DelegatedAdministrators")
        operation = "ListDelegatedServicesForAccount"
        if administrator:
            yield (await self._ask(operation, AccountId=administrator))[0]
        else:
            yield _skipped(operation, "no delegated administrator was seen")

    async def _ask(
        self, operation: str, *, absent: Sequence[str] = (), **parameters: str
    ) -> tuple[Check, dict[str, Any] | None]:
        name = f"organizations:{operation}"
        try:
            found = await self.aws.find("organizations", operation, absent, **parameters)
        except NotSeenError as error:
            mend = mend_reading(error.gap, self.reader, is_role=self.role is not None)
            return Check(CheckStatus.FAIL, "", name, error.gap.message, mend), {} if absent else None
        message = "answered" if found is not None else f"account {self.aws.account_id} is in no organization"
        return Check(CheckStatus.OK, "", name, message), found


class _Identified(msgspec.Struct, rename="pascal"):
    id: str


def _first_id(answer: dict[str, Any] | None, key: str) -> str | None:
    """Return the id of the first item of a listing; None where there is none, or where it is no listing."""
    try:
        items = msgspec.convert((answer or {}).get(key), list[_Identified])
    except msgspec.ValidationError:
        return None
    return items[0].id if items else None


def _skipped(operation: str, why: str) -> Check:
    return Check(CheckStatus.SKIPPED, "", f"organizations:{operation}", why)


class _AccountChecks:
    """The checks of accounts: the way in, the regions, and read actions that can be tried without a resource."""

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

    def untried(self) -> list[str]:
        """Return the needed actions that no check sends."""
        return [action for action in self.needed if action not in {*self.tried, *account_regions.ACTIONS}]

    def read_nowhere(self) -> Iterator[Check]:
        """Yield a FAIL where accounts were entered and none of them has an enabled region in scope."""
        if self.entered and not self.read:
            message = "no region in scope is enabled in any account, so nothing regional would be assessed"
            mend = "Name other regions with --region or in [scope] regions, or enable one of these."
            yield Check(CheckStatus.FAIL, "", "regions", message, mend)

    async def run(self, account: Account) -> AsyncIterator[Check]:
        """Yield the checks of one account; after one that shuts it, no more."""
        if not account.usable:
            message = f"the account is {account.state}: AWS lets nobody in"
            mend = "Leave it out with [scope] exclude_accounts, or have AWS Support reopen it."
            yield Check(CheckStatus.FAIL, account.id, "role", message, mend)
            return
        try:
            entered = await self.access.enter(account.id)
            regions = await discover_regions(entered)
        except NotSeenError as error:
            is_management = account.id == self.management_account_id
            mend = mend_entry(error.gap, self.settings.access, self.access.caller, is_management=is_management)
            yield Check(CheckStatus.FAIL, account.id, "role", error.gap.message, mend)
            return
        own = account.id == self.access.caller.account_id
        way = "the caller's own credentials" if own else f"assumed {self.settings.access.role_name}"
        yield Check(CheckStatus.OK, account.id, "role", way)
        if regions.certain:
            entered.disabled_regions = frozenset(regions.disabled)
            message = f"{len(regions.enabled)} enabled, says {regions.source}"
            yield Check(CheckStatus.OK, account.id, "regions", message)
        else:
            mend = "Allow account:ListRegions to the audit role; without it every region that AWS has is tried."
            message = f"neither {' nor '.join(account_regions.ACTIONS)} answered"
            yield Check(CheckStatus.FAIL, account.id, "regions", message, mend)
        self.entered.append(account.id)
        chosen = [region for region in regions.enabled if selects_region(region, self.settings.scope)]
        async for check in self._reads(entered, chosen):
            yield check

    async def _reads(self, entered: AccountAccess, regions: Sequence[str]) -> AsyncIterator[Check]:
        """Yield one check of all that answered in one region, and one of each action that did not."""
        if not regions:
            message = "no enabled region of the account is in scope"
            yield Check(CheckStatus.SKIPPED, entered.account_id, "read actions", message)
            return
        self.read.append(entered.account_id)
        home = self.access.home_region
        aws = entered.region(home if home in regions else regions[0])
        answered: list[str] = []
        for action, gap in await self._tried_in(aws):
            if gap is None:
                answered.append(action)
            elif gap.reason.nothing_there:
                yield Check(CheckStatus.SKIPPED, aws.account_id, gap.action, gap.message)
            else:
                mend = gap.reason.mend(gap.action)
                yield Check(CheckStatus.FAIL, aws.account_id, gap.action, f"{aws.region}: {gap.message}", mend)
        if answered:
            message = f"{len(answered)} answered in {aws.region}"
            yield Check(CheckStatus.OK, aws.account_id, "read actions", message)

    async def _tried_in(self, aws: RegionAccess) -> list[tuple[str, Gap | None]]:
        """Return each action that was tried in a region, with why it did not answer, or None."""
        home = aws.account.home()
        listings = [_listed(each, home if each.scope is Scope.ACCOUNT else aws) for each in self.listings]
        calls = [_called(aws, *TRIALS[action]) for action in self.trials]
        actions = [*(each.actions[0] for each in self.listings), *self.trials]
        return list(zip(actions, await asyncio.gather(*listings, *calls), strict=True))


async def _called(aws: RegionAccess, service: str, operation: str, parameters: dict[str, Any]) -> Gap | None:
    """Send one call; return why it was not answered, or None."""
    try:
        await aws.call(service, operation, **parameters)
    except NotSeenError as error:
        return error.gap
    return None


async def _listed(listing: Collector, aws: RegionAccess) -> Gap | None:
    """Ask a listing for its first resource; return why it could not see, or None."""
    try:
        async with aclosing(listing.run(aws)) as resources:
            async for _ in resources:
                break
    except NotSeenError as error:
        return error.gap
    except (LookupError, ValueError) as error:
        message = f"{listing.name} could not read the answer: {type(error).__name__}: {error}"
        return Gap(aws.account_id, aws.region, listing.actions[0], GapReason.MALFORMED, message)
    return None
