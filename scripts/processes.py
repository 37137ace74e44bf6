"""What a program takes: CPU time and peak memory, of each of its processes."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

LOOK_EVERY = 0.2
"""Seconds between looks at the processes."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one program took: CPU and wall seconds, and the peak memory of each of its processes in MiB.

    `peaks` begins with the program's first process, `peak` is that of the largest.
    """

    cpu: float
    wall: float
    peaks: tuple[float, ...]

    @property
    def peak(self) -> float:
        """The peak memory of the process that took most, in MiB."""
        return max(self.peaks)

    @property
    def workers(self) -> float:
        """The peak memory of the largest process besides the first, in MiB; 0 where there is none."""
        return max(self.peaks[1:], default=0.0)


@dataclass(slots=True)
class Watch:
    """Looks at a process and its descendants from time to time, and keeps the peak memory of each in KiB."""

    pid: int
    peaks: dict[int, int] = field(default_factory=dict)

    def look(self) -> None:
        """Look once."""
        for pid in (self.pid, *descendants(self.pid)):
            self.peaks[pid] = max(self.peaks.get(pid, 0), peak_of(pid))


def descendants(pid: int) -> list[int]:
    """Return the processes that a process started, and those that these started, as far as they run."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            children = [int(each) for each in task.read_text().split()]
        except OSError:  # it has ended
            continue
        for child in children:
            found += [child, *descendants(child)]
    return found


def peak_of(pid: int) -> int:
    """Return the peak memory of a process in KiB, 0 where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)


def measure(
    command: Sequence[str], variables: Mapping[str, str], codes: Sequence[int] = (0, 1, 3), output: str = os.devnull
) -> Cost:
    """Run Python with these arguments, its standard output in a file, and return what it and its workers took.

    Raises SystemExit where it ends with another exit code than these.
    """
    files = [
        (os.POSIX_SPAWN_OPEN, number, path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for number, path in ((1, output), (2, os.devnull))
    ]
    start = time.monotonic()
    process = os.posix_spawn(sys.executable, [sys.executable, *command], dict(variables), file_actions=files)
    watch, ended = Watch(process), threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_EVERY):
            watch.look()

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    _, status, usage = os.wait4(process, 0)  # what it counts includes the children that the process waited for
    ended.set()
    looking.join()
    if (code := os.waitstatus_to_exitcode(status)) not in codes:
        raise SystemExit(f"{' '.join(command)} ended with exit code {code}")
    own = max(watch.peaks.pop(process, 0), usage.ru_maxrss if not watch.peaks else 0)
    peaks = tuple(each / 1024 for each in (own, *watch.peaks.values()))
    return Cost(usage.ru_utime + usage.ru_stime, time.monotonic() - start, peaks)
