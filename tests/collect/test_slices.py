"""A task collects what nobody else does, keeps what others wrote, and gives back what it does not finish."""

from __future__ import annotations

import asyncio
import hashlib
import pickle
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from orgaudit.aws.access import Access
from orgaudit.aws.transport import Traffic
from orgaudit.collect import coordinator as coordinating
from orgaudit.collect import slices
from orgaudit.collect.account import CollectedAccount, CollectedShard
from orgaudit.collect.coordinator import Coordinator
from orgaudit.collect.slices import AccountPart, Slice, collect_claimed, collect_slice
from orgaudit.errors import ConfigError, ReportError
from orgaudit.facts.cloudtrail.trails import Trail, TrailSelectors, TrailStatus
from orgaudit.facts.shard import header_of
from orgaudit.model import Account, AccountRecord
from orgaudit.organization.scope import selects_region
from orgaudit.settings.limits import load_limits
from orgaudit.settings.settings import load
from orgaudit.store import leases, receipts
from orgaudit.store.leases import Leases
from orgaudit.store.place import Directory
from orgaudit.store.run import Run, TakenError, read_lines, shard_name, write_lines
from orgaudit.store.shards import Spool
from tests.factories import a_trail, an_account

IDS = tuple(f"{number:012}" for number in range(1, 8))
ACCOUNTS = tuple(an_account(each) for each in IDS)


def record_of(account_id: str) -> AccountRecord:
    now = datetime(2026, 11, 1, tzinfo=UTC)
    return AccountRecord(account_id=account_id, collected_at=now, regions=(), regions_source="", calls=3)


