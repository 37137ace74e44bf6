"""What a whole run costs: its CPU time a call beside the bare SDK, which makes the same calls.

    python scripts/bench_calls.py --accounts 100 --regions 3 --rounds 3

The simulator of scripts/simulator runs as a child. `orgaudit audit` runs as another, from its start to the workbook
and the JSON, with pacing so high that nothing waits. scripts/replay.py then makes the calls of such a run again with
the bare SDK. CPU times are what the kernel counted for a process; that of the loop leaves out its start and clients.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts.bench_access import unpaced_file
from scripts.bench_history import figure
from scripts.processes import Cost, measure
from scripts.simulator.organization import HOME
from scripts.simulator.server import serve

ROOT = Path(__file__).resolve().parents[1]

SEVEN = (
    *("cloudtrail_trail_cloudwatch_logs_delivered", "cloudtrail_trail_log_group_retained"),
    *("cloudtrail_trail_log_group_subscriptions_known", "cloudtrail_trail_logging"),
    *("cloudtrail_trail_multi_region_management_events", "cloudtrail_trail_role_can_deliver"),
    "logs_metric_filter_cloudtrail_changes_alarmed",
)
"""The controls with which orgaudit began: whether trails deliver, and alarms follow."""

CHOICES = {
    "seven controls": [option for control in SEVEN for option in ("--control", control)],
    "CIS 4.0": ["--framework", "cis_4.0"],
    "every control": ["--framework", "all"],
}


def environment(url: str) -> dict[str, str]:
    """Return the environment of a program that talks to the simulator and to nothing else."""
    own = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **own,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "AKIASYNTHETIC",
        "AWS_SECRET_ACCESS_KEY": "synthetic",
        "AWS_REGION": HOME,
        "NO_PROXY": "127.0.0.1",
        "PYTHONPATH": str(ROOT),
    }


def audit(out: Path, run_id: str, options: Sequence[str]) -> list[str]:
    """Return the arguments of an audit into `out`, where its settings and limits are written too."""
    (out / "orgaudit.toml").touch()
    unpaced_file(out / "limits.toml")
    return ["audit", "--config", str(out / "orgaudit.toml"), "--out", str(out), "--run-id", run_id, *options]


def measure_audit(out: Path, run_id: str, options: Sequence[str], variables: Mapping[str, str]) -> Cost:
    """Run an audit to its reports and return what the kernel counted for it."""
    cost = measure(["-m", "orgaudit", *audit(out, run_id, options)], variables)
    if not all((out / run_id / name).is_file() for name in ("report.json", "report.xlsx")):
        raise SystemExit("the audit ended without its reports")
    return cost


def compare(options: Sequence[str], accounts: int, regions: int, rounds: int) -> tuple[int, list[float]]:
    """Return the calls of a run, and the median CPU seconds of the run, the bare loop, and the loop's whole process."""
    replay = str(ROOT / "scripts" / "replay.py")
    with serve(accounts=accounts, regions=regions) as served, TemporaryDirectory() as directory:
        out, variables, taken = Path(directory), environment(served.url), []
        calls, loop = out / "calls.ndjson", out / "loop.txt"
        measure([replay, "note", str(calls), *audit(out, "noted", options)], variables)
        for number in range(rounds):
            run = measure_audit(out, f"run-{number}", options, variables)
            bare = measure([replay, "send", str(calls)], variables, (0,), str(loop))
            taken.append((run.cpu, float(loop.read_text()), bare.cpu))
        total = sum(1 for _ in calls.open("rb"))
    return total, [statistics.median(each) for each in zip(*taken, strict=True)]


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, measure, and print a line for each choice of controls."""
    parser = argparse.ArgumentParser(description="Measure the CPU time a call of whole runs beside the bare SDK.")
    parser.add_argument("--accounts", type=int, default=100)
    parser.add_argument("--regions", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    print("CPU a call, in µs      calls     run  bare loop  ratio  bare process  ratio")
    for name, chosen in CHOICES.items():
        calls, (run, loop, process) = compare(chosen, options.accounts, options.regions, options.rounds)
        each = [f"{seconds / calls * 1e6:.0f}" for seconds in (run, loop, process)]
        print(
            f"{name:<20}{calls:8}{each[0]:>8}{each[1]:>11}{run / loop:7.2f}{each[2]:>14}{run / process:7.2f}",
            flush=True,
        )
        print(figure(f"{name}: calls", calls))
        print(figure(f"{name}: ratio to the bare loop", run / loop))
        print(figure(f"{name}: ratio to the bare process", run / process), flush=True)


if __name__ == "__main__":
    main()
