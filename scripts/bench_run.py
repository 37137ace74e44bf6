"""What a whole run costs: CPU time a call beside a bare SDK loop, and peak memory as the organization grows.

    python scripts/bench_run.py --accounts 100 --regions 3

The endpoint of scripts/endpoint.py runs as a child. `orgaudit audit` runs as another, from start to reports, with
pacing so high that nothing waits; its CPU time and peak memory are what the kernel counted for it. The bare loop is
that of scripts/bench_calls.py.
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import struct_rusage
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import endpoint
from scripts.bench_calls import Bare, measure_bare, mix, unpaced_file

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run took: CPU seconds, calls that the endpoint saw, and peak memory in MiB."""

    cpu: float
    calls: int
    peak: float

    @property
    def per_call(self) -> float:
        """Return CPU seconds a call."""
        return self.cpu / self.calls


def environment(url: str) -> dict[str, str]:
    """Return the environment of a program that talks to the endpoint and to nothing else."""
    return {
        **os.environ,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIASYNTHETIC",
        "AWS_SECRET_ACCESS_KEY": "synthetic",
        "AWS_REGION": endpoint.HOME,
        "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": str(ROOT),
    }


def measure_run(accounts: int, regions: int, options: Sequence[str]) -> Cost:
    """Audit a synthetic organization in a child process and return what it took."""
    with endpoint.serve(accounts=accounts, regions=regions) as served, TemporaryDirectory() as directory:
        (Path(directory) / "orgaudit.toml").touch()
        unpaced_file(Path(directory) / "limits.toml")
        command = [sys.executable, "-m", "orgaudit", "audit", "--config", f"{directory}/orgaudit.toml"]
        code, usage = run([*command, "--out", directory, *options], environment(served.url))
        if code not in {0, 1, 3}:
            raise SystemExit(f"the audit ended with exit code {code}")
        return Cost(usage.ru_utime + usage.ru_stime, served.calls()["total"], usage.ru_maxrss / 1024)


def run(command: list[str], variables: Mapping[str, str]) -> tuple[int, struct_rusage]:
    """Run a command without its output and return its exit code and what the kernel counted for it."""
    quiet = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)]
    process = os.posix_spawn(command[0], command, dict(variables), file_actions=quiet)
    _, status, usage = os.wait4(process, 0)
    return os.waitstatus_to_exitcode(status), usage


def measure_loop(accounts: int, regions: int) -> float:
    """Return the CPU seconds a call of the bare SDK loop."""

    async def loop() -> float:
        calls, bare = mix(accounts, regions, endpoint.MANAGEMENT), Bare()
        await bare.prepare(calls)
        try:
            return await measure_bare(bare, calls) / len(calls)
        finally:
            await bare.close()

    with endpoint.serve(accounts=accounts + 1, regions=regions) as served:
        os.environ |= environment(served.url)
        return asyncio.run(loop())


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description="Measure the CPU time a call and the peak memory of whole runs.")
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--regions", type=int, default=3)
    options, rest = parser.parse_known_args(arguments)
    bare = measure_loop(20, options.regions)
    print(f"bare SDK loop         {bare * 1e6:6.0f} µs CPU a call")
    for name, formats in (("run, JSON", ["--format", "json"]), ("run, JSON and workbook", [])):
        cost = measure_run(options.accounts, options.regions, [*formats, *rest])
        print(
            f"{name:<22}{cost.per_call * 1e6:6.0f} µs CPU a call, {cost.calls} calls, ratio {cost.per_call / bare:.2f}"
        )
    small = measure_run(10, options.regions, rest)
    large = measure_run(options.accounts, options.regions, rest)
    print(
        f"peak memory           {small.peak:.0f} MiB with 10 accounts, {large.peak:.0f} MiB with {options.accounts}",
        end="",
    )
    print(f" ({large.peak / small.peak - 1:+.1%})")


if __name__ == "__main__":
    main()
