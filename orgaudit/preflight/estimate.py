"""How many calls an audit sends, and how long it takes: a simple model over declared actions and configured rates.

Calls. Those that discover accounts and regions are counted, because a plan sends them too. A listing sends each of its
actions once in each region, a detail each of its actions once for each resource; the number of resources is assumed.
Tags take one call an account, at the same time as collection.

Time. Discovery is measured. An account waits for its slowest bucket (calls beyond the burst, at the bucket's rate) and
for its longest chain of calls that follow each other. Collection then takes the longest of: all accounts' seconds by
the number of accounts that a run collects at a time; the slowest account; the buckets that all accounts share; and all
calls by the number of calls that a run sends at a time. Later pages, retries, throttles and evaluation are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from orgaudit.facts.declare import Collector, FactType
from orgaudit.model import GLOBAL, Scope
from orgaudit.settings.limits import Limit, Limits, Per
from orgaudit.settings.sections import RunSettings

LATENCY = 0.1
"""The seconds that one call is assumed to take."""
RESOURCES = 1
"""The resources of each kind that an account is assumed to have, all in one region."""
ENTERING = 2
"""The calls that follow each other before the first listing: the role and the regions."""


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """The calls and seconds of an audit, in total and by purpose, and the assumptions behind them."""

    calls: int
    seconds: float
    discovery_calls: int
    tag_calls: int
    listing_calls: int
    detail_calls: int
    discovery_seconds: float
    collection_seconds: float
    resources_assumed: int
    latency_assumed: float


@dataclass(slots=True)
class _Load:
    """The calls of one account, in total and by bucket."""

    listing: int = 0
    detail: int = 0
    buckets: Counter[tuple[Limit, str]] = field(default_factory=Counter)


def estimate(
    collectors: Sequence[Collector],
    regions: Sequence[Sequence[str]],
    limits: Limits,
    run: RunSettings,
    *,
    discovery_calls: int,
    discovery_seconds: float,
    tags: int = 0,
    resources: int = RESOURCES,
) -> Estimate:
    """Return the estimate for accounts with these regions, one sequence for each account whose role can be assumed.

    `tags` is the number of accounts whose tags are still to be read.
    """
    loads = [_load(collectors, each, limits, resources) for each in regions]
    listing, detail = sum(load.listing for load in loads), sum(load.detail for load in loads)
    beside = Counter({(limits.for_action("organizations", "ListTagsForResource"), ""): tags})
    seconds = _collection(loads, _chain(collectors) * LATENCY, run, beside)
    return Estimate(
        calls=discovery_calls + tags + listing + detail,
        seconds=round(discovery_seconds + seconds, 1),
        discovery_calls=discovery_calls,
        tag_calls=tags,
        listing_calls=listing,
        detail_calls=detail,
        discovery_seconds=round(discovery_seconds, 1),
        collection_seconds=round(seconds, 1),
        resources_assumed=resources,
        latency_assumed=LATENCY,
    )


def _load(collectors: Sequence[Collector], regions: Sequence[str], limits: Limits, resources: int) -> _Load:
    load = _Load()
    for each in collectors:
        for region, calls in _sent(each, regions, resources):
            if each.parent is None:
                load.listing += calls * len(each.actions)
            else:
                load.detail += calls * len(each.actions)
            for action in each.actions:
                limit = limits.for_action(*action.split(":", 1))
                load.buckets[limit, region if limit.scope is Per.ACCOUNT_REGION else ""] += calls
    return load


def _sent(each: Collector, regions: Sequence[str], resources: int) -> Iterator[tuple[str, int]]:
    """Yield each region where a collector sends its actions, and how often."""
    if each.scope is Scope.ACCOUNT:
        yield GLOBAL, 1
    elif each.parent is not None and regions:
        yield regions[0], resources
    elif each.parent is None:
        yield from ((region, 1) for region in regions)


def _chain(collectors: Sequence[Collector]) -> int:
    """Return the length of the longest chain of calls in an account, each of which waits for the one before."""
    lengths: dict[FactType, int] = {}
    for each in collectors:  # in the order of their dependencies
        before = [lengths[kind] for kind in (each.parent, *each.takes) if kind is not None]
        lengths[each.fact] = len(each.actions) + max(before, default=0)
    return ENTERING + max(lengths.values(), default=0)


def _collection(
    loads: Sequence[_Load], chain: float, run: RunSettings, beside: Mapping[tuple[Limit, str], int]
) -> float:
    shared: Counter[tuple[Limit, str]] = Counter(beside)
    accounts = [0.0]
    for load in loads:
        own = {bucket: calls for bucket, calls in load.buckets.items() if bucket[0].scope is not Per.ORGANIZATION}
        shared.update({bucket: calls for bucket, calls in load.buckets.items() if bucket not in own})
        accounts.append(chain + _paced(own))
    calls = sum(beside.values()) + sum(load.listing + load.detail for load in loads)
    return max(
        sum(accounts) / (run.concurrent_accounts * run.workers),
        *accounts,
        _paced(shared),
        calls * LATENCY / (run.concurrent_calls * run.workers),
    )


def _paced(buckets: Mapping[tuple[Limit, str], int]) -> float:
    """Return the seconds that the slowest bucket takes to grant all its calls."""
    return max((max(0.0, calls - limit.burst) / limit.rate for (limit, _), calls in buckets.items()), default=0.0)
