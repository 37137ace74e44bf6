"""One process writes in a run's directory at a time, and one that is gone stands in nobody's way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from orgaudit.errors import ConfigError, ReportError
from orgaudit.store import lease
from orgaudit.store.run import Run
from orgaudit.store.verify import notes
from tests.sealed import sealed_run

ROOT = Path(__file__).parents[2]
HOLD = """
import sys, time
from pathlib import Path
from orgaudit.errors import ConfigError
from orgaudit.store import lease
from orgaudit.store.run import Run
print("ready", flush=True)
sys.stdin.readline()
try:
    with lease.held(Run(Path(sys.argv[1])), "audit", remedy="wait"):
        print("held", flush=True)
        sys.stdin.readline()
except ConfigError as error:
    print(error, flush=True)
"""


def contender(run: Run) -> subprocess.Popen[str]:
    """Start a process that holds the run from one line of input to the next."""
    return subprocess.Popen(
        [sys.executable, "-c", HOLD, str(run.path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def let(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


@contextmanager
def another(run: Run) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold the run."""
    with contender(run) as process:
        assert said(process) == "ready"
        let(process)
        assert said(process) == "held"
        yield process
        if process.poll() is None:
            process.communicate("\n", timeout=30)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path / "run")


def test_of_many_at_the_same_moment_one_holds_the_run(run: Run) -> None:
    processes = [contender(run) for _ in range(6)]
    for process in processes:
        assert said(process) == "ready"
    for process in processes:
        let(process)
    answers = [said(process) for process in processes]
    winner = processes[answers.index("held")]
    assert answers.count("held") == 1
    assert all(f"process {winner.pid} on " in answer for answer in answers if answer != "held")
    for process in processes:
        process.communicate("\n" if process is winner else None, timeout=30)
    assert not run.path.exists(), "the directory of a run that never began stays"


def test_living_holder_is_named(run: Run) -> None:
    with another(run) as process, pytest.raises(ConfigError) as refused, lease.held(run, "report", remedy="stop it"):
        pass
    day = datetime.now(UTC).date()
    for part in (f"process {process.pid} on ", "`orgaudit audit`", f"since {day}", "run run; stop it"):
        assert part in str(refused.value)


def test_verify_says_who_is_writing(tmp_path: Path) -> None:
    run = sealed_run(tmp_path)
    with another(run) as process:
        [note] = notes(run)
        assert f"process {process.pid} on " in note
    assert notes(run) == []


def test_killed_holder_is_followed_at_once(run: Run) -> None:
    with another(run) as process:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
        assert lease.lease_path(run).exists()
        with lease.held(run, "audit", remedy=""):
            found = lease.holder(run)
            assert found
            assert found.ours
    assert not run.path.exists()


def test_killed_holder_that_nobody_has_waited_for_is_gone(run: Run) -> None:
    with another(run) as process:
        process.send_signal(signal.SIGKILL)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie until communicate waits for it
        with lease.held(run, "audit", remedy=""):
            pass


def planted(run: Run, **changes: object) -> None:
    """Write a lease as this process would, with other values."""
    with lease.held(run, "audit", remedy=""):
        found = lease.holder(run)
        assert found
    run.path.mkdir()
    lease.lease_path(run).write_bytes(msgspec.json.encode(msgspec.structs.replace(found, **changes)))


@pytest.mark.parametrize(("minutes", "free"), [(1, False), (-1, True)])
def test_holder_on_another_machine_is_judged_by_expiry(run: Run, minutes: int, *, free: bool) -> None:
    planted(run, host="far", space="elsewhere", pid=1, expires_at=datetime.now(UTC) + timedelta(minutes=minutes))
    if free:
        with lease.held(run, "audit", remedy=""):
            pass
        return
    with pytest.raises(ConfigError, match="process 1 on far"), lease.held(run, "audit", remedy=""):
        pass


def test_living_holder_on_this_machine_does_not_expire(run: Run) -> None:
    """A process that was halted for long goes on where it was."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        planted(run, pid=other.pid, started=None, expires_at=datetime.now(UTC) - timedelta(days=1))
        with pytest.raises(ConfigError, match=f"process {other.pid} on"), lease.held(run, "audit", remedy=""):
            pass
        other.communicate(b"\n")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="the system does not tell when a process began")
def test_process_that_has_the_same_id_is_another_one(run: Run) -> None:
    planted(run, pid=os.getppid(), started="1")
    with lease.held(run, "audit", remedy=""):
        pass


def test_lease_that_was_not_written_to_the_end_counts_until_it_is_old(run: Run) -> None:
    run.path.mkdir()
    path = lease.lease_path(run)
    path.write_bytes(b"")
    with pytest.raises(ConfigError, match="a process is writing run run"), lease.held(run, "audit", remedy=""):
        pass
    old = (datetime.now(UTC) - lease.LIFE * 2).timestamp()
    os.utime(path, (old, old))
    with lease.held(run, "audit", remedy=""):
        pass


def test_lease_is_renewed_while_it_is_held(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "RENEW_EVERY", 0.02)
    with lease.held(run, "audit", remedy=""):
        first = lease.holder(run)
        deadline = datetime.now(UTC) + timedelta(seconds=20)
        while (now := lease.holder(run)) == first:
            assert datetime.now(UTC) < deadline
        assert first
        assert now
        assert (now.since, now.pid) == (first.since, first.pid)
        assert now.expires_at > first.expires_at


def test_directory_that_cannot_be_written_is_an_error_of_output(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ReportError, match="--out"), lease.held(Run(tmp_path / "file" / "run"), "audit", remedy=""):
        pass
