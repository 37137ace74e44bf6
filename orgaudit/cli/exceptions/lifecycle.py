"""exceptions request, approve, reject, renew and revoke, and the same of attestations: the steps of an entry."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

import click

from orgaudit.cli import options
from orgaudit.cli.exceptions.opening import (
    OpenRegister,
    allowed,
    date_option,
    editing,
    entry_in,
    id_argument,
    opened,
    person,
    why,
)
from orgaudit.controls.aliases import ALIASES, resolve
from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError
from orgaudit.register import lifecycle
from orgaudit.register.entries import ATTESTATIONS, EXCEPTIONS, EntryKind
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.file.yaml_text import flow
from orgaudit.register.lifecycle import EntryChange, Step
from orgaudit.register.patterns import Patterns
from orgaudit.register.state import longest_life
from orgaudit.settings import frameworks
from orgaudit.store.register_result import AttestedStatus

TakeStep: TypeAlias = Callable[[dict[str, Any], Step, OpenRegister], EntryChange]
"""What a command does to an entry of the open register."""

status_choice = click.Choice([*map(str, AttestedStatus)])
evidence = click.option("--evidence", multiple=True, metavar="TEXT", help="What was seen; repeat for more.")


_renewing = options.together(id_argument, editing, date_option("--until", required=True, help="The new last day."), why)


@click.command(name="renew")
@_renewing
def renew_exception(name: str, until: date, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Request that an exception lives until a later day; it is pending until somebody approves it again."""
    _step(EXCEPTIONS, name, lambda entry, step, _: lifecycle.renewed(EXCEPTIONS, entry, until, step), given)


@click.command(name="renew")
@_renewing
@click.option("--status", type=status_choice, help="Another answer than before.")
@evidence
def renew_attestation(name: str, until: date, *, status: str | None, evidence: Sequence[str], **given: Any) -> None:  # noqa: ANN401 - options by name
    """Attest again, in your name and until a later day."""
    new: dict[str, Any] = {"status": status, "evidence": list(evidence)}

    def take(entry: dict[str, Any], step: Step, found: OpenRegister) -> EntryChange:
        kept = {key: value for key, value in new.items() if value}
        longest = longest_life(found.register.policy)
        return lifecycle.renewed(ATTESTATIONS, entry, until, step, longest_days=longest, **kept)

    _step(ATTESTATIONS, name, take, given)


def _approve(entry: dict[str, Any], step: Step, found: OpenRegister) -> EntryChange:
    return lifecycle.approved(EXCEPTIONS, entry, step, longest_days=_longest_days(entry, found))


def _command(kind: EntryKind, verb: str, text: str, take: TakeStep) -> click.Command:
    """Return the command of a step that needs nothing but the entry, a person and a reason."""

    @click.command(name=verb, help=text)
    @id_argument
    @editing
    @why
    def command(name: str, **given: Any) -> None:  # noqa: ANN401 - options by name
        _step(kind, name, take, given)

    return command


def _revoke(kind: EntryKind, effect: str) -> click.Command:
    text = f"End an {kind.noun} before its last day; {effect}."
    return _command(kind, "revoke", text, lambda entry, step, _: lifecycle.revoked(kind, entry, step))


def _step(kind: EntryKind, name: str, take: TakeStep, given: Mapping[str, Any]) -> None:
    """Take one entry one step further, write the register and show what changed."""
    found = opened(given, kind)
    editor = RegisterEditor.open(found.register.path)
    entry = entry_in(editor, name, kind)
    if problems := found.problems_of(name):
        raise ConfigError("\n".join([f"{name} is invalid; correct it first:", *map(str, problems)]))
    step = Step(person(given["by"], os.environ), found.on, given["why"])
    write_change(kind, editor, entry, allowed(take, entry, step, found), found=found, given=given)


def write_change(
    kind: EntryKind,
    editor: RegisterEditor,
    before: dict[str, Any],
    change: EntryChange,
    *,
    found: OpenRegister,
    given: Mapping[str, Any],
) -> None:
    """Write one entry's change into the register and show it; raises ConfigError where the file changed meanwhile."""
    name = before["id"]
    editor.set(name, change.changes, kind.section)
    editor.note(name, change.event, kind.section)
    editor.save()
    was, now = ((row := it.row(name)) and str(row.state) for it in (found, opened(given, kind)))
    click.echo(f"{name}: {now}" if was in {None, now} else f"{name}: {was} -> {now}")
    after = editor.entry(name, kind.section)
    for key in after if was is None else change.changes:
        if key not in {"id", "history"}:
            click.echo(f"  {key}: {'' if was is None else f'{_shown(before.get(key))} -> '}{_shown(after.get(key))}")
    click.echo(f"  {change.event['what']} on {change.event['when']} by {change.event['who']}: {change.event['why']}")
    click.echo(f"written to {editor.path}")


def _shown(value: object) -> str:
    return "none" if value is None else flow(value)


def _longest_days(entry: dict[str, Any], found: OpenRegister) -> int:
    """Return the longest life that policy allows for the most severe control that an entry's scope covers."""
    policy, known = found.settings.exceptions.longest_days, catalogue()
    loaded = frameworks.load(found.settings.directory, known, ALIASES).values()
    patterns = Patterns(map(resolve, entry.get("scope", {}).get("controls") or ["*"]))
    severities = {
        control.severity
        for control in known.values()
        if patterns.match_any(
            (control.id, *(f"{each.framework}:{each.id}" for each in frameworks.requirements_of(loaded, control.id)))
        )
    }
    return min(map(policy.of, severities), default=longest_life(found.register.policy))


COMMANDS = (
    _command(
        EXCEPTIONS,
        "request",
        "Request the approval of a draft, or again that of a rejected or revoked exception.",
        lambda entry, step, _: lifecycle.requested(EXCEPTIONS, entry, step),
    ),
    _command(EXCEPTIONS, "approve", "Approve a pending exception that somebody else requested.", _approve),
    _command(
        EXCEPTIONS,
        "reject",
        "Refuse a pending exception; it stays in the register.",
        lambda entry, step, _: lifecycle.rejected(EXCEPTIONS, entry, step),
    ),
    renew_exception,
    _revoke(EXCEPTIONS, "it stays in the register"),
)
ATTESTATION_COMMANDS = (renew_attestation, _revoke(ATTESTATIONS, "its requirement is MANUAL again"))
