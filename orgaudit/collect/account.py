"""Collects one account: assumes its role, lists its resources in every region and reads their details."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeAlias

import msgspec

from orgaudit.aws.access import Access
from orgaudit.aws.account import AccountAccess, RegionAccess
from orgaudit.aws.masking import masked
from orgaudit.collect.region_states import region_records
from orgaudit.errors import OrgauditError
from orgaudit.facts.declare import Collector, FactType, Resource, closure
from orgaudit.facts.shard import AccountHeader, DetailGap, DetailsRead, ListingResult, header_of
from orgaudit.model import GLOBAL, Account, AccountRecord, Gap, GapReason, NotSeenError, Scope
from orgaudit.organization import regions as account_regions
from orgaudit.organization.regions import enter_account
from orgaudit.organization.scope import selects_region
from orgaudit.settings.sections import ScopeSettings

log = logging.getLogger(__name__)

Line: TypeAlias = tuple[Any, bytes]
"""A fact or a gap, and its line in the shard."""


@dataclass(frozen=True, slots=True)
class CollectedAccount:
    """How the collection of an account went, and the encoded lines of its facts and gaps."""

    entered: AccountHeader
    lines: Sequence[bytes] = ()


def actions_for(facts: Iterable[FactType]) -> tuple[str, ...]:
    """Return every IAM action that collecting these facts in an account needs, sorted."""
    needed = {action for found in closure(facts) for action in found.actions}
    return tuple(sorted(needed | set(account_regions.ACTIONS)))


async def collect_account(
    access: Access, account: Account, collectors: Sequence[Collector], scope: ScopeSettings
) -> CollectedAccount:
    """Return what collecting an account gave; an account whose role could not be assumed has no lines.

    An error outside the collectors is a gap of this account, so that it never ends the collection of the others.
    """
    began = datetime.now(UTC)
    try:
        return await _collected(access, account, collectors, scope, began)
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
    return CollectedAccount(header_of(account, record))


async def _collected(
    access: Access, account: Account, collectors: Sequence[Collector], scope: ScopeSettings, began: datetime
) -> CollectedAccount:
    entered, found = await enter_account(access, account)
    regions = [region for region in found.enabled if selects_region(region, scope)]
    collection = _Collection(entered, collectors)
    await collection.run(regions)
    record = AccountRecord(
        account_id=account.id,
        began_at=began,
        collected_at=datetime.now(UTC),
        session=entered.credentials.arn,
        regions=region_records(regions, collection.listed, collectors),
        enabled=found.enabled,
        disabled=found.disabled,
        regions_source=found.source,
        calls=entered.traffic.calls,
        throttles=entered.traffic.throttles,
        retries=entered.traffic.retries,
    )
    return CollectedAccount(header_of(account, record), collection.lines)


class _Collection:
    """The collection of one account: listings in every region at once, then the details of what they found."""

    def __init__(self, account: AccountAccess, collectors: Sequence[Collector]) -> None:
        self.account = account
        self.listings = [each for each in collectors if each.parent is None]
        self.details = [each for each in collectors if each.parent is not None]
        self.lines: list[bytes] = []
        self.listed: list[ListingResult] = []
        self._detailed: set[tuple[type, str]] = set()

    async def run(self, regions: Sequence[str]) -> None:
        async with asyncio.TaskGroup() as group:
            for listing in self.listings:
                if listing.scope is Scope.ACCOUNT:
                    group.create_task(self._list(listing, self.account.home(), GLOBAL))
                    continue
                for region in regions:
                    group.create_task(self._list(listing, self.account.region(region), region))

    async def _list(self, listing: Collector, aws: RegionAccess, region: str) -> None:
        found: list[Line] = []
        gap = await _attempt(listing, aws, _drain(listing.run(aws), found))
        ended, session = datetime.now(UTC), self.account.credentials.arn
        listed = ListingResult(listing.fact.__name__, region, len(found), gap, ended, session)
        self.listed.append(listed)
        self.lines += [*(line for _, line in found), _encode(listed)]
        async with asyncio.TaskGroup() as group:
            for resource, _ in found:
                key = type(resource), resource.arn
                if resource.account_id == self.account.account_id and key not in self._detailed:
                    self._detailed.add(key)
                    group.create_task(self._describe(resource))

    async def _describe(self, resource: Resource) -> None:
        """Read the details of one resource, in its own region, each as soon as those that it takes were read."""
        aws = self.account.region(resource.region) if resource.region != GLOBAL else self.account.home()
        known: dict[FactType, asyncio.Future[Line]] = {}
        for each in self.details:
            if each.parent is type(resource):
                known[each.fact] = asyncio.ensure_future(self._read(each, aws, resource, known))
        if known:
            lines = [line for _, line in await asyncio.gather(*known.values())]
            self.lines += [*lines, _encode(DetailsRead(type(resource).__name__, resource.arn, datetime.now(UTC)))]

    async def _read(
        self, each: Collector, aws: RegionAccess, resource: Resource, known: dict[FactType, asyncio.Future[Line]]
    ) -> Line:
        taken = [(await known[kind])[0] for kind in each.takes]
        gap = next((fact.gap for fact in taken if isinstance(fact, DetailGap)), None)
        found: list[Line] = []
        gap = gap or await _attempt(each, aws, _keep(each.run(aws, resource, *taken), found))
        if gap is None:
            return found[0]
        missing = DetailGap(each.fact.__name__, resource.arn, gap)
        return missing, _encode(missing)


async def _drain(items: Any, into: list[Line]) -> None:  # noqa: ANN401 - an async generator of any resource
    """Keep the facts of a listing one by one, so that neither a gap nor a fact of a wrong type hides the others."""
    wrong: msgspec.ValidationError | None = None
    async for item in items:
        try:
            into.append(_checked(item))
        except msgspec.ValidationError as error:
            wrong = wrong or error
    if wrong is not None:
        raise wrong


async def _keep(reading: Any, into: list[Line]) -> None:  # noqa: ANN401 - a coroutine of any detail
    into.append(_checked(await reading))


_encode = msgspec.json.Encoder().encode
_decoder = cache(msgspec.json.Decoder)


def _checked(fact: msgspec.Struct) -> Line:
    """Return a fact as its line will be read again, and the line; raises ValidationError where a type is wrong.

    The SDK passes on any JSON that an answer holds, and a shard with such a fact could never be read again.
    """
    line = _encode(fact)
    return _decoder(type(fact)).decode(line), line


async def _attempt(collector: Collector, aws: RegionAccess, reading: Any) -> Gap | None:  # noqa: ANN401 - a coroutine
    """Run a collector and return why it could not read, or None. A listing keeps what it read before the gap."""
    try:
        await reading
    except NotSeenError as error:
        return error.gap
    except Exception as error:
        what = masked(f"{type(error).__name__}: {error}")
        log.error("%s failed in account %s, region %s: %s", collector.name, aws.account_id, aws.region, what)  # noqa: TRY400
        log.info("traceback of the error above", exc_info=True)
        lacking = isinstance(error, KeyError | ValueError | msgspec.ValidationError)
        reason = GapReason.MALFORMED if lacking else GapReason.DEFECT
        message = f"{collector.name} could not read the answer: {what}"
        return Gap(aws.account_id, aws.region, collector.actions[0], reason, message)
    return None
