"""What a whole run takes of memory at its peak, as the organization grows.

    python scripts/bench_memory.py --accounts 100 --regions 3

`orgaudit audit` with every control runs as a child beside the simulator of scripts/simulator; its peak resident
memory is what the kernel counted for it.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.bench_calls import environment, measure_audit
from scripts.bench_history import figure
from scripts.simulator.server import serve

FEW = 10


def peak(accounts: int, regions: int) -> float:
    """Return the peak memory in MiB of an audit of a simulated organization, from start to reports."""
    with serve(accounts=accounts, regions=regions) as served, TemporaryDirectory() as directory:
        return measure_audit(Path(directory), "run", (), environment(served.url)).peak


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, measure, and print."""
    parser = argparse.ArgumentParser(description="Measure the peak memory of whole runs.")
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--regions", type=int, default=3)
    options = parser.parse_args(arguments)
    small, large = peak(FEW, options.regions), peak(options.accounts, options.regions)
    print(f"peak memory  {small:.0f} MiB with {FEW} accounts, {large:.0f} MiB with {options.accounts}", end="")
    print(f" ({large / small - 1:+.1%})")
    print(figure(f"MiB with {FEW} accounts", small))
    print(figure(f"MiB with {options.accounts} accounts", large))


if __name__ == "__main__":
    main()
