"""What a run's results keep of the comparison with its baseline."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path

import duckdb
import msgspec
import pytest

from orgaudit.controls.aliases import ALIASES
from orgaudit.errors import ConfigError
from orgaudit.history import conclude as concluding
from orgaudit.history.changes import Unit, compared
from orgaudit.history.conclude import conclude
from orgaudit.history.trend import point_of
from orgaudit.model import Finding, Status
from orgaudit.store import seal, verify
from orgaudit.store.comparison import NOT_STORED, Change, changes_table, comparison_path, read_comparison
from orgaudit.store.kinds import Kind
from orgaudit.store.run import Run
from tests.history.stored import settings_file, stored
from tests.synthetic_run import account_id

BUCKET, INSTANCE = "s3_control_1_holds", "ec2_control_4_holds"


def repaired(finding: Finding) -> Finding:
    if finding.status is Status.FAIL and finding.control == BUCKET:
        return msgspec.structs.replace(finding, status=Status.PASS)
    return finding


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two quarters, in the second of which buckets are repaired and an exception covers the instances."""
    directory = tmp_path_factory.mktemp("reports")
    settings_file(directory)
    stored(directory, "q1", 0)
    stored(directory, "q2", 90, repaired, covered=lambda finding: finding.control == INSTANCE)
    return directory


def changes_of(run: Run) -> list[Change]:
    rows = duckdb.read_parquet(str(changes_table(run)))
    return [msgspec.convert(dict(zip(rows.columns, row, strict=True)), Change) for row in rows.fetchall()]


def test_it_keeps_what_a_comparison_of_the_two_runs_finds(out: Path) -> None:
    old, new = Run(out / "q1"), Run(out / "q2")
    found = read_comparison(new)
    assert (found.baseline, found.why_none) == ("q1", "")
    assert found.baseline_date == point_of(old).date
    assert found.points == (point_of(old), point_of(new))
    assert found.before == point_of(old)
    with compared(old, new, ALIASES) as changes:
        assert found.issues == tuple(changes.counts(Unit.ISSUES).values())
        changed = [row for row in changes.rows(Unit.ISSUES) if row.kind is not Kind.PERSISTENT]
    assert changes_of(new) == changed
    assert Counter(row.kind for row in changed) == {Kind.RESOLVED: 2, Kind.EXCEPTION_BEGAN: 2}
    assert all(row.account_name and row.ou_path for row in changed)


def test_a_change_names_the_account_where_the_resource_lives(tmp_path: Path) -> None:
    def shared(finding: Finding) -> Finding:
        home, other = account_id(0), account_id(1)
        of_other = finding.control == BUCKET and finding.account_id == other and finding.status is Status.FAIL
        return msgspec.structs.replace(finding, inherited_from=home) if of_other else finding

    settings_file(tmp_path)
    stored(tmp_path, "q1", 0, shared)
    run = stored(tmp_path, "q2", 90, lambda finding: repaired(shared(finding)))
    places = {(row.account_id, row.account_name, row.ou_path) for row in changes_of(run) if row.controls == (BUCKET,)}
    assert (account_id(0), "account 0", "Root") in places
    assert {name.removeprefix("account ") for _, name, _ in places} == {account[-1] for account, _, _ in places}


def test_the_rates_of_the_baseline_are_those_of_its_frameworks(out: Path) -> None:
    assert read_comparison(Run(out / "q2")).rates_before == {"cis_4.0": point_of(Run(out / "q1")).rate}


def test_a_first_run_says_that_there_is_none_before(out: Path) -> None:
    run = Run(out / "q1")
    found = read_comparison(run)
    assert (found.baseline, found.why_none) == (None, "no earlier audit of the whole scope is known")
    assert found.points == (point_of(run),)
    assert found.before is None
    assert not changes_table(run).exists()


def test_it_is_sealed_with_the_results(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "copy")
    run = Run(tmp_path / "copy" / "q2")
    assert not verify.verify(run)
    assert {"comparison.json", "changes.parquet"} <= (run.read_manifest().seal or {}).keys()
    path = comparison_path(run)
    path.write_bytes(path.read_bytes().replace(b'"count": 2', b'"count": 1', 1))
    [problem] = verify.verify(run)
    assert str(path) in problem
    with pytest.raises(ConfigError, match="changed afterwards"):
        seal.standing(run, seal.RESULTS)


@pytest.mark.parametrize("lost", ["directory", "tables", "table"])
def test_a_baseline_that_cannot_be_read_is_said_and_stops_nothing(out: Path, tmp_path: Path, lost: str) -> None:
    shutil.copytree(out, tmp_path / "copy")
    old, new = Run(tmp_path / "copy" / "q1"), Run(tmp_path / "copy" / "q2")
    if lost == "directory":
        shutil.rmtree(old.path)
    elif lost == "tables":
        (old.path / "findings.parquet").unlink()
    else:
        (old.path / "findings.parquet").write_bytes((new.path / "findings.parquet").read_bytes())
    changes_table(new).unlink()
    assert conclude(new, ALIASES) == [comparison_path(new)]
    found = read_comparison(new)
    assert found.baseline is None
    assert found.why_none.startswith("run q1, the baseline, cannot be compared with: ")
    assert found.points[-1].run == "q2"


def test_a_line_has_the_last_runs_only(out: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "copy")
    monkeypatch.setattr(concluding, "POINTS", 2)
    third = stored(tmp_path / "copy", "q3", 180)
    assert [point.run for point in read_comparison(third).points] == ["q2", "q3"]


def test_results_of_an_earlier_version_compare_nothing(out: Path, tmp_path: Path) -> None:
    shutil.copytree(out, tmp_path / "copy")
    run = Run(tmp_path / "copy" / "q2")
    comparison_path(run).unlink()
    assert read_comparison(run).why_none == NOT_STORED
    comparison_path(run).write_text("[]")
    with pytest.raises(ConfigError, match="not a comparison"):
        read_comparison(run)
