"""Collects facts: the only stage that talks to AWS. It leaves one finished shard for each account."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from orgaudit.aws.access import Access
from orgaudit.aws.account import AccountAccess, RegionAccess
from orgaudit.aws.masking import masked
from orgaudit.aws.transport import Traffic
from orgaudit.errors import OrgauditError, ReportError
from orgaudit.facts.declare import Collector, FactType, Resource, closure
from orgaudit.facts.shard import DetailGap, Entered, Listed
from orgaudit.model import (
    GLOBAL,
    Account,
    AccountRecord,
    Gap,
    GapReason,
    NotSeenError,
    RegionRecord,
    RegionState,
    Scope,
)
from orgaudit.organization import regions as regions_of
from orgaudit.organization.regions import Regions, discover_regions
from orgaudit.organization.scope import selects_region
from orgaudit.settings.limits import Limits
from orgaudit.settings.sections import ScopeSettings
from orgaudit.settings.settings import Settings
from orgaudit.store.run import Run, read_lines, write_lines

log = logging.getLogger(__name__)

Line: TypeAlias = msgspec.Struct
Done: TypeAlias = Callable[[Account, AccountRecord, Traffic], None]
"""Called in this process after each account, with the traffic so far."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The accounts that one worker collects, and all that it needs to know; it can be pickled."""

    settings: Settings
    limits: Limits
    profile: str | None
    run: Path
    accounts: tuple[Account, ...]
    organization: frozenset[str]
    facts: tuple[FactType, ...]


def actions_for(facts: Iterable[FactType]) -> tuple[str, ...]:
    """Return every IAM action that collecting these facts in an account needs, sorted."""
    needed = {action for found in closure(facts) for action in found.actions}
    return tuple(sorted(needed | set(regions_of.ACTIONS)))


def collect_batch(batch: Batch) -> Traffic:
    """Collect a batch in an event loop of its own; what a worker process runs."""

    async def collect() -> Traffic:
        settings = batch.settings
        access = Access(
            settings.access, settings.run, batch.limits, actions=actions_for(batch.facts), profile=batch.profile
        )
        async with access:
            await collect_accounts(access, batch, lambda *_: None)
            return access.traffic

    return asyncio.run(collect())


async def collect_accounts(access: Access, batch: Batch, done: Done) -> None:
    """Collect each account of a batch into its shard, several at a time; raises ReportError where it cannot write."""
    access.known_accounts = batch.organization
    collectors = closure(batch.facts)
    run = Run(batch.run)
    waiting = iter(batch.accounts)

    async def work() -> None:
        for account in waiting:
            lines = await collect_account(access, account, collectors, batch.settings.scope)
            write_lines(run.shard_path(account.id), lines)
            done(account, lines[0].record, access.traffic)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(batch.settings.run.concurrent_accounts, len(batch.accounts))):
                group.create_task(work())
    except* ReportError as errors:
        raise errors.exceptions[0] from None


async def collect_account(
    access: Access, account: Account, collectors: Sequence[Collector], scope: ScopeSettings
) -> list[Any]:
    """Return the lines of an account's shard, its `Entered` line first; an account that is shut has only that one.

    Whatever goes wrong outside the collectors is a gap of this account, so that it never takes the others down.
    """
    try:
        return await _collected(access, account, collectors, scope)
    except OrgauditError:
        raise
    except Exception as error:
        what = masked(f"{type(error).__name__}: {error}")
        log.error("account %s could not be collected: %s", account.id, what)  # noqa: TRY400
        log.info("the traceback, for whoever fixes it", exc_info=True)
        message = f"the collection of the account failed: {what}"
        return [Entered(account, _record(account, gap=Gap(account.id, GLOBAL, "", GapReason.DEFECT, message)))]


