"""What all tests share: emulators that each process of the test runner starts once, and where a skip is a failure.

With TESTS_SKIP_NOTHING in the environment, as in continuous integration, a test that would be skipped fails, but for
the reasons that tests/needs.py names.
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Generator, Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import hypothesis
import pytest

from orgaudit.demo import Content, Demo, running
from tests.needs import ALSO_MISSING_IN_CI

NO_SKIPS = "TESTS_SKIP_NOTHING"
EMULATED = {"demo", "demo_run", "empty", "stock"}
"""Fixtures that start an emulated AWS."""
WHOLE = {"audit", "cli", "demo", "docs", "preflight", "quarter", "register", "report"}
"""Directories of tests of whole commands and documents, most of which take seconds."""
SECONDS = {
    "test_connections.py",
    "test_diff_commands.py",
    "test_evaluate_again.py",
    "test_faults_proxy.py",
    "test_history_stage.py",
    "test_install_own_controls.py",
    "test_install_wheel.py",
    "test_query.py",
    "test_audit_reported.py",
    "test_scripts_bench_huge.py",
    "test_scripts_bench_scale.py",
    "test_scripts_simulator.py",
    "test_scripts_simulator_behaviour.py",
    "test_scripts_replay.py",
    "test_telemetry.py",
}
"""Files elsewhere of which the same is true."""
TESTS = Path(__file__).parent

# How long one example may take depends on what else the machine does, so it decides nothing.
hypothesis.settings.register_profile("orgaudit", deadline=None)
hypothesis.settings.load_profile("orgaudit")


def pytest_configure() -> None:
    """Let commands that tests start hear Ctrl-C, which a runner in the background ignores and they inherit."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Search for no garbage while thousands of tests are found, nor among them later: they live until the end."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_sessionfinish() -> None:
    """Let what was left out be freed with the rest, which libraries of the interpreter's C interface look after."""
    gc.unfreeze()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Save `make check` the import of what it would leave out anyway."""
    return True if config.option.markexpr == "not slow" and is_slow(collection_path) else None


def is_slow(path: Path) -> bool:
    """Return whether all tests of a file or directory are slow."""
    return path.relative_to(TESTS).parts[:1] in {(name,) for name in WHOLE} or path.name in SECONDS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that `make check` leaves to `make test`."""
    for item in items:
        if is_slow(item.path) or EMULATED.intersection(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where nothing may be skipped."""
    report = yield
    if report.skipped and os.environ.get(NO_SKIPS) and not (hasattr(report, "wasxfail") or _may_be_skipped(report)):
        report.outcome = "failed"
        report.longrepr = f"Nothing may be skipped here ({NO_SKIPS}), but this test was: {report.longrepr}"
    return report


def _may_be_skipped(report: pytest.TestReport) -> bool:
    """Return whether a test was skipped for what continuous integration cannot have."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
    return reason.removeprefix("Skipped: ") in ALSO_MISSING_IN_CI


@pytest.fixture(scope="session")
def demo() -> Iterator[Demo]:
    """The emulated organization, which tests read only; one that changes it starts its own."""
    with running() as started:
        yield started


@pytest.fixture(scope="module")
def empty(_empty: Demo) -> Demo:
    """An emulated AWS in which there is nothing yet; the tests of one module fill and share it."""
    return _cleared(_empty)


@pytest.fixture
def stock(_stock: Demo) -> Demo:
    """The emulator's library as it is, with nothing in it yet."""
    return _cleared(_stock)


@pytest.fixture(scope="session")
def _empty() -> Iterator[Demo]:
    yield from _started("empty")


@pytest.fixture(scope="session")
def _stock() -> Iterator[Demo]:
    yield from _started("stock")


def _started(content: Content) -> Iterator[Demo]:
    with running(content) as started:
        yield started


def _cleared(emulator: Demo) -> Demo:
    """Return the emulator without anything that an earlier test made in it."""
    with closing(HTTPConnection(urlsplit(emulator.endpoint_url).netloc, timeout=60)) as connection:
        connection.request("POST", "/moto-api/reset")
        assert connection.getresponse().status == 200
    return emulator
