"""One run has one writer, every request to stop is a clean stop, and a killed run is in nobody's way."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from orgaudit.errors import ExitCode
from orgaudit.store.run import Run
from orgaudit.store.verify import verify
from tests.audit_runs import Caller, Outcome, assert_same
from tests.faults import Delay, FaultProxy

ONE_CONTROL = ("--control", "cloudtrail_trail_logging")


def wait_for(proxy: FaultProxy, action: str) -> None:
    """Return once an action was called."""
    deadline = time.monotonic() + 90
    while not any(call.action == action for call in proxy.calls):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """Return the processes that a run collects in."""
    threads = Path(f"/proc/{process.pid}/task").glob("*/children")
    children = [int(child) for thread in threads for child in thread.read_text().split()]
    return [child for child in children if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()]


def assert_ended(processes: list[int]) -> None:
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{each}").exists() for each in processes):
        assert time.monotonic() < deadline, "workers stay behind"
        time.sleep(0.02)


def test_of_two_audits_with_one_id_one_is_made(caller: Caller, proxy: FaultProxy) -> None:
    proxy.rules.append(Delay(action="DescribeTrails", seconds=0.5))
    command = caller.command(*ONE_CONTROL)
    processes = [caller.started(*command) for _ in range(2)]
    said = [process.communicate(timeout=120)[1] for process in processes]
    codes = [process.returncode for process in processes]
    assert sorted(codes) == [ExitCode.CLEAN, ExitCode.USAGE], said
    loser = codes.index(ExitCode.USAGE)
    assert f"process {processes[1 - loser].pid} on " in said[loser]
    assert "is writing run run" in said[loser]
    assert "another --run-id" in said[loser]
    assert verify(Run(caller.directory / "reports" / "run")) == []


def stop(caller: Caller, proxy: FaultProxy, *options: str, number: signal.Signals) -> tuple[int, str]:
    """Stop an audit in mid-run, beside which another cannot start, and return its exit code and its last words."""
    proxy.rules.append(Delay(action="DescribeTrails", seconds=5))
    config = caller.configured("concurrent_accounts = 1")
    with caller.started(*caller.command(*options, config=config)) as process:
        wait_for(proxy, "DescribeTrails")
        beside = caller.call("audit", "--config", str(config), "--resume", "run")
        assert (beside.code, f"process {process.pid} on " in beside.stderr) == (ExitCode.USAGE, True), beside.stderr
        children = workers_of(process)
        assert bool(children) == bool(options)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=60)
    assert_ended(children)
    proxy.rules.clear()
    return process.returncode, stderr


@pytest.mark.parametrize(
    ("number", "code", "workers"),
    [(signal.SIGINT, 130, ()), (signal.SIGTERM, 143, ()), (signal.SIGTERM, 143, ("--workers", "2"))],
)
def test_stopped_run_is_clean_and_goes_on(
    caller: Caller, proxy: FaultProxy, number: signal.Signals, code: int, workers: tuple[str, ...], *, clean: Outcome
) -> None:
    returned, stderr = stop(caller, proxy, *workers, number=number)
    assert (returned, "Traceback" in stderr) == (code, False), stderr
    found = re.search(r"go on with `orgaudit (audit --resume run --config=[^`]+)`", stderr)
    assert found, stderr
    assert ("--workers=2" in found[1]) == bool(workers)
    run = caller.directory / "reports" / "run"
    assert [path.name for path in run.rglob("*") if path.name.startswith(".") or path.name == "lease.json"] == []
    assert_same(caller.call(*found[1].split()), clean)


def test_audit_that_is_stopped_before_it_begins_leaves_no_run(caller: Caller, proxy: FaultProxy) -> None:
    proxy.rules.append(Delay(action="ListAccounts", seconds=2))
    with caller.started(*caller.command()) as process:
        wait_for(proxy, "DescribeOrganization")
        process.send_signal(signal.SIGTERM)
        _, stderr = process.communicate(timeout=60)
    assert (process.returncode, "before anything was collected" in stderr) == (143, True)
    assert not (caller.directory / "reports" / "run").exists()


def test_killed_run_with_workers_goes_on_at_once(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules.append(Delay(action="DescribeTrails", seconds=1))
    with caller.started(*caller.command("--workers", "2")) as process:
        wait_for(proxy, "DescribeTrails")
        children = workers_of(process)
        assert children
        process.kill()
        process.wait(30)
        assert_ended(children)
        process.communicate(timeout=60)
    run = caller.directory / "reports" / "run"
    assert (run / "lease.json").exists()
    (run / "facts").mkdir(exist_ok=True)
    (run / "facts" / ".100000000001.ndjson.zst.a1b2c3d4").write_text("half")
    proxy.rules.clear()
    outcome = caller.call("audit", "--config", str(caller.configured()), "--resume", "run")
    assert_same(outcome, clean)
    assert not list(run.rglob(".*"))
    assert "run.json    SHA-256 " in outcome.stdout
