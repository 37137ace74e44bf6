"""Collects one account: assumes its role, lists its resources in every region and reads their details."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import msgspec

from orgaudit.aws.access import Access
from orgaudit.aws.account import AccountAccess, RegionAccess
from orgaudit.aws.masking import masked
from orgaudit.collect.region_states import region_records
from orgaudit.errors import OrgauditError, ReportError
from orgaudit.facts.declare import Collector, Detail, FactType, Resource, closure
from orgaudit.facts.shard import AccountHeader, DetailGap, DetailsRead, ListingResult, header_of
from orgaudit.model import GLOBAL, Account, AccountRecord, Gap, GapReason, NotSeenError, Scope
from orgaudit.organization import regions as account_regions
from orgaudit.organization.regions import enter_account
from orgaudit.organization.scope import selects_region
from orgaudit.settings.sections import RunSettings, ScopeSettings, Sections
from orgaudit.store.run import TakenError
from orgaudit.store.shards import Spool, WrittenFile

T = TypeVar("T")
log = logging.getLogger(__name__)

Line: TypeAlias = tuple[Any, bytes]
"""A fact or a gap, and its line in the shard."""


@dataclass(frozen=True, slots=True)
class CollectedAccount:
    """How the collection of an account went: the first line of its shard, and the accounts whose resources it shows."""

    header: AccountHeader
    shows: frozenset[str] = frozenset()

    @property
    def record(self) -> AccountRecord:
        """How the collection went."""
        return self.header.record


@dataclass(frozen=True, slots=True)
class CollectedShard:
    """An account that was collected into a shard, and the shard's hash and size."""

    account: CollectedAccount
    file: WrittenFile


def actions_for(facts: Iterable[FactType]) -> tuple[str, ...]:
    """Return every IAM action that collecting these facts in an account needs, sorted."""
    needed = {action for found in closure(facts) for action in found.actions}
    return tuple(sorted(needed | set(account_regions.ACTIONS)))


async def collect_into(
    access: Access, account: Account, collectors: Sequence[Collector], settings: Sections, path: Path
) -> CollectedShard | None:
    """Collect an account into a shard, which is there whole or not at all; what is read is kept beside it meanwhile.

    Returns None where another process wrote the shard meanwhile: that one stays. Raises ReportError.
    """
    with Spool(path.parent) as lines:
        found = await collect_account(access, account, collectors, settings, lines)
        try:
            file = await asyncio.to_thread(lines.write, path, msgspec.json.encode(found.header))
        except TakenError:
            return None
        return CollectedShard(found, file)


async def collect_account(
    access: Access, account: Account, collectors: Sequence[Collector], settings: Sections, lines: Spool
) -> CollectedAccount:
    """Read an account, adding what was read to `lines`; one whose role could not be assumed adds none.

    An error outside the collectors is a gap of this account, so that it never ends the collection of the others.
    """
    began = datetime.now(UTC)
    try:
        return await _collected(access, account, _Collection(collectors, settings.run, lines), settings.scope, began)
    except NotSeenError as error:
        gap = error.gap
    except OrgauditError:
        raise
    except Exception as error:
        what = masked(f"{type(error).__name__}: {error}")
        log.error("account %s could not be collected: %s", account.id, what)  # noqa: TRY400
        log.info("traceback of the error above", exc_info=True)
        message = f"the collection of the account failed: {what}"
        gap = Gap(account.id, GLOBAL, "", GapReason.DEFECT, message)
    record = AccountRecord(
        account_id=account.id, began_at=began, collected_at=datetime.now(UTC), regions=(), regions_source="", gap=gap
    )
    return CollectedAccount(header_of(account, record, lines.count))


