"""The command line: parses arguments and prints. Nothing else in orgaudit prints, and nothing here decides."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from collections.abc import Callable
from contextlib import redirect_stderr
from importlib import import_module
from pathlib import Path
from typing import NoReturn

import click

from orgaudit import __version__
from orgaudit.aws.masking import MaskingFormatter
from orgaudit.collect.stopping import Stopping
from orgaudit.errors import ExitCode, OrgauditError

PLACES = {
    **dict.fromkeys(("audit", "evaluate", "report"), "audit"),
    "query": "query",
    "verify": "stored",
    "actions": "actions",
    **dict.fromkeys(("plan", "doctor", "policy"), "preflight"),
    **dict.fromkeys(("controls", "frameworks", "explain"), "catalogue"),
    "quarter": "quarter",
    "compare": "compare",
    "diff": "diff",
    "evidence": "evidence",
    "trend": "trend",
    "exceptions": "exceptions",
    "demo": "demo",
    "init": "init",
    "completion": "completion",
}
"""The module of each command. One is imported when it is run: what another needs would slow its start."""

EPILOG = """\b
Exit codes:
  0  clean
  1  open findings at or over --fail-on
  2  wrong usage or configuration
  3  incomplete: not everything that was expected was assessed (wins over 1)
  4  no access to the organization
  5  output cannot be written
  129, 130, 143  stopped by SIGHUP, Ctrl-C or SIGTERM
  141  what reads the output has closed it"""

COMPLETION = "_ORGAUDIT_COMPLETE"
"""The variable by which a shell asks for completions: click's values, such as bash_complete."""

GARBAGE = (10_000, 10, 10)
"""When Python looks for garbage. Its own first figure, 700, costs a run a fifth of its CPU time: the SDK's models are
large and stay, and every look goes through them again. Peak memory is 3 % higher."""


class Commands(click.Group):
    """The commands, each from the module that PLACES names."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Return the commands' names, sorted."""
        return sorted(PLACES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command, or None for an unknown name."""
        if cmd_name not in PLACES:
            return None
        commands: tuple[click.Command, ...] = import_module(f"orgaudit.cli.{PLACES[cmd_name]}").COMMANDS
        return next(command for command in commands if command.name == cmd_name)


@click.group(
    cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 160}
)
@click.version_option(__version__, prog_name="orgaudit")
@click.option("-v", "--verbose", count=True, help="Log more to standard error; twice for every detail.")
def orgaudit(verbose: int) -> None:
    """Audit every account and region of an AWS organization.

    orgaudit assumes a read-only role in each account, judges what it sees by security benchmarks, keeps the
    register of accepted exceptions, and writes the workbook and the JSON for management.
    """
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(MaskingFormatter("%(levelname)s %(name)s: %(message)s"))
    # The SDK's own DEBUG lines hold its requests, signatures and answers: they are never logged.
    logging.basicConfig(level=max(level, logging.INFO), handlers=[handler])
    logging.getLogger("orgaudit").setLevel(level)


def main() -> None:
    """Run the command line and end the process with the exit code of the contract.

    Where a shell asks for completions, it gets them, and nothing on standard error, which is the person's prompt.
    """
    gc.set_threshold(*GARBAGE)
    instruction = os.environ.get(COMPLETION)
    if instruction is None:
        _run(lambda: orgaudit.main(standalone_mode=False))
    else:
        with Path(os.devnull).open("w") as nowhere, redirect_stderr(nowhere):
            _run(lambda: import_module("orgaudit.cli.completion").answer(instruction))


def _run(command: Callable[[], int | None]) -> NoReturn:
    stopping = Stopping()
    try:
        code = command()
    except OrgauditError as error:
        click.echo(f"orgaudit: {error}", err=True)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort as stopped:
        click.echo(f"orgaudit: {str(stopped) or 'stopped; the same command begins anew'}", err=True)
        code = stopping.exit_code
    except SystemExit:
        # click ends so where what reads the output, such as head, has closed it. Its own code would say: open findings.
        code = 128 + signal.SIGPIPE
    except Exception as error:
        # Python's own exit code for this is 1, which would say that the audit ended and found something.
        click.echo(f"orgaudit: has a defect ({type(error).__name__}: {error}); report it with what -v prints", err=True)
        logging.getLogger(__name__).info("the traceback", exc_info=True)
        code = ExitCode.INCOMPLETE
    sys.exit(code)
