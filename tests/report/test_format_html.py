"""The page, as headless Chromium opens it from a file: its figures, its list, its filters and its links."""

from __future__ import annotations

from pathlib import Path

import pytest

from orgaudit.report import page
from orgaudit.report.viewing import viewing
from orgaudit.store.run import Run
from tests import needs
from tests.report.browser import Chromium, browsing, chromium
from tests.shared import made_once

__all__ = ["chromium"]
pytestmark = needs.chromium


@pytest.fixture(scope="session")
def demo_page(demo_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's page, written once."""

    def write(directory: Path) -> None:
        with viewing(demo_run) as view:
            page.write(view, directory / "report.html")

    return made_once(tmp_path_factory, "demo-page", write) / "report.html"


@browsing
def test_the_page_asks_nobody_for_anything_and_complains_of_nothing(demo_page: Path, chromium: Chromium) -> None:
    with chromium.opened(demo_page) as opened:
        opened.page.locator("a.opens").first.click()
        opened.page.wait_for_selector("#panel[open]")
    assert opened.requests[0] == demo_page.as_uri()
    assert [url for url in opened.requests[1:] if not url.startswith(("data:", demo_page.as_uri()))] == []
    assert opened.complaints == []
