"""What it costs to compare two runs: CPU time and peak memory of `orgaudit diff`, in a process of its own.

    python scripts/bench_diff.py --findings 200000

Two runs are invented, a quarter apart: a thousand accounts, two hundred controls, eight regions. Two of three findings
fail. In the second run one of fifty findings is repaired, one of fifty fails for the first time, one of fifty is gone,
and one of fifty is new. No rules changed.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import msgspec

from orgaudit.model import GLOBAL, Caller, Cell, Finding, OrganizationRecord, Severity, Status
from orgaudit.store import seal
from orgaudit.store.consolidation import consolidate
from orgaudit.store.manifest import ControlRecord, Manifest
from orgaudit.store.run import Run, write_lines
from scripts.bench_history import figure
from scripts.bench_register import ACCOUNTS, CONTROLS, REGIONS, account_id, accounts, control
from scripts.bench_register import findings as invented

SECONDS, MEBIBYTES = 30, 700
"""The bar for two runs of 1,000,000 findings."""
ROUND = 50
"""One of so many findings changes in each way."""


def changed(number: int, finding: Finding) -> Iterator[Finding]:
    """Yield what the second run has instead of a finding."""
    turn = number % ROUND
    if turn == 1:
        yield msgspec.structs.replace(finding, status=Status.PASS)
    elif turn == 3:  # noqa: PLR2004 - a place in the round, as are the other numbers
        yield msgspec.structs.replace(finding, status=Status.FAIL)
    elif turn != 4:  # noqa: PLR2004
        yield finding
    if turn == 5:  # noqa: PLR2004
        yield msgspec.structs.replace(
            finding, fingerprint=f"{number:031x}n", resource=f"{finding.resource}-new", status=Status.FAIL
        )


def write_run(path: Path, count: int, started: datetime, *, second: bool) -> Run:
    """Write a sealed run with its tables."""
    run = Run(path)
    held: deque[Finding] = deque()
    stream = enumerate(invented(count))
    upcoming = next(stream, None)
    for owner in accounts()[: min(ACCOUNTS, count)]:
        while upcoming and upcoming[1].account_id == owner.id:
            number, finding = upcoming
            finding = msgspec.structs.replace(finding, resource=f"{finding.resource}/{number}", requirements=[])
            held.extend(changed(number, finding) if second else [finding])
            upcoming = next(stream, None)
        write_lines(run.findings_path(owner.id), held)
        write_lines(run.cells_path(owner.id), cells(owner.id))
        held.clear()
    run.write_manifest(manifest(run, started))
    consolidate(run, lambda _: (iter, None))
    seal.seal(run, run.read_manifest(), [run.path / name for name in seal.TABLES])
    return run


def cells(owner: str) -> Iterator[Cell]:
    """Yield the cells of an account: of each control in each region, all seen."""
    for number in range(CONTROLS):
        for region in REGIONS:
            yield Cell(
                account_id=owner,
                account_name="account",
                ou_path="",
                region=region,
                control=control(number),
                status=Status.FAIL,
                failed=1,
            )


def manifest(run: Run, started: datetime) -> Manifest:
    """Return the manifest of an evaluated run."""
    caller = account_id(0)
    return Manifest(
        run_id=run.id,
        tool_version="0",
        started_at=started,
        collected_at=started,
        evaluated_at=started,
        caller=Caller(caller, f"arn:aws:iam::{caller}:role/Auditor", "aws"),
        organization=OrganizationRecord(id="o-example", arn="", management_account_id=caller, feature_set="ALL"),
        accounts=tuple(accounts()),
        controls=tuple(
            ControlRecord(
                id=control(n),
                service=GLOBAL,
                severity=tuple(Severity)[n % 4],
                scope="regional",
                title="A thing holds",
                rationale="",
                actions=(),
                digest="0" * 64,
            )
            for n in range(CONTROLS)
        ),
        frameworks=(),
        thresholds={},
        settings={},
        inputs={},
    )


def measured(old: Run, new: Run, *options: str) -> tuple[float, float, str]:
    """Return CPU seconds and peak MiB of a comparison, and the first line that it prints."""
    command = [sys.executable, "-m", "orgaudit", "diff", str(old.path), str(new.path), *options]
    root = Path(__file__).resolve().parents[1]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdout=output, env={**os.environ, "PYTHONPATH": str(root)})
        _, status, usage = os.wait4(process.pid, 0)
        output.seek(0)
        said = output.read(200).decode(errors="replace").splitlines()
    if status:
        raise SystemExit(f"the comparison ended with {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said[0] if said else ""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where the bar is missed."""
    parser = argparse.ArgumentParser(description="Measure what it costs to compare two runs.")
    parser.add_argument("--findings", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="Keep the runs in this directory, and use those that are there.")
    chosen = parser.parse_args(arguments)
    missed = False
    with tempfile.TemporaryDirectory() as scratch:
        out = chosen.keep or Path(scratch)
        runs = []
        for name, month in (("old", 1), ("new", 4)):
            begun = time.monotonic()
            run = Run(out / name)
            if not run.manifest_path.is_file():
                write_run(out / name, chosen.findings, datetime(2026, month, 1, tzinfo=UTC), second=name == "new")
                print(f"{name} run written in {time.monotonic() - begun:.0f} s")
            runs.append(run)
        for options in ((), ("--json",)):
            seconds, peak, said = measured(runs[0], runs[1], *options)
            what = f"diff {' '.join(options)}".strip()
            print(
                f"{what:<12} {seconds:6.1f} s CPU (bar {SECONDS} s), {peak:6.0f} MiB (bar {MEBIBYTES} MiB): {said[:80]}"
            )
            print(figure(f"{what}: CPU seconds", seconds))
            print(figure(f"{what}: peak MiB", peak))
            missed = missed or seconds > SECONDS or peak > MEBIBYTES
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
