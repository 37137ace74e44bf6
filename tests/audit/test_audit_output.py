"""What a run leaves on disk: judged again and reported again without AWS, checked, and never half written."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from orgaudit.demo.exception_entries import write_register
from orgaudit.errors import ExitCode
from orgaudit.model import Status
from orgaudit.store.run import Run
from orgaudit.store.verify import verify
from tests.audit_runs import CHOSEN, WEBSHOP, Caller, Outcome, assert_same, by_place, without_times
from tests.faults import FaultProxy

REPORTS = ("report.json", "report.xlsx", "findings.parquet", "coverage.parquet", "register.json")


_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH = 24, 1, 2
"""From linux/prctl.h and linux/capability.h."""


@pytest.fixture
def copied(clean: Outcome, tmp_path: Path) -> Run:
    """A copy of the clean run, to be judged or damaged."""
    target = tmp_path / "reports" / "run"
    shutil.copytree(clean.run.path, target)
    return Run(target)


@pytest.fixture
def offline(tmp_path: Path) -> Caller:
    """A caller without credentials, whose endpoint is a port at which nobody listens."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ORGAUDIT_"))}
    nowhere = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    return Caller(kept | nowhere, tmp_path)


def test_evaluate_without_network_says_the_same(offline: Caller, copied: Run, clean: Outcome) -> None:
    shutil.rmtree(copied.path / "findings")
    shutil.rmtree(copied.path / "coverage")
    config = str(offline.configured())
    assert offline.call("evaluate", "run", "--config", config).code == ExitCode.CLEAN
    assert_same(offline.call("report", "run.2", "--config", config), clean)


def test_evaluate_by_another_threshold_and_framework(offline: Caller, copied: Run, clean: Outcome) -> None:
    config = str(offline.configured(thresholds="log_retention_days = 3650"))
    fewer = ("--control", "cloudtrail_trail_log_group_retained", "--framework", "cis_2.0")
    offline.call("evaluate", "run", "--config", config, *fewer)
    outcome = offline.call("report", "run.2", "--config", config)
    assert by_place(outcome).keys() == {place for place in by_place(clean) if place[2] == fewer[1]}
    assert [framework.id for framework in outcome.manifest.frameworks] == ["cis_2.0"]
    assert Status.PASS in {finding.status for finding in clean.findings if finding.control == fewer[1]}
    assert Status.PASS not in {finding.status for finding in outcome.findings}


def test_report_is_the_same_to_the_byte(offline: Caller, copied: Run) -> None:
    register = str(write_register(offline.directory / "register.yaml"))
    written = []
    at = copied.path / "as-of-2026-03-01"
    for _ in range(2):
        shutil.rmtree(at, ignore_errors=True)
        command = ("report", "run", "--format", "json", "--format", "xlsx", "--register", register)
        assert offline.call(*command, "--as-of", "2026-03-01").code == ExitCode.FINDINGS
        written.append({name: (at / name).read_bytes() for name in REPORTS})
    assert written[0] == written[1]


def test_as_of_decides_the_state_of_exceptions(offline: Caller, copied: Run) -> None:
    today = datetime.now(UTC).date()
    register = str(write_register(offline.directory / "register.yaml"))
    states = {}
    for days in (0, 20, 120):
        on = (today + timedelta(days=days)).isoformat()
        outcome = offline.call("report", "run", "--format", "json", "--register", register, "--as-of", on)
        states[days] = {entry["id"]: entry["state"] for entry in outcome.report_as_of(on)["exceptions"]["entries"]}
    assert states[0]["EXC-2026-0002"] != states[20]["EXC-2026-0002"] == "expired"
    assert states[0]["EXC-2026-0003"] == "expired"
    assert set(states[120].values()) <= {"expired", "invalid"}


def test_exception_does_not_change_a_status(offline: Caller, copied: Run, clean: Outcome) -> None:
    register = str(write_register(offline.directory / "register.yaml"))
    on = datetime.now(UTC).date().isoformat()
    outcome = offline.call("report", "run", "--format", "json", "--register", register, "--as-of", on)
    assert without_times(outcome.findings) == without_times(clean.findings)
    excepted = [each for each in outcome.report_as_of(on)["findings"] if each["exception"]]
    assert excepted
    statuses = {finding.fingerprint: str(finding.status) for finding in clean.findings}
    assert all(each["status"] == statuses[each["fingerprint"]] for each in excepted)


def test_verify_finds_nothing_in_a_whole_run(offline: Caller, copied: Run) -> None:
    outcome = offline.call("verify", "run")
    assert (outcome.code, "whole" in outcome.stdout) == (ExitCode.CLEAN, True)


