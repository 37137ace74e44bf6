"""Work on a run's accounts in parts, in this process or in those of an executor."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, as_completed
from typing import TypeVar

from orgaudit.errors import CutShortError
from orgaudit.model import Account

T = TypeVar("T")
PARTS = 32
"""Into how many parts the accounts are divided, so that processes end at about the same time."""


def in_parts(
    executor: Executor | None,
    work: Callable[[tuple[Account, ...]], T],
    accounts: tuple[Account, ...],
) -> Iterator[tuple[tuple[Account, ...], T]]:
    """Yield each part of the accounts with what `work` returns for it, as soon as it does.

    A part is neighbours in the order of the accounts; without an executor each account is one. Raises what `work`
    raises, after the parts that nobody has begun were given up, and CutShortError where a worker was lost.
    """
    if executor is None:
        for account in accounts:
            yield (account,), work((account,))
        return
    size = max(1, -(-len(accounts) // PARTS))
    parts = [accounts[start : start + size] for start in range(0, len(accounts), size)]
    waiting: dict[Future[T], tuple[Account, ...]] = {executor.submit(work, part): part for part in parts}
    try:
        for ended in as_completed(waiting):
            yield waiting[ended], ended.result()
    except BrokenExecutor as error:
        raise CutShortError(f"a worker was lost ({error}); do this again") from error
    finally:
        for each in waiting:
            each.cancel()
