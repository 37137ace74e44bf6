"""The benchmark of the page: its runs are what they are said to be, and it sees when a page is usable."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orgaudit.report import page
from orgaudit.report.viewing import viewing
from orgaudit.store.run import Run
from scripts import bench_page, invented_run
from tests import needs

COUNT = 10 * invented_run.ACCOUNTS

pytestmark = pytest.mark.slow


@needs.chromium
def test_a_page_of_the_run_is_usable(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    bench_page.prepare(run, COUNT, passing=False)
    with viewing(run) as view:
        assert view.summary.counts.open > COUNT / 5
        page.write(view, tmp_path / "report.html")
    with ThreadPoolExecutor(1) as thread:  # playwright keeps the loop of its thread
        taken = thread.submit(bench_page.usable_after, tmp_path / "report.html").result()
    assert 0 < taken < 60


def test_of_the_passing_run_few_findings_are_open(tmp_path: Path) -> None:
    run = Run(tmp_path / "run")
    bench_page.prepare(run, COUNT, passing=True)
    with viewing(run) as view:
        assert 0 < view.summary.counts.open < COUNT / 50