def _halve(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


def _empty(path: Path) -> None:
    path.write_bytes(b"")


DAMAGES: dict[str, tuple[Callable[[Run], Path], Callable[[Path], None]]] = {
    "truncated facts": (lambda run: run.shard_path(WEBSHOP), _halve),
    "spoilt facts": (lambda run: run.shard_path(WEBSHOP), _spoil),
    "facts gone": (lambda run: run.shard_path(WEBSHOP), Path.unlink),
    "empty facts": (lambda run: run.shard_path(WEBSHOP), _empty),
    "truncated findings": (lambda run: run.findings_path(WEBSHOP), _halve),
    "findings gone": (lambda run: run.findings_path(WEBSHOP), Path.unlink),
    "truncated coverage": (lambda run: run.cells_path(WEBSHOP), _halve),
    "coverage gone": (lambda run: run.cells_path(WEBSHOP), Path.unlink),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_verify_finds_damage(copied: Run, damage: str) -> None:
    find, spoil = DAMAGES[damage]
    spoil(find(copied))
    problems = verify(copied)
    assert problems
    assert all(WEBSHOP in problem for problem in problems)


def test_verify_of_a_damaged_run_is_incomplete(offline: Caller, copied: Run) -> None:
    copied.findings_path(WEBSHOP).unlink()
    outcome = offline.call("verify", "run")
    assert outcome.code == ExitCode.INCOMPLETE
    assert str(copied.findings_path(WEBSHOP)) in outcome.stdout


@pytest.mark.parametrize("damage", [name for name in DAMAGES if "facts" in name])
def test_evaluate_refuses_damaged_facts(offline: Caller, copied: Run, damage: str) -> None:
    find, spoil = DAMAGES[damage]
    spoil(find(copied))
    outcome = offline.call("evaluate", "run", "--config", str(offline.configured()))
    assert outcome.code == ExitCode.USAGE, outcome.stderr
    assert str(copied.shard_path(WEBSHOP)) in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.parametrize("damage", [name for name in DAMAGES if "facts" not in name])
def test_report_refuses_damaged_findings(offline: Caller, copied: Run, damage: str) -> None:
    find, spoil = DAMAGES[damage]
    spoil(find(copied))
    outcome = offline.call("report", "run", "--config", str(offline.configured()))
    assert outcome.code in {ExitCode.USAGE, ExitCode.NO_OUTPUT}, outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_output_below_a_file_is_refused_before_anything_is_called(caller: Caller, proxy: FaultProxy) -> None:
    (caller.directory / "file").write_text("")
    outcome = caller.audit("--out", str(caller.directory / "file" / "reports"))
    assert outcome.code == ExitCode.NO_OUTPUT
    assert "--out" in outcome.stderr
    assert proxy.calls == []


def _obey_permissions() -> None:
    """Give up what lets root write everywhere, for this process and what it executes."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (_CAP_DAC_OVERRIDE, _CAP_DAC_READ_SEARCH):
        if libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")


@pytest.mark.skipif(os.geteuid() == 0 and sys.platform != "linux", reason="root writes everywhere; run as another user")
def test_output_without_permission_is_refused_before_anything_is_called(caller: Caller, proxy: FaultProxy) -> None:
    shut = caller.directory / "shut"
    shut.mkdir(mode=0o500)
    outcome = caller.audit("--out", str(shut), preexec=_obey_permissions if os.geteuid() == 0 else None)
    assert outcome.code == ExitCode.NO_OUTPUT
    assert proxy.calls == []


def _limit_files(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def _sizes(run: Run) -> dict[str, int]:
    names = [path for path in run.path.rglob("*") if path.is_file()]
    return {str(path.relative_to(run.path)): path.stat().st_size for path in names}


@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.9])
def test_disk_full_ends_with_a_message_and_no_half_file(caller: Caller, clean: Outcome, share: float) -> None:
    """No file may grow beyond a share of the largest file of a whole run, as on a disk that fills up on the way."""
    whole = _sizes(clean.run)
    outcome = caller.audit(preexec=partial(_limit_files, int(max(whole.values()) * share)))
    assert outcome.code == ExitCode.NO_OUTPUT, outcome.stderr
    assert "cannot write" in outcome.stderr
    assert "Traceback" not in outcome.stderr
    written = [path for path in outcome.run.path.rglob("*") if path.is_file()]
    assert {str(path.relative_to(outcome.run.path)) for path in written} <= whole.keys(), "temporary files stay"
    for shard in outcome.run.path.glob("facts/*.zst"):
        assert list(Run(outcome.run.path).findings_path(shard.name.split(".")[0]).parent.glob(".*")) == []


def test_run_that_met_a_full_disk_goes_on(caller: Caller, proxy: FaultProxy, clean: Outcome) -> None:
    shard = max(clean.run.shard_path(account).stat().st_size for account in CHOSEN)
    settings = caller.configured("concurrent_accounts = 1")
    manifest = clean.run.manifest_path.stat().st_size
    first = caller.audit(config=settings, preexec=partial(_limit_files, max(shard, manifest) + 1))
    assert first.code == ExitCode.NO_OUTPUT
    finished = [path.name.split(".")[0] for path in first.run.path.glob("facts/*.zst")]
    proxy.calls.clear()
    outcome = caller.call("audit", "--config", str(settings), "--resume", "run")
    assert_same(outcome, clean)
    assert not {call.target for call in proxy.calls} & set(finished)


def test_latest_points_at_the_run(clean: Outcome) -> None:
    latest = clean.run.path.parent / "latest"
    assert latest.resolve() == clean.run.path
    assert json.loads((latest / "report.json").read_bytes())["run"]["id"] == "run"
