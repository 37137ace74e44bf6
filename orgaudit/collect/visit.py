"""Visits many accounts, several at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from orgaudit.model import Account

T = TypeVar("T")


async def visit(accounts: Iterable[Account], width: int, read: Callable[[Account], Awaitable[T]]) -> list[T]:
    """Return what `read` returns for each account, in their order; at most `width` are read at a time."""
    slots = asyncio.Semaphore(width)

    async def one(account: Account) -> T:
        async with slots:
            return await read(account)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(account)) for account in accounts]
    return [task.result() for task in tasks]
