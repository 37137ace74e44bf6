"""The signals that ask a process to stop, and how a command takes them: each the same clean way as Ctrl-C."""

from __future__ import annotations

import signal
from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, the request of a supervisor, and a terminal that closes."""


class Stopping:
    """Takes the signals that ask a process to stop. Each does what Ctrl-C does; `exit_code` says which one it was."""

    def __init__(self) -> None:
        self._number = signal.SIGINT
        for number in STOPS:
            # What is ignored stays ignored: nohup ignores SIGHUP, and a shell ignores SIGINT for what it starts with &.
            if number is not signal.SIGINT and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._stop)

    @property
    def exit_code(self) -> int:
        """Return the exit code that shells give a process which a signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + self._number

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        self._number = signal.Signals(number)
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
            raise KeyboardInterrupt
        signal.raise_signal(signal.SIGINT)
