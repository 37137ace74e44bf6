"""exceptions add, and the same of attestations: new entries, from options, a finding, or answers on a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import partial
from typing import Any

import click

from orgaudit.cli import options
from orgaudit.cli.exceptions.lifecycle import evidence, status_choice, write_changes
from orgaudit.cli.exceptions.opening import (
    OpenRegister,
    allowed,
    date_option,
    editing,
    opened,
    person,
    unknown_option,
    warn,
)
from orgaudit.errors import ConfigError
from orgaudit.register import lifecycle
from orgaudit.register.apply import findings_of
from orgaudit.register.entries import ATTESTATIONS, EXCEPTIONS, ExceptionDraft, ExceptionEntry, ExceptionType
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.lifecycle import Step
from orgaudit.register.names import KnownNames, NameProblem
from orgaudit.register.state import longest_life
from orgaudit.settings.documents import Problem, error_of

_SCOPE = {"control": "controls", "account": "accounts", "ou": "ous", "region": "regions", "resource": "resources"}
_NEEDED = tuple(name for name, field in ExceptionEntry.model_fields.items() if field.is_required())


@click.command(name="add")
@editing
@click.option("--title", metavar="TEXT", help="What is excepted, in a line.")
@click.option(
    "--type", type=click.Choice([*map(str, ExceptionType)]), metavar="TYPE", help=f"One of {', '.join(ExceptionType)}."
)
@click.option("--control", multiple=True, metavar="ID", help="Covers this control or framework:requirement; repeat.")
@click.option("--account", multiple=True, metavar="ID", help="Covers this account, by id or name; repeat.")
@click.option("--ou", multiple=True, metavar="ID", help="Covers accounts below this unit; repeat for more.")
@click.option("--region", multiple=True, metavar="R", help="Covers this region; repeat for more.")
@click.option("--resource", multiple=True, metavar="ARN", help="Covers this resource; repeat for more.")
@click.option("--from-finding", nargs=2, metavar="FINGERPRINT RUN", help="Take the scope from this finding of a run.")
@options.out
@click.option("--justification", metavar="TEXT", help="Why that is acceptable.")
@click.option("--owner", metavar="WHO", help="Name <name@example.com>, or a team.")
@click.option("--ticket", metavar="TEXT", help="Where it was discussed.")
@date_option("--starts-on", help="First day. [default: today]")
@date_option("--expires-on", help="Last day.")
@click.option("--max-findings", type=click.IntRange(1), metavar="N", help="The most that it may cover.")
@click.option("--broad", is_flag=True, help="It may cover all controls or all accounts.")
@unknown_option
@click.option("--draft", is_flag=True, help="Do not request approval yet.")
@click.option("--why", default="added", metavar="TEXT", help="The reason, for the history.")
def add_exception(by: str | None, why: str, *, draft: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Add an exception.

    It is pending where it is complete, else a draft. On a terminal the command asks for what is missing.
    """
    found = opened(given)
    scope = {key: list(given[option]) for option, key in _SCOPE.items()}
    entry = {key: value for key in ExceptionDraft.model_fields if (value := given.get(key))}
    if given["from_finding"]:
        fingerprint, run_name = given["from_finding"]
        entry = _from_finding(fingerprint, run_name, found) | entry
        scope = {key: value or entry["scope"].get(key, []) for key, value in scope.items()}
    step, editor = Step(person(by, os.environ), found.on, why), RegisterEditor.open(found.register.path)
    names = found.names(accept_unknown=given["unknown"])
    entry |= {"scope": _scope_of(names, {key: value for key, value in scope.items() if value})}
    entry.setdefault("starts_on", found.on)
    if sys.stdin.isatty():
        _ask(entry, names)
    if not entry["scope"]:
        del entry["scope"]
    entry = {key: entry[key] for key in ExceptionDraft.model_fields if key in entry}
    entry = {"id": editor.next_id(found.on.year), **entry}
    missing = [key for key in _NEEDED if key not in entry and key != "requested_by"]
    begin = lifecycle.created if draft or missing else lifecycle.requested
    longest = allowed(found.longest_days, entry)
    change = allowed(begin, EXCEPTIONS, entry, step, longest_days=longest)
    editor.add(entry)
    write_changes(EXCEPTIONS, editor, [(entry, change)], found=found, given=given)
    if missing:
        click.echo(f"missing before it can be requested: {', '.join(missing)}")


