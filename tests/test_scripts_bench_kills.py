"""The bench of killed runs, at a moment in the middle of the collection: of the command, and of a worker."""

import time

import pytest

from scripts import bench_kills
from scripts.simulator import server

pytestmark = pytest.mark.slow

ACCOUNTS = 6


@pytest.mark.parametrize("coordinator", [True, False])
def test_a_run_that_is_killed_in_its_middle_finds_the_same(
    tmp_path_factory: pytest.TempPathFactory, *, coordinator: bool
) -> None:
    with server.serve(accounts=ACCOUNTS, regions=2) as served:
        whole = bench_kills.Commands(tmp_path_factory.mktemp("whole"), served.url)
        whole.prepare(rate=500)
        with whole.audit() as process:
            process.communicate(timeout=120)
        commands = bench_kills.Commands(tmp_path_factory.mktemp("killed"), served.url)

        def middle() -> None:
            deadline = time.monotonic() + 60
            while not commands.finished():
                assert time.monotonic() < deadline
                time.sleep(0.02)

        found = bench_kills.killed_at(
            middle, commands, served, workers=2, expected=whole.findings(), coordinator=coordinator
        )
        assert (found.problem, found.victim) == ("", "command" if coordinator else "worker")
        assert 0 < found.finished < ACCOUNTS
