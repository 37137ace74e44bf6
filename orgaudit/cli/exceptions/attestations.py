"""exceptions attestations: people's answers to the requirements that no machine can decide."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import click
import msgspec

from orgaudit.cli import options
from orgaudit.cli.exceptions.opening import allowed, editing, entry_in, id_argument, opened, person
from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError, ExitCode
from orgaudit.register import answers
from orgaudit.register import attestations as register
from orgaudit.register.attestations import SECTION, Attestations
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.file.splice import block
from orgaudit.settings import frameworks
from orgaudit.settings.documents import nearest
from orgaudit.settings.frameworks import Framework
from orgaudit.settings.sections import RegisterSettings
from orgaudit.store.register_result import AttestedStatus


class _Found(NamedTuple):
    attestations: Attestations
    frameworks: dict[str, Framework]
    path: Path
    on: date

    @property
    def policy(self) -> RegisterSettings:
        return self.attestations.policy


_day = click.DateTime(["%Y-%m-%d"])
_why = click.option("--why", required=True, metavar="TEXT", help="Why; it goes into the history.")
_evidence = click.option("--evidence", multiple=True, metavar="TEXT", help="What was seen; repeat for more.")


def _opened(register_file: Path | None, as_of: date | None, given: dict[str, Any]) -> _Found:
    found = opened(register_file, as_of, given)
    known = frameworks.load(found.settings.directory, catalogue())
    loaded = register.load(found.path, found.settings.exceptions, known, must_exist=False)
    return _Found(loaded, known, found.path, found.on)


@click.group()
def attestations() -> None:
    """Keep the answers of people to requirements that no machine can decide."""


@attestations.command(name="list")
@options.config
@options.register
@options.as_of
@options.as_json
def list_command(register_file: Path | None, as_of: date | None, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """List every attestation with its state on a date."""
    found = _opened(register_file, as_of, given)
    rows = answers.apply(found.attestations, (), found.on).rows
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
        return
    for row in rows:
        ends = row.expires_on.isoformat() if row.expires_on else "-"
        click.echo(f"{row.id:<14} {row.state:<9} {ends:<11} {row.requirement:<18} {row.status:<15} {row.attested_by}")
    if not rows:
        click.echo("no attestations")


@attestations.command()
@id_argument
@options.config
@options.register
@options.as_of
def show(name: str, register_file: Path | None, as_of: date | None, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Show all of one attestation, with its state and what is wrong with it."""
    found = _opened(register_file, as_of, given)
    entry = entry_in(RegisterEditor.open(found.path), name, SECTION)
    row = next(row for row in answers.apply(found.attestations, (), found.on).rows if row.id == name)
    click.echo(f"{name} is {row.state} on {found.on}")
    for invalid in found.attestations.invalid:
        for problem in invalid.problems if invalid.id == name else ():
            click.echo(str(problem))
    click.echo(f"\n{block(entry, 0)}", nl=False)


@attestations.command()
@options.config
@options.register
def check(register_file: Path | None, **given: Any) -> ExitCode:  # noqa: ANN401 - options by name
    """Name every problem of the attestations with file and line; exits with 2 where there is one."""
    found = _opened(register_file, None, given).attestations
    for problem in found.problems:
        click.echo(str(problem))
    click.echo(f"{found.file}: {len(found.entries)} sound, {len(found.invalid)} invalid")
    return ExitCode.USAGE if found.problems else ExitCode.CLEAN


