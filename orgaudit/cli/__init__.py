"""The command line: parses arguments and prints. Nothing else in orgaudit prints, and nothing here decides."""

from __future__ import annotations

import logging
import sys

import click

from orgaudit import __version__
from orgaudit.cli import audit, catalogue, demo, exceptions, preflight, stored
from orgaudit.errors import ExitCode, OrgauditError

EPILOG = """\b
Exit codes:
  0  clean
  1  open findings at or over --fail-on
  2  wrong usage or configuration
  3  incomplete: something that was expected was not assessed (wins over 1)
  4  no access to the organization
  5  output cannot be written"""


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="orgaudit")
@click.option("-v", "--verbose", count=True, help="Log more to standard error; twice for every detail.")
def orgaudit(verbose: int) -> None:
    """Audit every account and region of an AWS organization.

    orgaudit assumes a read-only role in each account, judges what it sees by security benchmarks, keeps the
    register of accepted exceptions, and writes the workbook and the JSON that are handed upward.
    """
    level = {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
    logging.basicConfig(level=level, stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")


for module in (audit, stored, preflight, catalogue, exceptions, demo):
    for command in module.COMMANDS:
        orgaudit.add_command(command)


def main() -> None:
    """Run the command line and end the process with the exit code of the contract."""
    try:
        code = orgaudit.main(standalone_mode=False)
    except OrgauditError as error:
        click.echo(f"orgaudit: {error}", err=True)
        code = error.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        click.echo("orgaudit: stopped; what was collected is kept, go on with `orgaudit audit --resume`", err=True)
        code = 130
    except Exception:
        # Python's own exit code for this is 1, which would say that the audit ended and found something.
        logging.getLogger(__name__).exception("orgaudit has a defect; please report this")
        code = ExitCode.INCOMPLETE
    sys.exit(code)
