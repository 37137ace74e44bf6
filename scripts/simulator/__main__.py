"""Serves a simulated AWS organization on 127.0.0.1 and prints its URL.

    python -m scripts.simulator --accounts 1000 --regions 17 --latency-ms 40 --rates --faults 5
    python -m scripts.simulator --accounts 3 --huge loggroups=300000,rules=50000,roles=20000,objects=1000000

An access key that AssumeRole gave out stands for its account; any other key for the management account. Accounts of a
kind hold the same, so an organization of 10,000 takes no more memory than one of 10. `objects` are EBS volumes. `GET
/_calls` shows what was asked, throttled and answered by faults, `GET /_reset` forgets it, `GET /_cpu` shows the CPU
seconds of the process. Signatures are not checked, and filters and name prefixes are not applied.
"""

import argparse
import asyncio
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from scripts.simulator.options import arguments, simulator
from scripts.simulator.server import run


def main(given: Sequence[str] | None = None) -> None:
    """Read the options and serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m scripts.simulator", description="Serve a simulated organization.")
    arguments(parser)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    options = parser.parse_args(given)
    made = simulator(options)
    gc.freeze()
    gc.set_threshold(100_000)
    try:
        asyncio.run(run(made, options.port))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