async def _collected(
    access: Access, account: Account, collection: _Collection, scope: ScopeSettings, began: datetime
) -> CollectedAccount:
    limit = collection.limit
    entered, found = await limit.within(
        lambda: enter_account(access, account), lambda: limit.gap(account.id, GLOBAL, "")
    )
    regions = [region for region in found.enabled if selects_region(region, scope)]
    await collection.run(entered, regions)
    record = AccountRecord(
        account_id=account.id,
        began_at=began,
        collected_at=datetime.now(UTC),
        session=entered.credentials.arn,
        regions=region_records(regions, collection.listed, collection.collectors),
        enabled=found.enabled,
        disabled=found.disabled,
        regions_source=found.source,
        calls=entered.traffic.calls,
        throttles=entered.traffic.throttles,
        retries=entered.traffic.retries,
        time_limit=limit.reached,
    )
    return CollectedAccount(header_of(account, record, collection.lines.count), frozenset(collection.shows))


class TimeLimit:
    """The time that one account may take, which begins now; `reached` is the first gap that is due to it."""

    def __init__(self, minutes: float) -> None:
        self.reached: Gap | None = None
        self._minutes = minutes
        self._clock = asyncio.get_running_loop().time
        self._ends = self._clock() + minutes * 60

    @property
    def is_over(self) -> bool:
        """Whether the time has passed."""
        return self._clock() >= self._ends

    def gap(self, account_id: str, region: str, action: str) -> Gap:
        """Return the gap for what was not read in time."""
        message = f"not reached within the {self._minutes:g} minutes of [run] account_minutes"
        gap = Gap(account_id, region, action, GapReason.TIME_LIMIT, message)
        self.reached = self.reached or gap
        return gap

    async def within(self, read: Callable[[], Awaitable[T]], late: Callable[[], Gap]) -> T:
        """Return what is read; raises NotSeenError with the gap that `late` returns where the time passes before."""
        if self.is_over:
            raise NotSeenError(late())
        scope = asyncio.timeout_at(self._ends)
        try:
            async with scope:
                return await read()
        except TimeoutError:
            if not scope.expired():
                raise
            raise NotSeenError(late()) from None


