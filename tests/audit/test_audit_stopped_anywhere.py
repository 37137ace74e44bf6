"""An audit ends within seconds of a request to stop, whatever it waits for, and says how to go on from there."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from orgaudit.cli.progress.events import AnyEvent
from tests.audit_runs import Caller, Outcome, assert_same
from tests.faults import FaultProxy, Hang, Rule, Throttle

SOON = 20
"""Seconds in which a stopped process has ended, on a machine that is busy; what it waits for takes minutes."""
ON = re.compile(r"go on with `orgaudit (audit --resume run [^`]+)`")

STOPS_ITSELF = """
import os, signal, sys, time
import orgaudit.cli
from {module} import {name} as real
import {module}
calls = 0

def stopping(*given, **named):
    global calls
    calls += 1
    if calls == {at}:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(300)
    return real(*given, **named)

{module}.{name} = stopping
orgaudit.cli.main()
"""
"""A command that is stopped when a function of a later stage is called, by a signal as from outside."""


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> str:
    """Stop a process and return what it wrote to standard error; fails where it does not end soon."""
    process.send_signal(number)
    _, stderr = process.communicate(timeout=SOON)
    assert process.returncode == 128 + number, stderr
    assert "Traceback" not in stderr
    return stderr


def wait_for_calls(proxy: FaultProxy, action: str, calls: int) -> None:
    """Return once an action was called so often, and no more calls come."""
    deadline = time.monotonic() + 90
    while sum(call.action == action for call in proxy.calls) < calls:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("rule", [Hang(action="DescribeTrails"), Throttle(action="DescribeTrails", every=1)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_while_an_endpoint_does_not_answer_or_throttles(
    caller: Caller, proxy: FaultProxy, rule: Rule, number: signal.Signals, clean: Outcome
) -> None:
    proxy.rules.append(rule)
    with caller.started(*caller.command()) as process:
        wait_for_calls(proxy, "DescribeTrails", 7 if isinstance(rule, Hang) else 30)
        stderr = stopped(process, number)
    on = ON.search(stderr)
    assert on, stderr
    proxy.rules.clear()
    assert_same(caller.call(*on[1].split()), clean)


def test_while_every_account_waits_for_its_turn(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    config = caller.configured()
    limits = config.parent / "limits.toml"
    generous = limits.read_text()
    limits.write_text(f'{generous}"cloudtrail" = {{ rate = 0.001, burst = 1, per = "account" }}\n')
    with caller.started("audit", "--config", str(config), "--run-id", "run") as process:
        wait_for_calls(proxy, "DescribeTrails", 1)
        time.sleep(2)
        stderr = stopped(process, signal.SIGINT)
    on = ON.search(stderr)
    assert on, stderr
    limits.write_text(generous)
    assert_same(caller.call(*on[1].split()), clean)


@pytest.mark.parametrize("action", ["GetCallerIdentity", "ListAccountsForParent"])
def test_before_anything_was_collected(caller: Caller, proxy: FaultProxy, action: str) -> None:
    proxy.rules.append(Hang(action=action))
    with caller.started(*caller.command()) as process:
        wait_for_calls(proxy, action, 1)
        stderr = stopped(process, signal.SIGTERM)
    assert "stopped before anything was collected" in stderr
    assert not (caller.directory / "reports" / "run").exists()


@pytest.mark.parametrize(
    ("module", "name", "at"),
    [
        ("orgaudit.evaluate.stage", "evaluate_account", 1),
        ("orgaudit.evaluate.stage", "evaluate_account", 4),
        ("orgaudit.evaluate.stage", "_seal", 1),
        ("orgaudit.report.stage", "viewing", 1),
        ("orgaudit.report.stage", "record_of", 1),
    ],
)
def test_while_it_evaluates_and_reports(caller: Caller, module: str, name: str, at: int, clean: Outcome) -> None:
    source = STOPS_ITSELF.format(module=module, name=name, at=at)
    process = subprocess.run(
        [sys.executable, "-c", source, *caller.command()],
        env=dict(caller.environment),
        cwd=caller.directory,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert process.returncode == 143, process.stderr
    on = ON.search(process.stderr)
    assert on, process.stderr
    assert leftovers(caller.directory / "reports" / "run") == []
    assert_same(caller.call(*on[1].split()), clean)


def leftovers(run: Path) -> list[str]:
    return [path.name for path in run.rglob("*") if path.name.startswith(".") or path.name == "lease.json"]


@pytest.mark.parametrize("workers", [(), ("--workers", "2")])
def test_every_line_of_an_audit_is_an_event(caller: Caller, workers: Iterable[str], clean: Outcome) -> None:
    outcome = caller.audit("--progress", "json", *workers)
    assert_same(outcome, clean)
    found = [msgspec.json.decode(line, type=AnyEvent) for line in outcome.stderr.splitlines()]
    kinds = [json.loads(line)["event"] for line in outcome.stderr.splitlines()]
    assert kinds[0] in {"stage", "message"}
    assert kinds[-1] == "end"
    stages = [json.loads(line)["stage"] for line in outcome.stderr.splitlines() if '"event":"stage"' in line]
    assert list(dict.fromkeys(stages)) == ["collect", "evaluate", "register", "report json"]
    assert len(found) == len(kinds)
    last = json.loads(outcome.stderr.splitlines()[-1])
    assert last["completed"] is True
    assert last["calls"] > 0
    if not workers:
        assert kinds.count("account_began") == sum(
            '"event":"account_done"' in line and '"stage":"collect"' in line for line in outcome.stderr.splitlines()
        )


def test_a_stopped_audit_ends_with_events_too(caller: Caller, proxy: FaultProxy) -> None:
    proxy.rules.append(Hang(action="DescribeTrails"))
    with caller.started(*caller.command("--progress", "json")) as process:
        wait_for_calls(proxy, "DescribeTrails", 7)
        stderr = stopped(process, signal.SIGINT)
    *_, end, message = [json.loads(line) for line in stderr.splitlines()]
    assert (end["event"], end["completed"]) == ("end", False)
    assert "--resume run" in message["message"]
    assert "--progress=json" in message["message"]


WAITING = """
import asyncio, sys, time
from orgaudit.collect import stoppable, stopping

