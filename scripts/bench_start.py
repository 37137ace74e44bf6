"""What it takes until the command line answers: CPU time of `orgaudit --help` and of the help of its largest commands.

    python scripts/bench_start.py

Each command is a process of its own; the figure is the median of several, as a ratio to a process that imports click
and nothing else, since machines differ. The bar for `orgaudit --help` is 0.4 s of CPU time.
"""

import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.bench_history import ROOT, figure

TIMES = 9
COMMANDS = ("--help", "--version", "exceptions --help", "audit --help", "quarter --help", "query --help")


def seconds(arguments: Sequence[str]) -> float:
    """Return the median of the CPU time, user and system, of so many processes of Python."""
    return statistics.median(_once(arguments) for _ in range(TIMES))


def _once(arguments: Sequence[str]) -> float:
    process = subprocess.Popen(
        [sys.executable, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with exit code {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Measure and print."""
    bare = seconds(("-c", "import click"))
    print(f"a process that imports click: {bare:.3f} s of CPU time")
    for command in COMMANDS:
        found = seconds(("-m", "orgaudit", *command.split()))
        print(f"orgaudit {command}: {found:.3f} s")
        print(figure(f"orgaudit {command}: ratio to import click", found / bare))


if __name__ == "__main__":
    main()
