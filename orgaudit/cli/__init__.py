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
from orgaudit.cli import standard_error
from orgaudit.cli.lazy import LazyGroup, Place
from orgaudit.collect.stopping import Stopping
from orgaudit.errors import ExitCode, OrgauditError

PLACES = {
    "actions": Place("actions", "List what to do first in RUN."),
    "audit": Place("audit", "Run the whole audit: collect, evaluate and report."),
    "collect": Place("collect", "Plan RUN, or collect its accounts, all or a part."),
    "compare": Place("compare", "Compare a run with what Security Hub or Prowler found."),
    "completion": Place("completion", "Print the completion script of a shell."),
    "controls": Place("catalogue", "List the controls that an audit runs."),
    "demo": Place("demo", "Audit an emulated organization on this machine."),
    "diff": Place("diff", "Show what changed between two runs."),
    "doctor": Place("preflight", "Check that an audit could assess everything."),
    "evaluate": Place("audit", "Evaluate the stored facts of RUN again, without a call to AWS."),
    "evidence": Place("evidence", "Write the evidence of RUN for an auditor."),
    "exceptions": Place("exceptions", "Keep the exception register."),
    "explain": Place("catalogue", "Show one control, requirement or framework."),
    "frameworks": Place("catalogue", "List the frameworks, or the requirements of one."),
    "init": Place("init", "Set up a directory to work in: DIR, or the current one."),
    "plan": Place("preflight", "Show an audit's scope, estimated calls and estimated time."),
    "policy": Place("preflight", "Print the least privilege that the chosen controls need."),
    "quarter": Place("quarter", "Audit a quarter, and write all that is made of it into one folder."),
    "query": Place("query", "Print the answer of RUN to one SELECT."),
    "report": Place("audit", "Write the reports of RUN."),
    "trend": Place("trend", "Show the figures of several runs, a row each."),
    "verify": Place("stored", "Check that a run, or a pack of evidence, is whole and unchanged."),
}
"""Where each command is. Its module is imported when it is run: what another needs would slow its start."""

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

BEGINS_ANEW = "stopped; the same command begins anew"
"""What a stopped command says that left nothing to go on with."""

GARBAGE = (10_000, 10, 10)
"""When Python looks for garbage. Its own first figure, 700, costs a run a fifth of its CPU time: the SDK's models are
large and stay, and every look goes through them again. Peak memory is 3 % higher."""


@click.group(
    cls=LazyGroup,
    places=PLACES,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 160},
)
@click.version_option(__version__, prog_name="orgaudit")
@click.option("-v", "--verbose", count=True, help="Log more to standard error; twice for every detail.")
def orgaudit(verbose: int) -> None:
    """Audit every account and region of an AWS organization.

    orgaudit assumes a read-only role in each account, judges what it sees by security benchmarks, keeps the
    register of accepted exceptions, and writes a workbook for management, a page for engineers, and what other tools
    load.
    """
    standard_error.begin_log({0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG))


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
    stopping = Stopping(lambda: standard_error.line(f"orgaudit: {BEGINS_ANEW}"))
    try:
        code = command()
    except OrgauditError as error:
        click.echo(f"orgaudit: {_shown(str(error))}", err=True)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort as stopped:
        stopping.last_words = None
        click.echo(f"orgaudit: {_shown(str(stopped)) or BEGINS_ANEW}", err=True)
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


def _shown(text: str) -> str:
    """Return a text with addresses in place of the paths of working copies, which only a command may have opened."""
    copies = sys.modules.get("orgaudit.store.copies")
    return text if copies is None else str(copies.shown(text))
