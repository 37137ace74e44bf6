"""Shows how a run goes on standard error: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from orgaudit.aws.transport import Traffic
from orgaudit.model import Account, AccountRecord, RegionState

PLAIN_EVERY = 10.0
"""Seconds between plain lines, so that a log stays short."""


class TerminalProgress:
    """A live line: accounts done, calls, throttles, gaps, time left."""

    def __init__(self) -> None:
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True),
            console=Console(stderr=True),
            transient=True,
        )
        self._task: TaskID | None = None
        self._gaps = 0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def stage(self, name: str, total: int) -> None:
        """Begin a new line."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(name, total=total, figures="")

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> None:
        """Advance the line."""
        del account
        if self._task is None:
            return
        self._gaps += gaps_of(record)
        figures = f"{traffic.calls:,} calls · {traffic.throttles:,} throttled · {self._gaps:,} gaps" if traffic else ""
        self._bar.update(self._task, advance=1, figures=figures)


class PlainProgress:
    """A line every ten seconds, and one for each account that could not be assessed."""

    def __init__(self) -> None:
        self._name, self._total, self._done, self._gaps = "", 0, 0, 0
        self._began = self._said = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def stage(self, name: str, total: int) -> None:
        """Begin counting anew."""
        self._name, self._total, self._done = name, total, 0
        self._began = self._said = time.monotonic()
        click.echo(f"{name}: {total} accounts", err=True)

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> None:
        """Count an account; print a line when it is time."""
        self._done += 1
        self._gaps += gaps_of(record)
        if record is not None and record.gap is not None:
            click.echo(f"{self._name}: {account.id} not assessed: {record.gap.message}", err=True)
        now = time.monotonic()
        if traffic is not None and (now - self._said >= PLAIN_EVERY or self._done == self._total):
            self._said = now
            left = (now - self._began) / self._done * (self._total - self._done)
            click.echo(
                f"{self._name}: {self._done}/{self._total} accounts, {traffic.calls} calls, {traffic.throttles} "
                f"throttled, {self._gaps} gaps, about {left:.0f} s left",
                err=True,
            )


def gaps_of(record: AccountRecord | None) -> int:
    """Return how many accounts and regions a record says were not seen."""
    if record is None:
        return 0
    seen = {RegionState.AUDITED, RegionState.DISABLED}
    return int(record.gap is not None) + sum(region.state not in seen for region in record.regions)


def progress() -> TerminalProgress | PlainProgress:
    """Return the progress that suits standard error."""
    return TerminalProgress() if sys.stderr.isatty() else PlainProgress()
