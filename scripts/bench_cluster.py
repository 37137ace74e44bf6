"""How a Dask cluster of two workers does beside one of one, and whether its memory stays flat.

    python scripts/bench_cluster.py --accounts 200
    python scripts/bench_cluster.py --accounts 10000

Every worker answers its own calls (scripts/simulator/inside.py), so no simulator shares the cores with them. One
control is audited, so that the work of a cluster counts and not that of an account. On a machine with two cores the
coordinator and the scheduler share them with the workers. Dask's own profiler is off: what it keeps grows with the time
for which a worker runs.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
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
WITHOUT_PROFILER = {"DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}
FEWER = 10
"""The part of the accounts with which memory is compared: one in so many."""


@contextmanager
def cluster(workers: int, accounts: int, regions: int) -> Iterator[tuple[str, list[int]]]:
    """Run a scheduler and workers; yield its address, and the processes that were started for it."""
    before = os.environ.copy()
    os.environ |= environment("") | inside([f"--accounts={accounts}", f"--regions={regions}"]) | WITHOUT_PROFILER
    try:
        start: Any = LocalCluster  # it has no types of its own
        with start(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0") as running:
            yield running.scheduler_address, descendants(os.getpid())
    finally:
        os.environ.clear()
        os.environ |= before


def collected(out: Path, run_id: str, options: Sequence[str]) -> tuple[int, float, float]:
    """Run an audit in the environment of the cluster; return the accounts that it collected, in what time, its peak."""
    cost = measure(["-m", "orgaudit", *audit(out, run_id, [*ONE_CONTROL, *options])], os.environ)
    records = Run(out / run_id).read_manifest().records
    done = [each for each in records if each.gap is None]
    began = min(each.began_at for each in done if each.began_at)
    return len(done), (max(each.collected_at for each in done) - began).total_seconds(), cost.peaks[0]


@dataclass(frozen=True, slots=True)
class Audited:
    """What came of an audit: accounts collected, in how many seconds, and peaks in MiB of a worker and coordinator."""

    accounts: int
    wall: float
    worker: float
    coordinator: float


def audited(workers: int, accounts: int, regions: int) -> Audited:
    """Audit on a cluster, and return what came of it."""
    with cluster(workers, accounts, regions) as (address, pids), TemporaryDirectory() as directory:
        number, wall, coordinator = collected(Path(directory), "run", ["--dask", address])
        return Audited(number, wall, max(map(peak_of, pids)) / 1024, coordinator)


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, measure, and print; ends with 1 where an account was not collected."""
    parser = argparse.ArgumentParser(description="Measure a Dask cluster of two workers beside one of one.")
    parser.add_argument("--accounts", type=int, default=200)
    parser.add_argument("--regions", type=int, default=3)
    options = parser.parse_args(arguments)
    fewer = max(2, options.accounts // FEWER)
    small = audited(2, fewer, options.regions)
    one, two = (audited(workers, options.accounts, options.regions) for workers in (1, 2))
    size = f"{options.accounts} accounts x {options.regions} regions"
    print(f"{size}: {one.wall:.1f} s by one worker, {two.wall:.1f} s by two")
    print(f"  two workers do {one.wall / two.wall:.2f} x the work of one, bar 1.70")
    for name, title, less, more in (
        ("a worker", "two workers", small.worker, two.worker),
        ("the coordinator", "their coordinator", small.coordinator, two.coordinator),
    ):
        print(f"  peak memory of {name}: {less:.0f} MiB with {fewer} accounts, {more:.0f} MiB with {options.accounts}")
        print(figure(f"{title}: memory, ratio to a tenth of the accounts", more / less))
    print(figure("two workers: ratio to the work of one", one.wall / two.wall))
    if {one.accounts, two.accounts} != {options.accounts}:
        raise SystemExit(f"not every account was collected: {one.accounts} and {two.accounts} of {options.accounts}")


if __name__ == "__main__":
    main()
