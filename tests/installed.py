"""Environments in which wheels are installed by pip, without an index and without what a user has configured."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.shared import made_once

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Installed:
    """An environment in which the wheel is installed, and nothing else of orgaudit can be imported."""

    environment: Path

    @property
    def package(self) -> Path:
        """The directory of the package."""
        [found] = self.environment.glob("lib/python*/site-packages/orgaudit")
        return found

    def __call__(
        self, program: str, *arguments: str, directory: Path, home: Path, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        """Run one of the environment's programs to its end."""
        programs = self.environment / "bin"
        return subprocess.run(
            [programs / program, *arguments],
            cwd=directory,
            env={"PATH": f"{programs}{os.pathsep}{os.defpath}", "HOME": str(home), **variables},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=300,
        )


def pip(*arguments: str | Path) -> None:
    """Run pip without an index and without what a user has configured."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--isolated", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def built(source: Path, directory: Path) -> Path:
    """Build a project's wheel by the hatchling that set-up has installed."""
    pip("wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", directory, source)
    [wheel] = directory.iterdir()
    return wheel


def wheel_of_checkout(factory: pytest.TempPathFactory) -> Path:
    """Return the wheel of this checkout, which is built once for all processes of the test runner."""
    [wheel] = made_once(factory, "wheel", lambda directory: built(ROOT, directory)).iterdir()
    return wheel


def installation(environment: Path, *wheels: Path) -> Installed:
    """Make an environment with these wheels, and with the dependencies of the tests' environment."""
    venv.create(environment, symlinks=True)
    pip("--python", environment / "bin" / "python", "install", "--no-index", "--no-deps", *wheels)
    [site] = environment.glob("lib/python*/site-packages")
    # The directory comes behind the new environment's own, and its .pth files, such as the checkout's, are not read.
    (site / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return Installed(environment)
