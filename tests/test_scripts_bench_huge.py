"""The benchmark of a huge account serves what it says, in pages, and every resource of it is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from orgaudit.model import Status
from orgaudit.store.run import Run
from scripts import bench_huge
from scripts.bench_history import figures
from scripts.synthetic_aws import MANAGEMENT


@pytest.mark.parametrize(
    ("kind", "count", "subject", "failing"),
    [("roles", 250, "Role", 0), ("topics", 150, "SnsTopic", 0), ("volumes", 1_500, "Volume", 750)],
)
def test_every_resource_of_a_kind_is_judged(kind: str, count: int, subject: str, failing: int, tmp_path: Path) -> None:
    cost = bench_huge.audit(kind, count, tmp_path)
    assert cost.peak > 0
    found = [each for each in Run(tmp_path / "run").findings(MANAGEMENT) if each.resource_type == subject]
    assert len({each.resource for each in found}) == count
    assert not [each for each in found if each.status is Status.NOT_ASSESSED]
    assert len([each for each in found if each.status is Status.FAIL]) == failing


def test_a_log_group_is_found_behind_very_many_others(tmp_path: Path) -> None:
    bench_huge.audit("log groups", 120, tmp_path)
    found = [each for each in Run(tmp_path / "run").findings(MANAGEMENT) if "log_group_retained" in each.control]
    assert [each.status for each in found] == [Status.PASS], "one that does not exist fails"


def test_what_was_measured_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    bench_huge.main(["--kind", "security groups", "--share", "0.002"])
    printed = capsys.readouterr().out
    assert [name for name, _ in figures(printed)] == ["peak MiB, security groups"]
    assert "bar 700" in printed
