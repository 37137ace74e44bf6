"""The benchmark of a huge account serves what it says, in pages, and every resource of it is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from orgaudit.model import Status
from orgaudit.store.run import Run
from scripts import bench_huge
from scripts.bench_history import figures
from scripts.simulator.organization import HUGE


@pytest.mark.parametrize(("part", "count", "subject"), [("roles", 250, "Role"), ("objects", 1_500, "Volume")])
def test_every_resource_of_a_part_is_judged(part: str, count: int, subject: str, tmp_path: Path) -> None:
    cost = bench_huge.audit(part, count, tmp_path)
    assert cost.peak > 0
    found = [each for each in Run(tmp_path / "run").findings(HUGE) if each.resource_type == subject]
    assert len({each.resource for each in found}) >= count
    assert not [each for each in found if each.status is Status.NOT_ASSESSED]


def test_a_log_group_is_looked_for_on_every_page(tmp_path: Path) -> None:
    bench_huge.audit("loggroups", 120, tmp_path)
    found = [each for each in Run(tmp_path / "run").findings(HUGE) if "log_group_retained" in each.control]
    assert Status.NOT_ASSESSED not in {each.status for each in found}
    assert Status.FAIL in {each.status for each in found}, "the trail's own group is in none of the pages"


def test_what_was_measured_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    bench_huge.main(["--part", "rules", "--share", "0.002"])
    printed = capsys.readouterr().out
    assert [name for name, _ in figures(printed)] == ["peak MiB, rules"]
    assert "bar 700" in printed
