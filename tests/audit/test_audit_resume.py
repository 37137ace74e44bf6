"""A run that was stopped goes on where it was, and a run that is over can be judged again without AWS."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from orgaudit.errors import ExitCode
from tests.audit_runs import (
    CHOSEN,
    Caller,
    Outcome,
    asked,
    assert_adds_up,
    assert_same,
    by_place,
    without_times,
)
from tests.faults import Delay, Deny, ExpireToken, FaultProxy, ServerError, Throttle

ONE_BY_ONE = "concurrent_accounts = 1"


def kill_in_mid_run(caller: Caller, *options: str, config: Path, after: int) -> list[str]:
    """Kill an audit once so many accounts are finished, and return these."""
    shards = caller.directory / "reports" / "run" / "facts"
    with caller.started(*caller.command(*options, config=config)) as process:
        deadline = time.monotonic() + 60
        while len(list(shards.glob("[0-9]*.zst"))) < after:
            assert process.poll() is None, "the run ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    return sorted(path.name.split(".")[0] for path in shards.glob("[0-9]*.zst"))


@pytest.mark.parametrize("after", [1, 4])
def test_killed_run_goes_on_with_the_accounts_that_are_left(
    caller: Caller, proxy: FaultProxy, clean: Outcome, after: int
) -> None:
    config = caller.configured(ONE_BY_ONE)
    proxy.rules.append(Delay(action="DescribeTrails", seconds=0.1))
    finished = kill_in_mid_run(caller, config=config, after=after)
    assert after <= len(finished) < len(CHOSEN)
    assert caller.call("report", "run", "--config", str(config)).code == ExitCode.USAGE
    proxy.rules.clear()
    proxy.calls.clear()
    outcome = caller.call("audit", "--config", str(config), "--resume", "run")
    assert_same(outcome, clean)
    assert not [call.target for call in proxy.calls if call.target in finished]
    called = {call.account for call in proxy.calls if call.service not in {"sts", "organizations"}}
    assert called == set(CHOSEN) - set(finished)
    organization = {call.action for call in proxy.calls if call.service == "organizations"}
    assert organization <= {"ListTagsForResource"}, "the plan is the run's own"
    assert not list(outcome.run.path.rglob(".*")), "nothing half written stays"


def test_killed_run_with_faults_goes_on(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    config = caller.configured(ONE_BY_ONE)
    proxy.rules += [Delay(action="DescribeTrails", seconds=0.1), Throttle(every=25), ServerError(every=10)]
    kill_in_mid_run(caller, config=config, after=2)
    proxy.rules.append(ExpireToken(after=14))
    assert_same(caller.call("audit", "--config", str(config), "--resume", "run"), clean)


def test_resume_keeps_the_plan_of_the_run(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    config = caller.configured(ONE_BY_ONE)
    proxy.rules.append(Delay(action="DescribeTrails", seconds=0.1))
    control = "cloudtrail_trail_logging"
    kill_in_mid_run(caller, "--control", control, config=config, after=2)
    proxy.calls.clear()
    Caller(caller.environment, caller.directory, accounts=CHOSEN[:1]).configured()
    outcome = caller.call("audit", "--config", str(config), "--resume", "run")
    assert_adds_up(outcome)
    assert {place: cell for place, cell in by_place(clean).items() if place[2] == control} == by_place(outcome)
    assert "cloudtrail:GetEventSelectors" not in asked(proxy)


def test_resume_of_a_finished_run_calls_no_account(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    first = caller.audit()
    proxy.calls.clear()
    again = caller.call("audit", "--config", str(caller.configured()), "--resume", "run")
    assert not asked(proxy)
    assert without_times(again.findings) == without_times(first.findings)
    assert_same(again, clean)


def test_resume_after_the_organization_could_not_be_read_again(caller: Caller, proxy: FaultProxy) -> None:
    proxy.rules.append(Deny(action="ListAccounts"))
    assert caller.audit().code == ExitCode.NO_ACCESS
    assert caller.call("audit", "--config", str(caller.configured()), "--resume", "run").code == ExitCode.USAGE
    proxy.rules.clear()
    assert caller.audit().code == ExitCode.FINDINGS


def test_run_id_that_is_taken_is_refused(caller: Caller, proxy: FaultProxy) -> None:
    assert caller.audit("--control", "cloudtrail_trail_logging").code == ExitCode.CLEAN
    proxy.calls.clear()
    outcome = caller.audit("--control", "cloudtrail_trail_logging")
    assert outcome.code == ExitCode.USAGE
    assert "--resume run" in outcome.stderr
    assert proxy.calls == []


def wait_for_call(proxy: FaultProxy, action: str) -> None:
    """Return once an action was called."""
    deadline = time.monotonic() + 60
    while not any(call.action == action for call in proxy.calls):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_interrupted_run_says_how_to_go_on(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    proxy.rules.append(Delay(action="DescribeTrails", seconds=0.5))
    with caller.started(*caller.command()) as process:
        wait_for_call(proxy, "DescribeTrails")
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in stderr
    proxy.rules.clear()
    assert_same(caller.call("audit", "--config", str(caller.configured()), "--resume", "run"), clean)


def test_lost_worker_is_no_verdict(caller: Caller, proxy: FaultProxy) -> None:
    proxy.rules.append(Delay(action="DescribeTrails", seconds=0.5))
    with caller.started(*caller.command("--workers", "2")) as process:
        wait_for_call(proxy, "DescribeTrails")
        threads = Path(f"/proc/{process.pid}/task").glob("*/children")  # a child belongs to the thread that began it
        children = [child for thread in threads for child in thread.read_text().split()]
        workers = [int(each) for each in children if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()]
        os.kill(workers[0], signal.SIGKILL)
        _, stderr = process.communicate(timeout=60)
    assert "Traceback" not in stderr
    assert process.returncode == ExitCode.INCOMPLETE
    assert "--resume" in stderr