@attestations.command()
@id_argument
@options.config
@options.register
def history(name: str, register_file: Path | None, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Tell what happened to an attestation: when, who, what, and why."""
    entry = entry_in(RegisterEditor.open(_opened(register_file, None, given).path), name, SECTION)
    for event in entry.get("history") or []:
        click.echo(f"{event.get('when')}  {event.get('what', ''):<9}  {event.get('who')}: {event.get('why')}")


@attestations.command()
@click.argument("requirement", metavar="FRAMEWORK:REQUIREMENT")
@click.argument("status", type=click.Choice([*map(str, AttestedStatus)]))
@editing
@click.option("--account", "accounts", multiple=True, metavar="ID", help="For this account; repeat for more.")
@click.option("--ou", "ous", multiple=True, metavar="ID", help="For the accounts below this unit; repeat for more.")
@click.option("--broad", is_flag=True, help="Say that it may take all accounts.")
@_evidence
@click.option("--expires-on", type=_day, required=True, metavar="DATE", help="The last day on which it stands.")
@click.option("--comments", metavar="TEXT", help="What else is worth knowing.")
def add(register_file: Path | None, as_of: date | None, by: str | None, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Answer a requirement for accounts or units, in your name."""
    keys = ("requirement", "status", "accounts", "ous", "evidence", "broad", "comments")
    answer = {key: value for key in keys if (value := given.pop(key))}
    ends: date = given.pop("expires_on").date()
    found = _opened(register_file, as_of, given)
    _known(answer["requirement"], found.frameworks)
    who = person(by, os.environ)
    ledger = RegisterEditor.open(found.path)
    lists = {key: list(value) if isinstance(value, tuple) else str(value) for key, value in answer.items()}
    entry = {
        "id": ledger.next_id(found.on.year, SECTION),
        **lists,
        **({"broad": True} if "broad" in answer else {}),
        "attested_by": who,
        "attested_on": found.on,
        "expires_on": ends,
    }
    change = allowed(register.added, entry, who, found.on, found.policy)
    ledger.add({**entry, "history": [change.event]}, SECTION)
    ledger.save()
    click.echo(f"{entry['id']} added: {entry['requirement']} is {entry['status']} until {ends}")


@attestations.command()
@id_argument
@editing
@click.option("--until", type=_day, required=True, metavar="DATE", help="The new last day.")
@click.option("--status", type=click.Choice([*map(str, AttestedStatus)]), help="Another answer than before.")
@_evidence
@_why
def renew(
    name: str,
    register_file: Path | None,
    as_of: date | None,
    by: str | None,
    *,
    evidence: Sequence[str],
    status: str | None,
    why: str,
    **given: Any,  # noqa: ANN401 - options by name
) -> None:
    """Answer again, in your name and until a later day."""
    until: date = given.pop("until").date()
    found = _opened(register_file, as_of, given)
    ledger = RegisterEditor.open(found.path)
    entry, who = entry_in(ledger, name, SECTION), person(by, os.environ)
    new = {"status": None if status is None else str(status), "evidence": list(evidence)}
    change = allowed(register.renewed, entry, until, who, found.on, why, policy=found.policy, **new)
    _save(ledger, name, change)
    click.echo(f"{name} stands until {until}")


@attestations.command()
@id_argument
@editing
@_why
def revoke(
    name: str,
    register_file: Path | None,
    as_of: date | None,
    by: str | None,
    *,
    why: str,
    **given: Any,  # noqa: ANN401 - options by name
) -> None:
    """End an answer before its day; the requirement is MANUAL again."""
    found = _opened(register_file, as_of, given)
    ledger = RegisterEditor.open(found.path)
    entry, who = entry_in(ledger, name, SECTION), person(by, os.environ)
    _save(ledger, name, allowed(register.revoked, entry, who, found.on, why, found.policy))
    click.echo(f"{name} revoked")


def _save(ledger: RegisterEditor, name: str, change: register.EntryChange) -> None:
    ledger.set(name, change.changes, SECTION)
    ledger.note(name, change.event, SECTION)
    ledger.save()


def _known(requirement: str, known: dict[str, Framework]) -> None:
    """Raise ConfigError where there is no such requirement."""
    framework, _, name = requirement.partition(":")
    if framework not in known:
        raise ConfigError(f"no framework {framework!r}; {nearest(framework, known)}", key="REQUIREMENT")
    ids = [item.id for item in known[framework].requirements]
    if name not in ids:
        raise ConfigError(f"{framework} has no requirement {name!r}; {nearest(name, ids)}", key="REQUIREMENT")


COMMANDS = (attestations,)
