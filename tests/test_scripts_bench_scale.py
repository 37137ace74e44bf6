"""The benches of large organizations, at their smallest: they run through, and their figures are there."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import bench_cluster, bench_scale, bench_simulator
from scripts.bench_history import figures
from scripts.processes import descendants, measure
from scripts.simulator.server import serve


def test_the_parts_of_the_scale_print_their_figures(capsys: pytest.CaptureFixture[str]) -> None:
    bench_scale.main(["--accounts=3", "--fewer=2", "--regions=1", "--part=cpu", "--part=faults"])
    found = dict(figures(capsys.readouterr().out))
    assert found["CIS 4.0, start to workbook: ratio to the bare loop"] > 1
    assert found["CIS 4.0, without reports: ratio to the bare loop"] > 0.5
    assert 1 < found["5 % faults: ratio of calls"] < 1.5
    assert found["5 % faults: findings that differ"] == 0


def test_another_commit_is_measured_in_the_same_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "orgaudit"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(
        "from pathlib import Path\nPath(__file__).parents[2].joinpath('ran').touch()\n"
    )
    git = ("git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.com")
    for words in (("init", "-q"), ("add", "orgaudit"), ("commit", "-qm", "another program")):
        subprocess.run([*git, *words], check=True)
    monkeypatch.setattr(bench_scale, "ROOT", tmp_path)
    with bench_scale.simulated(1, 1) as (served, out), bench_scale.tree_of("HEAD") as tree:
        bench_scale.run_audit(served, out, "before", ["--control", "cloudtrail_trail_logging"], tree=tree)
        assert (tree.parent / "ran").exists()
    assert not tree.exists()
    with pytest.raises(subprocess.CalledProcessError), bench_scale.tree_of("no-such-commit"):
        pass


def test_the_pace_is_measured_with_workers_latency_and_rates(capsys: pytest.CaptureFixture[str]) -> None:
    bench_scale.pace(2, 3, 1, bare=0.001)
    printed = capsys.readouterr().out
    found = dict(figures(printed))
    assert found["3 accounts x 1 regions: wall of collecting to what bounds it"] > 0
    assert found["2 accounts x 1 regions: MiB of a worker"] > 50
    assert found["everything, 3 accounts x 1 regions: % of calls throttled"] < 1
    assert found["cost an account: ratio to fewer accounts"] > 0
    assert all(int(calls) > 50 for calls in re.findall(r"\(calls (\d+)", printed))


def test_a_cluster_of_workers_that_answer_themselves_collects_every_account(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bench_cluster.main(["--accounts=4", "--regions=1"])
    found = dict(figures(capsys.readouterr().out))
    assert found["two workers: ratio to the work of one"] > 0
    assert found["two workers: memory, ratio to a tenth of the accounts"] > 0


def test_recorded_requests_are_answered_again() -> None:
    requests = bench_simulator.recorded(2, 1, ["--control", "cloudtrail_trail_logging"])
    with serve(accounts=2, regions=1) as served:
        assert bench_simulator.send(served, requests) == len(requests) > 10
        counts = served.calls()
    assert counts["total"] == len(requests)
    assert counts["actions"]["cloudtrail:DescribeTrails"] == 2
    assert not [action for action in counts["actions"] if action.endswith(":unknown")]


def test_the_memory_of_every_process_is_measured() -> None:
    child = "x = b'1' * 60_000_000; import time; time.sleep(1)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    cost = measure(["-c", parent], {})
    assert len(cost.peaks) == 2
    assert cost.peaks[0] < 60 < cost.workers == cost.peak < 200
    assert cost.wall > 1


def test_a_program_that_fails_ends_the_measuring() -> None:
    with pytest.raises(SystemExit, match="ended with exit code 7"):
        measure(["-c", "raise SystemExit(7)"], {})


def test_descendants_are_found_below_children(tmp_path: Path) -> None:
    code = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'print(1, flush=True); input()'])"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout
        assert started.stdout.readline() == "1\n"
        assert len(descendants(started.pid)) == 1
        started.communicate("\n")
    assert descendants(started.pid) == []