async def _collected(
    access: Access, account: Account, collectors: Sequence[Collector], scope: ScopeSettings
) -> list[Any]:
    if not account.usable:
        message = f"the account is {account.state}: AWS lets nobody in"
        gap = Gap(account.id, GLOBAL, "sts:AssumeRole", GapReason.ACCOUNT_UNAVAILABLE, message)
        return [Entered(account, _record(account, gap=gap))]
    try:
        entered = await access.enter(account.id)
        found = await discover_regions(entered)
    except NotSeenError as error:
        return [Entered(account, _record(account, gap=error.gap))]
    if found.certain:
        entered.disabled_regions = frozenset(found.disabled)
    chosen = [region for region in found.enabled if selects_region(region, scope)]
    collection = _Collection(entered, collectors)
    lines = await collection.run(chosen)
    exempt = frozenset(each.fact.__name__ for each in collectors if all(map(_is_exempt, each.actions)))
    states = tuple(_state(region, lines, exempt) for region in chosen)
    return [Entered(account, _record(account, entered, found, _unblocked(states))), *lines]


def _record(
    account: Account,
    entered: AccountAccess | None = None,
    found: Regions | None = None,
    states: tuple[RegionRecord, ...] = (),
    *,
    gap: Gap | None = None,
) -> AccountRecord:
    traffic = entered.traffic if entered else Traffic()
    return AccountRecord(
        account_id=account.id,
        collected_at=datetime.now(UTC),
        regions=states,
        enabled=found.enabled if found else (),
        disabled=found.disabled if found else (),
        regions_source=found.source if found else "",
        gap=gap,
        calls=traffic.calls,
        throttles=traffic.throttles,
        retries=traffic.retries,
    )


class _Collection:
    """The collection of one account: listings in every region at once, then the details of what they found."""

    def __init__(self, account: AccountAccess, collectors: Sequence[Collector]) -> None:
        self.account = account
        self.listings = [each for each in collectors if each.parent is None]
        self.details = [each for each in collectors if each.parent is not None]
        self.lines: list[Line] = []
        self.detailed: set[tuple[type, str]] = set()

    async def run(self, regions: Sequence[str]) -> list[Line]:
        async with asyncio.TaskGroup() as group:
            for listing in self.listings:
                if listing.scope is Scope.ACCOUNT:
                    group.create_task(self._list(listing, self.account.home(), GLOBAL))
                    continue
                for region in regions:
                    group.create_task(self._list(listing, self.account.region(region), region))
        return self.lines

    async def _list(self, listing: Collector, aws: RegionAccess, region: str) -> None:
        found: list[Resource] = []
        gap = await _attempt(listing, aws, _drain(listing.run(aws), found))
        self.lines += found
        ended, session = datetime.now(UTC), self.account.credentials.arn
        self.lines.append(Listed(listing.fact.__name__, region, len(found), gap, ended, session))
        async with asyncio.TaskGroup() as group:
            for resource in found:
                key = type(resource), resource.arn
                if resource.account_id == self.account.account_id and key not in self.detailed:
                    self.detailed.add(key)
                    group.create_task(self._describe(resource))

    async def _describe(self, resource: Resource) -> None:
        """Read the details of one resource, in its own region, each as soon as those that it takes are there."""
        aws = self.account.region(resource.region) if resource.region != GLOBAL else self.account.home()
        known: dict[FactType, asyncio.Future[Line]] = {}
        for each in self.details:
            if each.parent is type(resource):
                known[each.fact] = asyncio.ensure_future(self._read(each, aws, resource, known))
        self.lines += await asyncio.gather(*known.values())

    async def _read(
        self, each: Collector, aws: RegionAccess, resource: Resource, known: dict[FactType, asyncio.Future[Line]]
    ) -> Line:
        taken = [await known[kind] for kind in each.takes]
        for line in taken:
            if isinstance(line, DetailGap):
                return DetailGap(each.fact.__name__, resource.arn, line.gap)
        found: list[Line] = []
        gap = await _attempt(each, aws, _keep(each.run(aws, resource, *taken), found))
        return DetailGap(each.fact.__name__, resource.arn, gap) if gap else found[0]


async def _drain(items: Any, into: list[Any]) -> None:  # noqa: ANN401 - an async generator of any resource
    """Keep the facts of a listing one by one, so that neither a gap nor a fact of a wrong type hides the others."""
    wrong: msgspec.ValidationError | None = None
    async for item in items:
        try:
            into.append(_checked(item))
        except msgspec.ValidationError as error:
            wrong = wrong or error
    if wrong is not None:
        raise wrong


