"""One account in one region: paced and retried calls, whose failures are gaps. What collectors are given as `Aws`."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aiohttp import ClientError as HttpError
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from orgaudit.aws.actions import iam_action
from orgaudit.aws.answers import UnreadableAnswerError
from orgaudit.aws.credentials import CURRENT
from orgaudit.aws.failures import EXPIRED, UNKNOWN_TOKEN, Failure, Kind, Place, classify
from orgaudit.aws.masking import masked
from orgaudit.aws.pacing import Bucket
from orgaudit.model import GLOBAL, Gap, GapReason, Json, NotSeenError, parse_arn

if TYPE_CHECKING:
    from orgaudit.aws.access import AccountAccess

T = TypeVar("T")
log = logging.getLogger(__name__)

SDK_ERRORS = (BotoCoreError, ClientError, ResponseParserError, HttpError, OSError)
PARSER_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What the SDK's parsers raise when an answer has another shape than its model."""
LONGEST_PAUSE = 20.0
"""Seconds between two tries at the most."""
MOST_PAGES = 10_000
"""Pages of one listing at the most: with 20 things on AWS's smallest pages, more than quotas allow of any resource."""


@dataclass(slots=True)
class Traffic:
    """What was sent: attempts, those that AWS throttled, those that were tries after the first."""

    calls: int = 0
    throttles: int = 0
    retries: int = 0
    by_action: Counter[str] = field(default_factory=Counter)

    def add(self, other: Traffic) -> None:
        """Count what another worker sent."""
        self.calls += other.calls
        self.throttles += other.throttles
        self.retries += other.retries
        self.by_action += other.by_action


class _AbsentError(Exception):
    """What is listed is not there: AWS answered with a code that says so."""


class UndeclaredActionError(Exception):
    """A collector asked for an action that no collector declared, or that does not only read: a defect of ours."""


@dataclass(frozen=True, slots=True)
class _Route:
    """What a call to one operation needs, looked up once."""

    action: str
    method: Callable[..., Awaitable[dict[str, Any]]]
    bucket: Bucket


