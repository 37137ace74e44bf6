"""What a pack needs of memory does not grow with the number of accounts."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from orgaudit.evidence.stage import Request, write
from orgaudit.store.seal import Standing
from tests.evidence.made import evidence_run, opened


def peak(directory: Path, accounts: int) -> tuple[int, int]:
    """Return the peak of Python's memory while a pack of so many accounts is written, and its evaluations."""
    run = evidence_run(directory / str(accounts), accounts=accounts, resources=20)
    path = directory / f"{accounts}.zip"
    tracemalloc.start()
    write(run, path, Request(), standing=Standing.VERIFIED)
    _, found = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return found, sum(entry["included"] for entry in opened(path).index["requirements"])


def test_memory_is_bounded_by_the_largest_account(tmp_path: Path) -> None:
    peak(tmp_path, 3)  # what is cached on the first use
    small, few = peak(tmp_path, 8)
    large, many = peak(tmp_path, 48)
    assert many > 5 * few
    assert large < 1.5 * small
