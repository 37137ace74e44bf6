"""exceptions request, approve, reject, renew and revoke, and the same of attestations: the steps of an entry."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

import click

from orgaudit.cli import options
from orgaudit.cli.exceptions.opening import (
    OpenRegister,
    date_option,
    editing,
    entry_in,
    ids_argument,
    opened,
    person,
    state_words,
    why,
)
from orgaudit.errors import ConfigError
from orgaudit.model import EntryState
from orgaudit.register import lifecycle
from orgaudit.register.entries import ATTESTATIONS, EXCEPTIONS, Amendment, EntryKind
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.file.yaml_text import flow
from orgaudit.register.lifecycle import EntryChange, Step
from orgaudit.register.state import longest_life
from orgaudit.spreadsheet.text import one_line
from orgaudit.store.register_result import AttestedStatus
from orgaudit.words import counted

TakeStep: TypeAlias = Callable[[dict[str, Any], Step, OpenRegister], EntryChange]
"""What a command does to an entry of the open register."""

status_choice = click.Choice([*map(str, AttestedStatus)])
evidence = click.option("--evidence", multiple=True, metavar="TEXT", help="What was seen; repeat for more.")
_renewing = options.together(
    ids_argument, editing, date_option("--until", required=True, help="The new last day."), why
)


@click.command(name="renew")
@_renewing
def renew_exception(names: Sequence[str], until: date, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Request a later last day for exceptions.

    Their present approval stands to its last day, until another person approves that one.
    """

    def take(entry: dict[str, Any], step: Step, found: OpenRegister) -> EntryChange:
        return lifecycle.renewed(EXCEPTIONS, entry, until, step, longest_days=found.longest_days(entry))

    _steps(EXCEPTIONS, names, take, given)


@click.command(name="renew")
@_renewing
@click.option("--status", type=status_choice, help="The new answer, where it differs.")
@evidence
def renew_attestation(
    names: Sequence[str],
    until: date,
    *,
    status: str | None,
    evidence: Sequence[str],
    **given: Any,  # noqa: ANN401 - options by name
) -> None:
    """Attest again, in your name and until a later day."""
    new: dict[str, Any] = {"status": status, "evidence": list(evidence)}

    def take(entry: dict[str, Any], step: Step, found: OpenRegister) -> EntryChange:
        kept = {key: value for key, value in new.items() if value}
        longest = longest_life(found.register.policy)
        return lifecycle.renewed(ATTESTATIONS, entry, until, step, longest_days=longest, **kept)

    _steps(ATTESTATIONS, names, take, given)


def _request(entry: dict[str, Any], step: Step, found: OpenRegister) -> EntryChange:
    return lifecycle.requested(EXCEPTIONS, entry, step, longest_days=found.longest_days(entry))


def _approve(entry: dict[str, Any], step: Step, found: OpenRegister) -> EntryChange:
    longest = found.longest_days(entry)
    return lifecycle.approved(EXCEPTIONS, entry, step, longest_days=longest, meanings=found.meanings)


def _reject(entry: dict[str, Any], step: Step, _found: OpenRegister) -> EntryChange:
    return lifecycle.rejected(EXCEPTIONS, entry, step)


def _command(kind: EntryKind, verb: str, text: str, take: TakeStep) -> click.Command:
    """Return the command of a step that needs nothing but the entries, a person and a reason."""

    @click.command(name=verb, help=text)
    @ids_argument
    @editing
    @why
    def command(names: Sequence[str], **given: Any) -> None:  # noqa: ANN401 - options by name
        _steps(kind, names, take, given)

    return command


