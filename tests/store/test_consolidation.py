"""Consolidation holds a part of an account in memory, merges the rest from files, and refuses cells cut short."""

from __future__ import annotations

from pathlib import Path

import pytest

from orgaudit.errors import ConfigError
from orgaudit.store import consolidation
from orgaudit.store.consolidation import consolidate
from orgaudit.store.tables import coverage_table, findings_table
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
    assert coverage_table(run).read_bytes() == coverage_table(expected).read_bytes()
    assert not list(run.path.glob(".tables*"))


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_cells_that_were_cut_short_are_refused(tmp_path: Path, cut: int) -> None:
    run = build(tmp_path / "run")
    path = run.cells_path(run.read_manifest().accounts[-1].id)
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ConfigError, match=rf"{path.name}: is damaged"):
        consolidate(run, lambda _: (REGISTER.apply, None))
    assert not coverage_table(run).exists()
    assert not list(run.path.glob(".tables*"))
