"""How wide commands print, and how they end when nobody reads on."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from orgaudit.cli import printing

ROOT = Path(__file__).parents[2]


class Terminal(io.StringIO):
    """Standard output as a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("terminal", "columns", "width"), [(False, 120, 80), (True, 40, 80), (True, 120, 120), (True, 300, 160)]
)
def test_width_is_that_of_the_terminal(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, columns: int, width: int
) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal() if terminal else io.StringIO())
    monkeypatch.setattr(shutil, "get_terminal_size", lambda _fallback: os.terminal_size((columns, 24)))
    assert printing.width() == width


def test_a_closed_output_ends_the_command_as_it_ends_other_programs() -> None:
    command = [sys.executable, "-m", "orgaudit", "controls"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 128 + signal.SIGPIPE
