"""Where the tasks of a run work: in this process, in a pool of processes, or on a Dask cluster."""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from orgaudit import __version__
from orgaudit.collect.stopping import STOPS
from orgaudit.errors import AccessError, ConfigError
from orgaudit.settings.settings import Settings
from orgaudit.store import copies

P = ParamSpec("P")
T = TypeVar("T")

ENDING = 1.5
"""Seconds that the processes of a pool, or a cluster, have to end by themselves."""
_ANSWER_WITHIN = 10
"""Seconds that a Dask scheduler has to answer."""


def _nothing() -> None:
    """Do nothing."""


@contextmanager
def workers(settings: Settings, dask: str | None, prepare: Callable[[], None] = _nothing) -> Iterator[Executor | None]:
    """Yield where the tasks of a run work: None for this process, a process pool, or a Dask cluster.

    Each process of a pool calls `prepare` first, which can be pickled.
    With Dask, the run is in a directory that all workers share, or at an address. Raises ConfigError without the
    package `distributed` or where a worker has another version of orgaudit, and AccessError where the scheduler does
    not answer or has no workers.
    """
    if dask:
        with _dask(dask, settings.run.workers) as executor:
            yield executor
    elif settings.run.workers > 1:
        with _pool(settings.run.workers, prepare) as executor:
            yield executor
    else:
        yield None


def width(executor: Executor | None) -> int:
    """Return how many tasks work at a time."""
    return executor.width if isinstance(executor, _Pool | _Cluster) else 1


def beside(executor: Executor | None, directory: Path) -> Executor | None:
    """Return the executor for work on the files of a directory: a cluster does not have those of a working copy."""
    return None if isinstance(executor, _Cluster) and copies.address_of(directory) else executor


def check(executor: Executor) -> None:
    """Raise BrokenExecutor where a process of a pool has ended."""
    if isinstance(executor, _Pool) and executor.has_lost_any():
        raise BrokenProcessPool("a process of the pool ended abruptly")


class _Pool(ProcessPoolExecutor):
    """A process pool that knows its size, and its processes.

    The executor itself sees the end of a process that it started last only when another one has a result.
    """

    def __init__(self, size: int, ending: Connection, prepare: Callable[[], None]) -> None:
        initial = (gc.get_threshold(), ending, prepare)
        super().__init__(size, mp_context=get_context("spawn"), initializer=_begin, initargs=initial)
        self.width = size
        self._others = set(multiprocessing.active_children())
        self._started: set[multiprocessing.process.BaseProcess] = set()

    def started(self) -> set[multiprocessing.process.BaseProcess]:
        """Return the processes that were seen so far."""
        self._started |= set(multiprocessing.active_children()) - self._others
        return self._started

    def has_lost_any(self) -> bool:
        """Return whether one of its processes has ended."""
        return not all(child.is_alive() for child in self.started())


@contextmanager
def _pool(size: int, prepare: Callable[[], None]) -> Iterator[Executor]:
    """Yield a pool of processes that end when this one ends, and at once when the block raises.

    One that does not end, such as a process that was halted, is killed.
    """
    ending, ours = get_context("spawn").Pipe(duplex=False)
    executor = _Pool(size, ending, prepare)
    try:
        yield executor
    except BaseException:
        ours.close()
        raise
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
        _end(executor.started())
        ours.close()
        ending.close()


def _end(children: set[multiprocessing.process.BaseProcess]) -> None:
    """Wait until processes have ended, and kill those that do not."""
    deadline = time.monotonic() + ENDING
    for child in children:
        child.join(max(0.0, deadline - time.monotonic()))
    for child in children:
        if child.is_alive():
            child.kill()
            child.join()


def _begin(threshold: tuple[int, int, int], ending: Connection, prepare: Callable[[], None]) -> None:
    """Set up a worker: it ignores signals, because the main process alone decides when its workers end."""
    prepare()
    gc.set_threshold(*threshold)
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(ending,), daemon=True, name="ending").start()


def _end_with(ending: Connection) -> None:
    """End this process when the other end of the pipe is closed, as it is when the main process is killed."""
    ending.poll(None)
    os._exit(1)


@contextmanager
def _dask(address: str, tasks: int) -> Iterator[Executor]:
    try:
        from distributed import Client  # noqa: PLC0415 - an optional package
    except ImportError as error:
        raise ConfigError("needs the package distributed: pip install 'orgaudit[dask]'", key="--dask") from error
    make: Any = Client
    try:
        client = make(address, timeout=_ANSWER_WITHIN, set_as_default=False)
    except OSError as error:
        raise AccessError(
            f"the Dask scheduler at {address} does not answer ({error}); check the address, and that it runs"
        ) from error
    # A client that has lost its scheduler says so for as long as it looks for it; what is lost is said once, by us.
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)
    try:
        yield _Cluster(client, _checked(client, address, tasks))
    finally:
        client.close(timeout=ENDING)


def _checked(client: Any, address: str, tasks: int) -> int:  # noqa: ANN401 - the package has no types
    """Return how many tasks a cluster is to have; raises AccessError and ConfigError where it cannot collect."""

    def version() -> str:
        # Nested, so that it is sent as code: a worker without orgaudit could not import it.
        from orgaudit import __version__ as theirs  # noqa: PLC0415

        return theirs

    found = client.run(version, on_error="return")
    for worker, theirs in found.items():
        if theirs != __version__:
            has = f"orgaudit {theirs}" if isinstance(theirs, str) else f"no orgaudit ({theirs})"
            remedy = f"install orgaudit {__version__} on every worker"
            raise ConfigError(f"the worker {worker} has {has}, and this is {__version__}; {remedy}", key="--dask")
    if not found and tasks == 1:
        remedy = "start some, or name with --workers how many there will be"
        raise AccessError(f"the Dask scheduler at {address} has no workers; {remedy}")
    return max(tasks, len(found))


class LostClusterError(BrokenExecutor):
    """The scheduler was lost, or a task's worker again and again."""


class _Cluster(Executor):
    """A Dask cluster of which what is lost shows as a pool's does: its futures raise BrokenExecutor."""

    def __init__(self, client: Any, tasks: int) -> None:  # noqa: ANN401 - the package has no types
        self.width = tasks
        self._inner = client.get_executor(pure=False)

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Send a call to a worker and return its future."""
        outer: Future[T] = Future()
        outer.set_running_or_notify_cancel()

        def ended(inner: Future[T]) -> None:
            error = None if inner.cancelled() else inner.exception()
            if inner.cancelled():
                outer.set_exception(LostClusterError("the connection to the Dask scheduler was lost"))
            elif error is not None:
                lost = type(error).__name__ == "KilledWorker"
                outer.set_exception(LostClusterError(str(error)) if lost else error)
            else:
                outer.set_result(inner.result())

        try:
            self._inner.submit(fn, *args, **kwargs).add_done_callback(ended)
        except (RuntimeError, OSError) as error:
            raise LostClusterError(f"the connection to the Dask scheduler was lost: {error}") from error
        return outer
