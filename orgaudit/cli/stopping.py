"""What an audit prints that did not come to its end: the command that continues it."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import click

from orgaudit.cli import standard_error
from orgaudit.collect.stopping import Stopping
from orgaudit.errors import AccessError, OrgauditError, ReportError
from orgaudit.model import Severity
from orgaudit.store.run import Run

RESUMED_WITH = (
    "config",
    "profile",
    "role_name",
    "out",
    "workers",
    "dask",
    "progress",
    "register_file",
    "as_of",
    "baseline",
)
"""Options of `audit` with a value each, which a resumed run needs again; the scope and the rules are in the run."""
_NAMES = {"register_file": "register", "run_name": "run", "sender": "from", "part": "slice"}


class Stopped(click.Abort):
    """The command was asked to stop, and did; the message is for the person who goes on with it."""


@contextmanager
def resumable(run: Run, given: Mapping[str, Any], command: str | None = None) -> Iterator[None]:
    """Turn an audit's stop, and the loss of its access or its disk, into the sentence that says how to go on.

    `command` continues the run; without it, that is `audit --resume`.
    """
    again = command or resume_command(run, given)
    if Stopping.installed is not None:  # it may have to end the process before this block is left
        Stopping.installed.last_words = lambda: standard_error.line(f"orgaudit: {_stopped(run, again)}")
    try:
        yield
    except KeyboardInterrupt:
        raise Stopped(_stopped(run, again)) from None
    except OrgauditError as error:
        short = f"`orgaudit audit --resume {run.id}`"
        text = str(error).replace(short, again)
        if text == str(error):
            if not (isinstance(error, AccessError | ReportError) and run.manifest_path.is_file()):
                raise
            text += f"; what was collected is kept, then go on with {again}"
        raise type(error)(text) from error


def _stopped(run: Run, again: str) -> str:
    if not run.manifest_path.is_file():
        return f"stopped before anything was collected; run {run.id} has not begun"
    return f"stopped; what was collected is kept, go on with {again}"


def resume_command(run: Run, given: Mapping[str, Any]) -> str:
    """Return the command that continues a run, with every option that it needs again, as a shell takes it."""
    named = given.get("resume") or ""
    return command_again(("audit", "--resume", named if "/" in named else run.id), given, RESUMED_WITH)


def option_of(name: str) -> str:
    """Return the option of a parameter."""
    return f"--{_NAMES.get(name, name).replace('_', '-')}"


def command_again(words: Sequence[str], given: Mapping[str, Any], names: Iterable[str]) -> str:
    """Return a command with these options, and those of formats and severities, as a shell takes it.

    An external id is a secret: its value is left to be filled in.
    """
    options = [f"{option_of(name)}={given[name]}" for name in names if given.get(name)]
    options += [f"--format={name}" for name in given.get("formats") or ()]
    if (fail_on := given.get("fail_on", Severity.LOW)) is not Severity.LOW:
        options.append(f"--fail-on={fail_on or 'never'}")
    secret = ' --external-id="$EXTERNAL_ID"' if given.get("external_id") else ""
    return f"`{shlex.join(['orgaudit', *words, *options])}{secret}`"