class RegionAccess:
    """One account in one region: what collectors are given as `Aws`."""

    def __init__(self, account: AccountAccess, region: str) -> None:
        self.account, self._region = account, region
        self._routes: dict[tuple[str, str], _Route] = {}
        self._answered = False
        self._refusal: str | None = None
        self._given_up: dict[str, Failure] = {}
        self._read: dict[tuple[object, ...], asyncio.Task[Any]] = {}

    @property
    def account_id(self) -> str:
        """Return the account in which calls are made."""
        return self.account.account_id

    @property
    def region(self) -> str:
        """Return the region to which calls go."""
        return self._region

    @property
    def partition(self) -> str:
        """Return the partition: aws, aws-cn, aws-us-gov …"""
        return self.account.access.caller.partition

    @property
    def refusal(self) -> str | None:
        """Return AWS's message where this region refused the session's keys and never accepted them, else None."""
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
        asked: set[str] = set()

        async def page(**each: Json) -> dict[str, Any]:
            request = repr(each)
            if request in asked or len(asked) == MOST_PAGES:
                raise NotSeenError(self._gap(route.action, _endless(len(asked), is_cycle=request in asked)))
            asked.add(request)
            answer = await self._send(service, operation, each, absent)
            if answer is None:
                raise _AbsentError
            return answer

        try:
            async for answer in self.account.access.clients.pages(page, service, self._region, operation, parameters):
                yield answer
        except _AbsentError:
            yield None
        except BotoCoreError as error:  # the same token twice in a row
            raise NotSeenError(self._gap(route.action, await self._classify(error, service))) from error

    async def at(self, arn: str, /) -> RegionAccess:
        """Return the same in the account and region of an ARN; raises NotSeenError outside the organization."""
        _, _, region, account_id, _ = parse_arn(arn)
        if account_id in {self.account_id, "", "aws"}:  # AWS's own policies are read from any account
            return self.account.region(region or self._region)
        return (await self.account.access.guest(account_id)).region(region or self._region)

    async def once(self, read: Callable[..., Awaitable[T]], /, *arguments: Json) -> T:
        """Return what `read(aws, *arguments)` returns, reading it only once for this account and region."""
        key = (read, *arguments)
        if key not in self._read:
            self._read[key] = self.account.access.reading(read(self, *arguments))
        found: T = await asyncio.shield(self._read[key])
        return found

    async def _reach(self, service: str, operation: str) -> _Route:
        route = self._routes.get((service, operation))
        if route is not None:
            return route
        try:
            return await self._route(service, operation)
        except SDK_ERRORS as error:  # a client cannot be made: no such endpoint, a broken CA bundle
            failure = await self._classify(error, service)
            raise NotSeenError(self._gap(iam_action(service, operation), failure)) from error

    async def _route(self, service: str, operation: str) -> _Route:
        action = iam_action(service, operation)
        access = self.account.access
        if action not in access.actions or not self.account.credentials.covers(action):
            raise UndeclaredActionError(f"{action} is not declared by any collector of this run")
        method = await access.clients.operation(service, self._region, operation)
        route = self._routes[service, operation] = _Route(action, method, self.account.bucket(action, self._region))
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
            # Neither parameters nor answers nor the error's text are logged: those of sts:AssumeRole are secrets.
            what = failure.code or failure.kind.name
            log.debug("%s in account %s, %s: %s", route.action, self.account_id, self._region, what)
            tried.append(failure.kind)
            self._learn(failure, service, route, tried)
            if not self._may_retry(failure, tried):
                raise NotSeenError(self._gap(route.action, failure))
            if failure.kind is Kind.EXPIRED:
                self.account.credentials.forget(CURRENT.get())
            else:
                await asyncio.sleep(_pause(failure, len(tried)))
            self.account.traffic.retries += 1
            self.account.access.traffic.retries += 1

    async def _attempt(self, route: _Route, parameters: Mapping[str, Json]) -> dict[str, Any]:
        access, account = self.account.access, self.account
        await route.bucket.acquire()
        # Before the slot is taken: renewing keys is a call of its own, and needs one too.
        keys = await account.credentials.frozen(route.action)
        async with access.slots:
            CURRENT.set(keys)
            account.traffic.calls += 1
            access.traffic.calls += 1
            access.traffic.by_action[route.action] += 1
            log.debug("%s in account %s, %s", route.action, self.account_id, self._region)
            try:
                answer = await route.method(**parameters)
            except PARSER_ERRORS as error:
                if isinstance(error, SDK_ERRORS):
                    raise
                raise UnreadableAnswerError(f"the SDK's parser failed on it: {type(error).__name__}") from error
        route.bucket.speed_up()
        self._answered = True
        return answer

    async def _classify(self, error: Exception, service: str) -> Failure:
        listed = await self.account.access.clients.regions_of(service)
        is_home = self._region == self.account.access.home_region
        place = Place(
            # What exists once in an account, or in the home region, is there whatever an endpoint answers; but a
            # service that the SDK lists elsewhere only, as Macie outside the partition aws, may be absent at home too.
            may_be_disabled=bool(listed) and not is_home and self.account.may_lack(self._region),
            may_lack_service=bool(listed) and not (is_home and self._region in listed),
            lists_service=self._region in listed,
        )
        return classify(error, place)

    def _learn(self, failure: Failure, service: str, route: _Route, tried: Sequence[Kind]) -> None:
        """Draw from a failure what concerns the calls that follow."""
        if failure.kind is Kind.THROTTLED:
            route.bucket.slow_down()
            self.account.traffic.throttles += 1
            self.account.access.traffic.throttles += 1
        if failure.code in UNKNOWN_TOKEN:
            self._refusal = failure.message
        if failure.code and failure.kind is not Kind.EXPIRED:
            self._answered = True
        # A region from which nothing ever came is given up whole, so that its time-outs are waited for once.
        # STS stays: every other account is entered through it.
        if tried.count(Kind.NO_CONNECTION) > 1 and service != "sts":
            self._given_up[service if self._answered else GLOBAL] = failure

    def _may_retry(self, failure: Failure, tried: Sequence[Kind]) -> bool:
        if failure.kind is Kind.NO_CONNECTION:
            return tried.count(failure.kind) == 1
        if failure.kind is Kind.EXPIRED:
            # A region that has never taken the keys is not enabled; new ones would not help.
            return tried.count(failure.kind) == 1 and (failure.code in EXPIRED or self._answered)
        return failure.kind is not Kind.FINAL and len(tried) < self.account.access.run.attempts

    def _refuse_given_up(self, service: str, route: _Route) -> None:
        if not self._given_up:
            return
        failure = self._given_up.get(service) or self._given_up.get(GLOBAL)
        if failure is not None:
            raise NotSeenError(self._gap(route.action, failure))

    def _gap(self, action: str, failure: Failure) -> Gap:
        keys, external_id = CURRENT.get(), self.account.access.settings.external_id
        known = (external_id, keys.secret_key, keys.token) if keys else (external_id,)
        return Gap(self.account_id, self._region, action, failure.reason, masked(failure.message, known))


def _endless(pages: int, *, is_cycle: bool) -> Failure:
    why = "AWS gave the token of a page that it had given before" if is_cycle else "there was always another page"
    message = f"the listing has no end: {why}, after {pages} pages"
    return Failure(Kind.FINAL, GapReason.MALFORMED, message)


def _pause(failure: Failure, attempt: int) -> float:
    base = 0.5 if failure.kind is Kind.THROTTLED else 0.1
    return random.uniform(0.5, 1) * min(base * 2.0 ** (attempt - 1), LONGEST_PAUSE)  # noqa: S311 - jitter, no secret
