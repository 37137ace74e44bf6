"""Runs a coroutine so that the signals which stop this process cancel it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from orgaudit.collect.stopping import Stopping

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns, in an event loop of its own; a signal that stops the process cancels it.

    It then raises KeyboardInterrupt, once all that was begun has been cancelled.
    """
    stopping = Stopping.installed
    if stopping is None:
        return asyncio.run(main)
    try:
        return asyncio.run(_cancelled_by(stopping, main))
    except asyncio.CancelledError:
        if stopping.is_stopped:
            raise KeyboardInterrupt from None
        raise


async def _cancelled_by(stopping: Stopping, main: Coroutine[Any, Any, T]) -> T:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task

    def cancel(begun: threading.Event) -> None:
        begun.set()
        task.cancel()

    stopping.cancel = lambda begun: loop.call_soon_threadsafe(cancel, begun)
    try:
        return await main
    finally:
        stopping.cancel = None
