"""The demo that these tests share, and settings that lead to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orgaudit.demo import Demo
from orgaudit.settings.settings import Settings, load
from tests.faults import FaultProxy


@pytest.fixture
def proxy(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """A proxy before the demo, to which this process's environment leads."""
    for name in [each for each in os.environ if each.startswith(("AWS_", "ORGAUDIT_"))]:
        monkeypatch.delenv(name)
    with FaultProxy(demo.endpoint_url) as started:
        for name, value in {**demo.environment, "AWS_ENDPOINT_URL": started.url}.items():
            monkeypatch.setenv(name, value)
        yield started


CONTROLS = (
    "cloudtrail_trail_cloudwatch_logs_delivered",
    "cloudtrail_trail_logging",
    "cloudtrail_trail_role_can_deliver",
    "logs_metric_filter_cloudtrail_changes_alarmed",
)
"""Controls for which the demo answers every call, whatever others the catalogue has."""


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings with output in a directory of the test; sections are given as keywords."""

    def make(**sections: dict[str, Any]) -> Settings:
        scope = {"controls": CONTROLS} | sections.pop("scope", {})
        run = {"out": tmp_path} | sections.pop("run", {})
        return load(None, {}, {"run": run, "scope": scope, **sections})

    return make
