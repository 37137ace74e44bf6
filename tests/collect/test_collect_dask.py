"""A run on a real Dask cluster of processes finds what one in this process does, whatever becomes of its parts."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

import orgaudit
from orgaudit.audit import Auditor, Silence
from orgaudit.aws.transport import Traffic
from orgaudit.collect import engines
from orgaudit.errors import AccessError, ConfigError, ExitCode
from orgaudit.model import Account, AccountRecord
from orgaudit.settings.settings import Settings, load
from orgaudit.store import leases, receipts
from orgaudit.store.place import Directory
from orgaudit.store.verify import verify
from scripts import bench_kills
from scripts.bench_calls import environment
from scripts.simulator import server

pytestmark = pytest.mark.slow

ACCOUNTS = 8
_CLUSTER = """
import os, sys
from distributed import LocalCluster
with LocalCluster(
    processes=True,
    n_workers=2,
    threads_per_worker=1,
    host="127.0.0.1",
    dashboard_address="127.0.0.1:0",
    silence_logs=50,
) as cluster:
    print(cluster.scheduler_address, *(nanny.pid for nanny in cluster.workers.values()), flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster: the process of its scheduler, and its workers."""

    process: subprocess.Popen[str]
    address: str
    workers: tuple[int, ...]


@contextmanager
def cluster_at(url: str, directory: Path, **more: str) -> Iterator[Cluster]:
    """Run a LocalCluster of two processes in a child, whose workers call the endpoint."""
    with subprocess.Popen(
        [sys.executable, "-c", _CLUSTER],
        cwd=directory,
        env=environment(url) | more,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout
        address, *workers = process.stdout.readline().split()
        try:
            yield Cluster(process, address, tuple(map(int, workers)))
        finally:
            if process.poll() is None:
                process.communicate(timeout=30)


def wait_until(holds: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(scope="module")
def served() -> Iterator[server.Served]:
    with server.serve(accounts=ACCOUNTS, regions=2) as started:
        yield started


@pytest.fixture(scope="module")
def expected(served: server.Served, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The findings of the audit in one process."""
    return audited(bench_kills.Commands(tmp_path_factory.mktemp("serial"), served.url), rate=500)


@pytest.fixture
def commands(served: server.Served, tmp_path: Path) -> bench_kills.Commands:
    return bench_kills.Commands(tmp_path, served.url)


@pytest.fixture
def cluster(served: server.Served, tmp_path: Path) -> Iterator[Cluster]:
    with cluster_at(served.url, tmp_path) as started:
        yield started


def audited(commands: bench_kills.Commands, *options: str, rate: float) -> list[str]:
    commands.prepare(rate=rate)
    with commands.audit(*options) as process:
        stderr = process.communicate(timeout=120)[1]
    assert process.returncode in bench_kills.ENDED, stderr
    assert verify(commands.run) == []
    assert not (commands.run.path / leases.DIRECTORY).exists()
    return commands.findings()


@pytest.mark.parametrize("engine", ["pool", "dask"])
def test_every_engine_finds_the_same(
    engine: str, commands: bench_kills.Commands, expected: list[str], request: pytest.FixtureRequest
) -> None:
    dask = ("--dask", request.getfixturevalue("cluster").address) if engine == "dask" else ()
    assert audited(commands, *(dask or ("--workers", "2")), rate=4) == expected
    place = Directory(commands.run.path)
    collectors = {found.pid for each in commands.finished() if (found := receipts.read(place, each))}
    assert len(collectors) == 2, "each of the workers collected some of the accounts"


def test_a_killed_worker_is_replaced(
    commands: bench_kills.Commands, cluster: Cluster, expected: list[str], served: server.Served
) -> None:
    commands.prepare()
    with commands.audit("--dask", cluster.address) as process:
        wait_until(commands.finished)
        os.kill(cluster.workers[0], signal.SIGKILL)
        finished = commands.finished()
        assert len(finished) < ACCOUNTS
        served.reset()
        stderr = process.communicate(timeout=120)[1]
    assert process.returncode in bench_kills.ENDED, stderr
    assert commands.findings() == expected
    assert not bench_kills.called(served) & finished


def test_a_halted_worker_loses_its_account_and_overwrites_nothing(
    commands: bench_kills.Commands,
    cluster: Cluster,
    expected: list[str],
    served: server.Served,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(leases, "LIFE", timedelta(seconds=2))
    settings = settings_of(commands, monkeypatch)
    halted, place = cluster.workers[0], Directory(commands.run.path)
    with engines.workers(settings, cluster.address) as executor:
        progress = Halting(place, halted)
        asyncio.run(Auditor(settings, executor=executor, progress=progress).audit(bench_kills.RUN))
    taken_over = receipts.read(place, progress.held)
    assert taken_over
    assert taken_over.pid == cluster.workers[1]
    shards = {path: path.read_bytes() for path in commands.run.path.rglob("*") if path.is_file()}
    assert commands.findings() == expected
    os.kill(halted, signal.SIGCONT)
    time.sleep(3)
    assert {path: path.read_bytes() for path in commands.run.path.rglob("*") if path.is_file()} == shards


class Halting(Silence):
    """A progress that halts a worker once it collects an account and another account is finished."""

    def __init__(self, place: Directory, worker: int) -> None:
        self.place, self.worker, self.held = place, worker, ""

    def account_done(self, account: Account, record: AccountRecord | None, traffic: Traffic | None) -> None:
        held = (leases.read(self.place, each) for each in leases.held(self.place))
        if not self.held and (mine := next((each for each in held if each and each.pid == self.worker), None)):
            os.kill(self.worker, signal.SIGSTOP)
            self.held = mine.account_id


def settings_of(commands: bench_kills.Commands, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return the settings of commands for this process, which calls the endpoint from now on."""
    commands.prepare()
    for name, value in environment(commands.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(commands.directory)
    return load(Path("orgaudit.toml"), os.environ, {"scope": {"controls": [bench_kills.CONTROL]}})


def test_without_its_scheduler_a_run_ends_and_is_resumed(
    commands: bench_kills.Commands, cluster: Cluster, expected: list[str], served: server.Served
) -> None:
    commands.prepare()
    with commands.audit("--dask", cluster.address) as process:
        wait_until(commands.finished)
        cluster.process.kill()
        began = time.monotonic()
        stderr = process.communicate(timeout=120)[1]
        assert time.monotonic() - began < 20
    assert process.returncode == ExitCode.INCOMPLETE, stderr
    assert "Traceback" not in stderr
    assert f"--resume {bench_kills.RUN} " in stderr
    wait_until(lambda: not any(Path(f"/proc/{worker}").exists() for worker in cluster.workers))
    finished = commands.finished()
    assert 0 < len(finished) < ACCOUNTS
    served.reset()
    with commands.started("audit", "--resume", bench_kills.RUN) as process:
        stderr = process.communicate(timeout=120)[1]
    assert process.returncode in bench_kills.ENDED, stderr
    assert commands.findings() == expected
    assert not bench_kills.called(served) & finished


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_leaves_no_lease_and_its_workers_stop_calling(
    commands: bench_kills.Commands, cluster: Cluster, served: server.Served, number: signal.Signals
) -> None:
    commands.prepare()
    with commands.audit("--dask", cluster.address) as process:
        wait_until(commands.finished)
        process.send_signal(number)
        began = time.monotonic()
        stderr = process.communicate(timeout=120)[1]
        assert time.monotonic() - began < 10
    assert process.returncode == 128 + number, stderr
    assert f"--resume {bench_kills.RUN} " in stderr
    assert leases.held(Directory(commands.run.path)) == set()
    assert len(commands.finished()) < ACCOUNTS
    served.reset()
    time.sleep(2)
    assert served.calls()["total"] == 0


def test_workers_of_another_version_are_refused(
    commands: bench_kills.Commands, served: server.Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_of(commands, monkeypatch)
    other = tmp_path / "other" / "orgaudit"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text('__version__ = "0.0.1"\n')
    with (
        cluster_at(served.url, tmp_path, PYTHONPATH=str(other.parent)) as old,
        pytest.raises(ConfigError, match=rf"worker tcp://\S+ has orgaudit 0.0.1, and this is {orgaudit.__version__}"),
        engines.workers(settings, old.address),
    ):
        pass


def test_a_scheduler_that_does_not_answer_is_named(
    commands: bench_kills.Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_ANSWER_WITHIN", 1)
    with (
        pytest.raises(AccessError, match=r"scheduler at tcp://127\.0\.0\.1:9 does not answer"),
        engines.workers(settings_of(commands, monkeypatch), "tcp://127.0.0.1:9"),
    ):
        pass
