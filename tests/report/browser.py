"""Headless Chromium for the tests of pages: one a process of the test runner, in a thread of its own.

Playwright's loop keeps the thread in which it was started, and tests of coroutines need theirs: a test that uses the
browser is decorated with `browsing` and runs in the browser's thread.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ParamSpec

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")

P = ParamSpec("P")


@dataclass
class Opened:
    """A page that is open, what it asked of anywhere, why that failed, and what it complained of."""

    page: Page
    requests: list[str] = field(default_factory=list)
    failures: list[str | None] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Chromium:
    """The browser, and the thread in which everything is done with it."""

    thread: ThreadPoolExecutor
    browser: Browser

    @contextmanager
    def opened(self, path: Path, fragment: str = "", *, script: bool = True, **options: Any) -> Iterator[Opened]:
        """Open a file as a person does, wait until its findings are there, and let it ask for nothing else."""
        context = self.browser.new_context(java_script_enabled=script, **options)
        context.set_default_timeout(10_000)
        try:
            opened = Opened(context.new_page())
            opened.page.on("request", lambda it: opened.requests.append(it.url))
            opened.page.on("requestfailed", lambda it: opened.failures.append(it.failure))
            opened.page.on("console", lambda it: opened.complaints.append(f"{it.type}: {it.text}"))
            opened.page.on("pageerror", lambda it: opened.complaints.append(str(it)))
            opened.page.goto(f"{path.as_uri()}{fragment}")
            if script:
                opened.page.wait_for_selector("html[data-ready]", state="attached")
            yield opened
        finally:
            context.close()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """Start the browser once."""
    with ThreadPoolExecutor(1, "chromium") as thread:
        playwright = thread.submit(lambda: sync_playwright().start()).result()
        browser = thread.submit(
            lambda: playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        ).result()
        yield Chromium(thread, browser)
        thread.submit(browser.close).result()
        thread.submit(playwright.stop).result()


def browsing(test: Callable[P, None]) -> Callable[P, None]:
    """Return a test that runs in the browser's thread; it has the argument `chromium`."""

    @functools.wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        chromium: Any = kwargs["chromium"]
        chromium.thread.submit(test, *args, **kwargs).result()

    return run
