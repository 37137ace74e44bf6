"""Where accounts are collected: in this process, in a pool of processes, or on a Dask cluster."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import get_context

from orgaudit.aws.region import Traffic
from orgaudit.collect import Batch, Done, collect_batch
from orgaudit.errors import AccessError, ConfigError, CutShortError
from orgaudit.evaluate import read_record
from orgaudit.settings import Settings
from orgaudit.store.run import Run


@contextmanager
def workers(settings: Settings, dask: str | None) -> Iterator[Executor | None]:
    """Yield where accounts are collected: None for this process, a process pool, or a Dask cluster.

    With Dask, the run's directory must be on a file system that all workers share. Raises ConfigError without the
    package `distributed`, AccessError where the scheduler does not answer.
    """
    if dask:
        with _dask(dask) as executor:
            yield executor
    elif settings.run.workers > 1:
        with ProcessPoolExecutor(
            settings.run.workers,
            mp_context=get_context("spawn"),
            initializer=gc.set_threshold,
            initargs=gc.get_threshold(),
        ) as executor:
            yield executor
    else:
        yield None


@contextmanager
def _dask(address: str) -> Iterator[Executor]:
    try:
        from distributed import Client  # noqa: PLC0415 - an optional package
    except ImportError as error:
        raise ConfigError("needs the package distributed: pip install 'orgaudit[dask]'", key="--dask") from error
    try:
        client = Client(address, timeout=10)
    except OSError as error:
        raise AccessError(f"the Dask scheduler at {address} does not answer: {error}") from error
    with client:
        yield client.get_executor(pure=False)


def distribute(executor: Executor, batch: Batch, done: Done) -> None:
    """Collect in worker processes, in batches small enough that the workers end together.

    `done` is called in this process after each account. Raises CutShortError where a worker was lost.
    """
    settings = batch.settings.run
    size = max(1, min(settings.concurrent_accounts, len(batch.accounts) // (settings.workers * 4)))
    parts = [batch.accounts[start : start + size] for start in range(0, len(batch.accounts), size)]
    waiting = {executor.submit(collect_batch, replace(batch, accounts=part)): part for part in parts}
    total = Traffic()
    for ended in as_completed(waiting):
        try:
            total.add(ended.result())
        except BrokenExecutor as error:
            mend = f"go on with `orgaudit audit --resume {batch.run.name}`"
            raise CutShortError(f"a worker was lost ({error}); what it finished is kept, {mend}") from error
        for account in waiting[ended]:
            done(account, read_record(Run(batch.run), account.id), total)
