"""Access: read-only calls in many accounts, paced, retried and narrowed, and every failure a gap with its reason."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Any, Self, TypeVar
from weakref import WeakValueDictionary

from aiohttp import ClientError as HttpError
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from orgaudit.aws.actions import iam_action, is_read, session_policy
from orgaudit.aws.clients import GLOBAL_REGIONS, Clients
from orgaudit.aws.credentials import CURRENT, AssumedCredentials, Credentials
from orgaudit.aws.failures import EXPIRED, Failure, Kind, classify
from orgaudit.aws.pacing import Bucket
from orgaudit.errors import AccessError
from orgaudit.model import GLOBAL, Gap, GapReason, Json, NotSeenError, parse_arn
from orgaudit.settings import AccessSettings, Limits, Per, RunSettings
from orgaudit.store.manifest import Caller

T = TypeVar("T")
log = logging.getLogger(__name__)

SDK_ERRORS = (BotoCoreError, ClientError, ResponseParserError, HttpError, OSError)
PARSER_ERRORS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What the SDK's parsers raise when an answer has another shape than its model."""
LONGEST_PAUSE = 20.0
"""Seconds between two tries at the most."""
OWN_ACTIONS = frozenset({"sts:GetCallerIdentity", "sts:AssumeRole"})


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


class UndeclaredActionError(Exception):
    """A collector asked for an action that no collector declared, or that does not only read: a defect of ours."""


