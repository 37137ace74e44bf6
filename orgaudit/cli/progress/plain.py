"""Plain lines for a standard error that is no terminal, few enough that a log stays short."""

from __future__ import annotations

import click

from orgaudit.cli.progress import words
from orgaudit.cli.progress.following import Following
from orgaudit.cli.progress.ticker import Ticker
from orgaudit.model import Account, AccountRecord
from orgaudit.words import counted

EVERY = 10.0
"""Seconds between two lines while accounts end."""
SILENT = 60.0
"""Seconds after which a line says what is waited for, though no account has ended."""


class Plain:
    """A line every ten seconds, and one for each account that could not be assessed."""

    def __init__(self, following: Following) -> None:
        self._following = following
        self._said = 0.0
        self._ticker = Ticker(EVERY, self.tick)

    def open(self) -> None:
        """Begin to watch for silence."""
        self._ticker.start()

    def close(self, *, completed: bool) -> None:
        """Print no more."""
        del completed
        self._ticker.stop()

    def stage(self) -> None:
        """Print the stage's name, and how many accounts it has."""
        following = self._following
        self._said = following.clock()
        click.echo(
            f"{following.name}: {counted(following.total, 'account')}" if following.total else following.name, err=True
        )

    def account_began(self, account: Account) -> None:
        """Print nothing."""

    def account_done(self, account: Account, record: AccountRecord | None, seconds: float) -> None:
        """Print why an account could not be assessed, and how far the stage is where it is time."""
        del seconds
        following = self._following
        if record is not None and record.gap is not None:
            click.echo(f"{following.name}: {account.id} not assessed: {record.gap.message}", err=True)
        if following.clock() - self._said >= EVERY or (following.sends and following.done == following.total):
            self._say()

    def tick(self) -> None:
        """Print how far the stage is where nothing was printed for long."""
        with self._following.lock:
            if self._following.name and self._following.clock() - self._said >= SILENT:
                self._say()

    def _say(self) -> None:
        self._said = self._following.clock()
        seen = self._following.seen()
        done = f"{seen.done:,} of {counted(seen.total, 'account')}" if seen.total else words.duration(seen.seconds)
        slow = seen.slowest and seen.slowest.is_much_slower
        parts = (
            f"{seen.stage}: {done}",
            *words.figures(seen),
            words.left_in_words(seen.left),
            words.slowest_in_words(seen.slowest) if seen.slowest and slow else "",
        )
        click.echo(", ".join(filter(None, parts)), err=True)
