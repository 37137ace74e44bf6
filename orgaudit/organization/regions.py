"""Which regions one account has enabled; each account is asked, because the answers differ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from orgaudit.aws.account import AccountAccess
from orgaudit.model import GLOBAL, PARTITION_DEFAULTS, Gap, GapReason, NotSeenError
from orgaudit.organization.answers import each_of, part

ACTIONS = ("account:ListRegions", "ec2:DescribeRegions")
"""What is asked for the regions of an account."""


class _OptStatus(msgspec.Struct, rename="pascal"):
    """A region as account:ListRegions lists it."""

    region_name: str
    region_opt_status: Literal["ENABLED", "ENABLED_BY_DEFAULT", "DISABLING", "ENABLING", "DISABLED"]


class _OptIn(msgspec.Struct, rename="pascal"):
    """A region as ec2:DescribeRegions lists it."""

    region_name: str
    opt_in_status: Literal["opt-in-not-required", "opted-in", "not-opted-in"]


ENABLED = frozenset({"ENABLED", "ENABLED_BY_DEFAULT", "DISABLING", "opt-in-not-required", "opted-in"})


@dataclass(frozen=True, slots=True)
class Regions:
    """The regions of one account by state, sorted, and the action that told; `source` may be "partition defaults"."""

    enabled: tuple[str, ...]
    disabled: tuple[str, ...]
    source: str

    @property
    def certain(self) -> bool:
        """Tell whether AWS itself said which regions are enabled."""
        return self.source != PARTITION_DEFAULTS


async def discover_regions(account: AccountAccess) -> Regions:
    """Return the account's regions: from account:ListRegions, else ec2:DescribeRegions, else the SDK's list.

    Raises NotSeenError only where the account cannot be entered at all, or refuses the keys of whoever entered it.
    """
    for ask in (_from_account_management, _from_ec2):
        try:
            found = await ask(account)
        except NotSeenError as error:
            if error.gap.reason is GapReason.ACCOUNT_UNAVAILABLE:
                raise
            continue
        if found.enabled:
            return found
    if refusal := account.home().refusal:
        message = f"the account was entered, but {account.home().region} refuses the session's keys: {refusal}"
        raise NotSeenError(Gap(account.account_id, GLOBAL, ACTIONS[0], GapReason.ACCOUNT_UNAVAILABLE, message))
    known = await account.transport.clients.default_regions(account.transport.caller.partition)
    return Regions(tuple(known), (), PARTITION_DEFAULTS)


async def _from_account_management(account: AccountAccess) -> Regions:
    listed = each_of(account.home(), "account", "ListRegions", "Regions", _OptStatus)
    return _regions({each.region_name: each.region_opt_status async for each in listed}, "account:ListRegions")


async def _from_ec2(account: AccountAccess) -> Regions:
    answer = await account.home().call("ec2", "DescribeRegions", AllRegions=True)
    listed = part(account.home(), "ec2:DescribeRegions", answer, "Regions", list[_OptIn])
    return _regions({each.region_name: each.opt_in_status for each in listed}, "ec2:DescribeRegions")


def _regions(states: dict[str, str], source: str) -> Regions:
    names = sorted(states)
    return Regions(
        tuple(name for name in names if states[name] in ENABLED),
        tuple(name for name in names if states[name] not in ENABLED),
        source,
    )
