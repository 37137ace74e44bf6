"""Work on a run's accounts in parts, in this process or in those of an executor."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar
from uuid import uuid4

from orgaudit.errors import ConfigError, CutShortError
from orgaudit.model import Account
from orgaudit.store import leases
from orgaudit.store.manifest import Manifest
from orgaudit.store.run import writing

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Part: TypeAlias = tuple[Account, ...]
PARTS = 32
"""Into how many parts the accounts are divided at least, so that processes end at about the same time."""
LARGEST = 50
"""The most accounts in a part, so that what a process holds of it does not grow with the organization."""


def in_parts(
    executor: Executor | None, work: Callable[[Part], T], manifest: Manifest, scratch: Path
) -> Iterator[tuple[Part, T]]:
    """Yield each part of a run's accounts with what `work` returns for it, as soon as it does.

    A part is neighbours by their ids; without an executor each account is one. With one, its processes read `work` from
    a file in `scratch`, which they have under the same path, each of them once: what is sent for a part does not grow
    with the organization. A process may hang, so what nobody has ended after a while is done again, to the same effect,
    and what ends first counts: `work` may run twice at a time. Raises what `work` raises, after the parts that nobody
    has begun were given up, ReportError where `scratch` cannot be written, and CutShortError where a worker was lost.
    """
    accounts = by_id(manifest)
    if executor is None:
        for account in accounts:
            yield (account,), work((account,))
        return
    size = max(1, min(LARGEST, -(-len(accounts) // PARTS)))
    parts = [accounts[start : start + size] for start in range(0, len(accounts), size)]
    try:
        yield from _shared(executor, _stored(work, scratch), parts)
    except BrokenExecutor as error:
        resume = f", or continue it with `orgaudit audit --resume {manifest.run_id}`" if manifest.parent is None else ""
        raise CutShortError(f"a worker was lost ({error}); repeat the command{resume}") from error


def _shared(executor: Executor, work: Callable[[Part], T], parts: Sequence[Part]) -> Iterator[tuple[Part, T]]:
    """Yield each part once, with what the first process that has ended it returned.

    Where none ends for as long as a process that hangs keeps its leases, the rest is given out once more, and again
    after twice that time.
    """
    left = dict(enumerate(parts))

    def given_out() -> dict[Future[T], int]:
        return {executor.submit(work, part): number for number, part in left.items()}

    waiting, patience = given_out(), leases.LIFE.total_seconds()
    try:
        while left:
            ended = wait(waiting, patience, FIRST_COMPLETED).done
            if not ended:
                patience *= 2
                waiting |= given_out()
            for each in ended:
                number, result = waiting.pop(each), each.result()
                if number in left:
                    yield left.pop(number), result
    finally:
        for each in waiting:
            each.cancel()


def by_id(manifest: Manifest) -> tuple[Account, ...]:
    """Return a run's accounts, by their ids."""
    return tuple(sorted(manifest.accounts, key=lambda account: account.id))


@dataclass(frozen=True, slots=True)
class _Stored(Generic[T_co]):
    """Work that is in a file, and the SHA-256 of the file: what was put into its place is not run."""

    path: Path
    sha256: str

    def __call__(self, accounts: Part) -> T_co:
        """Do the work for some accounts."""
        result: T_co = _loaded(self)(accounts)
        return result


def _stored(work: Callable[[Part], T], scratch: Path) -> _Stored[T]:
    """Write work into a file of its own."""
    content = pickle.dumps(work)
    path = scratch / f"work-{uuid4().hex}"
    with writing(path) as file:
        file.write(content)
    return _Stored(path, hashlib.sha256(content).hexdigest())


@lru_cache(maxsize=1)
def _loaded(stored: _Stored[Any]) -> Callable[[Part], Any]:
    """Return work for all parts of it that this process takes; that of an earlier stage is forgotten.

    Raises ConfigError where the file is not there, or not what was written.
    """
    try:
        content = stored.path.read_bytes()
    except OSError as error:
        shared = "a worker does not see this directory; it needs the runs under the same path"
        raise ConfigError(f"cannot be read ({error.strerror}): {shared}", file=str(stored.path)) from error
    if hashlib.sha256(content).hexdigest() != stored.sha256:
        raise ConfigError("was changed while the processes worked; repeat the command", file=str(stored.path))
    work: Callable[[Part], Any] = pickle.loads(content)  # noqa: S301 - what the coordinator wrote, by its hash
    return work
