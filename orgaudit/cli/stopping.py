"""What a stopped audit prints: the command that continues it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from orgaudit.store.run import Run

RESUMED_WITH = ("config", "profile", "role_name", "out", "register_file")
"""Options of `audit` without which a resumed run would not find its settings, its way in or itself."""
_NAMES = {"register_file": "register"}


class Stopped(click.Abort):
    """The command was asked to stop, and did; the message is for the person who goes on with it."""


@contextmanager
def resumable(run: Run, given: Mapping[str, Any]) -> Iterator[None]:
    """Turn an audit's stop into the sentence that says how to go on with it."""
    try:
        yield
    except KeyboardInterrupt:
        if not run.manifest_path.is_file():
            raise Stopped(f"stopped before anything was collected; run {run.id} has not begun") from None
        options = [
            f"--{_NAMES.get(name, name).replace('_', '-')}={given[name]}" for name in RESUMED_WITH if given.get(name)
        ]
        command = shlex.join(["orgaudit", "audit", "--resume", run.id, *options])
        raise Stopped(f"stopped; what was collected is kept, go on with `{command}`") from None
