"""One account and its regions: paced and retried calls, whose failures are gaps. Collectors see a region as `Aws`."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

from aiohttp import ClientError as HttpError
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from orgaudit.aws.actions import iam_action
from orgaudit.aws.answers import UnreadableAnswerError
from orgaudit.aws.credentials import CURRENT, Credentials
from orgaudit.aws.failures import EXPIRED, UNKNOWN_TOKEN, Failure, IncompleteAnswerError, Kind, Place, classify
from orgaudit.aws.masking import masked
from orgaudit.aws.pacing import TokenBucket
from orgaudit.aws.transport import Traffic, Transport
from orgaudit.model import GLOBAL, Gap, GapReason, Json, NotSeenError, is_opt_in, parse_arn
from orgaudit.settings.limits import Per

T = TypeVar("T")
log = logging.getLogger(__name__)

SDK_ERRORS = (BotoCoreError, ClientError, ResponseParserError, HttpError, OSError)
PARSER_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What the SDK's parsers raise when an answer has another shape than its model."""
LONGEST_PAUSE = 20.0
"""The longest pause between two attempts, in seconds."""
MOST_PAGES = 50_000
"""The most pages of one listing: a million items at 20 a page, more than quotas allow where pages are that small."""
KEPT_READINGS = 1024
"""How many of the readings that are about one thing each stay for those that ask for the same again soon."""


class _AbsentError(Exception):
    """AWS answered with a code by which the collector knows that there is nothing to list."""


class UndeclaredActionError(Exception):
    """A collector called an action that no collector declared, or that does not only read: a defect of orgaudit."""


@dataclass(frozen=True, slots=True)
class _Route:
    """What a call to one operation needs, looked up once."""

    action: str
    method: Callable[..., Awaitable[dict[str, Any]]]
    bucket: TokenBucket


class AccountAccess:
    """One account: its credentials, its rates and its regions.

    `disabled_regions` are those that AWS lists as such, None before it was asked; `member` returns another account of
    the organization.
    """

    def __init__(self, transport: Transport, account_id: str, credentials: Credentials, member: Member) -> None:
        self.transport, self.account_id, self.credentials, self.member = transport, account_id, credentials, member
        self.disabled_regions: frozenset[str] | None = None
        self.traffic = Traffic()
        self._regions: dict[str, RegionAccess] = {}
        self._buckets: dict[str, TokenBucket] = {}

    def region(self, name: str) -> RegionAccess:
        """Return the account in one region."""
        if name not in self._regions:
            self._regions[name] = RegionAccess(self, name)
        return self._regions[name]

    def home(self) -> RegionAccess:
        """Return the account in the region where its partition's global services are called."""
        return self.region(self.transport.home_region)

    def may_lack(self, region: str) -> bool:
        """Return whether the account may not have enabled a region.

        AWS's own list of the account's regions decides, once it was read; before, only opt-in regions may be disabled.
        """
        return is_opt_in(region) if self.disabled_regions is None else region in self.disabled_regions

    def bucket(self, action: str, region: str) -> TokenBucket:
        """Return the bucket that paces an IAM action in a region."""
        limit = self.transport.limits.for_action(*action.split(":", 1))
        buckets = self.transport.buckets if limit.scope is Per.ORGANIZATION else self._buckets
        key = f"{limit.key}@{region}" if limit.scope is Per.ACCOUNT_REGION else limit.key
        return buckets.setdefault(key, TokenBucket(limit.rate, limit.burst))


Member: TypeAlias = Callable[[str], Awaitable[AccountAccess]]


