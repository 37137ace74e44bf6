"""Consolidation holds a part of an account in memory: what is merged from files is in the same order."""

from __future__ import annotations

from pathlib import Path

import pytest

from orgaudit.store import consolidation
from orgaudit.store.consolidation import consolidate
from orgaudit.store.tables import findings_table
from tests.report.small import REGISTER
from tests.synthetic_run import build


@pytest.mark.parametrize("held", [1, 2, 3, 7, 100_000])
def test_an_account_that_does_not_fit_is_merged_from_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: int
) -> None:
    expected = build(tmp_path / "expected")
    consolidate(expected, lambda _: (REGISTER.apply, None))
    run = build(tmp_path / "run")
    monkeypatch.setattr(consolidation, "HELD", held)
    assert consolidate(run, lambda _: (REGISTER.apply, held)) == [held]
    assert findings_table(run).read_bytes() == findings_table(expected).read_bytes()
    assert not list(run.path.glob(".tables*"))