class Access:
    """The way into every account. Use as an async context manager; raises AccessError without an identity.

    `actions` are the IAM actions that may be sent; `known_accounts` those whose roles may be assumed, or None for any.
    """

    def __init__(
        self,
        settings: AccessSettings,
        run: RunSettings,
        limits: Limits,
        *,
        actions: Sequence[str],
        profile: str | None = None,
    ) -> None:
        self.settings, self.run, self.limits = settings, run, limits
        self.actions = frozenset(actions) | OWN_ACTIONS
        if writing := sorted(action for action in self.actions - OWN_ACTIONS if not is_read(action)):
            raise UndeclaredActionError(f"not read actions: {', '.join(writing)}")
        self.clients = Clients(
            profile=profile,
            connect_timeout=run.connect_timeout,
            read_timeout=run.read_timeout,
            connections=run.concurrent_calls,
        )
        self.slots = asyncio.Semaphore(run.concurrent_calls)
        self.traffic = Traffic()
        self.known_accounts: frozenset[str] | None = None
        self._shared_buckets: dict[str, Bucket] = {}
        self._doors: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._entered: WeakValueDictionary[str, AccountAccess] = WeakValueDictionary()
        self._guests: dict[str, AccountAccess | Gap] = {}
        self._readings: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        await self.clients.__aenter__()
        try:
            self.caller = await self._identify()
        except BaseException:
            await self.clients.__aexit__(None, None, None)
            raise
        self._own = AccountAccess(self, self.caller.account_id, self.clients.caller)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for reading in self._readings:
            reading.cancel()
        await asyncio.gather(*self._readings, return_exceptions=True)
        await self.clients.__aexit__(kind, error, trace)

    @property
    def home_region(self) -> str:
        """Return the default-enabled region where global services and STS are asked."""
        return GLOBAL_REGIONS.get(self.caller.partition, self.clients.home_region or "us-east-1")

    @property
    def sts_region(self) -> str:
        """Return the region of the one STS endpoint at which every role is assumed."""
        return self.settings.sts_region or self.home_region

    def as_caller(self) -> AccountAccess:
        """Return the caller's own account, entered with the caller's own credentials."""
        return self._own

    async def enter(self, account_id: str) -> AccountAccess:
        """Return an account that the role lets us into; raises NotSeenError with an ACCOUNT_UNAVAILABLE gap.

        Whoever enters an account while it is in use gets the same object, so that its pacing and its keys are shared.
        """
        async with self._doors[account_id]:
            entered = self._entered.get(account_id)
            if entered is None:
                entered = await self._open(account_id)
                self._entered[account_id] = entered
        return entered

    async def _open(self, account_id: str) -> AccountAccess:
        if account_id == self.caller.account_id:
            return AccountAccess(self, account_id, self.clients.caller)
        role = f"arn:{self.caller.partition}:iam::{account_id}:role/{self.settings.role_name}"
        entered = self.with_role(role)
        await entered.credentials.frozen()
        return entered

    def with_role(self, role_arn: str) -> AccountAccess:
        """Return the account of a role, to be entered by assuming it at the first call."""
        account_id = parse_arn(role_arn)[3]
        lifetime = self.settings.session_minutes
        if ":assumed-role/" in self.caller.arn:
            lifetime = min(lifetime, 60)  # AWS caps a chained session at one hour
        duration = timedelta(minutes=lifetime)
        return AccountAccess(
            self, account_id, AssumedCredentials(lambda: self._assume(role_arn, account_id, duration), duration)
        )

    async def guest(self, account_id: str) -> AccountAccess:
        """Return an account that another one's resources point to; raises NotSeenError outside the organization."""
        if self.known_accounts is not None and account_id not in self.known_accounts:
            message = f"account {account_id} is not part of the organization"
            raise NotSeenError(Gap(account_id, GLOBAL, "sts:AssumeRole", GapReason.ACCOUNT_UNAVAILABLE, message))
        found = self._guests.get(account_id)
        if found is None:
            found = self._guests[account_id] = await self._invite(account_id)
        if isinstance(found, Gap):
            raise NotSeenError(found)
        return found

    async def _invite(self, account_id: str) -> AccountAccess | Gap:
        """Enter an account for good, or return why it is shut; what may pass, such as a throttle, is raised."""
        try:
            return await self.enter(account_id)
        except NotSeenError as error:
            if error.gap.reason is not GapReason.ACCOUNT_UNAVAILABLE:
                raise
            return error.gap

    def reading(self, read: Awaitable[T]) -> asyncio.Task[T]:
        """Start what several tasks wait for; it outlives those that are cancelled, but not this access."""
        task = asyncio.ensure_future(read)
        self._readings.add(task)
        task.add_done_callback(self._read)
        return task

    def _read(self, task: asyncio.Task[Any]) -> None:
        self._readings.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved, though nobody may be waiting any more

    def shared_bucket(self, key: str, rate: float, burst: float) -> Bucket:
        """Return the bucket of a rate that the whole run shares."""
        return self._shared_buckets.setdefault(key, Bucket(rate, burst))

    async def _identify(self) -> Caller:
        region = self.clients.home_region or "us-east-1"
        self.caller = Caller("", "", "aws")
        try:
            answer = await AccountAccess(self, "", self.clients.caller).region(region).call("sts", "GetCallerIdentity")
        except NotSeenError as error:
            raise AccessError(f"cannot tell who is calling: {error.gap.message}") from error
        return Caller(answer["Account"], answer["Arn"], parse_arn(answer["Arn"])[0])

    async def _assume(self, role_arn: str, account_id: str, duration: timedelta) -> dict[str, Any]:
        parameters: dict[str, Any] = {
            "RoleArn": role_arn,
            "RoleSessionName": self.settings.session_name,
            "DurationSeconds": int(duration.total_seconds()),
        }
        if self.settings.external_id:
            parameters["ExternalId"] = self.settings.external_id
        if self.settings.narrow_sessions:
            parameters["Policy"] = json.dumps(session_policy(self.actions - OWN_ACTIONS), separators=(",", ":"))
        try:
            answer = await self.as_caller().region(self.sts_region).call("sts", "AssumeRole", **parameters)
        except NotSeenError as error:
            gap = error.gap
            reason = GapReason.ACCOUNT_UNAVAILABLE if gap.reason in _REFUSALS else gap.reason
            message = f"cannot assume {role_arn}: {gap.message}"
            raise NotSeenError(Gap(account_id, GLOBAL, "sts:AssumeRole", reason, message)) from error
        credentials: dict[str, Any] | None = answer.get("Credentials")
        if credentials is None or not credentials.keys() >= _KEYS:
            message = f"cannot assume {role_arn}: the answer holds no credentials"
            raise NotSeenError(Gap(account_id, GLOBAL, "sts:AssumeRole", GapReason.MALFORMED, message))
        return credentials


