"""Shows how a run goes on standard error: a live view on a terminal, plain lines elsewhere, or JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from types import TracebackType
from typing import Protocol, Self

import click

from orgaudit import telemetry
from orgaudit.audit import Progress
from orgaudit.aws.transport import Traffic
from orgaudit.cli import standard_error
from orgaudit.cli.progress.events import Events
from orgaudit.cli.progress.following import Following
from orgaudit.cli.progress.plain import Plain
from orgaudit.cli.progress.terminal import Terminal
from orgaudit.model import Account, AccountRecord


class Display(Protocol):
    """How a stage is shown."""

    def open(self) -> None:
        """Begin to show."""

    def close(self, *, completed: bool) -> None:
        """Show no more."""

    def stage(self) -> None:
        """Show that a stage has begun."""

    def account_began(self, account: Account) -> None:
        """Show that work on an account has begun."""

    def account_done(self, account: Account, record: AccountRecord | None, seconds: float) -> None:
        """Show that an account has ended after so long."""


class Watching:
    """The progress of a command: a display, and what else follows it. A context manager."""

    def __init__(self, following: Following, display: Display | None, others: Sequence[Progress] = ()) -> None:
        self.following, self.display, self._others = following, display, others
        self._lock = following.lock

    def __enter__(self) -> Self:
        if self.display is not None:
            self.display.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close(completed=kind is None)

    def close(self, *, completed: bool = True) -> None:
        """Show no more, so that the command can print; what follows a run beside the display goes on."""
        display, self.display = self.display, None
        if display is not None:
            display.close(completed=completed)

    def stage(self, name: str, total: int, traffic: Traffic | None = None) -> None:
        """Begin a stage."""
        with self._lock:
            self.following.stage(name, total, traffic)
            if self.display is not None:
                self.display.stage()
        for other in self._others:
            other.stage(name, total, traffic)

    def account_began(self, account: Account) -> None:
        """Note that work on an account has begun."""
        with self._lock:
            self.following.account_began(account)
            if self.display is not None:
                self.display.account_began(account)
        for other in self._others:
            other.account_began(account)

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> None:
        """Count an account."""
        with self._lock:
            seconds = self.following.account_done(account, record, traffic)
            if self.display is not None:
                self.display.account_done(account, record, seconds)
        for other in self._others:
            other.account_done(account, record, traffic)


class Mode(StrEnum):
    """What `--progress` chooses."""

    AUTO = "auto"
    PLAIN = "plain"
    JSON = "json"
    NONE = "none"


@contextmanager
def progress(mode: str | None = None, run: str = "") -> Iterator[Watching]:
    """Yield the progress of a command, shown as chosen: by default as it suits standard error.

    Where telemetry is configured, the same becomes traces and metrics; `run` is the run's id.
    """
    context = click.get_current_context(silent=True)
    command = (context.info_name or "") if context else ""
    following = Following()
    with (
        telemetry.recorded(command, run) as recorders,
        Watching(following, _display(Mode(mode or Mode.AUTO), following), recorders) as watching,
    ):
        yield watching


def progress_of_reports(run: str) -> AbstractContextManager[Watching]:
    """Return the progress of reports that are written again: a live view on a terminal, nothing elsewhere."""
    return progress(Mode.AUTO if sys.stderr.isatty() else Mode.NONE, run)


def _display(mode: Mode, following: Following) -> Display | None:
    if mode is Mode.NONE:
        return None
    if mode is Mode.JSON:
        standard_error.as_json()
        return Events(following)
    if mode is Mode.AUTO and sys.stderr.isatty():
        return Terminal(following)
    return Plain(following)
