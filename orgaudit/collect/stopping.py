"""The signals that stop a process, each as cleanly as Ctrl-C does."""

from __future__ import annotations

import signal
from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a supervisor's request, and a terminal that was closed."""


class Stopping:
    """A handler of the signals that stop a process: each does what Ctrl-C does, and `exit_code` shows which it was."""

    def __init__(self) -> None:
        self._number = signal.SIGINT
        for number in STOPS:
            # An ignored signal stays ignored: nohup ignores SIGHUP, and a shell SIGINT for what it starts with &.
            if number is not signal.SIGINT and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._stop)

    @property
    def exit_code(self) -> int:
        """The exit code that shells give a process that a signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self._number

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._number = signal.Signals(number)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)
