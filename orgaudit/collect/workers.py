"""Where accounts are collected: in this process, in a pool of processes, or on a Dask cluster."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context
from multiprocessing.connection import Connection

from orgaudit.aws.transport import Traffic
from orgaudit.collect.batch import Batch, Done, collect_batch, read_record
from orgaudit.collect.stopping import STOPS
from orgaudit.errors import AccessError, ConfigError, CutShortError
from orgaudit.settings.settings import Settings
from orgaudit.store.run import Run

LOOK_EVERY = 0.5
"""Seconds between checks of whether this process stops."""


@contextmanager
def workers(settings: Settings, dask: str | None) -> Iterator[Executor | None]:
    """Yield where accounts are collected: None for this process, a process pool, or a Dask cluster.

    With Dask, the run's directory must be on a file system that all workers share. Raises ConfigError without the
    package `distributed`, and AccessError where the scheduler does not answer.
    """
    if dask:
        with _dask(dask) as executor:
            yield executor
    elif settings.run.workers > 1:
        with _pool(settings.run.workers) as executor:
            yield executor
    else:
        yield None


@contextmanager
def _pool(size: int) -> Iterator[Executor]:
    """Yield a pool of processes that end when this one ends, and at once when the block raises."""
    spawning = get_context("spawn")
    ending, ours = spawning.Pipe(duplex=False)
    initial = (gc.get_threshold(), ending)
    with ProcessPoolExecutor(size, mp_context=spawning, initializer=_begin, initargs=initial) as executor:
        try:
            yield executor
        except BaseException:
            ours.close()
            raise


def _begin(threshold: tuple[int, int, int], ending: Connection) -> None:
    """Set up a worker: it ignores signals, because the main process alone decides when its workers end."""
    gc.set_threshold(*threshold)
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(ending,), daemon=True, name="ending").start()


def _end_with(ending: Connection) -> None:
    """End this process when the other end of the pipe is closed, as it is when the main process is killed."""
    ending.poll(None)
    os._exit(1)


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client  # noqa: PLC0415 - an optional package
    except ImportError as error:
        raise ConfigError("needs the package distributed: pip install 'orgaudit[dask]'", key="--dask") from error
    try:
        client = Client(address, timeout=10)  # type: ignore[no-untyped-call]
    except OSError as error:
        raise AccessError(
            f"the Dask scheduler at {address} does not answer ({error}); check the address, and that it runs"
        ) from error
    with client:
        yield client.get_executor(pure=False)  # type: ignore[no-untyped-call]


async def distribute(executor: Executor, batch: Batch, done: Done) -> None:
    """Collect in worker processes, in batches small enough that the workers end at about the same time.

    `done` is called in a thread of this process after each account. Raises CutShortError where a worker was lost.
    """
    stopped = threading.Event()
    try:
        await asyncio.to_thread(_distribute, executor, batch, done, stopped)
    finally:
        stopped.set()


def _distribute(executor: Executor, batch: Batch, done: Done, stopped: threading.Event) -> None:
    """Collect batches until all have ended or this process stops, whatever the workers are still doing."""
    settings = batch.settings.run
    size = max(1, min(settings.concurrent_accounts, len(batch.accounts) // (settings.workers * 4)))
    parts = [batch.accounts[start : start + size] for start in range(0, len(batch.accounts), size)]
    waiting = {executor.submit(collect_batch, replace(batch, accounts=part)): part for part in parts}
    total = Traffic()
    while waiting and not stopped.is_set():
        for ended in wait(waiting, timeout=LOOK_EVERY, return_when=FIRST_COMPLETED).done:
            part = waiting.pop(ended)
            try:
                total.add(ended.result())
            except BrokenExecutor as error:
                advice = f"continue with `orgaudit audit --resume {batch.run.name}`"
                raise CutShortError(
                    f"a worker was lost ({error}); the accounts that it finished are kept, {advice}"
                ) from error
            for account in part:
                done(account, read_record(Run(batch.run), account.id), total)
