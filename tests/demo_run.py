"""The run of `orgaudit demo`, made once for all processes of the test runner."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from orgaudit.errors import ExitCode
from orgaudit.store.run import LATEST, Run
from tests import commands
from tests.shared import made_once

NOW = datetime(2026, 10, 1, 8, tzinfo=UTC)
"""When the demo is audited."""


@pytest.fixture(scope="session")
def demo_run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The demo's run with its register and reports; tests only read it, and write formats elsewhere."""

    def audit(directory: Path) -> None:
        environment = {"HOME": str(directory), "PATH": os.environ["PATH"]}
        done = commands.run(["demo", "--out", str(directory / "reports")], environment, directory, now=NOW)
        assert done.returncode == ExitCode.CLEAN, done.stdout + done.stderr

    return Run((made_once(tmp_path_factory, "demo-run", audit) / "reports" / LATEST).resolve())
