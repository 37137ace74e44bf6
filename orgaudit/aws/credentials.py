"""Credentials by task: one client serves every account and signs with the keys of the task that calls."""

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
    """The answer to sts:AssumeRole."""

    credentials: SessionKeys
    assumed_role_user: AssumedRoleUser = AssumedRoleUser()


class Credentials(Protocol):
    """A source of the keys to sign with; `arn` names the user or the assumed role's session."""

    arn: str

    def covers(self, action: str) -> bool:
        """Return whether there are keys for an IAM action."""

    async def frozen(self, action: str) -> ReadOnlyCredentials:
        """Return keys for an IAM action that are valid for some minutes at least."""

    def forget(self, keys: ReadOnlyCredentials | None) -> None:
        """Discard these keys, which AWS rejected as expired; newer ones stay."""


CURRENT: ContextVar[ReadOnlyCredentials | None] = ContextVar("CURRENT", default=None)
"""The keys with which the current task signs."""


class CurrentCredentials:
    """The credentials of the shared clients: those of the task that calls.

    It has the methods that the SDK's request signer and endpoint rules call on a credentials object.
    """

    method = "orgaudit"

    async def get_frozen_credentials(self) -> ReadOnlyCredentials | None:
        """Return the keys of the current task."""
        return CURRENT.get()

    def get_deferred_property(self, _name: str) -> Callable[[], Awaitable[None]]:
        """Return the function that gives a property at call time; the SDK uses it for the account id only."""
        return self.get_account_id

    async def get_account_id(self) -> None:
        """Return None: account-based endpoints are not used, because one client serves many accounts."""
        return


class CallerCredentials:
    """The caller's own credentials, as the SDK found them; the SDK refreshes them."""

    def __init__(self, found: Any) -> None:  # noqa: ANN401 - botocore's credential classes have no common type
        self.arn = ""
        self._found = found

    def covers(self, _action: str) -> bool:
        """Return True: AWS alone decides what the caller may do."""
        return True

    async def frozen(self, _action: str) -> ReadOnlyCredentials:
        """Return the caller's keys, the same for every action."""
        keys: ReadOnlyCredentials = await self._found.get_frozen_credentials()
        return keys

    def forget(self, keys: ReadOnlyCredentials | None) -> None:
        """Do nothing: only the SDK can renew these keys."""


class AssumedCredentials:
    """The keys of one assumed session, shared by the account's tasks and renewed before they expire."""

    def __init__(self, assume: Callable[[], Awaitable[SessionKeys]], lifetime: timedelta) -> None:
        self._assume = assume
        self._margin = lifetime / 5
        self._lock = asyncio.Lock()
        self._keys: ReadOnlyCredentials | None = None
        self._renew_at = datetime.max.replace(tzinfo=UTC)

    async def frozen(self) -> ReadOnlyCredentials:
        """Return the keys, assuming the role where there are none or they are about to expire."""
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
        """Discard these keys, unless another task has renewed them since."""
        if keys is self._keys:
            self._keys = None
