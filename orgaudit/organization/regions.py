"""Which regions one account has enabled; each account is asked, because the answers differ."""

from __future__ import annotations

from dataclasses import dataclass

from orgaudit.aws.access import AccountAccess
from orgaudit.model import GapReason, NotSeenError

ACTIONS = ("account:ListRegions", "ec2:DescribeRegions")
"""What is asked for the regions of an account."""

ENABLED = frozenset({"ENABLED", "ENABLED_BY_DEFAULT", "DISABLING"})
DEFAULTS = "partition defaults"


@dataclass(frozen=True, slots=True)
class Regions:
    """The regions of one account by state, sorted, and the action that told; `source` may be "partition defaults"."""

    enabled: tuple[str, ...]
    disabled: tuple[str, ...]
    source: str

    @property
    def certain(self) -> bool:
        """Tell whether AWS itself said which regions are enabled."""
        return self.source != DEFAULTS


async def discover_regions(account: AccountAccess) -> Regions:
    """Return the account's regions: from account:ListRegions, else ec2:DescribeRegions, else the SDK's list.

    Raises NotSeenError only where the account cannot be entered at all.
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
    known = await account.access.clients.default_regions(account.access.caller.partition)
    return Regions(tuple(known), (), DEFAULTS)


async def _from_account_management(account: AccountAccess) -> Regions:
    states: dict[str, str] = {}
    async for page in account.home().pages("account", "ListRegions"):
        states |= {region["RegionName"]: region["RegionOptStatus"] for region in page["Regions"]}
    return _regions({name: state in ENABLED for name, state in states.items()}, "account:ListRegions")


async def _from_ec2(account: AccountAccess) -> Regions:
    answer = await account.home().call("ec2", "DescribeRegions", AllRegions=True)
    opted = {each["RegionName"]: each.get("OptInStatus", "opt-in-not-required") for each in answer["Regions"]}
    return _regions({name: state != "not-opted-in" for name, state in opted.items()}, "ec2:DescribeRegions")


def _regions(enabled: dict[str, bool], source: str) -> Regions:
    names = sorted(enabled)
    return Regions(
        tuple(name for name in names if enabled[name]), tuple(name for name in names if not enabled[name]), source
    )
