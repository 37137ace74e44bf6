"""How a Dask cluster of two workers does beside one of one, and whether its memory stays flat.

    python scripts/bench_cluster.py --accounts 200
    python scripts/bench_cluster.py --accounts 10000

Every worker answers its own calls (scripts/simulator/inside.py), so no simulator shares the cores with them. One
control is audited, so that the work of a cluster counts and not that of an account. On a machine with two cores the
coordinator and the scheduler share them with the workers.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from distributed import LocalCluster

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orgaudit.store.run import Run
from scripts.bench_calls import audit, environment
from scripts.bench_history import figure
from scripts.processes import descendants, measure, peak_of
from scripts.simulator.inside import environment as inside

ONE_CONTROL = ("--control", "cloudtrail_trail_logging", "--format", "json")
FEWER = 10
"""The part of the accounts with which memory is compared: one in so many."""


@contextmanager
def cluster(workers: int, accounts: int, regions: int) -> Iterator[tuple[str, list[int]]]:
    """Run a scheduler and workers; yield its address, and the processes that were started for it."""
    before = os.environ.copy()
    os.environ |= environment("") | inside([f"--accounts={accounts}", f"--regions={regions}"])
    try:
        start: Any = LocalCluster  # it has no types of its own
        with start(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None) as running:
            yield running.scheduler_address, descendants(os.getpid())
    finally:
        os.environ.clear()
        os.environ |= before


def collected(out: Path, run_id: str, options: Sequence[str]) -> tuple[int, float]:
    """Run an audit in the environment of the cluster; return the accounts that it collected, and in what time."""
    measure(["-m", "orgaudit", *audit(out, run_id, [*ONE_CONTROL, *options])], os.environ)
    records = Run(out / run_id).read_manifest().records
    done = [each for each in records if each.gap is None]
    began = min(each.began_at for each in done if each.began_at)
    return len(done), (max(each.collected_at for each in done) - began).total_seconds()


def audited(workers: int, accounts: int, regions: int) -> tuple[int, float, float]:
    """Return the accounts that a cluster collected, in how many seconds, and the peak memory of a worker in MiB."""
    with cluster(workers, accounts, regions) as (address, pids), TemporaryDirectory() as directory:
        number, wall = collected(Path(directory), "run", ["--dask", address])
        return number, wall, max(map(peak_of, pids)) / 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, measure, and print; ends with 1 where an account was not collected."""
    parser = argparse.ArgumentParser(description="Measure a Dask cluster of two workers beside one of one.")
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--regions", type=int, default=3)
    options = parser.parse_args(arguments)
    fewer = max(2, options.accounts // FEWER)
    _, _, small = audited(2, fewer, options.regions)
    by_one, alone, _ = audited(1, options.accounts, options.regions)
    by_two, together, large = audited(2, options.accounts, options.regions)
    print(
        f"{options.accounts} accounts x {options.regions} regions: {alone:.1f} s by one worker, {together:.1f} s by two"
    )
    print(f"  two workers do {alone / together:.2f} x the work of one, bar 1.70")
    print(f"  peak memory of a worker: {small:.0f} MiB with {fewer} accounts, {large:.0f} MiB with {options.accounts}")
    print(figure("two workers: ratio to the work of one", alone / together))
    print(figure("two workers: memory, ratio to a tenth of the accounts", large / small))
    if {by_one, by_two} != {options.accounts}:
        raise SystemExit(f"not every account was collected: {by_one} and {by_two} of {options.accounts}")


if __name__ == "__main__":
    main()
