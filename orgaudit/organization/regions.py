"""Which regions each account has enabled: they differ from account to account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from orgaudit.aws.access import ASSUME_ROLE, Access
from orgaudit.aws.account import AccountAccess
from orgaudit.model import GLOBAL, PARTITION_DEFAULTS, Account, Gap, GapReason, NotSeenError
from orgaudit.organization.answers import each_of, part

ACTIONS = ("account:ListRegions", "ec2:DescribeRegions")
"""The actions that list the regions of an account."""


class _OptStatus(msgspec.Struct, rename="pascal"):
    """A region of account:ListRegions: https://docs.aws.amazon.com/accounts/latest/reference/API_ListRegions.html"""

    region_name: str
    region_opt_status: Literal["ENABLED", "ENABLED_BY_DEFAULT", "DISABLING", "ENABLING", "DISABLED"]


class _OptIn(msgspec.Struct, rename="pascal"):
    """A region of ec2:DescribeRegions: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Region.html"""

    region_name: str
    opt_in_status: Literal["opt-in-not-required", "opted-in", "not-opted-in"]


ENABLED = frozenset({"ENABLED", "ENABLED_BY_DEFAULT", "DISABLING", "opt-in-not-required", "opted-in"})


@dataclass(frozen=True, slots=True)
class AccountRegions:
    """The regions of one account by state, sorted; `source` is the action that listed them, or PARTITION_DEFAULTS."""

    enabled: tuple[str, ...]
    disabled: tuple[str, ...]
    source: str

    @property
    def certain(self) -> bool:
        """Whether AWS listed the regions."""
        return self.source != PARTITION_DEFAULTS


async def enter_account(access: Access, account: Account) -> tuple[AccountAccess, AccountRegions]:
    """Return the access to an account and its regions; raises NotSeenError where its role cannot be assumed."""
    if not account.usable:
        message = f"the account is {account.state}, so the role cannot be assumed"
        raise NotSeenError(Gap(account.id, GLOBAL, ASSUME_ROLE, GapReason.ACCOUNT_UNAVAILABLE, message))
    entered = await access.enter(account.id)
    found = await discover_regions(entered)
    if found.certain:
        entered.disabled_regions = frozenset(found.disabled)
    return entered, found


async def discover_regions(account: AccountAccess) -> AccountRegions:
    """Return the account's regions: from account:ListRegions, else ec2:DescribeRegions, else the SDK's list.

    Raises NotSeenError where the role cannot be assumed, or the home region rejects the session's keys.
    """
    for read in (_from_account_management, _from_ec2):
        try:
            found = await read(account)
        except NotSeenError as error:
            if error.gap.reason is GapReason.ACCOUNT_UNAVAILABLE:
                raise
            continue
        if found.enabled:
            return found
    if refusal := account.home().refusal:
        message = f"the role was assumed, but {account.home().region} rejects the session's keys: {refusal}"
        raise NotSeenError(Gap(account.account_id, GLOBAL, ACTIONS[0], GapReason.ACCOUNT_UNAVAILABLE, message))
    known = await account.transport.clients.default_regions(account.transport.caller.partition)
    return AccountRegions(tuple(known), (), PARTITION_DEFAULTS)


async def _from_account_management(account: AccountAccess) -> AccountRegions:
    listed = each_of(account.home(), "account", "ListRegions", "Regions", _OptStatus)
    return _regions({each.region_name: each.region_opt_status async for each in listed}, "account:ListRegions")


async def _from_ec2(account: AccountAccess) -> AccountRegions:
    answer = await account.home().call("ec2", "DescribeRegions", AllRegions=True)
    listed = part(account.home(), "ec2:DescribeRegions", answer, "Regions", list[_OptIn])
    return _regions({each.region_name: each.opt_in_status for each in listed}, "ec2:DescribeRegions")


def _regions(states: dict[str, str], source: str) -> AccountRegions:
    names = sorted(states)
    return AccountRegions(
        tuple(name for name in names if states[name] in ENABLED),
        tuple(name for name in names if states[name] not in ENABLED),
        source,
    )