handler = stopping.Stopping(lambda: "the last words")
stopping.WITHIN = {within}

async def work():
    print("begun", flush=True)
    await asyncio.to_thread(time.sleep, 300)  # as a look-up of a name that no server answers

try:
    stoppable.run(work())
except KeyboardInterrupt:
    sys.exit(handler.exit_code)
"""
"""A process that cannot end by itself for five minutes after it was asked to: Python waits for its threads."""


@pytest.mark.parametrize(("within", "signals"), [(4.0, 1), (3600.0, 2)])
def test_a_process_that_cannot_end_is_ended(within: float, signals: int) -> None:
    """In time after the first signal, and at once after the second."""
    with subprocess.Popen(
        [sys.executable, "-c", WAITING.format(within=within)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        for _ in range(signals - 1):
            process.send_signal(signal.SIGTERM)
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(1)
        assert stopped(process, signal.SIGTERM) == "the last words\n"


def test_a_signal_that_comes_twice_at_once_is_one() -> None:
    """A terminal and a supervisor may both send it: the process still ends cleanly."""
    source = """
import asyncio, os, signal, sys
from orgaudit.collect import stoppable, stopping

handler = stopping.Stopping(lambda: "the last words")

async def work():
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGINT)
    await asyncio.sleep(300)

try:
    stoppable.run(work())
except KeyboardInterrupt:
    print("cleaned up", flush=True)
    handler.last_words = None
    sys.exit(handler.exit_code)
"""
    process = subprocess.run(
        [sys.executable, "-c", source],
        capture_output=True,
        text=True,
        timeout=SOON,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert (process.returncode, process.stdout, process.stderr) == (130, "cleaned up\n", "")
