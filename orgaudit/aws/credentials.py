"""Credentials by task: one client serves every account, and the task that calls says for whom it signs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Protocol, TypeAlias

import msgspec
from botocore.credentials import ReadOnlyCredentials

Text: TypeAlias = Annotated[str, msgspec.Meta(min_length=1)]


class SessionKeys(msgspec.Struct, frozen=True, rename="pascal"):
    """The Credentials part of sts:AssumeRole's answer."""

    access_key_id: Text
    secret_access_key: Text
    session_token: Text
    expiration: Annotated[datetime, msgspec.Meta(tz=True)]


class AssumedRoleUser(msgspec.Struct, frozen=True, rename="pascal"):
    """The part of sts:AssumeRole's answer that names the session."""

    arn: str = ""


class AssumedRole(msgspec.Struct, frozen=True, rename="pascal"):
    """What sts:AssumeRole answers."""

    credentials: SessionKeys
    assumed_role_user: AssumedRoleUser = AssumedRoleUser()


class Credentials(Protocol):
    """Whatever can say with which keys to sign now; `arn` names the user or the assumed role's session."""

    arn: str

    def covers(self, action: str) -> bool:
        """Return whether there are keys for an IAM action."""

    async def frozen(self, action: str) -> ReadOnlyCredentials:
        """Return keys for an IAM action that are good for some minutes at least."""

    def forget(self, keys: ReadOnlyCredentials | None) -> None:
        """Do not give out these keys again: AWS refused them as expired. Newer ones stay."""


CURRENT: ContextVar[ReadOnlyCredentials | None] = ContextVar("CURRENT", default=None)
"""The keys with which the current task signs."""


class CurrentCredentials:
    """What the shared clients hold for credentials: those of the task that calls.

    Has the methods that the SDK's request signer and endpoint rules ask of a credentials object.
    """

    method = "orgaudit"

    async def get_frozen_credentials(self) -> ReadOnlyCredentials | None:
        """Return the keys of the current task."""
        return CURRENT.get()

    def get_deferred_property(self, _name: str) -> Callable[[], Awaitable[None]]:
        """Return what would tell a property at call time; only the account id is ever asked for."""
        return self.get_account_id

    async def get_account_id(self) -> None:
        """Return None: account-based endpoints are not used, because a client serves many accounts."""
        return


class CallerCredentials:
    """The caller's own credentials, as the SDK's chain found them; the SDK refreshes them."""

    def __init__(self, found: Any) -> None:  # noqa: ANN401 - botocore's credential classes have no common type
        self.arn = ""
        self._found = found

    def covers(self, _action: str) -> bool:
        """Return True: what the caller may do is for AWS to say."""
        return True

    async def frozen(self, _action: str) -> ReadOnlyCredentials:
        """Return the caller's keys, the same for every action."""
        keys: ReadOnlyCredentials = await self._found.get_frozen_credentials()
        return keys

    def forget(self, keys: ReadOnlyCredentials | None) -> None:
        """Do nothing: only the SDK knows how to renew these."""


class AssumedCredentials:
    """The credentials of one assumed session: asked once, shared by the account's tasks, renewed before they expire."""

    def __init__(self, assume: Callable[[], Awaitable[SessionKeys]], lifetime: timedelta) -> None:
        self._assume = assume
        self._margin = lifetime / 5
        self._lock = asyncio.Lock()
        self._keys: ReadOnlyCredentials | None = None
        self._renew_at = datetime.max.replace(tzinfo=UTC)

    async def frozen(self) -> ReadOnlyCredentials:
        """Return the role's keys, assuming it when there are none or little of their life is left."""
        if self._keys is None or datetime.now(UTC) >= self._renew_at:
            async with self._lock:
                if self._keys is None or datetime.now(UTC) >= self._renew_at:
                    found = await self._assume()
                    self._renew_at = found.expiration - self._margin
                    self._keys = ReadOnlyCredentials(
                        found.access_key_id, found.secret_access_key, found.session_token, None
                    )
        return self._keys

    def forget(self, keys: ReadOnlyCredentials | None) -> None:
        """Assume the role again before the next call, unless another task has done so since."""
        if keys is self._keys:
            self._keys = None
