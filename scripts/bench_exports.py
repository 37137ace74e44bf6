"""What the formats for other tools cost beside a bare writer of the same rows: CPU time and peak memory.

    python scripts/bench_exports.py --findings 160000
    python scripts/bench_exports.py --findings 1000000 --format csv --format parquet

Each format is written by a process of its own, from a view that is open; CPU time is that of the writing, and the
memory is the most that the whole process held, with the view.

The bare writer is what a good engineer would write for speed alone. It is handed the finished rows as Parquet, so it
joins, looks up and flattens nothing; it guards no text, checks nothing, and writes no file under a temporary name. For
csv it fetches them from DuckDB in Python and hands them to csv.writer; for parquet DuckDB copies them; for formats of
JSON it fetches each record as text, decodes it with msgspec and encodes it again as a line. All three write all rows of
all files of the format. For csv the ratio to DuckDB's own COPY of the finished rows stands beside it, without a bar.
"""

from __future__ import annotations

import argparse
import csv
import gc
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import duckdb
import msgspec

from orgaudit.cli import GARBAGE
from orgaudit.report.formats import FORMATS
from orgaudit.report.viewing import viewing
from orgaudit.store.run import Run
from scripts import invented_run
from scripts.bench_history import figure
from scripts.bench_reports import VIEWS, counted, peak, tables

RATIO, MEBIBYTES = 1.5, 500
"""The bars: CPU beside the bare writer, and the memory with 1,000,000 findings."""
WANTED = ("csv", "parquet", "json", "ocsf")
"""The formats that are measured where nobody names others, as far as they are there."""
BARE, COPY = "bare ", "copy "
"""What a step is called that writes what a format has: by the bare writer, or by COPY."""

RECORDS = """
    SELECT rtrim(line, ',') AS record FROM read_csv('{}', columns = {{'line': 'VARCHAR'}}, header = false,
        delim = '\x01', quote = '', escape = '', max_line_size = 10000000)
    WHERE line LIKE '{{%' AND json_valid(rtrim(line, ','))
"""
"""The SQL of the records of a document of JSON: the lines that are an object each."""

Step: TypeAlias = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one step took: microseconds a finding, and peak memory in MiB."""

    micros: float
    peak: float


def written_by(name: str, run: Run) -> Path:
    """Return where a step writes."""
    path = run.path.parent / name.replace(" ", "-")
    path.mkdir(exist_ok=True)
    return path


def finished(name: str, run: Run) -> list[Path]:
    """Return the finished rows that the bare writer of a format is handed, one file of Parquet for each of the format.

    For csv they are what the format parquet wrote, and for JSON what the format itself did.
    """
    if name in {"csv", "parquet"}:
        return sorted(written_by("parquet", run).glob("*.parquet"))
    handed = written_by(f"rows of {name}", run)
    for path in sorted(written_by(name, run).iterdir()):
        target = handed / path.name
        if not target.exists():
            with duckdb.connect(config={"threads": 1}) as connection:
                connection.execute(f"COPY ({RECORDS.format(path)}) TO '{target}' (FORMAT parquet, ROW_GROUP_SIZE 2048)")
    return sorted(handed.iterdir())


def ours(name: str, run: Run) -> Step:
    """Return the step that writes a format; the actions, which report.json has too, are counted with the view."""
    view = counted(run) if name == "json" else VIEWS.enter_context(viewing(run))
    return lambda: FORMATS[name].write(view, written_by(name, run))


def rows_of(path: Path) -> Iterator[tuple[object, ...]]:
    """Yield finished rows as Python has them."""
    with duckdb.connect(config={"threads": 1, "memory_limit": "192MB"}) as connection:
        cursor = connection.execute(f"FROM read_parquet('{path}')")
        yield tuple(column[0] for column in cursor.description or ())
        while rows := cursor.fetchmany(500):
            yield from rows


def bare_csv(run: Run) -> Step:
    """Return the step that writes the finished rows with csv.writer."""

    def write() -> None:
        for path in finished("csv", run):
            with (written_by(f"{BARE}csv", run) / f"{path.stem}.csv").open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows(rows_of(path))

    return write


def copied(name: str, options: str) -> Callable[[Run], Step]:
    """Return what makes the step in which DuckDB copies the finished rows."""

    def step(run: Run) -> Step:
        def copy() -> None:
            for path in finished("parquet", run):
                target = written_by(name, run) / path.name
                with duckdb.connect(config={"threads": 1, "memory_limit": "192MB"}) as connection:
                    connection.execute(f"COPY (FROM read_parquet('{path}')) TO '{target}' ({options})")

        return copy

    return step


def bare_json(name: str) -> Callable[[Run], Step]:
    """Return what makes the step that decodes the finished records and writes them as lines of JSON."""

    def step(run: Run) -> Step:
        def write() -> None:
            encode, decode = msgspec.json.Encoder().encode, msgspec.json.Decoder().decode
            for path in finished(name, run):
                with (written_by(f"{BARE}{name}", run) / path.name).open("wb") as file:
                    records = rows_of(path)
                    next(records)
                    file.writelines(encode(decode(str(record))) + b"\n" for (record,) in records)

        return write

    return step


def steps(names: Sequence[str]) -> Mapping[str, Callable[[Run], Step]]:
    """Return what makes each step: each format, its bare writer, and DuckDB's COPY of CSV."""
    made: dict[str, Callable[[Run], Step]] = {}
    for name in names:
        made[name] = lambda run, name=name: ours(name, run)  # type: ignore[misc]  # mypy takes the default for a parameter
    for name in names:
        if name == "csv":
            made[BARE + name], made[COPY + name] = bare_csv, copied(COPY + name, "FORMAT csv, HEADER")
        elif name == "parquet":
            made[BARE + name] = copied(BARE + name, "FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 20480")
        else:
            made[BARE + name] = bare_json(name)
    return made


