"""The bars of large organizations, each as a figure beside its reference, from the calls of one run.

    python scripts/bench_scale.py --accounts 20 --regions 3
    python scripts/bench_scale.py --accounts 1000 --regions 3 --part cpu --against HEAD~5
    python scripts/bench_scale.py --fewer 100 --accounts 1000 --regions 17 --part pace
    python scripts/bench_scale.py --accounts 200 --regions 17 --part faults

The first takes some minutes; the others measure the sizes for which the bars are set, and take from minutes to hours.
The simulator of scripts/simulator runs as a child, `orgaudit audit` as another.

cpu     CPU time of CIS 4.0 from start to workbook, and without reports, beside the bare loop of scripts/replay.py over
        the same calls and answers. Nothing waits. --against COMMIT measures that commit in the same run, too.
pace    Wall of collecting with two workers, answers that take 40 ms and documented rates, beside the larger of (calls
        x bare CPU a call + the simulator's CPU) / 2 and the chain of calls of the account with the most of them, which
        is audited alone; cost an account and the peak memory of each process as accounts grow; the share of throttled
        calls for CIS 4.0 and for every control.
faults  Calls and findings with 5 % faults of all kinds beside those without.
"""

import argparse
import asyncio
import gc
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orgaudit import audit as audits
from orgaudit.cli import GARBAGE
from orgaudit.model import AccountRecord
from orgaudit.settings import settings as settings_of
from orgaudit.store.run import Run
from scripts.bench_calls import ROOT, audit, environment
from scripts.bench_history import figure
from scripts.processes import Cost, measure
from scripts.simulator.server import Served, serve

CIS, EVERYTHING = ("--framework", "cis_4.0"), ("--framework", "all")
REPLAY = str(ROOT / "scripts" / "replay.py")
LATENCY = "--latency-ms=40"
FAULTS = "--faults=5"
JSON = ("--format", "json")
WITHOUT_REPORTS = "--without-reports"


@dataclass(frozen=True, slots=True)
class Ran:
    """One run: what it took, its calls as the simulator counted them, and how collection went."""

    run: Run
    cost: Cost
    calls: int
    throttles: int
    simulator: float

    @property
    def records(self) -> tuple[AccountRecord, ...]:
        """How each account went."""
        return self.run.read_manifest().records

    @property
    def wall(self) -> float:
        """The seconds from the first account's start to the last one's end."""
        began = [each.began_at for each in self.records if each.began_at]
        return (max(each.collected_at for each in self.records) - min(began)).total_seconds()


def run_audit(
    served: Served,
    out: Path,
    run_id: str,
    options: Sequence[str],
    *,
    paced: bool = False,
    reports: bool = True,
    tree: Path = ROOT,
) -> Ran:
    """Run an audit beside a simulator, with orgaudit's own pacing or with none, and return what it took.

    `tree` is where the code of the audit is.
    """
    served.reset()
    command = ["-m", "orgaudit", *audit(out, run_id, options)]
    if paced:
        (out / "limits.toml").unlink()
    if not reports:
        command = [__file__, WITHOUT_REPORTS, str(out), run_id, *options]
    before = served.cpu()
    cost = measure(command, environment(served.url) | {"PYTHONPATH": str(tree), "PYTHONSAFEPATH": "1"})
    simulator, counts = served.cpu() - before, served.calls()
    return Ran(Run(out / run_id), cost, counts["total"], counts["throttled"]["total"], simulator)


def without_reports(out: Path, run_id: str, *options: str) -> None:
    """Collect and evaluate in this process, as an audit does, and end before reports are written."""
    gc.set_threshold(*GARBAGE)
    names = {"--framework": "frameworks", "--control": "controls"}
    scope: dict[str, list[str]] = {}
    for name, value in zip(options[::2], options[1::2], strict=True):
        scope.setdefault(names[name], []).append(value)
    chosen = settings_of.load(out / "orgaudit.toml", os.environ, {"scope": scope, "run": {"out": out}})
    asyncio.run(audits.Auditor(chosen).audit(run_id))


@contextmanager
def simulated(accounts: int, regions: int, *options: str) -> Iterator[tuple[Served, Path]]:
    """Run a simulator for as long as the context lasts, beside a directory for runs."""
    with serve(*options, accounts=accounts, regions=regions) as served, TemporaryDirectory() as directory:
        yield served, Path(directory)


def bare_loop(served: Served, out: Path, options: Sequence[str]) -> tuple[int, float]:
    """Return the calls of an audit and the CPU seconds in which the bare SDK makes them again."""
    calls, loop = out / "calls.ndjson", out / "loop.txt"
    variables = environment(served.url)
    measure([REPLAY, "note", str(calls), *audit(out, "noted", [*options, *JSON])], variables)
    measure([REPLAY, "send", str(calls)], variables, (0,), str(loop))
    with calls.open("rb") as lines:
        return sum(1 for _ in lines), float(loop.read_text())


@contextmanager
def tree_of(commit: str) -> Iterator[Path]:
    """Check out a commit for as long as the context lasts; raises CalledProcessError for what is none."""
    git = ("git", "-C", str(ROOT), "worktree")
    with TemporaryDirectory() as directory:
        tree = Path(directory) / "tree"
        subprocess.run([*git, "add", "--quiet", "--detach", str(tree), commit], check=True)
        try:
            yield tree
        finally:
            subprocess.run([*git, "remove", "--force", str(tree)], check=True)


