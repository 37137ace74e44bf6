"""Endpoints that never answer, or never end, cost bounded time and become a gap."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from orgaudit.aws.account import RegionAccess
from orgaudit.aws.failures import IncompleteAnswerError, Kind, Place, classify
from orgaudit.model import Gap, GapReason, NotSeenError
from tests.aws.test_access import HOME, Open, limits, opened, pauses, region, sent
from tests.faults import FaultProxy

__all__ = ["limits", "opened", "pauses"]

RUN = {"connect_timeout": 0.2, "read_timeout": 0.3, "attempts": 6}
Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def silence(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def trickle(writer: asyncio.StreamWriter) -> None:
    """An answer that is never whole, of which a byte comes well within every time-out of one read."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: 100000\r\n\r\n{")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def serving(reply: Reply) -> AsyncIterator[tuple[str, list[bytes]]]:
    """An endpoint on 127.0.0.1 that replies so to each request; with the first lines of the requests."""
    asked: list[bytes] = []
    open_ones: list[asyncio.Task[None]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_ones.append(asyncio.current_task())  # type: ignore[arg-type]  # it is one
        try:
            asked.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
            await reply(writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", asked
    finally:
        for each in open_ones:
            each.cancel()
        await asyncio.gather(*open_ones)
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize("reply", [silence, trickle])
async def test_an_endpoint_without_an_end_is_a_gap_and_given_up(
    reply: Reply, opened: Open, environment: pytest.MonkeyPatch
) -> None:
    async with serving(reply) as (url, asked):
        environment.setenv("AWS_ENDPOINT_URL_CLOUDTRAIL", url)
        async with opened(run=RUN) as access:
            aws = await region(access)
            began = time.monotonic()
            gaps = [await gap_in(aws) for _ in range(3)]
            taken = time.monotonic() - began
    assert {gap.reason for gap in gaps} == {GapReason.UNREACHABLE}
    assert len(asked) == 2, "the second attempt is the last, and the endpoint is given up then"
    assert taken < 2 * access.transport.longest_call + 5


async def gap_in(aws: RegionAccess) -> Gap:
    with pytest.raises(NotSeenError) as refused:
        await aws.call("cloudtrail", "DescribeTrails")
    return refused.value.gap


async def test_what_is_read_about_one_thing_each_is_forgotten_in_time(
    opened: Open, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orgaudit.aws.account.KEPT_READINGS", 3)
    read: list[int] = []

    async def one(_aws: RegionAccess, number: int) -> int:
        read.append(number)
        return number

    async with opened() as access:
        aws = await region(access, HOME)
        found = [await aws.once(one, number) for number in (1, 2, 3, 1, 4, 5, 4, 1)]
    assert found == [1, 2, 3, 1, 4, 5, 4, 1]
    assert read == [1, 2, 3, 4, 5, 1]
    assert sent(proxy, "DescribeTrails") == 0


def test_an_answer_that_was_not_whole_in_time_is_like_a_time_out() -> None:
    found = classify(IncompleteAnswerError(seconds=125.0), Place(False, False, True))
    assert (found.kind, found.reason) == (Kind.NO_CONNECTION, GapReason.UNREACHABLE)
    assert found.message == "the answer was not complete after 125 seconds"
