"""What became of each region of an account: audited, blocked by a policy, disabled, unreachable or not assessed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from fnmatch import fnmatchcase

from orgaudit.facts.declare import Collector
from orgaudit.facts.shard import ListingResult
from orgaudit.model import GapReason, RegionRecord, RegionState

EXEMPT = (
    *("access-analyzer:*", "acm:*", "config:*", "fms:*", "kms:*", "lightsail:Get*", "resource-explorer-2:*"),
    *("shield:*", "sso:*", "tag:GetResources", "waf-regional:*", "wafv2:*"),
)
"""What AWS's own policy that denies a region leaves allowed there, of the actions that have an endpoint in each region:
https://docs.aws.amazon.com/controltower/latest/controlreference/primary-region-deny-policy.html"""
_DENIED_WHOLE = frozenset({GapReason.SCP_DENIED, GapReason.NOT_OFFERED})
_STATES = {
    GapReason.REGION_DISABLED: RegionState.DISABLED,
    GapReason.UNREACHABLE: RegionState.UNREACHABLE,
}


def region_records(
    regions: Iterable[str], listed: Sequence[ListingResult], collectors: Iterable[Collector]
) -> tuple[RegionRecord, ...]:
    """Return what became of each region, given the listings of an account.

    A region is BLOCKED only where another one was audited: a policy that denies the calls in every region hides the
    account, which cannot be accepted region by region.
    """
    exempt = frozenset(each.fact.__name__ for each in collectors if all(map(is_exempt, each.actions)))
    records = tuple(
        region_record(region, [each for each in listed if each.region == region], exempt) for region in regions
    )
    if any(each.state is RegionState.AUDITED for each in records):
        return records
    return tuple(
        RegionRecord(each.name, RegionState.NOT_ASSESSED, each.gap) if each.state is RegionState.BLOCKED else each
        for each in records
    )


def is_exempt(action: str) -> bool:
    """Return whether policies that deny a region usually leave an action allowed."""
    return any(fnmatchcase(action, pattern) for pattern in EXEMPT)


def region_record(region: str, listed: Sequence[ListingResult], exempt: Collection[str]) -> RegionRecord:
    """Return what became of a region: blocked where a policy denies it whole, audited where any listing answered.

    It is denied whole where a service control policy denied every listing of a service that the region has; only
    `exempt` facts may have been listed, because such policies usually leave them allowed.
    """
    gaps = [each.gap for each in listed if each.gap is not None]
    deciding = [each.gap for each in listed if each.fact not in exempt] or [each.gap for each in listed]
    denied = next((gap for gap in deciding if gap and gap.reason is GapReason.SCP_DENIED), None)
    if denied is not None and all(gap and gap.reason in _DENIED_WHOLE for gap in deciding):
        return RegionRecord(region, RegionState.BLOCKED, denied)
    if len(gaps) < len(listed) or not listed:
        return RegionRecord(region, RegionState.AUDITED)
    for reason, state in _STATES.items():
        if all(gap.reason is reason for gap in gaps):
            return RegionRecord(region, state, gaps[0])
    return RegionRecord(region, RegionState.NOT_ASSESSED, gaps[0])
