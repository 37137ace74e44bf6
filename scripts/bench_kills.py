"""What kill -9 costs: a run that is killed at many moments finds the same, and calls only what was not finished again.

    python scripts/bench_kills.py --moments 20 --accounts 12 --workers 2

`orgaudit audit` runs as a child beside the simulator of scripts/simulator, so slowly paced that its accounts take
turns. At each moment of its time, evenly from its start to its end, the command itself or one of its worker processes
is killed. The run is then continued, as a person would, until it ends. A moment fails where its findings are not those
of the run that nobody killed, or where an account was called again that had a receipt when all processes had ended.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import msgspec

from orgaudit.errors import ExitCode
from orgaudit.store import receipts
from orgaudit.store.place import Directory
from orgaudit.store.run import Run
from scripts.bench_calls import environment
from scripts.bench_history import figure
from scripts.simulator import server

CONTROL = "cloudtrail_trail_logging"
RUN = "run"
ENDED = {ExitCode.CLEAN, ExitCode.FINDINGS}
_PACED = """
[limits]
"cloudtrail" = { rate = %s, burst = 1, per = "account", shared = true }
"organizations" = { rate = 500, burst = 500, per = "organization", shared = true }
"""
_SETTINGS = """
[run]
out = "."
formats = ["json"]
concurrent_accounts = %d
"""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]*(Z|\+00:00)?")


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs commands in a directory, with settings by which each account takes a while; `rate` is in calls a second."""

    directory: Path
    url: str

    def prepare(self, *, rate: float = 1, beside: int = 1) -> None:
        """Write the settings and the rates."""
        self.directory.mkdir(parents=True, exist_ok=True)
        (self.directory / "orgaudit.toml").write_text(_SETTINGS % beside)
        (self.directory / "limits.toml").write_text(_PACED % rate)

    def started(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command and return its process."""
        return subprocess.Popen(
            [sys.executable, "-m", "orgaudit", *arguments, "--config", "orgaudit.toml"],
            cwd=self.directory,
            env=environment(self.url),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def audit(self, *options: str) -> subprocess.Popen[str]:
        """Start the audit of the run."""
        return self.started("audit", "--run-id", RUN, "--control", CONTROL, *options)

    @property
    def run(self) -> Run:
        """The run of these commands."""
        return Run(self.directory / RUN)

    def finished(self) -> set[str]:
        """Return the accounts that have a receipt."""
        return receipts.finished(Directory(self.run.path))

    def findings(self) -> list[str]:
        """Return the findings and the cells of the run without moments, sorted."""
        run = self.run
        accounts = run.read_evaluated().accounts
        records = [each for account in accounts for each in (*run.findings(account.id), *run.cells(account.id))]
        return sorted(_MOMENT.sub("TIME", msgspec.json.encode(record).decode()) for record in records)


def called(served: server.Served) -> set[str]:
    """Return the accounts that were called since the last reset, but for what is asked of the organization and STS."""
    accounts: dict[str, dict[str, int]] = served.calls()["accounts"]
    others = ("sts:", "organizations:")
    return {account for account, actions in accounts.items() if any(not name.startswith(others) for name in actions)}


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """Return the worker processes of a command."""
    found = []
    for thread in Path(f"/proc/{process.pid}/task").glob("*/children"):
        with suppress(OSError):
            found += [int(child) for child in thread.read_text().split() if is_worker(int(child))]
    return found


def is_worker(process: int) -> bool:
    """Return whether a process is one of a pool."""
    with suppress(OSError):
        return b"spawn_main" in Path(f"/proc/{process}/cmdline").read_bytes()
    return False


@dataclass(frozen=True, slots=True)
class Killed:
    """What came of a kill at one moment: who was killed, how much was finished, and what is wrong, if anything is."""

    moment: float
    victim: str
    finished: int
    problem: str = ""


def killed_at(
    wait: Callable[[], None],
    commands: Commands,
    served: server.Served,
    *,
    workers: int,
    expected: list[str],
    coordinator: bool,
) -> Killed:
    """Begin a run, kill one of its processes when `wait` returns, continue it, and return what came of it.

    Where there is no worker to kill, before the collection and after it, that is the command itself.
    """
    commands.prepare()
    began = time.monotonic()
    with commands.audit("--workers", str(workers)) as process:
        wait()
        moment = time.monotonic() - began
        children = workers_of(process)
        victim = process.pid if coordinator or not children else children[-1]
        with suppress(ProcessLookupError):
            os.kill(victim, signal.SIGKILL)
        process.communicate(timeout=120)
    _wait_for(children)
    finished = commands.finished()
    served.reset()
    words = ("--resume", RUN) if commands.run.manifest_path.is_file() else ("--run-id", RUN, "--control", CONTROL)
    with commands.started("audit", "--workers", str(workers), *words) as process:
        stderr = process.communicate(timeout=300)[1]
    name = "command" if victim == process.pid or victim not in children else "worker"
    problem = ""
    if process.returncode not in ENDED:
        problem = f"ended with {process.returncode}: {stderr[-300:]}"
    elif again := called(served) & finished:
        problem = f"called again: {', '.join(sorted(again))}"
    elif commands.findings() != expected:
        problem = "other findings"
    return Killed(moment, name, len(finished), problem)


def _wait_for(processes: Sequence[int]) -> None:
    """Wait until processes have ended, as workers do once their command was killed."""
    deadline = time.monotonic() + 30
    while any(is_worker(each) for each in processes):
        if time.monotonic() > deadline:
            raise SystemExit("workers stay behind")
        time.sleep(0.02)


def kills(moments: int, accounts: int, workers: int) -> Iterator[Killed]:
    """Yield what came of a kill at each of so many moments, of the command and of a worker in turn."""
    with server.serve(accounts=accounts, regions=2) as served, TemporaryDirectory() as directory:
        whole = Commands(Path(directory) / "whole", served.url)
        whole.prepare()
        began = time.monotonic()
        with whole.audit("--workers", str(workers)) as process:
            stderr = process.communicate(timeout=600)[1]
        took = time.monotonic() - began
        if process.returncode not in ENDED:
            raise SystemExit(f"the run that nobody killed ended with {process.returncode}: {stderr}")
        expected = whole.findings()
        for number in range(moments):
            commands = Commands(Path(directory) / str(number), served.url)
            wait = partial(time.sleep, took * (number + 0.5) / moments)
            coordinator = number % 2 == 0
            yield killed_at(wait, commands, served, workers=workers, expected=expected, coordinator=coordinator)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, kill, and print."""
    parser = argparse.ArgumentParser(description="Kill runs at many moments, continue them, and compare.")
    parser.add_argument("--moments", type=int, default=20)
    parser.add_argument("--accounts", type=int, default=12)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(arguments)
    failed = 0
    for each in kills(options.moments, options.accounts, options.workers):
        failed += bool(each.problem)
        print(f"{each.moment:6.1f} s  {each.victim:<8} {each.finished:>4} finished  {each.problem or 'same findings'}")
    print(figure("moments of kill -9", options.moments))
    print(figure("moments after which something differs", failed))
    if failed:
        sys.exit(1)


if __name__ == "__main__":
    main()
