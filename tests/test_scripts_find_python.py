"""Which Python set-up uses, and which other one continuous integration runs the checks on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

Find: TypeAlias = Callable[..., tuple[int, str]]
SCRIPT = Path(__file__).parents[1] / "scripts" / "find_python.sh"
BROKEN = "exit 127"
"""What a version manager puts on the path for a version that it does not have."""


def speaks(version: str, path: str) -> str:
    return f"echo {version} {path}"


@pytest.fixture
def find(tmp_path: Path) -> Find:
    """Run the script where these commands are the only interpreters; keywords are more of the environment."""

    def run(*arguments: str, commands: dict[str, str], **environment: str) -> tuple[int, str]:
        for name in ("python3", "python3.11", "python3.12", "python3.13"):
            written(tmp_path / "bin" / name, commands.get(name, BROKEN))
        variables = {"PATH": f"{tmp_path}/bin:/usr/bin:/bin", "PYENV_ROOT": str(tmp_path / "pyenv"), **environment}
        done = subprocess.run([SCRIPT, *arguments], env=variables, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.strip()

    return run


def written(path: Path, body: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


TWO = {"python3.12": speaks("3.12", "/a/python3.12"), "python3.11": speaks("3.11", "/a/python3.11")}


def test_the_newest_that_runs_is_the_first_and_the_oldest_other_the_second(find: Find) -> None:
    assert find(commands=TWO) == (0, "/a/python3.12")
    assert find("--second", commands=TWO) == (0, "/a/python3.11")


def test_the_choice_of_the_environment_wins(find: Find, tmp_path: Path) -> None:
    chosen = str(tmp_path / "bin" / "python3.11")
    assert find(commands=TWO, SETUP_PYTHON=chosen) == (0, "/a/python3.11")
    assert find("--second", commands=TWO, SETUP_PYTHON=chosen) == (0, "/a/python3.12")
    assert find(commands=TWO, SETUP_PYTHON=str(tmp_path / "none")) == (1, "")


def test_a_version_that_is_not_on_the_path_can_be_the_second(find: Find, tmp_path: Path) -> None:
    only = {"python3": speaks("3.13", "/a/python3")}
    assert find("--second", commands=only) == (0, "")
    written(tmp_path / "pyenv" / "versions" / "3.12.4" / "bin" / "python", speaks("3.12", "/pyenv/3.12"))
    assert find(commands=only) == (0, "/a/python3")
    assert find("--second", commands=only) == (0, "/pyenv/3.12")


def test_without_any_it_fails(find: Find) -> None:
    assert find(commands={}) == (1, "")
