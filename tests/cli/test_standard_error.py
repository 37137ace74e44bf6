"""Processes of a pool log as the command does: at its level, without secrets, and as JSON where it is JSON."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from orgaudit.cli.standard_error import LogEvent, SameLog, as_json, begin_log
from orgaudit.collect import engines
from orgaudit.settings.settings import load
from tests.commands import ROOT


def said() -> str:
    """Log in a process of a pool."""
    logging.getLogger("orgaudit.collect").warning("odd answer\nof two lines")
    logging.getLogger("orgaudit.collect").info("a detail")
    logging.getLogger("botocore").debug("a signature")
    return "done"


def in_pool(level: int, *, late_json: bool) -> None:
    """Log in a process of a pool that was made before its standard error became JSON, if it does."""
    begin_log(level)
    with engines.workers(load(None, {}, {"run": {"workers": 2}}), None, SameLog()) as executor:
        if late_json:
            as_json()
        assert executor is not None
        assert executor.submit(said).result(60) == "done"


@pytest.mark.parametrize("late_json", [False, True])
@pytest.mark.parametrize("level", [logging.WARNING, logging.DEBUG])
def test_a_pool_logs_as_its_command(level: int, *, late_json: bool) -> None:
    code = f"from tests.cli.test_standard_error import in_pool; in_pool({level}, late_json={late_json})"
    variables = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=variables, check=True)
    wanted = [("WARNING", "odd answer\nof two lines"), ("INFO", "a detail")][: 1 if level == logging.WARNING else 2]
    if late_json:
        events = [json.loads(line) for line in done.stderr.splitlines()]
        assert {each["event"] for each in events} == {LogEvent.__struct_config__.tag}
        assert [(each["level"], each["message"]) for each in events] == wanted
    else:
        assert done.stderr == "".join(f"{name} orgaudit.collect: {text}\n" for name, text in wanted)
