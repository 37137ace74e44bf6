"""The way into every account: who calls, which role is assumed where, and which accounts may be reached."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from types import TracebackType
from typing import Any, Self
from weakref import WeakValueDictionary

import msgspec

from orgaudit.aws.account import AccountAccess, RegionAccess, UndeclaredActionError
from orgaudit.aws.actions import SessionGroup, is_read
from orgaudit.aws.credentials import AssumedRole, Credentials
from orgaudit.aws.sessions import PolicyTooLargeError, RoleSessions, SessionPlan
from orgaudit.aws.transport import Transport
from orgaudit.errors import AccessError
from orgaudit.model import GLOBAL, Caller, Gap, GapReason, NotSeenError, parse_arn
from orgaudit.settings.identifiers import AnsweredAccountId
from orgaudit.settings.limits import Limits
from orgaudit.settings.sections import AccessSettings, RunSettings

WHO_AM_I, ASSUME_ROLE = "sts:GetCallerIdentity", "sts:AssumeRole"
OWN_ACTIONS = frozenset({WHO_AM_I, ASSUME_ROLE})
PACKED_TOO_LARGE = "PackedPolicyTooLarge"
LONGEST_CHAINED_SESSION = 60
"""The most minutes of a role's session that another role's session opened:
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining"""
_REFUSALS = frozenset({GapReason.DENIED, GapReason.SCP_DENIED, GapReason.DEFECT, GapReason.REGION_DISABLED})


class Access:
    """The way into every account; an async context manager, which raises AccessError without an identity.

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
        self.settings, self.limits = settings, limits
        allowed = frozenset((*actions, *organization))
        if writing := sorted(action for action in allowed - OWN_ACTIONS if not is_read(action)):
            raise UndeclaredActionError(f"not read actions: {', '.join(writing)}")
        narrow = settings.narrow_sessions
        self._plan = SessionPlan(actions, narrow=narrow)
        self._organization_plan = SessionPlan(organization or actions, narrow=narrow)
        self.transport = Transport(run, limits, allowed | OWN_ACTIONS, settings.external_id, profile)
        self.clients, self.traffic = self.transport.clients, self.transport.traffic
        self.known_accounts: frozenset[str] | None = None
        self._locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._entered: WeakValueDictionary[str, AccountAccess] = WeakValueDictionary()
        self._members: dict[str, AccountAccess | Gap] = {}

    async def __aenter__(self) -> Self:
        await self.transport.__aenter__()
        try:
            self.transport.caller = await self._identify()
        except BaseException:
            await self.transport.__aexit__(None, None, None)
            raise
        self.clients.caller.arn = self.caller.arn
        self._own = self._account(self.caller.account_id, self.clients.caller)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.transport.__aexit__(kind, error, trace)

    @property
    def caller(self) -> Caller:
        """The identity that calls, as AWS names it."""
        return self.transport.caller

    @property
    def home_region(self) -> str:
        """The default-enabled region where global services and STS are called."""
        return self.transport.home_region

    def _account(self, account_id: str, credentials: Credentials) -> AccountAccess:
        return AccountAccess(self.transport, account_id, credentials, self.member)

    def as_caller(self) -> AccountAccess:
        """Return the caller's own account, with the caller's own credentials."""
        return self._own

    async def enter(self, account_id: str) -> AccountAccess:
        """Return an account whose role was assumed; raises NotSeenError with an ACCOUNT_UNAVAILABLE gap.

        An account that is already in use is the same object, so that its rates and its keys are shared.
        """
        async with self._locks[account_id]:
            entered = self._entered.get(account_id)
            if entered is None:
                entered = await self._enter(account_id)
                self._entered[account_id] = entered
        return entered

    async def _enter(self, account_id: str) -> AccountAccess:
        if account_id == self.caller.account_id:
            return self._account(account_id, self.clients.caller)
        role = f"arn:{self.caller.partition}:iam::{account_id}:role/{self.settings.role_name}"
        entered = self.with_role(role)
        await entered.credentials.frozen(WHO_AM_I)
        return entered

    def reader(self, role_arn: str | None) -> RegionAccess:
        """Return where the organization is read: with a role that was named for it, or as the caller."""
        return (self.with_role(role_arn, self._organization_plan) if role_arn else self.as_caller()).home()

    def with_role(self, role_arn: str, plan: SessionPlan | None = None) -> AccountAccess:
        """Return the account of a role, which is assumed at the first call."""
        minutes = self.settings.session_minutes
        if ":assumed-role/" in self.caller.arn:
            minutes = min(minutes, LONGEST_CHAINED_SESSION)
        duration = timedelta(minutes=minutes)
        assume = partial(self._assume, role_arn, duration)
        return self._account(parse_arn(role_arn)[3], RoleSessions(plan or self._plan, assume, duration))

    async def member(self, account_id: str) -> AccountAccess:
        """Return an account that another one's resources point to; raises NotSeenError outside the organization."""
        if self.known_accounts is not None and account_id not in self.known_accounts:
            message = f"account {account_id} is not part of the organization"
            raise NotSeenError(Gap(account_id, GLOBAL, ASSUME_ROLE, GapReason.ACCOUNT_UNAVAILABLE, message))
        found = self._members.get(account_id)
        if found is None:
            found = self._members[account_id] = await self._entered_or_gap(account_id)
        if isinstance(found, Gap):
            raise NotSeenError(found)
        return found

    async def _entered_or_gap(self, account_id: str) -> AccountAccess | Gap:
        """Return an account, or why its role cannot be assumed; raises what may pass, such as a throttle."""
        try:
            return await self.enter(account_id)
        except NotSeenError as error:
            if error.gap.reason is not GapReason.ACCOUNT_UNAVAILABLE:
                raise
            return error.gap

    async def _identify(self) -> Caller:
        region = self._account("", self.clients.caller).region(self.clients.home_region or "us-east-1")
        try:
            found = msgspec.convert(await region.call("sts", "GetCallerIdentity"), _Identity)
            return Caller(found.account, found.arn, parse_arn(found.arn)[0])
        except NotSeenError as error:
            raise AccessError(f"the caller cannot be identified: {error.gap.message}") from error
        except (msgspec.ValidationError, ValueError) as error:
            raise AccessError(
                f"the caller cannot be identified: {WHO_AM_I} answered without an identity: {error}"
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
            region = self.settings.sts_region or self.home_region
            answer = await self.as_caller().region(region).call("sts", "AssumeRole", **parameters)
        except NotSeenError as error:
            gap = error.gap
            reason = GapReason.ACCOUNT_UNAVAILABLE if gap.reason in _REFUSALS else gap.reason
            message = f"the role {role_arn} could not be assumed: {gap.message}"
            refusal = Gap(account_id, GLOBAL, ASSUME_ROLE, reason, message)
            if PACKED_TOO_LARGE in gap.message:
                raise PolicyTooLargeError(group, refusal) from error
            raise NotSeenError(refusal) from error
        try:
            return msgspec.convert(answer, AssumedRole)
        except (msgspec.ValidationError, ValueError) as error:
            message = f"the role {role_arn} could not be assumed: the answer has no credentials: {error}"
            raise NotSeenError(Gap(account_id, GLOBAL, ASSUME_ROLE, GapReason.MALFORMED, message)) from error


class _Identity(msgspec.Struct, rename="pascal"):
    """The caller as sts:GetCallerIdentity returns it."""

    account: AnsweredAccountId
    arn: str
