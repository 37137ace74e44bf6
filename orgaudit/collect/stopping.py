"""The signals that stop a process, each as cleanly as Ctrl-C does, and within seconds whatever it waits for."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import ClassVar

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, a supervisor's request, and a terminal that was closed."""
WITHIN = 4.0
"""Seconds after which a process that was asked to stop, and still cleans up, ends without that."""
INTERRUPT_AFTER = 0.5
"""Seconds in which an event loop must have begun to cancel what runs; evaluation, for one, does not wait for it."""
REPEATED = 0.5
"""Seconds in which a second signal is the first one again, as where a terminal and a supervisor both send one."""
SHOW_CURSOR = "\r\x1b[J\x1b[?25h"
"""What makes a terminal as it was before a live view: https://www.xfree86.org/current/ctlseqs.html"""


class Stopping:
    """A handler of the signals that stop a process.

    The first cancels what runs by `stoppable.run`, or raises KeyboardInterrupt. A second one ends the process at once,
    as does the time: what a killed process leaves is in nobody's way. The process then prints `last_words`.
    """

    installed: ClassVar[Stopping | None] = None
    """The handler of this process."""

    def __init__(self, last_words: Callable[[], str]) -> None:
        self.last_words: Callable[[], str] | None = last_words
        self.cancel: Callable[[threading.Event], object] | None = None
        """What cancels the coroutine that runs, and sets the event once that is done."""
        self._interrupts = False
        self._number: int | None = None
        self._since = 0.0
        for number in STOPS:
            # An ignored signal stays ignored: nohup ignores SIGHUP, and a shell SIGINT for what it starts with &.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._stop)
        Stopping.installed = self

    @property
    def is_stopped(self) -> bool:
        """Whether a signal came."""
        return self._number is not None

    @property
    def exit_code(self) -> int:
        """The exit code that shells give a process that a signal ended: 130 for Ctrl-C, 143 for SIGTERM."""
        return 128 + (self._number or signal.SIGINT)

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._interrupts:
            self._interrupts = False
            raise KeyboardInterrupt
        if self._number is not None:
            if now - self._since >= REPEATED:
                self._end()
            return
        self._number, self._since = number, now
        cancelled = threading.Event()
        threading.Thread(target=self._end_in_time, args=(cancelled,), daemon=True, name="stopping").start()
        if self.cancel is None:
            cancelled.set()
            raise KeyboardInterrupt
        self.cancel(cancelled)

    def _end_in_time(self, cancelled: threading.Event) -> None:
        """Interrupt work that does not let the event loop cancel it, and end the process when it is time."""
        if not cancelled.wait(INTERRUPT_AFTER):
            self._interrupts = True
            main = threading.main_thread().ident
            assert main is not None  # noqa: S101 - it has begun
            signal.pthread_kill(main, self._number or signal.SIGINT)
        time.sleep(WITHIN - INTERRUPT_AFTER)
        self._end()

    def _end(self) -> None:
        """End the process, and do not wait for anything: not for other threads, nor for the buffer of a stream."""
        if self.last_words is not None:
            clear = SHOW_CURSOR if os.isatty(2) else ""
            os.write(2, f"{clear}{self.last_words()}\n".encode())
        os._exit(self.exit_code)
