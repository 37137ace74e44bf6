"""The engines: a pool ends with what it is for, whatever its processes do, and says how many tasks it takes."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orgaudit.collect import engines
from orgaudit.settings.settings import Settings, load


def settings(workers: int) -> Settings:
    return load(None, {}, {"run": {"workers": workers}})


def processes(executor: object) -> set[int]:
    """Return the processes of a pool of two, which each call keeps busy for a while."""
    assert isinstance(executor, engines._Pool)
    calls = [executor.submit(busy) for _ in range(2)]
    return {each.result(60) for each in calls}


def busy() -> int:
    time.sleep(0.5)
    return os.getpid()


def test_one_worker_is_this_process() -> None:
    with engines.workers(settings(1), None) as executor:
        assert (executor, engines.width(executor)) == (None, 1)
    with ThreadPoolExecutor(3) as other:
        assert engines.width(other) == 1


@pytest.mark.parametrize("halted", [False, True])
@pytest.mark.parametrize("fails", [False, True])
def test_a_pool_leaves_no_process(*, halted: bool, fails: bool) -> None:
    found: set[int] = set()

    def used() -> None:
        with engines.workers(settings(2), None) as executor:
            assert engines.width(executor) == 2
            found.update(processes(executor))
            if halted:
                os.kill(min(found), signal.SIGSTOP)
            if fails:
                raise KeyboardInterrupt

    if fails:
        with pytest.raises(KeyboardInterrupt):
            used()
    else:
        used()
    assert found
    assert not [each for each in found if Path(f"/proc/{each}").exists()]
