"""exceptions: keeps the register of accepted exceptions and of attestations, from the request to the last day."""

from __future__ import annotations

import click

from orgaudit.cli.exceptions import adding, lifecycle, match, notices, reading, workbook


@click.group()
def exceptions() -> None:
    """Keep the exception register.

    It lists who requested what, who approved it, and until when.
    """


@exceptions.group()
def attestations() -> None:
    """Keep the attestations of manual requirements.

    They are people's answers to what no control can decide.
    """


for _module in (reading, match, adding, lifecycle, notices, workbook):
    for _command in _module.COMMANDS:
        exceptions.add_command(_command)
for _command in (*reading.ATTESTATION_COMMANDS, *adding.ATTESTATION_COMMANDS, *lifecycle.ATTESTATION_COMMANDS):
    attestations.add_command(_command)

COMMANDS = (exceptions,)