@click.command(name="add")
@click.argument("requirement", metavar="FRAMEWORK:REQUIREMENT")
@click.argument("status", type=status_choice)
@editing
@click.option("--account", "accounts", multiple=True, metavar="ID", help="For this account, by id or name; repeat.")
@click.option("--ou", "ous", multiple=True, metavar="ID", help="For the accounts below this unit; repeat for more.")
@click.option("--broad", is_flag=True, help="It may cover all accounts.")
@unknown_option
@options.out
@evidence
@date_option("--expires-on", required=True, help="The last day on which it stands.")
@click.option("--comments", metavar="TEXT", help="What else is worth knowing.")
def add_attestation(by: str | None, expires_on: date, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Attest a requirement for accounts or units, in your name."""
    found = opened(given)
    names = found.names(accept_unknown=given["unknown"])
    requirement = names.whole(given["requirement"])
    subject = {key: given[key] for key in ("accounts", "ous")}
    given |= _scope_of(names, subject, names.requirement(requirement))
    step, editor = Step(person(by, os.environ), found.on, "attested"), RegisterEditor.open(found.register.path)
    keys = ("requirement", "status", "accounts", "ous", "evidence", "broad", "comments")
    entry = {
        "id": editor.next_id(found.on.year, ATTESTATIONS.section),
        **{key: list(value) if isinstance(value, tuple) else value for key in keys if (value := given[key])},
        "requirement": requirement,
        **ATTESTATIONS.signed({}, step.by, step.on),
        "expires_on": expires_on,
    }
    longest = longest_life(found.register.policy)
    change = allowed(lifecycle.created, ATTESTATIONS, entry, step, longest_days=longest)
    editor.add({**entry, "history": [change.event]}, ATTESTATIONS.section)
    editor.save()
    click.echo(f"{entry['id']} added: {requirement} is {entry['status']} until {expires_on}")


def _scope_of(
    names: KnownNames, scope: Mapping[str, Sequence[str]], wrong: NameProblem | None = None
) -> dict[str, Any]:
    """Return a scope with ids for names of accounts; raises ConfigError with every name that is refused."""
    found = names.check(scope)
    warn(found.warnings)
    options = {key: f"--{option}" for option, key in _SCOPE.items()} | {"requirement": "REQUIREMENT"}
    if problems := [*([] if wrong is None else [wrong]), *found.problems]:
        raise error_of(
            [Problem(file="", key=options[str(it.path[0])], message=it.sentence) for it in problems],
        )
    return found.scope


def _values(names: KnownNames, key: str, text: str) -> list[str]:
    """Return the values of an answer for a key of a scope; raises UsageError, for which the prompt asks again."""
    found = names.check({key: [part.strip() for part in text.split(",") if part.strip()]})
    if found.problems:
        raise click.UsageError("; ".join(it.sentence for it in found.problems))
    warn(found.warnings)
    return list(found.scope[key])


def _ask(entry: dict[str, Any], names: KnownNames) -> None:
    """Ask for what an entry lacks; an empty answer leaves it out, and one with an unknown name is asked again."""
    for key in ("controls", "accounts"):
        if key in entry["scope"]:
            continue
        question = f"{key} ({'ids' if key == 'controls' else 'ids or names'}, by commas)"
        answer = partial(_values, names, key)
        if values := click.prompt(question, default="", show_default=False, value_proc=answer):
            entry["scope"][key] = values
    for key in ("title", "type", "justification", "owner", "ticket", "expires_on"):
        if key in entry:
            continue
        hint = {"type": f" ({', '.join(ExceptionType)})", "expires_on": " (YYYY-MM-DD)"}.get(key, "")
        if text := _answer(f"{key}{hint}"):
            entry[key] = text
        if key == "expires_on" and text:
            with suppress(ValueError):
                entry[key] = date.fromisoformat(text)


def _answer(question: str) -> str:
    answer: str = click.prompt(question, default="", show_default=False)
    return answer.strip()


def _from_finding(fingerprint: str, run_name: str, found: OpenRegister) -> dict[str, Any]:
    """Return the beginning of an entry for exactly one finding; raises ConfigError where the run has none such."""
    run = options.find_run(run_name, found.settings)
    finding = next((each for each in findings_of(run) if each.fingerprint == fingerprint), None)
    if finding is None:
        raise ConfigError(f"no finding {fingerprint!r} in {run.path}; reports list fingerprints", key="--from-finding")
    controls, accounts = [finding.control], [finding.account_id]
    scope = {"controls": controls, "accounts": accounts, "regions": [finding.region], "resources": [finding.resource]}
    return {"title": finding.title, "scope": scope}


COMMANDS = (add_exception,)
ATTESTATION_COMMANDS = (add_attestation,)
