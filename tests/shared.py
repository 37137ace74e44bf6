"""What is made once for all processes of the test runner, in a directory that they share."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import pytest


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """Return the directory that `make` fills where no other process has; tests only read it.

    Who comes second waits. What was begun and failed is left as it is, and made anew in another directory.
    """
    base = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    done = base / f"{name}.made"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if done.exists():
            return Path(done.read_text())
        directory = factory.mktemp(name)
        make(directory)
        done.write_text(str(directory))
        return directory
