"""What the page of a run costs: CPU and memory to write it, its size, and how long a browser takes until it is usable.

    python scripts/bench_page.py                       a run of 100,000 open findings, all on the page
    python scripts/bench_page.py --findings 1000000    more than the page has room for: it says what it leaves out
    python scripts/bench_page.py --passing             160,000 findings of which few are open

scripts/invented_run.py makes a run as evaluation leaves it; of its findings, 30 of 100 fail. CPU time and memory are
those of a process that opens the view and writes one report, for report.json in the same way. The page is usable when
its list is filled and answers: headless Chromium opens it from the disk and says how long that took.
"""

from __future__ import annotations

import argparse
import gc
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from orgaudit.cli import GARBAGE
from orgaudit.model import Finding, Status
from orgaudit.report import json_document, page
from orgaudit.report.viewing import viewing
from orgaudit.store.run import Run, write_lines
from scripts import bench_reports, invented_run

OPEN = 334_000
"""Of so many findings a little less than 100,000 are open."""
MANY = 1_000_000
MEGABYTES, SECONDS, MEBIBYTES = 12, 3.0, 500
"""The bars: the size of a page, the time until it is usable, and the memory of writing it."""
RARE = 50
"""Of the findings that fail, how many pass but for one where few are to be open."""
WRITERS = {"page": (page.write, "report.html"), "JSON": (json_document.write, "report.json")}
CHROMIUM = "/usr/bin/chromium"


def take(name: str, run: Run) -> None:
    """Write a report in this process; print its CPU seconds, and the memory in MiB of all and of the view before it."""
    gc.set_threshold(*GARBAGE)  # as the command does
    write, file = WRITERS[name]
    with viewing(run) as view:
        before = bench_reports.peak()
        begun = time.process_time()
        write(view, run.path / file)
        taken = time.process_time() - begun
    print(taken, bench_reports.peak(), before)


def measured(name: str, run: Run) -> tuple[float, float, float]:
    """Return what `take` prints of a report in a process of its own; raises SystemExit where it fails."""
    command = [sys.executable, __file__, "--step", name, "--keep", str(run.path.parent)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the step {name} ended with exit code {done.returncode}")
    seconds, most, before = map(float, done.stdout.split())
    return seconds, most, before


def prepare(run: Run, count: int, *, passing: bool) -> None:
    """Write the run and its tables, where they are not there yet."""
    if run.manifest_path.is_file():
        return
    invented_run.write_run(run.path, count)
    if passing:
        for account in run.read_manifest().accounts:
            write_lines(run.findings_path(account.id), [*map(_mostly_passed, run.findings(account.id))])
    bench_reports.tables(run)()


def _mostly_passed(found: Finding) -> Finding:
    """Return a finding, that passes where it failed but for a few."""
    if found.status is not Status.FAIL or int(found.fingerprint[:8], 16) % RARE == 0:
        return found
    return Finding(**{name: getattr(found, name) for name in Finding.__struct_fields__} | {"status": Status.PASS})


def usable_after(path: Path) -> float:
    """Return how many seconds after its opening the page answers: list, filter, search and panel are there."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - the measured processes need none

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page()
        begun = time.monotonic()
        opened.goto(path.as_uri(), wait_until="commit")
        opened.wait_for_selector("html[data-ready]", state="attached")
        opened.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
        taken = time.monotonic() - begun
        browser.close()
    return taken


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description="Measure what the page of a run costs.")
    parser.add_argument("--findings", type=int, help="How many findings the run has.")
    parser.add_argument("--passing", action="store_true", help="Let nearly all findings pass.")
    parser.add_argument("--keep", type=Path, help="Keep the run in this directory, and use one that is there.")
    parser.add_argument("--step", choices=WRITERS, help="Write this report alone, and print its CPU seconds and MiB.")
    chosen = parser.parse_args(arguments)
    with TemporaryDirectory() as scratch:
        run = Run((chosen.keep or Path(scratch)) / "run")
        if chosen.step:
            take(chosen.step, run)
            return 0
        count = chosen.findings or (160_000 if chosen.passing else OPEN)
        prepare(run, count, passing=chosen.passing)
        return report(run)


def report(run: Run) -> int:
    """Measure the page and the JSON of a run, print what they cost, and return 1 where a bar is missed."""
    with viewing(run) as view:
        total, opened = view.findings_total, view.summary.counts.open
    print(f"{total:,} findings, {opened:,} open")
    most = 0.0
    for name in WRITERS:
        seconds, memory, before = measured(name, run)
        most = max(most, memory)
        print(
            f"{name:<6} {seconds:7.2f} s of CPU, {seconds / total * 1e6:6.1f} µs a finding, {memory:5.0f} MiB, "
            f"of which the view that every format opens had {before:.0f} at its most"
        )
    path = run.path / "report.html"
    size = path.stat().st_size / 1e6
    taken = usable_after(path)
    print(f"page: {size:.1f} MB (bar {MEGABYTES}), usable after {taken:.1f} s (bar {SECONDS:g})")
    print(f"most memory: {most:.0f} MiB (bar {MEBIBYTES})")
    return int(size > MEGABYTES or taken > SECONDS or most > MEBIBYTES)


if __name__ == "__main__":
    sys.exit(main())
