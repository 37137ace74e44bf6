"""One task collects an account at a time, and whoever does not go on with it loses it."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from orgaudit.store import leases
from orgaudit.store.leases import Leases
from orgaudit.store.place import Directory
from tests.factories import MEMBER, SECURITY

SHORT = timedelta(seconds=0.2)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def place(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


@pytest.fixture
def task(place: Directory) -> Iterator[Leases]:
    with Leases(place, lost=pytest.fail) as opened:
        yield opened


def planted(place: Directory, **changes: object) -> None:
    """Write a lease of another task of this process, with other values."""
    with Leases(place, lost=pytest.fail) as other:
        assert other.claim(MEMBER)
        found = leases.read(place, MEMBER)
        assert found
    place.write(leases.name_of(MEMBER), msgspec.json.encode(msgspec.structs.replace(found, **changes)))


def test_of_many_at_once_one_holds_an_account(place: Directory) -> None:
    barrier, won = threading.Barrier(8), []

    def claim(_: int) -> None:
        with Leases(place, lost=pytest.fail) as task:
            barrier.wait(20)
            won.append(task.claim(MEMBER))
            barrier.wait(20)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(claim, range(8)))
    assert sorted(won) == [False] * 7 + [True]
    assert leases.held(place) == set()


def test_an_account_is_held_until_it_is_released(place: Directory, task: Leases) -> None:
    with Leases(place, lost=pytest.fail) as other:
        assert task.claim(MEMBER)
        assert (leases.alive(place, MEMBER), leases.held(place)) == (True, {MEMBER})
        assert not other.claim(MEMBER)
        assert other.claim(SECURITY)
        task.release(MEMBER)
        assert other.claim(MEMBER)
    assert leases.held(place) == set()


def test_the_account_of_a_process_that_has_ended_is_free_at_once(place: Directory, task: Leases) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait(30)
    planted(place, pid=process.pid, started=None)
    assert not leases.alive(place, MEMBER)
    assert task.claim(MEMBER)


@pytest.mark.parametrize("space", ["elsewhere", None])
@pytest.mark.parametrize(("minutes", "free"), [(1, False), (-1, True)])
def test_a_lease_expires_wherever_its_process_is(
    place: Directory, task: Leases, space: str | None, minutes: int, *, free: bool
) -> None:
    other = {} if space is None else {"space": space, "pid": 1}
    planted(place, expires_at=datetime.now(UTC) + timedelta(minutes=minutes), **other)
    assert task.claim(MEMBER) is free


def test_a_lease_that_cannot_be_read_is_nobodys(place: Directory, task: Leases) -> None:
    place.write(leases.name_of(MEMBER), b"{")
    assert task.claim(MEMBER)
    assert leases.alive(place, MEMBER)


def test_a_lease_is_renewed_while_it_is_held(place: Directory) -> None:
    with Leases(place, lost=pytest.fail, life=SHORT) as task:
        assert task.claim(MEMBER)
        first = leases.read(place, MEMBER)
        assert first
        wait_until(lambda: datetime.now(UTC) > first.expires_at + SHORT)
        again = leases.read(place, MEMBER)
        assert again
        assert (again.token, again.since) == (first.token, first.since)
        assert again.expires_at > first.expires_at


def test_who_was_halted_learns_that_the_account_is_anothers(
    place: Directory, task: Leases, caplog: pytest.LogCaptureFixture
) -> None:
    lost: list[str] = []
    with Leases(place, lost=lost.append, life=SHORT) as halted:
        assert halted.claim(MEMBER)
        planted_by = leases.read(place, MEMBER)
        assert planted_by
        old = msgspec.structs.replace(planted_by, token="another", expires_at=datetime.now(UTC))
        place.write(leases.name_of(MEMBER), msgspec.json.encode(old))
        assert task.claim(MEMBER)
        wait_until(lambda: lost == [MEMBER])
    assert leases.alive(place, MEMBER), "a lease was released by whom it was taken from"
    assert "was taken over by process" in caplog.text


def test_who_was_halted_until_all_is_over_learns_it(place: Directory) -> None:
    lost: list[str] = []
    with Leases(place, lost=lost.append, life=SHORT) as halted:
        assert halted.claim(MEMBER)
        leases.clear(place)
        wait_until(lambda: lost == [MEMBER])
    assert not (place.path / leases.DIRECTORY).exists()


def test_a_task_learns_that_its_collection_is_over(place: Directory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LOOK_EVERY", 0.01)
    over = threading.Event()
    with (
        leases.Collection(place) as collection,
        Leases(place, lost=pytest.fail, over=over.set, collection=collection.name) as task,
    ):
        assert task.claim(MEMBER)
        assert not over.wait(0.2)
        collection.__exit__(None, None, None)
        assert over.wait(20)


def test_leases_are_cleared(place: Directory, task: Leases) -> None:
    planted(place, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    assert task.claim(SECURITY)
    leases.clear(place, gone_only=True)
    assert leases.held(place) == {SECURITY}
    leases.clear(place)
    assert not (place.path / leases.DIRECTORY).exists()