_KEYS = frozenset({"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"})
_REFUSALS = frozenset({GapReason.DENIED, GapReason.SCP_DENIED, GapReason.DEFECT, GapReason.REGION_DISABLED})


class AccountAccess:
    """One account: its credentials, its buckets, and what has been given up in it."""

    def __init__(self, access: Access, account_id: str, credentials: Credentials) -> None:
        self.access, self.account_id, self.credentials = access, account_id, credentials
        self.enabled_regions: frozenset[str] | None = None
        self.traffic = Traffic()
        self._regions: dict[str, RegionAccess] = {}
        self._buckets: dict[str, Bucket] = {}

    def region(self, name: str) -> RegionAccess:
        """Return the account as seen in one region."""
        if name not in self._regions:
            self._regions[name] = RegionAccess(self, name)
        return self._regions[name]

    def home(self) -> RegionAccess:
        """Return the account in the region where its partition's global services are signed for."""
        return self.region(self.access.home_region)

    def bucket(self, action: str, region: str) -> Bucket:
        """Return the bucket from which calls of an IAM action in a region are paid."""
        limit = self.access.limits.for_action(*action.split(":", 1))
        if limit.scope is Per.ORGANIZATION:
            return self.access.shared_bucket(limit.key, limit.rate, limit.burst)
        key = f"{limit.key}@{region}" if limit.scope is Per.ACCOUNT_REGION else limit.key
        return self._buckets.setdefault(key, Bucket(limit.rate, limit.burst))


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

    async def pages(self, service: str, operation: str, /, **parameters: Json) -> AsyncIterator[dict[str, Any]]:
        """Yield the answer page by page."""
        route = await self._reach(service, operation)

        async def page(**each: Json) -> dict[str, Any]:
            return await self.call(service, operation, **each)

        try:
            async for answer in self.account.access.clients.pages(page, service, self._region, operation, parameters):
                yield answer
        except BotoCoreError as error:  # the same token twice: AWS would never come to an end
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
        if action not in access.actions:
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
        keys = await account.credentials.frozen()
        async with access.slots:
            CURRENT.set(keys)
            account.traffic.calls += 1
            access.traffic.calls += 1
            access.traffic.by_action[route.action] += 1
            try:
                answer = await route.method(**parameters)
            except PARSER_ERRORS as error:
                if isinstance(error, SDK_ERRORS):
                    raise
                raise ResponseParserError(f"{type(error).__name__}: {error}") from error
        route.bucket.speed_up()
        self._answered = True
        return answer

    async def _classify(self, error: Exception, service: str) -> Failure:
        enabled = self.account.enabled_regions
        return classify(
            error,
            region_is_enabled=enabled is not None and self._region in enabled,
            service_is_listed=await self.account.access.clients.lists(service, self._region),
        )

    def _learn(self, failure: Failure, service: str, route: _Route, tried: Sequence[Kind]) -> None:
        """Draw from a failure what concerns the calls that follow."""
        if failure.kind is Kind.THROTTLED:
            route.bucket.slow_down()
            self.account.traffic.throttles += 1
            self.account.access.traffic.throttles += 1
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
        return Gap(self.account_id, self._region, action, failure.reason, failure.message)


def _pause(failure: Failure, attempt: int) -> float:
    base = 0.5 if failure.kind is Kind.THROTTLED else 0.1
    return random.uniform(0.5, 1) * min(base * 2.0 ** (attempt - 1), LONGEST_PAUSE)  # noqa: S311 - jitter, no secret
