"""The sessions of an assumed role: one where a single policy can name every action, else a few by service."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from functools import partial

from botocore.credentials import ReadOnlyCredentials

from orgaudit.aws.actions import SESSION_POLICY_LIMIT, SessionGroup, session_groups
from orgaudit.aws.credentials import AssumedCredentials, AssumedRole, SessionKeys
from orgaudit.model import Gap, GapReason, NotSeenError


class PolicyTooLargeError(Exception):
    """AWS refused a session because its policy is too large once packed; `gap` is the account's."""

    def __init__(self, group: SessionGroup, gap: Gap) -> None:
        super().__init__(gap.message)
        self.group, self.gap = group, gap


class SessionPlan:
    """Which actions share a session of a role, the same in every account.

    Once AWS has refused a policy as too large when packed, all later ones are smaller. The packed size also depends on
    the session's tags, so it cannot be known before:
    https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """

    def __init__(self, actions: Collection[str], *, narrow: bool = True) -> None:
        self.actions = frozenset(actions)
        self._limit = SESSION_POLICY_LIMIT
        whole = (SessionGroup(self.actions, ()),)
        self.groups = session_groups(self.actions, self._limit) if narrow else whole

    def narrow(self, refused: SessionGroup) -> bool:
        """Plan policies half as large as a refused one; return False where that one cannot be divided."""
        if len(refused.entries) <= 1:
            return False
        self._limit = min(self._limit, refused.size // 2)
        self.groups = session_groups(self.actions, self._limit)
        return True


class RoleSessions:
    """The credentials of one role by action; a session is assumed at the first call that needs it.

    `assume` calls sts:AssumeRole for a group; it raises PolicyTooLargeError and NotSeenError. `arn` is that of the
    sessions, which share a name; it is empty before the first is assumed.
    """

    def __init__(
        self, plan: SessionPlan, assume: Callable[[SessionGroup], Awaitable[AssumedRole]], lifetime: timedelta
    ) -> None:
        self.arn = ""
        self._plan, self._assume, self._lifetime = plan, assume, lifetime
        self._begin()

    def _begin(self) -> None:
        self._groups = self._plan.groups
        sessions = [AssumedCredentials(partial(self._open, group), self._lifetime) for group in self._groups]
        self._first = sessions[0]
        self._by_action = {
            action: session for group, session in zip(self._groups, sessions, strict=True) for action in group.actions
        }

    async def _open(self, group: SessionGroup) -> SessionKeys:
        if not any(group is each for each in self._groups):  # another task found meanwhile that it is too large
            raise PolicyTooLargeError(group, Gap("", "", "", GapReason.DEFECT, "divided since"))
        role = await self._assume(group)
        self.arn = role.assumed_role_user.arn
        return role.credentials

    def covers(self, action: str) -> bool:
        """Return whether one of the sessions may call an action."""
        return action in self._plan.actions

    async def frozen(self, action: str) -> ReadOnlyCredentials:
        """Return the keys of the session for an action, or of the first session where none names it."""
        while True:
            session = self._session(action)
            try:
                return await session.frozen()
            except PolicyTooLargeError as error:
                if session is self._session(action):
                    self._divide(error)

    def _session(self, action: str) -> AssumedCredentials:
        return self._by_action.get(action, self._first)

    def _divide(self, error: PolicyTooLargeError) -> None:
        planned_since = self._plan.groups is not self._groups
        if not planned_since and not self._plan.narrow(error.group):
            raise NotSeenError(error.gap) from error
        self._begin()

    def forget(self, keys: ReadOnlyCredentials | None) -> None:
        """Discard these keys, which AWS rejected as expired."""
        for session in {id(each): each for each in self._by_action.values()}.values():
            session.forget(keys)
