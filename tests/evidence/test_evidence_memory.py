"""What bounds a pack: its memory does not grow with the accounts, its texts and its size have a limit."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from orgaudit.errors import ConfigError
from orgaudit.evidence import spool
from orgaudit.evidence.stage import Request, write
from orgaudit.store.seal import Standing
from tests.evidence.made import Opened, evidence_run, opened


def peak(directory: Path, accounts: int) -> tuple[int, Opened]:
    """Return the peak of Python's memory while a pack of so many accounts is written, and the pack."""
    run = evidence_run(directory / str(accounts), accounts=accounts, resources=10)
    path = directory / f"{accounts}.zip"
    tracemalloc.start()
    write(run, path, Request(), standing=Standing.VERIFIED)
    _, found = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return found, opened(path)


def evaluations(pack: Opened) -> int:
    return sum(entry["included"] for entry in pack.index["requirements"])


@pytest.mark.slow
def test_memory_is_bounded_by_the_largest_account(tmp_path: Path) -> None:
    peak(tmp_path, 3)  # what is cached on the first use
    small, few = peak(tmp_path, 5)
    large, many = peak(tmp_path, 30)
    assert evaluations(many) > 5 * evaluations(few)
    assert large < 1.5 * small
    name = "cis_4.0:1.2"
    assert len(many.document(name)["evaluations"]) > 300
    text = many.text(name)
    assert "In this text: the first 100; all are in the .json beside it" in text
    assert text.count(f"{name}, number ") == 100


def test_a_pack_that_would_be_too_large_asks_for_a_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = evidence_run(tmp_path)
    before = sorted(run.path.rglob("*"))
    monkeypatch.setattr(spool, "LARGEST", 50_000)
    with pytest.raises(ConfigError, match=r"--sample: the pack would be larger than .*; draw a sample"):
        write(run, run.path / "evidence.zip", Request(), standing=Standing.VERIFIED)
    assert sorted(run.path.rglob("*")) == before
