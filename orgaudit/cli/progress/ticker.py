"""A thread that does something again and again while a command works."""

from __future__ import annotations

import threading
from collections.abc import Callable


class Ticker:
    """Calls a function every so many seconds, in a thread of its own that ends with the process."""

    def __init__(self, every: float, tick: Callable[[], None]) -> None:
        self._every, self._tick = every, tick
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="progress")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; nothing is called after that."""
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._every):
            self._tick()
