"""Runs the benchmarks, appends what they measured to docs/bench.csv, and prints the change since the entry before.

    python scripts/bench_history.py

A benchmark prints a line for each figure to keep: `figure <name> <value>`. Ratios, calls and sizes compare between
machines, the microseconds of a verdict on one machine only. Nothing of the machine is kept.
"""

import argparse
import csv
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HISTORY = ROOT / "docs" / "bench.csv"
BENCHMARKS = (
    *("bench_calls", "bench_access", "bench_memory", "bench_evaluate", "count_calls", "bench_start"),
    *("bench_simulator", "bench_scale", "bench_cluster"),
)
COLUMNS = ("date", "commit", "benchmark", "figure", "value")
_MARK = "figure "


@dataclass(frozen=True, slots=True)
class Entry:
    """One figure of one benchmark at one commit."""

    date: str
    commit: str
    benchmark: str
    figure: str
    value: float


def figure(name: str, value: float) -> str:
    """Return the line by which a benchmark reports a figure."""
    return f"{_MARK}{name} {value:.4g}"


def figures(output: str) -> Iterator[tuple[str, float]]:
    """Yield the figures in what a benchmark printed."""
    for line in output.splitlines():
        if line.startswith(_MARK):
            name, _, value = line.removeprefix(_MARK).rpartition(" ")
            yield name, float(value)


def read(path: Path) -> list[Entry]:
    """Return the entries of a history, oldest first; none where the file does not exist."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = csv.reader(file)
        next(rows)
        return [Entry(date, at, benchmark, name, float(value)) for date, at, benchmark, name, value in rows]


def append(path: Path, entries: Iterable[Entry]) -> None:
    """Add entries to a history, with the names of the columns where it is new."""
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        if is_new:
            writer.writerow(COLUMNS)
        writer.writerows(astuple(entry) for entry in entries)


def changes(before: Iterable[Entry], now: Iterable[Entry]) -> Iterator[str]:
    """Yield a line for each new figure: its value, and the change since the last entry of the same figure."""
    last = {(entry.benchmark, entry.figure): entry for entry in before}
    for entry in now:
        text = f"{entry.benchmark:<15} {entry.figure:<42} {entry.value:>10.4g}"
        if (old := last.get((entry.benchmark, entry.figure))) is None:
            yield f"{text}  first entry"
        else:
            change = f"{entry.value / old.value - 1:+.1%}" if old.value else f"from {old.value:g}"
            yield f"{text}  {change} since {old.date} ({old.commit})"


def measured(benchmark: str) -> list[tuple[str, float]]:
    """Run a benchmark, pass on what it prints, and return its figures; raises SystemExit where it fails."""
    command = [sys.executable, "-u", str(ROOT / "scripts" / f"{benchmark}.py")]
    lines = []
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            lines.append(line)
            if not line.startswith(_MARK):
                print(line, end="", flush=True)
    if process.returncode:
        raise SystemExit(f"{benchmark} ended with exit code {process.returncode}; nothing was added to the history")
    return list(figures("".join(lines)))


def commit() -> str:
    """Return the commit that is measured, with + where files differ from it."""

    def git(*arguments: str) -> str:
        return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", ".", f":!{HISTORY.relative_to(ROOT)}")
    return git("rev-parse", "--short=9", "HEAD") + ("+" if changed else "")


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the options, run the benchmarks, append their figures and print the changes."""
    parser = argparse.ArgumentParser(description="Run the benchmarks and keep their figures.")
    parser.add_argument("benchmarks", nargs="*", metavar="benchmark", help=f"of {', '.join(BENCHMARKS)}; default all")
    wanted = parser.parse_args(arguments).benchmarks or BENCHMARKS
    if unknown := set(wanted) - set(BENCHMARKS):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}")
    date, measured_commit, before = f"{datetime.now(UTC):%Y-%m-%d}", commit(), read(HISTORY)
    entries = [
        Entry(date, measured_commit, benchmark, name, value)
        for benchmark in wanted
        for name, value in measured(benchmark)
    ]
    append(HISTORY, entries)
    print(f"\nAppended to {HISTORY.relative_to(ROOT)}:", *changes(before, entries), sep="\n")


if __name__ == "__main__":
    main()
