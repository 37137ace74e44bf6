"""exceptions: keeps the register of accepted exceptions, from the request to the last day."""

from __future__ import annotations

import click

from orgaudit.cli.exceptions import attestations, foreign, lifecycle, notices, reading, workbook


@click.group()
def exceptions() -> None:
    """Keep the exception register: who asked for what, who approved it, and until when."""


for _module in (reading, lifecycle, notices, workbook, foreign, attestations):
    for _command in _module.COMMANDS:
        exceptions.add_command(_command)

COMMANDS = (exceptions,)
