"""Access: read-only calls in many accounts, paced, retried and narrowed, and every failure a gap with its reason."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Sequence
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar
from weakref import WeakValueDictionary

import msgspec

from orgaudit.aws.actions import SessionGroup, is_read
from orgaudit.aws.clients import Clients
from orgaudit.aws.credentials import AssumedRole, Credentials
from orgaudit.aws.pacing import Bucket
from orgaudit.aws.region import RegionAccess, Traffic, UndeclaredActionError
from orgaudit.aws.sessions import PolicyTooLargeError, RoleSessions, SessionPlan
from orgaudit.errors import AccessError
from orgaudit.model import GLOBAL, GLOBAL_REGIONS, Caller, Gap, GapReason, NotSeenError, is_opt_in, parse_arn
from orgaudit.settings.identifiers import AnsweredAccountId
from orgaudit.settings.limits import Limits, Per
from orgaudit.settings.sections import AccessSettings, RunSettings

T = TypeVar("T")
log = logging.getLogger(__name__)

WHO_AM_I, ASSUME_ROLE = "sts:GetCallerIdentity", "sts:AssumeRole"
OWN_ACTIONS = frozenset({WHO_AM_I, ASSUME_ROLE})


class Access:
    """The way into every account. Use as an async context manager; raises AccessError without an identity.

    `actions` are the IAM actions that may be sent in accounts, `organization` those that may be sent to read the
    organization; `known_accounts` are those whose roles may be assumed, or None for any.
    """

    def __init__(
        self,
        settings: AccessSettings,
        run: RunSettings,
        limits: Limits,
        *,
        actions: Sequence[str],
        organization: Sequence[str] = (),
        profile: str | None = None,
    ) -> None:
        self.settings, self.run, self.limits = settings, run, limits
        self.actions = frozenset((*actions, *organization)) | OWN_ACTIONS
        narrow = settings.narrow_sessions
        self._plan = SessionPlan(actions, narrow=narrow)
        self._plan_of_reader = SessionPlan(organization or actions, narrow=narrow)
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
            self.clients.caller.arn = self.caller.arn
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
        await entered.credentials.frozen(WHO_AM_I)
        return entered

    def reader(self, role_arn: str | None) -> RegionAccess:
        """Return where the organization is read: through a role that was named for it, or as the caller."""
        return (self.with_role(role_arn, self._plan_of_reader) if role_arn else self.as_caller()).home()

    def with_role(self, role_arn: str, plan: SessionPlan | None = None) -> AccountAccess:
        """Return the account of a role, to be entered by assuming it at the first call."""
        account_id = parse_arn(role_arn)[3]
        lifetime = self.settings.session_minutes
        if ":assumed-role/" in self.caller.arn:
            lifetime = min(lifetime, 60)  # AWS caps a chained session at one hour
        duration = timedelta(minutes=lifetime)
        assume = partial(self._assume, role_arn, duration)
        return AccountAccess(self, account_id, RoleSessions(plan or self._plan, assume, duration))

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
            found = msgspec.convert(answer, _Identity)
            return Caller(found.account, found.arn, parse_arn(found.arn)[0])
        except NotSeenError as error:
            raise AccessError(f"cannot tell who is calling: {error.gap.message}") from error
        except (msgspec.ValidationError, ValueError) as error:
            raise AccessError(
                f"cannot tell who is calling: {WHO_AM_I} answered without an identity: {error}"
            ) from error

    async def _assume(self, role_arn: str, duration: timedelta, group: SessionGroup) -> AssumedRole:
        """Assume a role for a group of actions; raises PolicyTooLargeError and NotSeenError."""
        account_id = parse_arn(role_arn)[3]
        parameters: dict[str, Any] = {
            "RoleArn": role_arn,
            "RoleSessionName": self.settings.session_name,
            "DurationSeconds": int(duration.total_seconds()),
        }
        if self.settings.external_id:
            parameters["ExternalId"] = self.settings.external_id
        if self.settings.narrow_sessions:
            parameters["Policy"] = group.policy
        try:
            answer = await self.as_caller().region(self.sts_region).call("sts", "AssumeRole", **parameters)
        except NotSeenError as error:
            gap = error.gap
            reason = GapReason.ACCOUNT_UNAVAILABLE if gap.reason in _REFUSALS else gap.reason
            refusal = Gap(account_id, GLOBAL, ASSUME_ROLE, reason, f"cannot assume {role_arn}: {gap.message}")
            if PACKED_TOO_LARGE in gap.message:
                raise PolicyTooLargeError(group, refusal) from error
            raise NotSeenError(refusal) from error
        try:
            return msgspec.convert(answer, AssumedRole)
        except (msgspec.ValidationError, ValueError) as error:
            message = f"cannot assume {role_arn}: the answer holds no credentials: {error}"
            raise NotSeenError(Gap(account_id, GLOBAL, ASSUME_ROLE, GapReason.MALFORMED, message)) from error


class _Identity(msgspec.Struct, rename="pascal"):
    account: AnsweredAccountId
    arn: str


PACKED_TOO_LARGE = "PackedPolicyTooLarge"
_REFUSALS = frozenset({GapReason.DENIED, GapReason.SCP_DENIED, GapReason.DEFECT, GapReason.REGION_DISABLED})


class AccountAccess:
    """One account: its credentials, its buckets, and what has been given up in it."""

    def __init__(self, access: Access, account_id: str, credentials: Credentials) -> None:
        self.access, self.account_id, self.credentials = access, account_id, credentials
        self.disabled_regions: frozenset[str] | None = None
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

    def may_lack(self, region: str) -> bool:
        """Return whether the region may be one that this account has not enabled.

        AWS's own list of the account's regions decides, once it was read; before, only opt-in regions may be.
        """
        return is_opt_in(region) if self.disabled_regions is None else region in self.disabled_regions

    def bucket(self, action: str, region: str) -> Bucket:
        """Return the bucket from which calls of an IAM action in a region are paid."""
        limit = self.access.limits.for_action(*action.split(":", 1))
        if limit.scope is Per.ORGANIZATION:
            return self.access.shared_bucket(limit.key, limit.rate, limit.burst)
        key = f"{limit.key}@{region}" if limit.scope is Per.ACCOUNT_REGION else limit.key
        return self._buckets.setdefault(key, Bucket(limit.rate, limit.burst))
