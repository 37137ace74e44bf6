"""Work on a run's accounts in parts, in this process or in those of an executor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from typing import TypeVar

from orgaudit.errors import CutShortError
from orgaudit.model import Account
from orgaudit.store.manifest import Manifest

T = TypeVar("T")
PARTS = 32
"""Into how many parts the accounts are divided at least, so that processes end at about the same time."""
LARGEST = 50
"""The most accounts in a part, so that what a process holds of it does not grow with the organization."""


def in_parts(
    executor: Executor | None, work: Callable[[tuple[Account, ...]], T], manifest: Manifest
) -> Iterator[tuple[tuple[Account, ...], T]]:
    """Yield each part of a run's accounts with what `work` returns for it, as soon as it does.

    A part is neighbours by their ids; without an executor each account is one. Raises what `work` raises, after the
    parts that nobody has begun were given up, and CutShortError where a worker was lost.
    """
    accounts = by_id(manifest)
    if executor is None:
        for account in accounts:
            yield (account,), work((account,))
        return
    size = max(1, min(LARGEST, -(-len(accounts) // PARTS)))
    parts = [accounts[start : start + size] for start in range(0, len(accounts), size)]
    waiting: dict[Future[T], tuple[Account, ...]] = {executor.submit(work, part): part for part in parts}
    try:
        for ended in as_completed(waiting):
            yield waiting[ended], ended.result()
    except BrokenExecutor as error:
        resume = f", or continue it with `orgaudit audit --resume {manifest.run_id}`" if manifest.parent is None else ""
        raise CutShortError(f"a worker was lost ({error}); repeat the command{resume}") from error
    finally:
        for each in waiting:
            each.cancel()


def by_id(manifest: Manifest) -> tuple[Account, ...]:
    """Return a run's accounts, by their ids."""
    return tuple(sorted(manifest.accounts, key=lambda account: account.id))