async def _keep(reading: Any, into: list[Any]) -> None:  # noqa: ANN401 - a coroutine of any detail
    into.append(_checked(await reading))


def _checked(fact: Line) -> Line:
    """Return a fact as its shard will give it back; raises msgspec.ValidationError where a value has a wrong type.

    The SDK hands on whatever JSON an answer holds, and a shard with such a fact could never be read again.
    """
    return msgspec.json.decode(msgspec.json.encode(fact), type=type(fact))


async def _attempt(collector: Collector, aws: RegionAccess, reading: Any) -> Gap | None:  # noqa: ANN401 - a coroutine
    """Run a collector; return why it could not see, or None. A listing keeps what it saw before the gap."""
    try:
        await reading
    except NotSeenError as error:
        return error.gap
    except Exception as error:
        what = masked(f"{type(error).__name__}: {error}")
        log.error("%s failed in account %s, region %s: %s", collector.name, aws.account_id, aws.region, what)  # noqa: TRY400
        log.info("the traceback, for whoever fixes it", exc_info=True)
        lacking = isinstance(error, KeyError | ValueError | msgspec.ValidationError)
        reason = GapReason.MALFORMED if lacking else GapReason.DEFECT
        message = f"{collector.name} could not read the answer: {what}"
        return Gap(aws.account_id, aws.region, collector.actions[0], reason, message)
    return None


EXEMPT = (
    *(
        "access-analyzer:*",
        "acm:*",
        "config:*",
        "fms:*",
        "kms:*",
        "lightsail:Get*",
        "resource-explorer-2:*",
        "shield:*",
    ),
    *("sso:*", "tag:GetResources", "waf-regional:*", "wafv2:*"),
)
"""What AWS's own policy that denies a region leaves allowed there, of the actions that have an endpoint in each region:
https://docs.aws.amazon.com/controltower/latest/controlreference/primary-region-deny-policy.html"""
_DENIED_WHOLE = frozenset({GapReason.SCP_DENIED, GapReason.NOT_OFFERED})


def _is_exempt(action: str) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in EXEMPT)


def _state(region: str, lines: Iterable[Line], exempt: Collection[str]) -> RegionRecord:
    """Return what became of a region: blocked where a policy denies it whole, audited where any listing answered.

    It is denied whole where a service control policy denied every listing of a service that the region has; only
    `exempt` facts may have been listed, because such policies usually leave them allowed.
    """
    listed = [line for line in lines if isinstance(line, Listed) and line.region == region]
    gaps = [line.gap for line in listed if line.gap is not None]
    telling = [line for line in listed if line.fact not in exempt] or listed
    denied = next((line.gap for line in telling if _reason(line) is GapReason.SCP_DENIED), None)
    if denied is not None and all(_reason(line) in _DENIED_WHOLE for line in telling):
        return RegionRecord(region, RegionState.BLOCKED, denied)
    if len(gaps) < len(listed) or not listed:
        return RegionRecord(region, RegionState.AUDITED)
    for reason, state in _STATES.items():
        if all(gap.reason is reason for gap in gaps):
            return RegionRecord(region, state, gaps[0])
    return RegionRecord(region, RegionState.NOT_ASSESSED, gaps[0])


def _reason(listed: Listed) -> GapReason | None:
    return None if listed.gap is None else listed.gap.reason


_STATES = {
    GapReason.REGION_DISABLED: RegionState.DISABLED,
    GapReason.UNREACHABLE: RegionState.UNREACHABLE,
}


def _unblocked(states: tuple[RegionRecord, ...]) -> tuple[RegionRecord, ...]:
    """Return the states, with BLOCKED only where another region was audited.

    A policy that denies our calls in every region hides the account, which nobody can accept region by region.
    """
    if any(state.state is RegionState.AUDITED for state in states):
        return states
    blocked = RegionState.BLOCKED
    return tuple(
        RegionRecord(each.name, RegionState.NOT_ASSESSED, each.gap) if each.state is blocked else each
        for each in states
    )


def read_record(run: Run, account_id: str) -> AccountRecord:
    """Return how an account's collection went, from the first line of its shard."""
    with closing(read_lines(run.shard_path(account_id), msgspec.json.Decoder(Entered))) as lines:
        return next(lines).record
