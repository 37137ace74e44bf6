"""What one huge account takes: peak memory beside its bar, and CPU time a resource, from the first call to the reports.

    python scripts/bench_huge.py --share 1 --part loggroups

The simulator of scripts/simulator runs as a child with an account that has very many resources of one kind in one
region, in pages. `orgaudit audit` runs as another, with every control over that kind, up to the workbook and the JSON.
`--share 0.1` serves a tenth of the resources.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.bench_calls import environment, measure_audit
from scripts.bench_history import figure
from scripts.processes import Cost
from scripts.simulator import server
from scripts.simulator.organization import HUGE

BAR = 700
"""MiB that a process may take at its peak."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the huge account: how many resources it has, and the type of their facts."""

    count: int
    fact: str


PARTS = {
    "loggroups": Part(300_000, "TrailLogGroup"),
    "rules": Part(50_000, "SecurityGroup"),
    "roles": Part(20_000, "Role"),
    "objects": Part(1_000_000, "Volume"),
}


def controls_over(fact: str) -> list[str]:
    """Return the ids of the controls that need the facts of a type."""
    from orgaudit.controls.declare import catalogue  # noqa: PLC0415 - the simulator needs none of it

    return [name for name, each in catalogue().items() if fact in {kind.__name__ for kind in each.facts}]


def audit(part: str, count: int, directory: Path) -> Cost:
    """Audit the account that has so many of a part, into a directory, and return what that took."""
    options = [option for control in controls_over(PARTS[part].fact) for option in ("--control", control)]
    with server.serve(f"--huge={part}={count}", accounts=3, regions=1) as served:
        return measure_audit(directory, "run", ["--account", HUGE, *options], environment(served.url))


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, measure, and print a line for each part."""
    parser = argparse.ArgumentParser(description="Measure what one account with very many resources takes.")
    parser.add_argument("--part", choices=sorted(PARTS), action="append", help="one part; all without it")
    parser.add_argument("--share", type=float, default=1, help="the share of each part's number that is served")
    options = parser.parse_args(arguments)
    print(f"part                  resources   peak MiB   bar {BAR}   CPU s   µs a resource")
    for name in options.part or PARTS:
        count = max(1, round(PARTS[name].count * options.share))
        with TemporaryDirectory() as directory:
            cost = audit(name, count, Path(directory))
        verdict = "ok" if cost.peak < BAR else "OVER"
        each = cost.cpu / count * 1e6
        print(f"{name:<20} {count:>10,} {cost.peak:>10.0f}   {verdict:<7} {cost.cpu:>7.1f} {each:>10.0f}")
        print(figure(f"peak MiB, {name}", cost.peak), flush=True)


if __name__ == "__main__":
    main()