class RegionAccess:
    """One account in one region: what collectors are given as `Aws`."""

    def __init__(self, account: AccountAccess, region: str) -> None:
        self.account, self.region = account, region
        self.account_id, self._transport = account.account_id, account.transport
        self._traffic = account.traffic, account.transport.traffic
        self._routes: dict[tuple[str, str], _Route] = {}
        self._answered = False
        self._refusal: str | None = None
        self._given_up: dict[str, Failure] = {}
        self._read: dict[tuple[object, ...], asyncio.Task[Any]] = {}
        self._read_of: dict[tuple[object, ...], asyncio.Task[Any]] = {}

    @property
    def partition(self) -> str:
        """The partition: aws, aws-cn, aws-us-gov …"""
        return self._transport.caller.partition

    @property
    def refusal(self) -> str | None:
        """AWS's message where this region rejected the session's keys and never accepted them, else None."""
        return None if self._answered else self._refusal

    async def call(self, service: str, operation: str, /, **parameters: Json) -> dict[str, Any]:
        """Return the answer to one call; raises NotSeenError when there is none."""
        answer = await self._send(service, operation, parameters, ())
        assert answer is not None  # noqa: S101 - only absent codes give None, and none are named
        return answer

    async def find(
        self, service: str, operation: str, absent: Sequence[str], /, **parameters: Json
    ) -> dict[str, Any] | None:
        """Return the answer to one call, or None where AWS answers with one of the error codes in `absent`."""
        return await self._send(service, operation, parameters, absent)

    def pages(self, service: str, operation: str, /, **parameters: Json) -> AsyncIterator[dict[str, Any]]:
        """Yield the answer page by page; raises NotSeenError where a page is missing, or where there is no end."""
        return cast("AsyncIterator[dict[str, Any]]", self._pages(service, operation, parameters, ()))

    def find_pages(
        self, service: str, operation: str, absent: Sequence[str], /, **parameters: Json
    ) -> AsyncIterator[dict[str, Any] | None]:
        """Yield the answer page by page; None at last where AWS answers with one of the error codes in `absent`."""
        return self._pages(service, operation, parameters, absent)

    async def _pages(
        self, service: str, operation: str, parameters: Mapping[str, Json], absent: Sequence[str]
    ) -> AsyncIterator[dict[str, Any] | None]:
        route = await self._reach(service, operation)
        # Numbers, because page tokens can be kilobytes long.
        asked: set[int] = set()

        async def page(**each: Json) -> dict[str, Any]:
            request = hash(repr(each))
            if request in asked or len(asked) == MOST_PAGES:
                raise NotSeenError(self._gap(route.action, _endless(len(asked), is_cycle=request in asked)))
            asked.add(request)
            answer = await self._send(service, operation, each, absent)
            if answer is None:
                raise _AbsentError
            return answer

        try:
            async for answer in self._transport.clients.pages(page, service, self.region, operation, parameters):
                yield answer
        except _AbsentError:
            yield None
        except BotoCoreError as error:  # the same token twice in a row
            raise NotSeenError(self._gap(route.action, await self._classify(error, service))) from error

    async def at(self, arn: str, /) -> RegionAccess:
        """Return the access to the account and region of an ARN; raises NotSeenError outside the organization."""
        _, _, region, account_id, _ = parse_arn(arn)
        if account_id in {self.account_id, "", "aws"}:  # every account can read AWS's managed policies
            return self.account.region(region or self.region)
        return (await self.account.member(account_id)).region(region or self.region)

    async def once(self, read: Callable[..., Awaitable[T]], /, *arguments: Json) -> T:
        """Return what `read(aws, *arguments)` returns, reading it only once for this account and region.

        What is read with arguments is forgotten after KEPT_READINGS others, and then read again where it is asked for.
        """
        key = (read, *arguments)
        kept = self._read_of if arguments else self._read
        if key not in kept:
            kept[key] = self._transport.start(read(self, *arguments))
            if len(kept) > KEPT_READINGS:
                del kept[next(iter(kept))]  # who waits for it has the task
        found: T = await asyncio.shield(kept[key])
        return found

    async def _reach(self, service: str, operation: str) -> _Route:
        route = self._routes.get((service, operation))
        if route is not None:
            return route
        try:
            return await self._route(service, operation)
        except SDK_ERRORS as error:  # the client cannot be created: no such endpoint, a broken CA bundle
            failure = await self._classify(error, service)
            raise NotSeenError(self._gap(iam_action(service, operation), failure)) from error

    async def _route(self, service: str, operation: str) -> _Route:
        action = iam_action(service, operation)
        if action not in self._transport.actions or not self.account.credentials.covers(action):
            raise UndeclaredActionError(f"{action} is not declared by any collector of this run")
        method = await self._transport.clients.operation(service, self.region, operation)
        route = self._routes[service, operation] = _Route(action, method, self.account.bucket(action, self.region))
        return route

    async def _send(
        self, service: str, operation: str, parameters: Mapping[str, Json], absent: Sequence[str]
    ) -> dict[str, Any] | None:
        route = await self._reach(service, operation)
        tried: list[Kind] = []
        while True:
            self._refuse_given_up(service, route)
            try:
                return await self._attempt(route, parameters)
            except SDK_ERRORS as error:
                if isinstance(error, ClientError) and error.response.get("Error", {}).get("Code") in absent:
                    self._answered = True
                    return None
                failure = await self._classify(error, service)
            # Parameters, answers and the error's text are not logged: those of sts:AssumeRole are secrets.
            what = failure.code or failure.kind.name
            log.debug("%s in account %s, %s: %s", route.action, self.account_id, self.region, what)
            tried.append(failure.kind)
            self._learn(failure, service, route, tried)
            if not self._may_retry(failure, tried):
                raise NotSeenError(self._gap(route.action, failure))
            if failure.kind is Kind.EXPIRED:
                self.account.credentials.forget(CURRENT.get())
            else:
                await asyncio.sleep(_pause(failure, len(tried)))
            for traffic in self._traffic:
                traffic.retries += 1
                traffic.retries_by_action[route.action] += 1

    async def _attempt(self, route: _Route, parameters: Mapping[str, Json]) -> dict[str, Any]:
        await route.bucket.acquire()
        # Before the slot is taken: renewing keys is a call of its own, which needs a slot too.
        keys = await self.account.credentials.frozen(route.action)
        async with self._transport.slots:
            CURRENT.set(keys)
            for traffic in self._traffic:
                traffic.calls += 1
                traffic.by_action[route.action] += 1
            log.debug("%s in account %s, %s", route.action, self.account_id, self.region)
            # The SDK's time-out is one of each read, so an answer that comes byte by byte would never end.
            within = asyncio.timeout(self._transport.longest_call)
            try:
                async with within:
                    answer = await route.method(**parameters)
            except TimeoutError as error:
                if not within.expired():
                    raise
                raise IncompleteAnswerError(seconds=self._transport.longest_call) from error
            except PARSER_ERRORS as error:
                if isinstance(error, SDK_ERRORS):
                    raise
                raise UnreadableAnswerError(f"the SDK's parser failed on it: {type(error).__name__}") from error
        route.bucket.speed_up()
        self._answered = True
        return answer

    async def _classify(self, error: Exception, service: str) -> Failure:
        listed = await self._transport.clients.regions_of(service)
        is_home = self.region == self._transport.home_region
        place = Place(
            # What exists once in an account, or in the home region, exists whatever an endpoint answers; but a service
            # that the SDK lists in other regions only, as Macie outside the partition aws, may be absent there too.
            may_be_disabled=bool(listed) and not is_home and self.account.may_lack(self.region),
            may_lack_service=bool(listed) and not (is_home and self.region in listed),
            lists_service=self.region in listed,
        )
        return classify(error, place)

    def _learn(self, failure: Failure, service: str, route: _Route, tried: Sequence[Kind]) -> None:
        """Note what a failure means for the calls that follow."""
        if failure.kind is Kind.THROTTLED:
            route.bucket.slow_down()
            for traffic in self._traffic:
                traffic.throttles += 1
                traffic.throttles_by_action[route.action] += 1
        if failure.code in UNKNOWN_TOKEN:
            self._refusal = failure.message
        if failure.code and failure.kind is not Kind.EXPIRED:
            self._answered = True
        # A region that never answered is given up for every service, so that its time-outs are waited for once. STS is
        # not given up: the roles of all accounts are assumed there.
        if tried.count(Kind.NO_CONNECTION) > 1 and service != "sts":
            self._given_up[service if self._answered else GLOBAL] = failure

    def _may_retry(self, failure: Failure, tried: Sequence[Kind]) -> bool:
        if failure.kind is Kind.NO_CONNECTION:
            return tried.count(failure.kind) == 1
        if failure.kind is Kind.EXPIRED:
            # A region that has never accepted the keys is not enabled; new ones would not help.
            return tried.count(failure.kind) == 1 and (failure.code in EXPIRED or self._answered)
        return failure.kind is not Kind.FINAL and len(tried) < self._transport.attempts

    def _refuse_given_up(self, service: str, route: _Route) -> None:
        if failure := self._given_up.get(service) or self._given_up.get(GLOBAL):
            raise NotSeenError(self._gap(route.action, failure))

    def _gap(self, action: str, failure: Failure) -> Gap:
        keys, external_id = CURRENT.get(), self._transport.external_id
        known = (external_id, keys.secret_key, keys.token) if keys else (external_id,)
        return Gap(self.account_id, self.region, action, failure.reason, masked(failure.message, known))


def _endless(pages: int, *, is_cycle: bool) -> Failure:
    why = "AWS returned a page token that it had returned before" if is_cycle else "each page was followed by another"
    message = f"the listing does not end: {why}, after {pages} pages"
    return Failure(Kind.FINAL, GapReason.MALFORMED, message)


def _pause(failure: Failure, attempt: int) -> float:
    base = 0.5 if failure.kind is Kind.THROTTLED else 0.1
    return random.uniform(0.5, 1) * min(base * 2.0 ** (attempt - 1), LONGEST_PAUSE)  # noqa: S311 - jitter, no secret
