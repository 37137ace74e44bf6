"""exceptions: keeps the register of accepted exceptions and of attestations, from the request to the last day."""

from __future__ import annotations

import click

from orgaudit.cli.lazy import LazyGroup, Place

PLACES = {
    "add": Place("exceptions.adding", "Add an exception."),
    "approve": Place("exceptions.lifecycle", "Approve what waits for approval."),
    "attestations": Place("exceptions", "Keep the attestations of manual requirements.", "GROUPS"),
    "check": Place("exceptions.reading", "List every problem of the register by line."),
    "due": Place("exceptions.notices", "List what is due, by owner."),
    "export": Place("exceptions.workbook", "Write the register to FILE, a workbook."),
    "history": Place("exceptions.reading", "Show what happened to one exception."),
    "hygiene": Place("exceptions.notices", "Show what needs attention in the register after RUN."),
    "import": Place("exceptions.workbook", "Bring the edits of FILE into the register, all or none."),
    "list": Place("exceptions.reading", "List every exception with its state on a date."),
    "match": Place("exceptions.match", "Show what an exception would cover in RUN."),
    "reject": Place("exceptions.lifecycle", "Refuse what waits for approval."),
    "renew": Place("exceptions.lifecycle", "Request a later last day for exceptions."),
    "request": Place("exceptions.lifecycle", "Request approval of drafts."),
    "revoke": Place("exceptions.lifecycle", "End exceptions before their last day."),
    "show": Place("exceptions.reading", "Show all of one exception."),
}
"""Where each command of the exceptions is."""

_ATTESTED = "ATTESTATION_COMMANDS"
ATTESTATION_PLACES = {
    "add": Place("exceptions.adding", "Attest a requirement for accounts or units, in your name.", _ATTESTED),
    "check": Place("exceptions.reading", "List every problem of the attestations by line.", _ATTESTED),
    "history": Place("exceptions.reading", "Show what happened to one attestation.", _ATTESTED),
    "list": Place("exceptions.reading", "List every attestation with its state on a date.", _ATTESTED),
    "renew": Place("exceptions.lifecycle", "Attest again, in your name and until a later day.", _ATTESTED),
    "revoke": Place("exceptions.lifecycle", "End attestations before their last day.", _ATTESTED),
    "show": Place("exceptions.reading", "Show all of one attestation.", _ATTESTED),
}
"""Where each command of the attestations is."""


@click.group(cls=LazyGroup, places=PLACES)
def exceptions() -> None:
    """Keep the exception register.

    It lists who requested what, who approved it, and until when.
    """


@click.group(cls=LazyGroup, places=ATTESTATION_PLACES)
def attestations() -> None:
    """Keep the attestations of manual requirements.

    They are people's answers to what no control can decide.
    """


COMMANDS = (exceptions,)
GROUPS = (attestations,)
