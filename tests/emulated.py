"""Code of orgaudit that runs in this process against an emulated AWS."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from orgaudit.demo import Demo


@contextmanager
def leading_to(demo: Demo) -> Iterator[pytest.MonkeyPatch]:
    """Make this process's environment the one that a program needs to call the emulator and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_PROFILE", raising=False)
        for name, value in demo.environment.items():
            patch.setenv(name, value)
        yield patch