class Aws:
    """Stands for the calls: each account shows a trail of the next one; `during` is awaited while it is collected."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.collected: list[str] = []
        self.during: Callable[[str], Any] = lambda _id: asyncio.sleep(0)
        self.beside, self.most = 0, 0
        monkeypatch.setattr(slices, "collect_into", self.collect_into)

    async def collect_into(
        self, _access: Access, account: Account, _collectors: object, _settings: object, path: Path
    ) -> CollectedShard | None:
        self.collected.append(account.id)
        self.beside += 1
        self.most = max(self.most, self.beside)
        try:
            await self.during(account.id)
        finally:
            self.beside -= 1
        trail = a_trail(account_id=f"{int(account.id) + 1:012}")
        with Spool(path.parent) as lines:
            lines.add(msgspec.json.encode(trail))
            found = CollectedAccount(header_of(account, record_of(account.id), 1), frozenset({trail.account_id}))
            try:
                return CollectedShard(found, lines.write(path, msgspec.json.encode(found.header)))
            except TakenError:
                return None


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    return Aws(monkeypatch)


@pytest.fixture
def place(tmp_path: Path) -> Directory:
    return Directory(tmp_path)


@pytest.fixture
def whole(tmp_path: Path) -> Slice:
    settings = load(None, {}, {"run": {"concurrent_accounts": 3}})
    return Slice(settings, load_limits(Path("none")), None, str(tmp_path), ACCOUNTS, frozenset(IDS), ())


def access() -> Access:
    return cast(
        "Access", SimpleNamespace(traffic=Traffic(calls=9), known_accounts=None, limits=load_limits(Path("no")))
    )


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(2000):
        if holds():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come to it")


def assert_whole(place: Directory, ids: tuple[str, ...] = IDS) -> None:
    """Each account has a shard, the receipt of it, and no lease."""
    assert receipts.finished(place) == set(ids)
    assert leases.held(place) == set()
    for account_id in ids:
        found = receipts.read(place, account_id)
        shard = place.read(shard_name(account_id))
        assert found
        assert shard
        assert (found.sha256, found.size) == (hashlib.sha256(shard).hexdigest(), len(shard))


async def test_a_task_collects_every_account_once_and_some_beside_each_other(
    aws: Aws, place: Directory, whole: Slice
) -> None:
    began: list[str] = []
    done: list[tuple[str, int, int]] = []
    held: list[int] = []

    async def during(_: str) -> None:
        held.append(len(leases.held(place)))
        await asyncio.sleep(0.02)

    aws.during = during
    summary = await collect_claimed(
        access(),
        replace(whole, offset=4),
        began=lambda account: began.append(account.id),
        done=lambda account, record, traffic: done.append((account.id, record.calls, traffic.calls)),
    )
    assert aws.collected == began == [*IDS[4:], *IDS[:4]], "a task begins at its offset"
    assert (aws.most, max(held), summary.collected, summary.traffic.calls) == (3, 3, len(IDS), 9)
    assert sorted(done) == [(each, 3, 9) for each in IDS]
    assert_whole(place)
    lines = read_lines(Run(place.path).shard_path(IDS[0]), msgspec.json.Decoder(dict[str, Any]))
    assert [line["type"] for line in lines] == ["Entered", "Trail"]
    shown = receipts.read(place, IDS[0])
    assert shown
    assert (shown.shows, shown.host) == ((IDS[1],), shown.host)
    last = receipts.read(place, IDS[-1])
    assert last
    assert last.shows == (), "the account that it shows is not one of the organization"


async def test_two_tasks_share_the_accounts(aws: Aws, place: Directory, whole: Slice) -> None:
    aws.during = lambda _id: asyncio.sleep(0.02)
    parts = [replace(whole, offset=offset) for offset in (0, 3)]
    found = await asyncio.gather(*(collect_claimed(access(), part) for part in parts))
    assert Counter(aws.collected) == Counter(IDS)
    assert sum(each.collected for each in found) == len(IDS)
    assert all(each.collected for each in found)
    assert_whole(place)


async def test_a_task_leaves_what_another_holds_and_takes_what_is_left_behind(
    aws: Aws, place: Directory, whole: Slice
) -> None:
    with Leases(place, lost=pytest.fail) as other:
        assert other.claim(IDS[2])
        await collect_claimed(access(), whole)
        assert set(aws.collected) == set(IDS) - {IDS[2]}
        old = leases.read(place, IDS[2])
        assert old
        gone = msgspec.structs.replace(old, expires_at=datetime.now(UTC) - timedelta(seconds=1))
        place.write(leases.name_of(IDS[2]), msgspec.json.encode(gone))
        assert (await collect_claimed(access(), whole)).collected == 1
    assert_whole(place)


async def test_a_shard_without_a_receipt_is_not_collected_again(aws: Aws, place: Directory, whole: Slice) -> None:
    lines = [header_of(ACCOUNTS[1], record_of(IDS[1])), a_trail(account_id=IDS[5])]
    write_lines(Run(place.path).shard_path(IDS[1]), lines)
    done: list[str] = []
    await collect_claimed(access(), whole, done=lambda account, *_: done.append(account.id))
    assert IDS[1] not in aws.collected
    assert sorted(done) == list(IDS)
    made = receipts.read(place, IDS[1])
    assert made
    assert (made.shows, made.pid) == ((IDS[5],), 0)
    assert_whole(place)


async def test_what_a_halted_task_brings_late_is_dropped(aws: Aws, place: Directory, whole: Slice) -> None:
    """Another has taken the account over and finished it while this task was halted."""

    async def taken_over(account_id: str) -> None:
        if account_id == IDS[0] and aws.collected.count(account_id) == 1:
            place.remove(leases.name_of(account_id))
            await collect_claimed(access(), replace(whole, accounts=ACCOUNTS[:1]))
            kept.append(place.read(shard_name(account_id)))

    kept: list[bytes | None] = []
    aws.during = taken_over
    done: list[str] = []
    await collect_claimed(access(), whole, done=lambda account, *_: done.append(account.id))
    assert aws.collected.count(IDS[0]) == 2
    assert place.read(shard_name(IDS[0])) == kept[0]
    assert sorted(done) == list(IDS[1:]), "it is not this task's"
    assert_whole(place)


async def test_a_task_that_lost_an_account_calls_no_more_for_it(aws: Aws, place: Directory, whole: Slice) -> None:
    async def lost(account_id: str) -> None:
        if account_id == IDS[0]:
            place.remove(leases.name_of(account_id))
            await asyncio.sleep(20)

    aws.during = lost
    began = time.monotonic()
    await collect_claimed(access(), replace(whole, life=timedelta(seconds=0.2)))
    assert time.monotonic() - began < 15
    assert_whole(place, IDS[1:])


async def test_a_task_ends_with_the_collection_that_it_is_for(
    aws: Aws, place: Directory, whole: Slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LOOK_EVERY", 0.02)
    aws.during = lambda _id: asyncio.sleep(20)
    with leases.Collection(place) as collection:
        task = asyncio.create_task(collect_claimed(access(), replace(whole, collection=collection.name)))
        await until(lambda: len(aws.collected) == 3)
    assert (await asyncio.wait_for(task, 15)).collected == 0
    assert leases.held(place) == receipts.finished(place) == set()


async def test_a_task_that_is_stopped_gives_its_accounts_back(aws: Aws, place: Directory, whole: Slice) -> None:
    aws.during = lambda _id: asyncio.sleep(20)
    task = asyncio.create_task(collect_claimed(access(), whole))
    await until(lambda: len(aws.collected) == 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert leases.held(place) == receipts.finished(place) == set()


def test_a_task_whose_collection_is_over_does_not_begin(aws: Aws, whole: Slice) -> None:
    assert collect_slice(replace(whole, collection="leases/collection-gone.json")).collected == 0
    assert aws.collected == []


def test_a_task_of_another_version_is_refused(whole: Slice) -> None:
    with pytest.raises(ConfigError, match=r"a worker has orgaudit .* install orgaudit 0\.0\.1 on every worker"):
        collect_slice(replace(whole, version="0.0.1"))


async def test_a_place_that_cannot_be_written_ends_a_task_with_one_error(
    aws: Aws, place: Directory, whole: Slice
) -> None:
    (place.path / "facts").write_text("")
    with pytest.raises(ReportError, match="cannot write"):
        await collect_claimed(access(), whole)
    assert leases.held(place) == set()


async def test_a_coordinator_waits_for_what_others_collect(
    aws: Aws, place: Directory, whole: Slice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coordinating, "LOOK_EVERY", 0.01)
    began: list[str] = []
    done: list[tuple[str, int]] = []
    coordinator = Coordinator(
        access(),
        whole,
        None,
        lambda account: began.append(account.id),
        lambda account, record, _traffic: done.append((account.id, record.calls)),
        "`again`",
    )
    with Leases(place, lost=pytest.fail) as other:
        assert other.claim(IDS[0])
        collecting = asyncio.create_task(coordinator.collect(ACCOUNTS))
        await until(lambda: len(done) == len(IDS) - 1)
        assert not collecting.done()
        await until(lambda: IDS[0] in began)
        assert began == [*IDS[1:], IDS[0]]
        write_lines(Run(place.path).shard_path(IDS[0]), [header_of(ACCOUNTS[0], record_of(IDS[0]))])
        receipts.rebuilt(place, IDS[0], IDS, slices.resource_names())
        await asyncio.wait_for(collecting, 15)
    assert sorted(done) == [(each, 3) for each in IDS]
    assert set(aws.collected) == set(IDS[1:])
    await coordinator.collect(ACCOUNTS)
    assert len(done) == len(IDS), "nothing is done twice"


def test_of_an_account_only_a_part_is_collected(whole: Slice) -> None:
    parts = {
        IDS[0]: AccountPart((Trail, TrailStatus), ("eu-west-1",)),
        IDS[1]: AccountPart((Trail,), ()),
        IDS[2]: AccountPart((TrailStatus,)),
    }
    whole = replace(whole, facts=(Trail, TrailStatus, TrailSelectors), parts=parts)
    part = pickle.loads(pickle.dumps(whole))  # noqa: S301 - our own bytes
    asked = {each: part.asked(each) for each in IDS[:4]}
    kinds = {each: {found.fact for found in collectors} for each, (collectors, _) in asked.items()}
    assert kinds[IDS[0]] == kinds[IDS[2]] == {Trail, TrailStatus}, "a detail comes with what it is a detail of"
    assert kinds[IDS[1]] == {Trail}
    assert kinds[IDS[3]] == {Trail, TrailStatus, TrailSelectors}
    scopes = [settings.scope for _, settings in asked.values()]
    chosen = [[name for name in ("eu-west-1", "us-east-1") if selects_region(name, scope)] for scope in scopes]
    assert chosen == [["eu-west-1"], [], ["eu-west-1", "us-east-1"], ["eu-west-1", "us-east-1"]]
