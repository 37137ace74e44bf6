"""What the tests of the page share: the demo's page, what it has to show, and how an open one is asked."""

from __future__ import annotations

import gzip
import json
import re
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from playwright.sync_api import Page

from orgaudit.report import page
from orgaudit.report.listed import ExportedFinding
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.store.comparison import Comparison, KindCount, Point, changes_table, write_comparison
from orgaudit.store.kinds import Kind
from orgaudit.store.run import Run
from orgaudit.store.tables import quoted
from tests.shared import made_once

FAILING = "status = 'FAIL' AND counted"

NEW = """
    SELECT 'new' AS kind, 'critical' AS severity, '100000000001' AS account_id, 'account 1' AS account_name,
        'Root' AS ou_path, 'eu-central-1' AS region, 'arn:aws:s3:::changed' AS resource, 'f' AS family,
        ['s3_control_1_holds'] AS controls, 'Buckets' AS title, '' AS owner, DATE '2026-09-01' AS first_seen,
        NULL::DATE AS due_on
    FROM range(2)
"""
"""Two new issues."""


@dataclass(frozen=True)
class DemoPage:
    """The demo's page and the findings that it lists, in the report's order."""

    path: Path
    view: View
    findings: list[ExportedFinding]

    def viewed(self) -> AbstractContextManager[View]:
        """Return the view of the demo's run, which is open as long as there are tests."""
        return nullcontext(self.view)

    @property
    def open(self) -> list[ExportedFinding]:
        """Those that are open."""
        return [found for found in self.findings if found.open]


@pytest.fixture(scope="session")
def demo_page(demo_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoPage]:
    """The demo's page, written once for all processes of the test runner."""

    def write(directory: Path) -> None:
        page.write(view, directory / "report.html")

    with viewing(demo_run) as view:
        path = made_once(tmp_path_factory, "demo-page", write) / "report.html"
        yield DemoPage(path, view, list(view.exported(FAILING)))


def written(view: View, path: Path, **options: Any) -> Path:
    """Write the page of a view, and return its file."""
    page.write(view, path / "report.html", **options)
    return path / "report.html"


def packed(path: Path, name: str) -> Any:
    """Return one of the two documents that a page packs."""
    found = re.search(f'id="packed-{name}">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return json.loads(gzip.decompress(b64decode(found[1])))


def count_of(opened: Page) -> str:
    """Return what stands above the list: how many findings of how many."""
    return opened.locator("#count").inner_text()


def go(opened: Page, fragment: str) -> None:
    """Follow a fragment, and wait for its answer."""
    opened.evaluate("(to) => { location.hash = to; return new Promise((done) => setTimeout(done)); }", fragment)


def shown(opened: Page) -> list[str]:
    """Return the fingerprints on the page of the list that is shown."""
    links: list[str] = opened.locator("a.opens").evaluate_all("(all) => all.map((it) => it.hash)")
    return [re.sub(".*finding=", "", link) for link in links]


def expected(findings: list[ExportedFinding], holds: Callable[[ExportedFinding], bool]) -> list[str]:
    """Return the fingerprints of the findings for which this holds."""
    return [found.fingerprint for found in findings if holds(found)]


def changed(run: Run) -> int:
    """Write a comparison with two new issues beside a run's results, and return how many they are."""
    counts = [
        KindCount(kind=kind, meaning=kind.meaning, count=2 * (kind is Kind.NEW), critical=2 * (kind is Kind.NEW))
        for kind in Kind
    ]
    before = Point(
        date=date(2026, 7, 1),
        run="2026-q2",
        whole_scope=True,
        open=1,
        critical=0,
        high=0,
        medium=1,
        low=0,
        framework="cis_4.0",
        rate=0.1,
        rate_with_exceptions=0.1,
        coverage=0.9,
        overdue_issues=0,
        overdue_exceptions=0,
    )
    now = msgspec.structs.replace(before, date=date(2026, 10, 1), run=run.id, critical=2)
    write_comparison(
        run,
        Comparison(baseline="2026-q2", baseline_date=date(2026, 7, 1), points=(before, now), issues=tuple(counts)),
    )
    with duckdb.connect() as connection:
        connection.execute(f"COPY ({NEW}) TO {quoted(changes_table(run))} (FORMAT parquet)")
    return 2
