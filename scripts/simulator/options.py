"""The options of a simulator, as a program's arguments and as a simulator that was made by them."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from orgaudit.settings.limits import load_limits
from scripts.simulator.organization import HUGE_PARTS, REGIONS, Organization
from scripts.simulator.service import Behaviour, Simulator


def _huge(text: str) -> dict[str, int]:
    """Return the sizes of a huge account from text such as roles=20000,rules=50000; raises ArgumentTypeError."""
    found: dict[str, int] = {}
    for part in text.split(","):
        name, _, number = part.partition("=")
        if name not in HUGE_PARTS or not number.isdecimal():
            raise argparse.ArgumentTypeError(f"{part!r} is not one of {', '.join(HUGE_PARTS)} with a number")
        found[name] = int(number)
    return found


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of a simulator to a parser."""
    add = parser.add_argument
    add("--accounts", type=int, default=100, help="accounts, the management account included")
    add("--regions", type=int, default=3, choices=range(1, len(REGIONS) + 1), metavar="N", help="enabled Regions")
    add("--seed", type=int, default=0, help="what accounts hold, and which calls are answered by faults")
    add("--latency-ms", type=float, default=0, help="how long each answer takes, give or take a quarter")
    add("--rates", action="store_true", help="throttle what is faster than the packaged limits.toml")
    add("--faults", type=float, default=0, metavar="PERCENT", help="how many calls are answered by faults of all kinds")
    add("--huge", type=_huge, default={}, metavar="PART=N,…", help=f"sizes of a huge account: {', '.join(HUGE_PARTS)}")


def simulator(options: argparse.Namespace) -> Simulator:
    """Return the simulator that these options describe."""
    limits = load_limits(Path("limits.toml does not exist")) if options.rates else None
    organization = Organization(options.accounts, REGIONS[: options.regions], options.seed, options.huge)
    return Simulator(organization, Behaviour(options.latency_ms / 1000, limits, options.faults))


def simulator_of(given: Sequence[str]) -> Simulator:
    """Return the simulator of these arguments; raises SystemExit for wrong ones."""
    parser = argparse.ArgumentParser(prog="simulator")
    arguments(parser)
    return simulator(parser.parse_args(given))