def _decision(verb: str, text: str, take: TakeStep) -> click.Command:
    """Return the command that decides about exceptions, or amendments of them, that wait for approval."""

    @click.command(name=verb, help=text)
    @click.argument("names", metavar="[ID]...", nargs=-1)
    @click.option("--all-pending", is_flag=True, help="Decide about all that waits, after a list to confirm.")
    @click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
    @editing
    @why
    def command(names: Sequence[str], *, all_pending: bool, yes: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
        if all_pending == bool(names):
            raise ConfigError("give the ids of exceptions, or --all-pending", key="ID")
        if not all_pending:
            _steps(EXCEPTIONS, names, take, given)
        elif chosen := _confirmed(verb, take, given, yes=yes):
            _steps(EXCEPTIONS, chosen, take, given)

    return command


def _confirmed(verb: str, take: TakeStep, given: Mapping[str, Any], *, yes: bool) -> list[str]:
    """Return the ids of what waits for approval and this person may decide about, once they have confirmed the list."""
    found = opened(given)
    editor, step = RegisterEditor.open(found.register.path), _step_of(found, given)
    rows = {row.id: row for row in found.applied().exceptions()}
    chosen = []
    for name in editor.ids():
        row = rows.get(name)
        if row is None or not (row.state is EntryState.PENDING or row.amendment):
            continue
        try:
            take(editor.entry(name), step, found)
        except ValueError as error:
            click.echo(f"left out: {one_line(str(error))}")
            continue
        chosen.append(name)
        waits = row.amendment or f"until {row.expires_on}; {row.owner}"
        click.echo(one_line(f"{name}  {waits}  {row.title}"))
    if not chosen:
        click.echo(f"nothing to {verb}")
    elif not yes:
        if not _is_asked():
            raise ConfigError(f"confirm with --yes to {verb} {counted(len(chosen), 'exception')}", key="--all-pending")
        click.confirm(f"{verb.capitalize()} {counted(len(chosen), 'exception')}?", abort=True)
    return chosen


def _is_asked() -> bool:
    return sys.stdin.isatty()


def _revoke(kind: EntryKind, effect: str) -> click.Command:
    text = f"End {kind.section} before their last day. {effect}."
    return _command(kind, "revoke", text, lambda entry, step, _: lifecycle.revoked(kind, entry, step))


def _step_of(found: OpenRegister, given: Mapping[str, Any]) -> Step:
    return Step(person(given["by"], os.environ), found.on, given["why"])


def _steps(kind: EntryKind, names: Sequence[str], take: TakeStep, given: Mapping[str, Any]) -> None:
    """Take entries one step further, all or none, write the register and show what changed; raises ConfigError."""
    found = opened(given, kind)
    editor = RegisterEditor.open(found.register.path)
    entries = [entry_in(editor, name, kind) for name in dict.fromkeys(names)]
    step, changes, refused = _step_of(found, given), [], []
    for entry in entries:
        if problems := found.problems_of(entry["id"]):
            refused.append("\n".join([f"{entry['id']} is invalid; correct it first:", *map(str, problems)]))
            continue
        try:
            changes.append((entry, take(entry, step, found)))
        except ValueError as error:
            refused.append(str(error))
    if refused:
        raise ConfigError("\n".join([*refused, *(["nothing was written"] if len(entries) > 1 else [])]))
    write_changes(kind, editor, changes, found=found, given=given)


def write_changes(
    kind: EntryKind,
    editor: RegisterEditor,
    changes: Sequence[tuple[dict[str, Any], EntryChange]],
    *,
    found: OpenRegister,
    given: Mapping[str, Any],
) -> None:
    """Write changes of entries into the register and show them; raises ConfigError where the file changed meanwhile."""
    for before, change in changes:
        editor.set(before["id"], change.changes, kind.section)
        editor.note(before["id"], change.event, kind.section)
    editor.save()
    now = opened(given, kind)
    for before, change in changes:
        name = before["id"]
        old, new = (state_words(it.row(name)) for it in (found, now))
        click.echo(f"{name}: {new}" if old in {None, new} else f"{name}: {old} -> {new}")
        if len(changes) == 1:
            for line in _shown_change(before, editor.entry(name, kind.section), change, is_new=old is None):
                click.echo(line)
    if len(changes) > 1:
        event = changes[0][1].event
        click.echo(f"{counted(len(changes), kind.noun)} on {event['when']} by {event['who']}: {given['why']}")
    click.echo(f"written to {editor.path}")


def _shown_change(before: dict[str, Any], after: dict[str, Any], change: EntryChange, *, is_new: bool) -> Iterator[str]:
    """Yield the lines that show what a change made of an entry."""
    for key in after if is_new else change.changes:
        if key == "amendment":
            waits = Amendment.model_validate(after[key]).words if key in after else "nothing any more"
            yield f"  waits for approval: {waits}"
        elif key not in {"id", "history"}:
            yield f"  {key}: {'' if is_new else f'{_shown(before.get(key))} -> '}{_shown(after.get(key))}"
    yield f"  {change.event['what']} on {change.event['when']} by {change.event['who']}: {change.event['why']}"
    yield from (f"  {name} stands for {', '.join(each)}" for name, each in change.event.get("stands_for", {}).items())


def _shown(value: object) -> str:
    return "none" if value is None else flow(value)


COMMANDS = (
    _command(
        EXCEPTIONS,
        "request",
        "Request approval of drafts. Rejected and revoked exceptions may be requested again.",
        _request,
    ),
    _decision(
        "approve",
        "Approve what waits for approval. That is pending exceptions, renewals and other changes that somebody else "
        "requested.",
        _approve,
    ),
    _decision(
        "reject",
        "Refuse what waits for approval. A pending exception is closed; an approved one, of which a renewal or another "
        "change is refused, stands as it was approved.",
        _reject,
    ),
    renew_exception,
    _revoke(EXCEPTIONS, "They stay in the register"),
)
ATTESTATION_COMMANDS = (renew_attestation, _revoke(ATTESTATIONS, "Their requirements are MANUAL again"))
