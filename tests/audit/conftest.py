"""The demo that all tests of whole runs share, a proxy before it for each test, and the run that nothing disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from orgaudit.demo import Demo
from tests.audit_runs import Caller, Outcome, assert_adds_up, environment_for
from tests.faults import FaultProxy


@pytest.fixture
def proxy(demo: Demo) -> Iterator[FaultProxy]:
    with FaultProxy(demo.endpoint_url) as started:
        yield started


@pytest.fixture
def caller(proxy: FaultProxy, demo: Demo, tmp_path: Path) -> Caller:
    return Caller(environment_for(proxy.url, demo), tmp_path)


@pytest.fixture(scope="session")
def clean(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The audit without a fault, in which every cell was assessed."""
    directory = tmp_path_factory.mktemp("clean")
    outcome = Caller(environment_for(demo.endpoint_url, demo), directory).audit()
    assert_adds_up(outcome)
    assert outcome.code == 1, outcome.stderr
    return outcome