class _Collection:
    """The collection of one account: listings in every region at once, then the details of what they found."""

    account: AccountAccess

    def __init__(self, collectors: Sequence[Collector], run: RunSettings, lines: Spool) -> None:
        self.collectors, self.lines = collectors, lines
        self.limit, self.at_once = TimeLimit(run.account_minutes), run.concurrent_calls
        self.listings = [each for each in collectors if each.parent is None]
        self.details: dict[FactType, list[Collector]] = {}
        for each in collectors:
            if each.parent is not None:
                self.details.setdefault(each.parent, []).append(each)
        self.listed: list[ListingResult] = []
        self.shows: set[str] = set()
        self._described: set[int] = set()

    async def run(self, account: AccountAccess, regions: Sequence[str]) -> None:
        self.account = account
        try:
            async with asyncio.TaskGroup() as group:
                for listing in self.listings:
                    if listing.scope is Scope.ACCOUNT:
                        group.create_task(self._list(listing, self.account.home(), GLOBAL))
                        continue
                    for region in regions:
                        group.create_task(self._list(listing, self.account.region(region), region))
        except* ReportError as errors:
            raise _first(errors) from None

    async def _list(self, listing: Collector, aws: RegionAccess, region: str) -> None:
        with Spool(self.lines.directory) as found:
            gap = await self._attempt(listing, aws, lambda: _drain(listing.run(aws), found, self.shows))
            ended, session = datetime.now(UTC), self.account.credentials.arn
            listed = ListingResult(listing.fact.__name__, region, found.count, gap, ended, session)
            self.listed.append(listed)
            # Together, and without others between them: a listing is known by the lines right before its own.
            self.lines.extend(found)
            self.lines.add(_encode(listed))
            if details := self.details.get(listing.fact):
                await self._describe_each(map(_decoder(listing.fact).decode, found), details)

    async def _describe_each(self, resources: Iterable[Resource], details: Sequence[Collector]) -> None:
        """Read the details of resources, of no more at a time than there may be calls."""
        slots = asyncio.Semaphore(self.at_once)
        async with asyncio.TaskGroup() as group:
            for resource in resources:
                # A number in place of the ARN: of a million resources these are 70 MB, and their ARNs three times that.
                key = hash((type(resource), resource.arn))
                if resource.account_id != self.account.account_id or key in self._described:
                    continue
                self._described.add(key)
                await slots.acquire()
                group.create_task(self._describe(resource, details)).add_done_callback(lambda _: slots.release())

    async def _describe(self, resource: Resource, details: Sequence[Collector]) -> None:
        """Read the details of one resource, in its own region, each as soon as those that it takes were read."""
        aws = self.account.region(resource.region) if resource.region != GLOBAL else self.account.home()
        known: dict[FactType, asyncio.Future[Line]] = {}
        for each in details:
            known[each.fact] = asyncio.ensure_future(self._read(each, aws, resource, known))
        for _, line in await asyncio.gather(*known.values()):
            self.lines.add(line)
        self.lines.add(_encode(DetailsRead(type(resource).__name__, resource.arn, datetime.now(UTC))))

    async def _read(
        self, each: Collector, aws: RegionAccess, resource: Resource, known: dict[FactType, asyncio.Future[Line]]
    ) -> Line:
        taken = [(await known[kind])[0] for kind in each.takes]
        gap = next((fact.gap for fact in taken if isinstance(fact, DetailGap)), None)
        found: list[Line] = []
        gap = gap or await self._attempt(each, aws, lambda: _keep(each.run(aws, resource, *taken), found))
        if gap is None:
            return found[0]
        missing = DetailGap(each.fact.__name__, resource.arn, gap)
        return missing, _encode(missing)

    async def _attempt(
        self, collector: Collector, aws: RegionAccess, read: Callable[[], Awaitable[None]]
    ) -> Gap | None:
        """Run a collector and return why it could not read, or None. A listing keeps what it read before the gap."""

        def late() -> Gap:
            return self.limit.gap(aws.account_id, aws.region, collector.actions[0])

        try:
            await self.limit.within(read, late)
        except NotSeenError as error:
            return error.gap
        except ReportError:
            raise
        except Exception as error:
            what = masked(f"{type(error).__name__}: {error}")
            log.error("%s failed in account %s, region %s: %s", collector.name, aws.account_id, aws.region, what)  # noqa: TRY400
            log.info("traceback of the error above", exc_info=True)
            lacking = isinstance(error, KeyError | ValueError | msgspec.ValidationError)
            reason = GapReason.MALFORMED if lacking else GapReason.DEFECT
            message = f"{collector.name} could not read the answer: {what}"
            return Gap(aws.account_id, aws.region, collector.actions[0], reason, message)
        return None


def _first(errors: BaseExceptionGroup[ReportError]) -> ReportError:
    """Return the first error in nested groups."""
    found = errors.exceptions[0]
    return _first(found) if isinstance(found, BaseExceptionGroup) else found


async def _drain(items: AsyncIterator[Resource], into: Spool, shows: set[str]) -> None:
    """Keep the facts of a listing one by one, so that neither a gap nor a fact of a wrong type hides the others.

    `shows` gets the accounts in which the resources are.
    """
    wrong: msgspec.ValidationError | None = None
    async for item in items:
        try:
            resource, line = _checked(item)
        except msgspec.ValidationError as error:
            wrong = wrong or error
            continue
        shows.add(resource.account_id)
        into.add(line)
    if wrong is not None:
        raise wrong


async def _keep(reading: Awaitable[Detail], into: list[Line]) -> None:
    into.append(_checked(await reading))


_encode = msgspec.json.Encoder().encode
_decoder = cache(msgspec.json.Decoder)


def _checked(fact: msgspec.Struct) -> Line:
    """Return a fact as its line will be read again, and the line; raises ValidationError where a type is wrong.

    The SDK passes on any JSON that an answer holds, and a shard with such a fact could never be read again.
    """
    line = _encode(fact)
    return _decoder(type(fact)).decode(line), line
