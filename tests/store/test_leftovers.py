"""What a killed process left is removed by the next one, and nothing else is."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec
import pytest

from orgaudit.store import lease, leases
from orgaudit.store import run as run_files
from orgaudit.store.leftovers import sweep_output, sweep_run
from orgaudit.store.place import Directory
from orgaudit.store.run import Run
from tests.sealed import sealed_run


@pytest.fixture
def dead() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait(30)
    return process.pid


def names(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*")}


def test_run_is_swept(tmp_path: Path, dead: int) -> None:
    run = sealed_run(tmp_path)
    (run.path / "as-of-2026-10-01").mkdir()
    kept = names(run.path)
    space = lease.mark().partition(".")[0]
    for left in (
        "facts/.100000000001.ndjson.zst.a1b2c3d_",
        "findings/.100000000001.ndjson.zst.a1b2c3d4",
        ".run.json.a1b2c3d4",
        ".report.xlsx.a1b2c3d4",
        ".findings.parquet.a1b2c3d4",
        "as-of-2026-10-01/.reports.json.a1b2c3d4",
    ):
        (run.path / left).write_text("half")
    (run.path / f".tables.{space}.{dead}.a1b2c3d4").mkdir()
    (run.path / f".tables.{space}.{dead}.a1b2c3d4" / "findings.ndjson.zst").write_text("half")
    others = {".DS_Store", ".report.xlsx.swp", ".notes.a1b2c3d4", f".tables.{lease.mark()}.a1b2c3d4"}
    for name in (*others, ".tables.00000000.1.a1b2c3d4"):
        (run.path / name).write_text("somebody's")
    sweep_run(run)
    assert names(run.path) == kept | others | {".tables.00000000.1.a1b2c3d4"}
    long_ago = time.time() - 2 * 86_400
    os.utime(run.path / ".tables.00000000.1.a1b2c3d4", (long_ago, long_ago))
    sweep_run(run)
    assert names(run.path) == kept | others


def test_what_collectors_write_is_theirs_while_one_is_alive(tmp_path: Path, dead: int) -> None:
    run = sealed_run(tmp_path)
    place = Directory(run.path)
    kept = names(run.path)
    with leases.Leases(place, lost=pytest.fail) as collector, leases.Collection(place) as mine:
        assert collector.claim("100000000001")
        assert collector.claim("100000000002")
        left = leases.read(place, "100000000002")
        assert left
        gone = msgspec.structs.replace(left, pid=dead, started=None)
        place.write(leases.name_of("100000000002"), msgspec.json.encode(gone))
        killed = place.path / mine.name.replace("collection-", "collection-0")
        killed.write_bytes(msgspec.json.encode(lease.this_process(leases.LIFE) | {"pid": dead, "started": None}))
        scratch = {"facts/.100000000001.ndjson.zst.a1b2c3d4", "receipts/.100000000001.json.a1b2c3d4"}
        (run.path / "receipts").mkdir(exist_ok=True)
        for name in (*scratch, ".run.json.a1b2c3d4"):
            (run.path / name).write_text("half")
        sweep_run(run)
        alive = {leases.DIRECTORY, leases.name_of("100000000001"), mine.name}
        assert names(run.path) == kept | {"receipts"} | scratch | alive
    sweep_run(run)
    assert names(run.path) == kept | {"receipts", leases.DIRECTORY}


def test_run_that_is_gone_has_no_leftovers(tmp_path: Path) -> None:
    sweep_run(Run(tmp_path / "gone"))
    assert names(tmp_path) == set()


def test_lease_that_is_being_renewed_is_swept_with_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    run, renewals, begun, swept = sealed_run(tmp_path), [], threading.Event(), threading.Event()
    write = run_files.writing

    @contextmanager
    def slowly(path: Path) -> Iterator[BinaryIO]:
        with write(path) as file:
            begun.set()
            swept.wait(0.5)  # a sweep that does not wait for the renewal ends in this time
            yield file
        renewals.append(path)

    monkeypatch.setattr(lease, "RENEW_EVERY", 0.01)
    monkeypatch.setattr(lease, "writing", slowly)
    with lease.held(run, "audit", remedy=""):
        assert begun.wait(20)
        sweep_run(run)
        swept.set()
    assert renewals
    assert caplog.messages == []


def test_directory_of_runs_is_swept(tmp_path: Path, dead: int) -> None:
    whole, killed, early = sealed_run(tmp_path, "whole"), sealed_run(tmp_path, "killed"), Run(tmp_path / "early")
    with lease.held(early, "audit", remedy=""):
        mine = lease.holder(early)
        assert mine
        content = msgspec.json.encode(msgspec.structs.replace(mine, pid=dead))
    early.path.mkdir()
    kept = names(tmp_path) - {"early"}
    for run in (killed, early):
        lease.lease_path(run).write_bytes(content)
    (killed.path / ".run.json.a1b2c3d4").write_text("half")
    space = lease.mark().partition(".")[0]
    (tmp_path / f".writable-{space}.{dead}").write_text("")
    (tmp_path / f".latest-{space}.{dead}").symlink_to("whole")
    (tmp_path / f".latest-{lease.mark()}").symlink_to("whole")
    with lease.held(whole, "report", remedy=""):
        (whole.path / ".run.json.a1b2c3d4").write_text("being written")
        sweep_output(tmp_path)
        assert names(tmp_path) == kept | {f".latest-{lease.mark()}", "whole/lease.json", "whole/.run.json.a1b2c3d4"}
