"""An account of any size: bounded memory and tasks while it is read, a time limit that is a gap, and a whole shard."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, cast

import msgspec
import pytest

from orgaudit.aws.access import Access
from orgaudit.aws.pacing import TokenBucket
from orgaudit.aws.transport import Traffic
from orgaudit.collect.account import CollectedShard, collect_account, collect_into
from orgaudit.errors import ConfigError, ReportError
from orgaudit.evaluate.shards import whole
from orgaudit.facts.declare import Aws, Collector, Detail, Resource, collector, detail
from orgaudit.facts.shard import AccountHeader, DetailGap, DetailsRead, ListingResult, header_of, shard_decoder
from orgaudit.model import Account, GapReason, RegionState, Scope
from orgaudit.settings.sections import RunSettings, Sections
from orgaudit.store import shards
from orgaudit.store.run import read_lines
from orgaudit.store.shards import Spool
from tests.factories import MEMBER, an_account, facts_of

HERE, THERE = "eu-west-1", "eu-west-2"
REGIONS = {"Regions": [{"RegionName": name, "RegionOptStatus": "ENABLED_BY_DEFAULT"} for name in (HERE, THERE)]}
ELSEWHERE = "999999999999"


class Crate(Resource, frozen=True, kw_only=True):
    note: str = ""


class CrateLid(Detail, frozen=True, kw_only=True):
    text: str


class CrateLock(Detail, frozen=True, kw_only=True):
    closed: bool


class Answers:
    """An account in one region. What it does is set by each test."""

    account_id, partition = MEMBER, "aws"
    count: ClassVar[int] = 3
    stuck: ClassVar[set[str]] = set()
    most: ClassVar[int] = 0
    running: ClassVar[int] = 0
    bucket: ClassVar[TokenBucket | None] = None
    began: ClassVar[asyncio.Event]

    def __init__(self, region: str) -> None:
        self.region = region

    async def pages(self, service: str, operation: str, /, **_: Any) -> AsyncIterator[dict[str, Any]]:
        assert (service, operation) == ("account", "ListRegions")
        await self.wait("regions")
        yield REGIONS

    async def wait(self, what: str) -> None:
        if what in self.stuck:
            await asyncio.sleep(3600)
        await asyncio.sleep(0)


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    Answers.count, Answers.stuck, Answers.most, Answers.running, Answers.bucket = 3, set(), 0, 0, None
    Answers.began = asyncio.Event()
    yield
    assert Answers.running == 0, "what was begun has ended"


@collector(scope=Scope.REGIONAL, actions=("x:ListCrates",))
async def crates(aws: Aws) -> AsyncIterator[Crate]:
    answers = cast("Answers", aws)
    for number in range(answers.count):
        if number % 50 == 0:
            await asyncio.sleep(0)
        owner = ELSEWHERE if number == 1 else MEMBER
        yield Crate(arn=f"arn:{aws.region}:{number}", account_id=owner, region=aws.region, note="x" * 50)
    await answers.wait(f"listing {aws.region}")


@detail(actions=("x:GetLid",))
async def crate_lid(aws: Aws, crate: Crate) -> CrateLid:
    Answers.running += 1
    Answers.began.set()
    Answers.most = max(Answers.most, Answers.running)
    try:
        if Answers.bucket is not None:
            await Answers.bucket.acquire()
        await cast("Answers", aws).wait(f"lid {crate.arn}")
    finally:
        Answers.running -= 1
    return CrateLid(arn=crate.arn, text=crate.note)


@detail(actions=("x:GetLock",))
async def crate_lock(_: Aws, crate: Crate, lid: CrateLid) -> CrateLock:
    return CrateLock(arn=crate.arn, closed=bool(lid.text))


COLLECTORS: list[Collector] = [getattr(each, "__collector__") for each in (crates, crate_lid, crate_lock)]  # noqa: B009
DECODER = shard_decoder([Crate, CrateLid, CrateLock])
ACCOUNT = Account(id=MEMBER, name="")


def an_access() -> Access:
    regions = {name: Answers(name) for name in (HERE, THERE)}
    entered = SimpleNamespace(
        account_id=MEMBER,
        credentials=SimpleNamespace(arn="arn:session"),
        traffic=Traffic(),
        home=lambda: regions[HERE],
        region=regions.__getitem__,
    )

    async def enter(_account_id: str) -> Any:
        await Answers(HERE).wait("role")
        return entered

    return cast("Access", SimpleNamespace(enter=enter))


def minutes(seconds: float, calls: int = 8) -> Sections:
    return Sections(run=RunSettings(account_minutes=seconds / 60, concurrent_calls=calls))


async def into(path: Path, settings: Sections | None = None) -> CollectedShard | None:
    return await collect_into(an_access(), ACCOUNT, COLLECTORS, settings or Sections(), path)


def lines_of(path: Path) -> list[Any]:
    return list(read_lines(path, DECODER))


@pytest.mark.parametrize("count", [3, 4_000])
async def test_a_shard_is_whole_and_what_is_said_of_it_is_true(count: int, tmp_path: Path) -> None:
    Answers.count = count
    path = tmp_path / "facts" / f"{MEMBER}.ndjson.zst"
    found = await into(path)
    assert found is not None
    content = path.read_bytes()
    assert (found.file.sha256, found.file.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert found.account.shows == {MEMBER, ELSEWHERE}
    header, *lines = lines_of(path)
    assert header == found.account.header
    assert header.lines == len(lines)
    assert header.record.time_limit is None
    kinds = [type(line).__name__ for line in lines]
    own = 2 * (count - 1)
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "Crate": 2 * count,
        "ListingResult": 2,
        "CrateLid": own,
        "CrateLock": own,
        "DetailsRead": own,
    }
    assert [each.name for each in path.parent.iterdir()] == [path.name]


async def test_the_lines_of_a_listing_and_of_details_stand_together(tmp_path: Path) -> None:
    """By the lines before its own a listing, and the details of one resource, are known to those who read a shard."""
    Answers.count = 4_000
    path = tmp_path / f"{MEMBER}.ndjson.zst"
    await into(path, minutes(60))
    before: list[Any] = []
    for line in lines_of(path)[1:]:
        if isinstance(line, ListingResult):
            assert [each.arn for each in before] == [f"arn:{line.region}:{n}" for n in range(line.count)]
        elif isinstance(line, DetailsRead):
            assert [type(each) for each in before] == [CrateLid, CrateLock]
            assert {each.arn for each in before} == {line.arn}
        else:
            before.append(line)
            continue
        before.clear()
    assert not before


async def test_details_are_read_by_a_bounded_number_of_tasks(tmp_path: Path) -> None:
    Answers.count = 3_000
    most = 0

    async def watch() -> None:
        nonlocal most
        while True:
            most = max(most, len(asyncio.all_tasks()))
            await asyncio.sleep(0)

    watching = asyncio.create_task(watch())
    await into(tmp_path / "1.ndjson.zst", minutes(60, calls=8))
    watching.cancel()
    assert Answers.most == 16, "8 of each region's listing, at the same time"
    assert most < 16 * 4 + 10


async def test_memory_does_not_grow_with_the_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[int] = []
    monkeypatch.setattr(shards, "IN_MEMORY", 2_000)
    add = Spool.add

    def noted(self: Spool, line: bytes) -> None:
        add(self, line)
        held.append(sum(map(len, self._lines)))

    monkeypatch.setattr(Spool, "add", noted)
    Answers.count = 2_000
    await into(tmp_path / "1.ndjson.zst")
    assert max(held) < 2_500


# The time limit.


async def test_what_is_not_read_in_time_is_a_gap_and_the_rest_stays(tmp_path: Path) -> None:
    Answers.stuck = {f"listing {HERE}", f"lid arn:{THERE}:2"}
    path = tmp_path / "1.ndjson.zst"
    await into(path, minutes(0.4))
    header, *lines = lines_of(path)
    listed = {line.region: line for line in lines if isinstance(line, ListingResult)}
    assert listed[THERE].gap is None
    gap = listed[HERE].gap
    assert gap is not None
    assert (gap.reason, gap.action, gap.region) == (GapReason.TIME_LIMIT, "x:ListCrates", HERE)
    assert gap.message == f"not reached within the {0.4 / 60:g} minutes of [run] account_minutes"
    assert (listed[HERE].count, listed[THERE].count) == (3, 3), "what was listed stays"
    gaps = {(line.fact, line.arn): line.gap.reason for line in lines if isinstance(line, DetailGap)}
    late = [(fact, f"arn:{HERE}:{n}") for n in (0, 2) for fact in ("CrateLid", "CrateLock")]
    late += [(fact, f"arn:{THERE}:2") for fact in ("CrateLid", "CrateLock")]
    assert gaps == dict.fromkeys(late, GapReason.TIME_LIMIT)
    assert [line.arn for line in lines if isinstance(line, CrateLock)] == [f"arn:{THERE}:0"]
    assert header.record.time_limit is not None
    assert header.record.time_limit.reason is GapReason.TIME_LIMIT
    assert {each.name: each.state for each in header.record.regions} == {
        HERE: RegionState.NOT_ASSESSED,
        THERE: RegionState.AUDITED,
    }
    assert header.lines == len(lines)


async def test_what_was_not_begun_in_time_is_not_begun(tmp_path: Path) -> None:
    Answers.count, Answers.stuck = 400, {f"lid arn:{region}:{n}" for region in (HERE, THERE) for n in range(400)}
    path = tmp_path / "1.ndjson.zst"
    await into(path, minutes(0.3, calls=2))
    lines = lines_of(path)
    assert Answers.most == 4
    assert sum(isinstance(line, DetailGap) for line in lines) == 2 * 2 * 399
    assert sum(isinstance(line, Crate) for line in lines) == 2 * 400


async def test_those_who_wait_for_their_turn_stop_waiting(tmp_path: Path) -> None:
    Answers.bucket = TokenBucket(rate=0.01, burst=1)
    path = tmp_path / "1.ndjson.zst"
    await asyncio.wait_for(into(path, minutes(0.3)), 20)
    found = [line.gap.reason for line in lines_of(path) if isinstance(line, DetailGap) and line.fact == "CrateLid"]
    assert found == [GapReason.TIME_LIMIT] * 3, "one had its turn"


@pytest.mark.parametrize("stuck", ["role", "regions"])
async def test_an_account_that_is_not_entered_in_time_is_a_gap(stuck: str, tmp_path: Path) -> None:
    Answers.stuck = {stuck}
    path = tmp_path / "1.ndjson.zst"
    await into(path, minutes(0.1))
    (header,) = lines_of(path)
    assert header.record.gap is not None
    assert (header.record.gap.reason, header.record.gap.account_id) == (GapReason.TIME_LIMIT, MEMBER)
    assert header.record.regions == ()


def test_a_reason_says_what_to_do() -> None:
    assert "[run] account_minutes" in GapReason.TIME_LIMIT.remediation("x:ListCrates")
    assert not GapReason.TIME_LIMIT.nothing_there


# Whole or not at all.


async def test_who_is_cancelled_leaves_nothing_behind(tmp_path: Path) -> None:
    Answers.count, Answers.stuck = 4_000, {f"listing {HERE}"}
    Answers.bucket = TokenBucket(rate=0.01, burst=1)
    path = tmp_path / "facts" / "1.ndjson.zst"
    before = asyncio.all_tasks()
    collecting = asyncio.create_task(into(path))
    await Answers.began.wait()
    collecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await collecting
    assert asyncio.all_tasks() == before
    assert list(path.parent.iterdir()) == []


async def test_a_shard_that_another_process_wrote_stays(tmp_path: Path) -> None:
    path = tmp_path / "1.ndjson.zst"
    path.write_bytes(b"theirs")
    assert await into(path) is None
    assert path.read_bytes() == b"theirs"


@pytest.mark.parametrize("count", [3, 4_000])
async def test_a_directory_that_cannot_be_written_ends_the_collection(count: int, tmp_path: Path) -> None:
    Answers.count = count
    (tmp_path / "facts").write_text("not a directory")
    with pytest.raises(ReportError, match="cannot write"):
        await into(tmp_path / "facts" / "1.ndjson.zst")


async def test_a_disk_that_fills_up_between_is_no_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the listing nor a detail is taken for one that AWS did not answer."""

    def full(self: Spool, _part: bytes) -> None:
        raise ReportError(f"cannot write {self.directory}: No space left on device")

    monkeypatch.setattr(Spool, "_write", full)
    Answers.count = 4_000
    with pytest.raises(ReportError, match="No space left"), Spool(tmp_path) as lines:
        await collect_account(an_access(), ACCOUNT, COLLECTORS, Sections(), lines)


def test_a_shard_that_lacks_lines_is_damaged(tmp_path: Path) -> None:
    header = header_of(an_account(MEMBER), facts_of(MEMBER).record, 2)
    listed = ListingResult("Crate", HERE)
    assert list(whole([header, listed, listed], tmp_path)) == [header, listed, listed]
    for lines in ([header], [header, listed], [header, listed, listed, listed]):
        with pytest.raises(ConfigError, match="lacks lines"):
            list(whole(lines, tmp_path))
    earlier = msgspec.structs.replace(header, lines=None)
    assert list(whole([earlier, listed], tmp_path)) == [earlier, listed]


def test_a_header_of_an_earlier_version_has_no_count() -> None:
    stored = msgspec.to_builtins(header_of(an_account(MEMBER), facts_of(MEMBER).record))
    del stored["lines"], stored["record"]["time_limit"]
    assert msgspec.convert(stored, AccountHeader).lines is None
