"""A quarter whose process is killed, in the middle of the audit and at every step, comes to the same folder."""

from __future__ import annotations

import hashlib
import os
import signal
import time
from collections import Counter
from pathlib import Path

from orgaudit.quarter.folder import Folder, folders
from orgaudit.quarter.parts import PARTS
from orgaudit.store.lease import lease_path
from orgaudit.store.run import Run
from tests import commands
from tests.audit_runs import CHOSEN, Caller, Outcome, assert_same
from tests.faults import Delay, FaultProxy

STEPS = ("audit", *(part.name for part in PARTS))
KILLED_AT = """
import os, signal
from orgaudit.quarter.folder import Folder

finish = Folder.finish

def killed(folder, step, places):
    if step.name == {step!r}:
        os.kill(os.getpid(), signal.SIGKILL)
    return finish(folder, step, places)

Folder.finish = killed
"""


def kill_in_mid_audit(caller: Caller, command: list[str]) -> set[str]:
    """Kill the command once two accounts are finished, and return these."""
    shards = caller.directory / "reports" / "run" / "facts"
    with caller.started(*command) as process:
        deadline = time.monotonic() + 120
        while len(list(shards.glob("[0-9]*.zst"))) < 2:
            assert process.poll() is None, "the audit ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
    return {path.name.split(".")[0] for path in shards.glob("[0-9]*.zst")}


def kill_at(caller: Caller, step: str, command: list[str]) -> None:
    """Kill the command when it has done the work of a step and not recorded it."""
    killing = KILLED_AT.format(step=step)
    done = commands.run(command, caller.environment, caller.directory, first=killing)
    assert done.returncode == -signal.SIGKILL, done.stderr


def contents(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "quarter.json"]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_killed_at_every_step_it_goes_on_and_audits_nothing_twice(
    caller: Caller, proxy: FaultProxy, clean: Outcome
) -> None:
    config = caller.configured("concurrent_accounts = 1")
    command = ["quarter", "--config", str(config), "--run-id", "run", "--from", "Audit <audit@example.com>"]
    proxy.rules.append(Delay(action="DescribeTrails", seconds=0.1))
    finished = kill_in_mid_audit(caller, command)
    assert 2 <= len(finished) < len(CHOSEN)
    proxy.rules.clear()
    proxy.calls.clear()
    [(_, path)] = folders(caller.directory / "reports")
    assert Folder.read(path).record.steps == ()
    kill_at(caller, "audit", command)
    collected = {call.account for call in proxy.calls if call.service not in {"sts", "organizations"}}
    assert collected == set(CHOSEN) - finished
    proxy.calls.clear()
    for number, step in enumerate(STEPS[1:], 1):
        kill_at(caller, step, command)
        assert [each.name for each in Folder.read(path).record.steps] == list(STEPS[:number])
    outcome = caller.call(*command)
    assert proxy.calls == []
    assert_same(Outcome(outcome.code, outcome.stdout, outcome.stderr, Run(caller.directory / "reports" / "run")), clean)
    record = Folder.read(path).record
    assert [each.name for each in record.steps] == list(STEPS)
    assert max(Counter(each.name for each in record.steps).values()) == 1
    assert not list(path.rglob(".*"))
    assert not lease_path(Run(path)).exists()
    away = path.rename(caller.directory / "away")
    again = caller.call("quarter", "--config", str(config), "--run", "run", "--from", "Audit <audit@example.com>")
    assert again.code == outcome.code
    assert proxy.calls == []
    assert contents(path) == contents(away)