def cpu(accounts: int, regions: int, against: str | None = None) -> float:
    """Print what CIS 4.0 costs beside the bare loop, and return the CPU seconds of a bare call."""
    with simulated(accounts, regions) as (served, out):
        calls, loop = bare_loop(served, out, CIS)
        if against:
            with tree_of(against) as tree:
                before = run_audit(served, out, "before", CIS, tree=tree).cost.cpu
        whole = run_audit(served, out, "whole", CIS).cost.cpu
        judged = run_audit(served, out, "judged", CIS, reports=False).cost.cpu
    print(f"CPU seconds of CIS 4.0, {accounts} accounts x {regions} regions, {calls} calls: bare loop {loop:.1f}")
    print(f"  start to workbook {whole:.1f}, {whole / loop:.2f} of the loop, bar 1.35")
    print(f"  without reports   {judged:.1f}, {judged / loop:.2f} of the loop, bar 1.20")
    if against:
        print(f"  start to workbook at {against} {before:.1f}, {before / loop:.2f} of the loop")
    print(figure("CIS 4.0, start to workbook: ratio to the bare loop", whole / loop))
    print(figure("CIS 4.0, without reports: ratio to the bare loop", judged / loop))
    return loop / calls


def pace(fewer: int, accounts: int, regions: int, bare: float) -> None:
    """Print how long collecting takes with two workers beside what it has to take, and what each process takes."""
    ran: dict[int, Ran] = {}
    for number in dict.fromkeys((fewer, accounts)):
        with simulated(number, regions, LATENCY, "--rates") as (served, out):
            name = f"{number} accounts x {regions} regions"
            run = ran[number] = run_audit(served, out, "paced", [*CIS, *JSON, "--workers", "2"], paced=True)
            slowest = max(run.records, key=lambda record: record.calls).account_id
            alone = run_audit(served, out, "alone", [*CIS, *JSON, "--account", slowest], paced=True)
            least = max((run.calls * bare + run.simulator) / 2, alone.wall)
            print(f"collecting {name}: {run.wall:.1f} s, {run.wall / least:.2f} of {least:.1f} s, bar 1.50", end="")
            print(f" (calls {run.calls}, simulator {run.simulator:.1f} s of CPU, slowest account {alone.wall:.1f} s)")
            print(f"  peak memory: coordinator {run.cost.peaks[0]:.0f} MiB, worker {run.cost.workers:.0f} MiB, bar 600")
            print(figure(f"{name}: wall of collecting to what bounds it", run.wall / least))
            print(figure(f"{name}: MiB of the coordinator", run.cost.peaks[0]))
            print(figure(f"{name}: MiB of a worker", run.cost.workers))
            throttled(f"CIS 4.0, {name}", run)
            everything = run_audit(served, out, "everything", [*EVERYTHING, *JSON, "--workers", "2"], paced=True)
            throttled(f"everything, {name}", everything)
    growth = (ran[accounts].cost.cpu / accounts) / (ran[fewer].cost.cpu / fewer)
    print(f"cost an account: {growth:.2f} of what it is with {fewer} accounts, bar 1.10")
    print(figure("cost an account: ratio to fewer accounts", growth))


def throttled(name: str, ran: Ran) -> None:
    """Print the share of a run's calls that were throttled."""
    share = 100 * ran.throttles / ran.calls
    print(f"  throttled, {name}: {ran.throttles} of {ran.calls} calls, {share:.2f} %, bar 1")
    print(figure(f"{name}: % of calls throttled", share))


def faults(accounts: int, regions: int) -> bool:
    """Print how many more calls a run with faults makes; return whether its findings are the same."""
    told: list[tuple[Ran, Mapping[str, str]]] = []
    with TemporaryDirectory() as directory:
        for run_id, options in (("clean", ()), ("faulty", (FAULTS,))):
            with serve(*options, accounts=accounts, regions=regions) as served:
                ran = run_audit(served, Path(directory), run_id, [*EVERYTHING, *JSON])
                told.append((ran, statuses(ran.run)))
    (clean, expected), (faulty, found) = told
    differing = {each for each in expected.keys() | found.keys() if expected.get(each) != found.get(each)}
    ratio = faulty.calls / clean.calls
    print(f"5 % faults, {accounts} accounts x {regions} regions: {ratio:.3f} of {clean.calls} calls, bar 1.15;", end="")
    print(f" {len(differing)} of {len(expected)} findings differ, bar 0")
    print(figure("5 % faults: ratio of calls", ratio))
    print(figure("5 % faults: findings that differ", len(differing)))
    return not differing


def statuses(run: Run) -> dict[str, str]:
    """Return the status of every finding of a run by its fingerprint."""
    return {
        finding.fingerprint: str(finding.status)
        for account in run.read_manifest().accounts
        for finding in run.findings(account.id)
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, measure the parts that are asked for, and print; ends with 1 where faults change findings."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == [WITHOUT_REPORTS]:
        without_reports(Path(given[1]), *given[2:])
        return
    parser = argparse.ArgumentParser(description="Measure the bars of large organizations.")
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--fewer", type=int, default=10, help="accounts of the smaller organization of part pace")
    parser.add_argument("--regions", type=int, default=3)
    parser.add_argument("--part", action="append", choices=("cpu", "pace", "faults"), help="default all")
    parser.add_argument("--against", metavar="COMMIT", help="measure another commit in part cpu, too")
    options = parser.parse_args(given)
    parts = options.part or ("cpu", "pace", "faults")
    if {"cpu", "pace"} & set(parts):
        bare = cpu(options.accounts if "cpu" in parts else options.fewer, options.regions, options.against)
    if "pace" in parts:
        pace(options.fewer, options.accounts, options.regions, bare)
    if "faults" in parts and not faults(options.accounts, options.regions):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