def take(make: Callable[[Run], Step], run: Run) -> None:
    """Do a step in this process, and print the CPU seconds and the memory in MiB that it took."""
    gc.set_threshold(*GARBAGE)  # as the command does
    with VIEWS:
        step = make(run)
        begun = time.process_time()
        step()
        print(time.process_time() - begun, peak())


def measured(name: str, run: Run, count: int) -> Cost:
    """Return what a step costs in a process of its own; raises SystemExit where it fails."""
    command = [sys.executable, __file__, "--step", name, "--keep", str(run.path.parent)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the step {name} ended with exit code {done.returncode}")
    seconds, most = map(float, done.stdout.split())
    return Cost(seconds / count * 1e6, most)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where a bar is missed."""
    there = [name for name in WANTED if name in FORMATS]
    parser = argparse.ArgumentParser(description="Measure what formats for other tools cost beside a bare writer.")
    parser.add_argument("--findings", type=int, default=160_000)
    parser.add_argument(
        "--format", action="append", choices=list(FORMATS), help=f"Of these; default {', '.join(there)}"
    )
    parser.add_argument("--keep", type=Path, help="Keep the run in this directory, and use one that is there.")
    parser.add_argument("--step", help="Do this step alone, and print its CPU seconds and MiB.")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory() as scratch:
        run = Run((chosen.keep or Path(scratch)) / "run")
        if chosen.step:
            take(steps(list(FORMATS))[chosen.step], run)
            return 0
        return compare(run, chosen.findings, chosen.format or there)


def compare(run: Run, count: int, names: Sequence[str]) -> int:
    """Measure each step, print what it costs, and return 1 where a bar is missed."""
    if not run.manifest_path.is_file():
        invented_run.write_run(run.path, count)
        tables(run)()
    if "csv" in names:
        names = [
            "parquet",
            *(name for name in names if name != "parquet"),
        ]  # what csv is compared with is of these rows
    costs = {}
    for name in steps(names):
        if name.startswith((BARE, COPY)):
            finished(name.partition(" ")[2], run)
        costs[name] = measured(name, run, count)
        print(f"{name:<14} {costs[name].micros:7.1f} µs a finding, {costs[name].peak:6.0f} MiB", flush=True)
    missed = False
    for name in names:
        ratio = costs[name].micros / costs[BARE + name].micros
        missed |= ratio > RATIO or costs[name].peak > MEBIBYTES
        print(
            f"{name:<14} {ratio:.2f} of the bare writer (bar {RATIO:g}), {costs[name].peak:.0f} MiB (bar {MEBIBYTES})"
        )
        print(figure(f"{name}: ratio to the bare writer", ratio))
        print(figure(f"{name}: MiB", costs[name].peak))
    if "csv" in names:
        print(f"csv            {costs['csv'].micros / costs[COPY + 'csv'].micros:.2f} of COPY")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
