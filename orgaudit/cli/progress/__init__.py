"""Shows how a run goes on standard error: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from orgaudit.aws.transport import Traffic
from orgaudit.model import Account, AccountRecord, RegionState
from orgaudit.words import counted

PLAIN_EVERY = 10.0
"""Seconds between plain lines, so that a log stays short."""


LEAST_DONE, LEAST_SHARE, LEAST_SECONDS = 5, 0.1, 10.0
"""What must have ended before the rest can be estimated: so many accounts, this share of them, and this time.

Accounts run beside each other, so the first ones end together, and the time of the whole is unknown until later ones,
which began when others had ended, have ended too.
"""


def seconds_left(done: int, total: int, elapsed: float, beside: int) -> float | None:
    """Return the seconds that a stage will still take, or None while nobody can know.

    `beside` accounts run at once: before twice as many have ended, the rate is that of the first ones.
    """
    enough = max(LEAST_DONE, LEAST_SHARE * total, 2 * min(beside, total // 2))
    if done < enough or elapsed < LEAST_SECONDS or done >= total:
        return None
    return elapsed / done * (total - done)


def in_words(seconds: float | None) -> str:
    """Return the time left in words, and nothing while it is unknown."""
    if seconds is None:
        return ""
    minutes = round(seconds / 60)
    return f"about {seconds:.0f} s left" if minutes < 2 else f"about {minutes:,} min left"  # noqa: PLR2004 - below, seconds


class TerminalProgress:
    """A live line: accounts done, calls, throttles, gaps, and the time left once it can be estimated."""

    def __init__(self, beside: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._beside, self._clock, self._began = beside, clock, clock()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TextColumn("{task.fields[left]}"),
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
        self._began = self._clock()
        self._task = self._bar.add_task(name, total=total, figures="", left="")

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> None:
        """Advance the line."""
        del account
        if self._task is None:
            return
        self._gaps += gaps_of(record)
        figures = f"{traffic.calls:,} calls · {traffic.throttles:,} throttled · {self._gaps:,} gaps" if traffic else ""
        task = self._bar.tasks[-1]
        left = seconds_left(int(task.completed) + 1, int(task.total or 0), self._clock() - self._began, self._beside)
        self._bar.update(self._task, advance=1, figures=figures, left=in_words(left))


class PlainProgress:
    """A line every ten seconds, and one for each account that could not be assessed."""

    def __init__(self, beside: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._total, self._done, self._gaps = "", 0, 0, 0
        self._beside, self._clock = beside, clock
        self._began = self._said = clock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def stage(self, name: str, total: int) -> None:
        """Begin counting anew."""
        self._name, self._total, self._done = name, total, 0
        self._began = self._said = self._clock()
        click.echo(f"{name}: {counted(total, 'account')}", err=True)

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> None:
        """Count an account; print a line when it is time."""
        self._done += 1
        self._gaps += gaps_of(record)
        if record is not None and record.gap is not None:
            click.echo(f"{self._name}: {account.id} not assessed: {record.gap.message}", err=True)
        now = self._clock()
        if traffic is not None and (now - self._said >= PLAIN_EVERY or self._done == self._total):
            self._said = now
            left = in_words(seconds_left(self._done, self._total, now - self._began, self._beside))
            figures = (
                f"{self._name}: {self._done:,} of {counted(self._total, 'account')}",
                counted(traffic.calls, "call"),
                f"{traffic.throttles:,} throttled",
                counted(self._gaps, "gap"),
                left,
            )
            click.echo(", ".join(filter(None, figures)), err=True)


def gaps_of(record: AccountRecord | None) -> int:
    """Return how many accounts and regions a record says were not seen."""
    if record is None:
        return 0
    seen = {RegionState.AUDITED, RegionState.DISABLED}
    return int(record.gap is not None) + sum(region.state not in seen for region in record.regions)


def progress(beside: int = 1) -> TerminalProgress | PlainProgress:
    """Return the progress that suits standard error, for a run that collects so many accounts beside each other."""
    return TerminalProgress(beside) if sys.stderr.isatty() else PlainProgress(beside)
