import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from botocore.credentials import ReadOnlyCredentials

from orgaudit.aws.credentials import CURRENT, AssumedCredentials, CallerCredentials, CurrentCredentials, SessionKeys
from orgaudit.model import Gap, GapReason, NotSeenError

HOUR = timedelta(hours=1)


class Role:
    """Counts how often it is assumed; each answer has keys of its own that live for `life`."""

    def __init__(self, life: timedelta = HOUR) -> None:
        self.life = life
        self.assumed = 0
        self.failure: Exception | None = None

    async def assume(self) -> SessionKeys:
        self.assumed += 1
        number = self.assumed
        await asyncio.sleep(0)
        if self.failure:
            raise self.failure
        return SessionKeys(f"key-{number}", "secret", "token", datetime.now(UTC) + self.life)


async def test_many_tasks_assume_the_role_once() -> None:
    role = Role()
    credentials = AssumedCredentials(role.assume, HOUR)
    keys = await asyncio.gather(*(credentials.frozen() for _ in range(200)))
    assert role.assumed == 1
    assert {each.access_key for each in keys} == {"key-1"}
    assert keys[0] == ReadOnlyCredentials("key-1", "secret", "token", None)


@pytest.mark.parametrize(("left", "assumed"), [(HOUR, 1), (HOUR / 5 + timedelta(minutes=1), 1), (HOUR / 5, 2)])
async def test_keys_are_renewed_when_a_fifth_of_their_life_is_left(left: timedelta, assumed: int) -> None:
    role = Role(left)
    credentials = AssumedCredentials(role.assume, HOUR)
    await credentials.frozen()
    await asyncio.gather(*(credentials.frozen() for _ in range(1)))
    assert role.assumed == assumed


async def test_refused_keys_are_renewed_once_for_all_who_held_them() -> None:
    role = Role()
    credentials = AssumedCredentials(role.assume, HOUR)
    refused = await credentials.frozen()

    async def renew() -> str:
        credentials.forget(refused)
        keys = await credentials.frozen()
        await asyncio.sleep(0)
        credentials.forget(refused)
        return str(keys.access_key)

    renewed = [await renew(), *await asyncio.gather(*(renew() for _ in range(20)))]
    assert role.assumed == 2
    assert set(renewed) == {"key-2"}


async def test_a_failure_is_everybodys_and_is_tried_again_later() -> None:
    role = Role()
    role.failure = NotSeenError(Gap("1", "global", "sts:AssumeRole", GapReason.THROTTLED, "slow"))
    credentials = AssumedCredentials(role.assume, HOUR)
    failures = await asyncio.gather(*(credentials.frozen() for _ in range(3)), return_exceptions=True)
    assert all(isinstance(each, NotSeenError) for each in failures)
    role.failure = None
    assert (await credentials.frozen()).access_key == "key-4"


async def test_a_cancelled_task_does_not_lock_the_others_out() -> None:
    role = Role()
    credentials = AssumedCredentials(role.assume, HOUR)
    first, second = (asyncio.ensure_future(credentials.frozen()) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).access_key == "key-2"


async def test_each_task_signs_with_the_keys_it_set() -> None:
    shared = CurrentCredentials()

    async def sign(name: str) -> str:
        CURRENT.set(ReadOnlyCredentials(name, "", "", None))
        await asyncio.sleep(0)
        keys = await shared.get_frozen_credentials()
        assert keys is not None
        return str(keys.access_key)

    names = [f"key-{number}" for number in range(50)]
    assert await asyncio.gather(*(sign(name) for name in names)) == names


async def test_the_callers_keys_come_from_the_sdk_and_only_it_renews_them() -> None:
    keys = ReadOnlyCredentials("own", "", "", None)

    class Found:
        async def get_frozen_credentials(self) -> ReadOnlyCredentials:
            return keys

    caller = CallerCredentials(Found())
    caller.forget(keys)
    assert await caller.frozen("iam:GetRole") is keys
    assert caller.covers("iam:GetRole")
