import asyncio
import selectors
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.aws.pacing import SLOWEST, TokenBucket


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock jumps to the next timer instead of waiting for it."""

    def __init__(self) -> None:
        self.now = 1000.0
        loop = self

        class Jumping(selectors.SelectSelector):
            def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
                loop.now += max(timeout or 0, 0)
                return super().select(0)

        super().__init__(Jumping())

    def time(self) -> float:
        return self.now


def run(main: Callable[[], Awaitable[Any]]) -> Any:
    async def body() -> Any:
        return await main()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(body())


def clock() -> float:
    return asyncio.get_running_loop().time()


async def grants(bucket: TokenBucket, number: int) -> list[tuple[int, float]]:
    """Who was granted when, in seconds from now, in the order of the grants; all ask at once."""
    start, granted = clock(), list[tuple[int, float]]()

    async def ask(who: int) -> None:
        await bucket.acquire()
        granted.append((who, clock() - start))

    await asyncio.gather(*(ask(who) for who in range(number)))
    return granted


@given(
    rate=st.floats(0.5, 500), burst=st.integers(1, 50), number=st.integers(1, 120), idle=st.sampled_from([0, 0.3, 100])
)
def test_a_burst_at_once_then_the_rate_in_the_order_asked(rate: float, burst: int, number: int, idle: float) -> None:
    async def body() -> list[tuple[int, float]]:
        bucket = TokenBucket(rate, burst)
        await asyncio.sleep(idle)
        return await grants(bucket, number)

    granted = run(body)
    assert [who for who, _ in granted] == list(range(number))
    for who, at in granted:
        assert at == pytest.approx(max(0, who + 1 - burst) / rate, abs=1e-6)


def test_no_window_of_time_gets_more_than_burst_and_rate() -> None:
    async def body() -> list[float]:
        bucket, times = TokenBucket(5, 10), list[float]()
        for pause in (0, 0.1, 3, 0, 0.5, 20, 0):
            await asyncio.sleep(pause)
            start = clock()
            times.extend(start + at for _, at in await grants(bucket, 12))
        return times

    times = run(body)
    for first, start in enumerate(times):
        for last in range(first, len(times)):
            assert last - first + 1 <= 10 + 5 * (times[last] - start) + 1e-6


def test_burst_comes_back_while_nobody_asks_and_never_exceeds_itself() -> None:
    async def body() -> tuple[list[float], list[float]]:
        bucket = TokenBucket(2, 4)
        await grants(bucket, 4)
        await asyncio.sleep(1)
        some = [at for _, at in await grants(bucket, 4)]
        await asyncio.sleep(1000)
        return some, [at for _, at in await grants(bucket, 6)]

    some, full = run(body)
    assert some == pytest.approx([0, 0, 0.5, 1], abs=1e-6)
    assert full == pytest.approx([0, 0, 0, 0, 0.5, 1], abs=1e-6)


def test_each_of_2000_waiters_sleeps_once(monkeypatch: pytest.MonkeyPatch) -> None:
    sleeps: list[float] = []
    sleep = asyncio.sleep

    async def counted(seconds: float) -> None:
        sleeps.append(seconds)
        await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", counted)
    granted = run(lambda: grants(TokenBucket(8, 16), 2000))
    assert len(sleeps) == 1984
    assert granted[-1][1] == pytest.approx(248)


def test_a_cancelled_waiter_neither_blocks_nor_delays_the_others() -> None:
    async def body() -> list[float]:
        bucket = TokenBucket(1, 1)
        start = clock()
        asked = [asyncio.ensure_future(bucket.acquire()) for _ in range(5)]
        await asyncio.sleep(0.5)
        for waiter in asked[1:4]:
            waiter.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        last = clock() - start
        await bucket.acquire()
        return [last, clock() - start]

    assert run(body) == pytest.approx([4, 5])


def test_a_throttle_halves_the_rate_and_spends_the_burst() -> None:
    async def body() -> tuple[float, list[tuple[int, float]]]:
        bucket = TokenBucket(10, 20)
        bucket.slow_down()
        return bucket.rate, await grants(bucket, 3)

    rate, granted = run(body)
    assert rate == 5
    assert [at for _, at in granted] == pytest.approx([0.2, 0.4, 0.6])


@pytest.mark.parametrize(("after", "rate"), [(0.0, 50), (0.99, 50), (1.0, 25), (5.0, 25)])
def test_throttles_of_one_second_count_once(after: float, rate: float) -> None:
    async def body() -> float:
        bucket = TokenBucket(100, 1)
        for _ in range(30):
            bucket.slow_down()
        await asyncio.sleep(after)
        bucket.slow_down()
        return bucket.rate

    assert run(body) == rate


@pytest.mark.parametrize(("full", "floor"), [(100.0, SLOWEST), (1.0, SLOWEST), (0.5, 0.5), (0.2, 0.2)])
def test_a_bucket_is_never_slowed_below_the_floor_nor_sped_up_by_it(full: float, floor: float) -> None:
    async def body() -> float:
        bucket = TokenBucket(full, 1)
        for _ in range(20):
            bucket.slow_down()
            await asyncio.sleep(1)
        return bucket.rate

    assert run(body) == floor


def test_calls_that_pass_bring_the_rate_back_and_no_further() -> None:
    async def body() -> list[float]:
        bucket, rates = TokenBucket(20, 1), list[float]()
        bucket.slow_down()
        for _ in range(12):
            bucket.speed_up()
            rates.append(bucket.rate)
        return rates

    assert run(body) == [11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 20, 20]
