"""The commands: audits carry history forward, and a part of the scope moves neither the baseline nor `latest`."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import duckdb
import msgspec
import pytest

from orgaudit.demo import Demo
from orgaudit.errors import ExitCode
from orgaudit.history.baseline import newest_before
from orgaudit.store.run import Run
from tests.audit_runs import CHOSEN, CONTROLS, Caller, environment_for


@pytest.fixture(scope="module")
def caller(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Caller:
    """Audits of the demo: of the whole scope, of an account, and one that begins a history of its own."""
    found = Caller(environment_for(demo.endpoint_url, demo), tmp_path_factory.mktemp("audits"))
    config = str(found.configured())
    for name, *options in (
        ("first",),
        ("part", "--account", CHOSEN[0]),
        ("second",),
        ("alone", "--baseline", "none"),
        ("again",),
    ):
        done = found.call("audit", "--config", config, "--run-id", name, *options)
        assert done.code in {ExitCode.CLEAN, ExitCode.FINDINGS, ExitCode.INCOMPLETE}, done.stderr
        latest = "first" if name == "part" else name
        assert (found.directory / "reports" / "latest").resolve().name == latest
    return found


def run_of(caller: Caller, name: str) -> Run:
    return Run(caller.directory / "reports" / name)


def history(path: Path, what: str) -> set[tuple[object, ...]]:
    return set(duckdb.read_parquet(str(path / "history.parquet")).project(what).fetchall())


def test_each_run_lists_its_baseline_and_what_narrowed_it(caller: Caller) -> None:
    found = {name: run_of(caller, name).read_manifest() for name in ("first", "part", "second", "alone")}
    assert {name: it.baseline.run_id if it.baseline else None for name, it in found.items()} == {
        "first": None,
        "part": "first",
        "second": "first",
        "alone": None,
    }
    assert found["part"].narrowed_by == ("--account",)
    assert found["second"].narrowed_by == ()
    assert found["first"].remediation_days == {"critical": 15, "high": 30, "medium": 90, "low": 180}


def test_a_part_of_the_scope_loses_no_history(caller: Caller) -> None:
    first, part = (run_of(caller, name).path for name in ("first", "part"))
    assert history(first, "fingerprint") == history(part, "fingerprint")
    assert history(first, "fingerprint, first_seen, reopened") == history(part, "fingerprint, first_seen, reopened")
    assert ("FAIL",) in history(first, "status")


def test_runs_verify_and_nothing_changed_between_them(caller: Caller) -> None:
    for name in ("first", "part", "second"):
        done = caller.call("verify", name, "--config", str(caller.configured()))
        assert (done.code, "whole" in done.stdout) == (ExitCode.CLEAN, True), done.stdout
    done = caller.call("diff", "first", "second", "--json", "--config", str(caller.configured()))
    found = json.loads(done.stdout)
    assert {each["kind"] for each in found["kinds"] if each["count"]} == {"persistent"}
    assert found["old"]["open"] == found["new"]["open"] > 0
    done = caller.call("trend", "--json", "--config", str(caller.configured()))
    assert [each["run"] for each in json.loads(done.stdout)][:2] == ["first", "second"]


def test_evaluating_again_makes_runs_that_are_no_baseline_and_do_not_move_latest(caller: Caller) -> None:
    config = str(caller.configured())
    before = run_of(caller, "again").manifest_path.read_bytes()
    assert caller.call("evaluate", "again", "--config", config, "--control", CONTROLS[0]).code == ExitCode.CLEAN
    manifest = run_of(caller, "again.2").read_manifest()
    assert manifest.narrowed_by == ("evaluate --control",)
    assert manifest.baseline
    assert manifest.baseline.run_id == "alone"
    done = caller.call("evaluate", "again.2", "--config", config, "--baseline", "first")
    assert (done.code, "orgaudit report again.3" in done.stdout) == (ExitCode.CLEAN, True)
    manifest = run_of(caller, "again.3").read_manifest()
    assert manifest.narrowed_by == ()
    assert manifest.baseline
    assert manifest.baseline.run_id == "first"
    assert manifest.parent
    assert manifest.parent.run_id == "again.2"
    for name in ("again.3", "again"):
        assert caller.call("report", name, "--config", config).code in {ExitCode.FINDINGS, ExitCode.INCOMPLETE}
        assert (caller.directory / "reports" / "latest").resolve().name == "again"
        assert caller.call("verify", name, "--config", config).code == ExitCode.CLEAN
    assert run_of(caller, "again").manifest_path.read_bytes() == before
    later = msgspec.structs.replace(manifest, run_id="z", parent=None, started_at=manifest.started_at + timedelta(1))
    found = newest_before(run_of(caller, "z"), later)
    assert found
    assert found.id == "again"
    done = caller.call("trend", "--json", "--config", config)
    assert [each["run"] for each in json.loads(done.stdout)] == ["first", "second", "alone", "again"]
    done = caller.call("evaluate", "first", "--config", config, "--baseline", "second")
    assert (done.code, "did not begin before run first" in done.stderr) == (ExitCode.USAGE, True)
    done = caller.call("evaluate", "again", "--config", config, "--baseline", "again")
    assert (done.code, "did not begin before run again.4" in done.stderr) == (ExitCode.USAGE, True)
    assert not run_of(caller, "again.4").path.exists()
