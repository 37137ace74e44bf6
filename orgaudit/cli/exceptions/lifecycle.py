"""exceptions add, request, approve, reject, renew and revoke: the steps of an exception's life."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, TypeAlias

import click

from orgaudit.cli import options
from orgaudit.cli.exceptions.opening import Opened, allowed, editing, entry_in, id_argument, opened, person, settings_of
from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError
from orgaudit.model import Finding
from orgaudit.register import lifecycle
from orgaudit.register.apply import Application
from orgaudit.register.entries import ExceptionDraft, ExceptionEntry, ExceptionType
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.file.splice import flow
from orgaudit.register.lifecycle import EntryChange
from orgaudit.register.patterns import Patterns
from orgaudit.settings import frameworks

Step: TypeAlias = Callable[[dict[str, Any], str, date], EntryChange]
"""What a command does to an entry, as whom, and on which day."""

_SCOPE = {"control": "controls", "account": "accounts", "ou": "ous", "region": "regions", "resource": "resources"}
_NEEDED = tuple(name for name, field in ExceptionEntry.model_fields.items() if field.is_required())

_day = click.DateTime(["%Y-%m-%d"])
_why = click.option("--why", required=True, metavar="TEXT", help="The reason, for the history.")


def _as_date(_context: click.Context, _option: click.Parameter, value: Any) -> date | None:  # noqa: ANN401 - click's datetime
    return value.date() if value else None


@click.command()
@editing
@click.option("--title", metavar="TEXT", help="What is excepted, in a line.")
@click.option("--type", type=click.Choice([*map(str, ExceptionType)]), help="Why it is let be.")
@click.option("--control", multiple=True, metavar="ID", help="Covers this control or framework:requirement; repeat.")
@click.option("--account", multiple=True, metavar="ID", help="Covers this account; repeat for more.")
@click.option("--ou", multiple=True, metavar="ID", help="Covers accounts below this unit; repeat for more.")
@click.option("--region", multiple=True, metavar="R", help="Covers this region; repeat for more.")
@click.option("--resource", multiple=True, metavar="ARN", help="Covers this resource; repeat for more.")
@click.option("--from-finding", nargs=2, metavar="FINGERPRINT RUN", help="Take the scope from this finding of a run.")
@options.out
@click.option("--justification", metavar="TEXT", help="Why that is acceptable.")
@click.option("--owner", metavar="WHO", help="Name <name@example.com>, or a team.")
@click.option("--ticket", metavar="TEXT", help="Where it was discussed.")
@click.option("--starts-on", type=_day, callback=_as_date, metavar="DATE", help="First day. [default: today]")
@click.option("--expires-on", type=_day, callback=_as_date, metavar="DATE", help="Last day.")
@click.option("--max-findings", type=click.IntRange(1), metavar="N", help="The most that it may cover.")
@click.option("--broad", is_flag=True, help="It may take all controls or all accounts.")
@click.option("--draft", is_flag=True, help="Do not ask for approval yet.")
@click.option("--why", default="added", metavar="TEXT", help="The reason, for the history.")
def add(register_file: Path | None, as_of: date | None, *, by: str | None, draft: bool, why: str, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Add an exception: pending where it is complete, else a draft. Asks for what is missing on a terminal."""
    scope = {key: list(given.pop(option)) for option, key in _SCOPE.items()}
    finding = given.pop("from_finding")
    keys = [name for name in ExceptionDraft.model_fields if name in given]
    entry = {key: value for key in keys if (value := given.pop(key))}
    found = opened(register_file, as_of, given)
    if finding:
        fingerprint, run_name = finding
        entry = _from_finding(fingerprint, run_name, found) | entry
        scope = {key: value or entry["scope"].get(key, []) for key, value in scope.items()}
    who = person(by, os.environ)
    ledger = RegisterEditor.open(found.path)
    entry |= {"scope": {key: value for key, value in scope.items() if value}}
    entry.setdefault("starts_on", found.on)
    if sys.stdin.isatty():
        _ask(entry)
    if not entry["scope"]:
        del entry["scope"]
    entry = {"id": ledger.next_id(found.on.year)} | {
        key: entry[key] for key in ExceptionDraft.model_fields if key in entry
    }
    missing = [key for key in _NEEDED if key not in entry and key != "requested_by"]
    begin = lifecycle.created if draft or missing else lifecycle.requested
    change = allowed(begin, entry, who, found.on, why)
    ledger.add(entry)
    _write(ledger, entry, change, found, given)
    if missing:
        click.echo(f"missing before it can be requested: {', '.join(missing)}")


def _ask(entry: dict[str, Any]) -> None:
    """Ask for what an entry lacks; an empty answer leaves it out."""
    for key, option in (("controls", "ids"), ("accounts", "ids")):
        if key not in entry["scope"] and (text := _answer(f"{key} ({option}, by commas)")):
            entry["scope"][key] = [part.strip() for part in text.split(",") if part.strip()]
    for key in ("title", "type", "justification", "owner", "ticket", "expires_on"):
        if key in entry:
            continue
        hint = {"type": f" ({', '.join(ExceptionType)})", "expires_on": " (YYYY-MM-DD)"}.get(key, "")
        if text := _answer(f"{key}{hint}"):
            entry[key] = date.fromisoformat(text) if key == "expires_on" and _is_date(text) else text


def _answer(question: str) -> str:
    answer: str = click.prompt(question, default="", show_default=False)
    return answer.strip()


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _from_finding(fingerprint: str, run_name: str, found: Opened) -> dict[str, Any]:
    """Return the beginning of an entry for exactly one finding; raises ConfigError where the run has none such."""
    run = options.find_run(run_name, found.settings)
    accounts = (account for account in run.read_manifest().accounts if run.findings_path(account.id).is_file())
    findings: Iterator[Finding] = (each for account in accounts for each in run.findings(account.id))
    finding = next((each for each in findings if each.fingerprint == fingerprint), None)
    if finding is None:
        raise ConfigError(f"no finding {fingerprint!r} in {run.path}; reports list fingerprints", key="--from-finding")
    scope = {
        "controls": [finding.control],
        "accounts": [finding.account_id],
        "regions": [finding.region],
        "resources": [finding.resource],
    }
    return {"title": finding.title, "scope": scope}


@click.command()
@id_argument
@editing
@_why
def request(name: str, why: str, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Ask for the approval of a draft, or again for that of a rejected or revoked exception."""
    _step(name, lambda entry, by, on: lifecycle.requested(entry, by, on, why), given)


@click.command()
@id_argument
@editing
@_why
def approve(name: str, why: str, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Approve a pending exception; somebody other than who requested it must."""

    def step(entry: dict[str, Any], by: str, on: date) -> EntryChange:
        return lifecycle.approved(entry, by, on, why, longest_days=_longest_days(entry, given))

    _step(name, step, given)


@click.command()
@id_argument
@editing
@_why
def reject(name: str, why: str, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Refuse a pending exception; it stays in the register."""
    _step(name, lambda entry, by, on: lifecycle.rejected(entry, by, on, why), given)


@click.command()
@id_argument
@editing
@click.option("--until", required=True, type=_day, callback=_as_date, metavar="DATE", help="The new last day.")
@_why
def renew(name: str, until: date, why: str, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Ask that an exception lives until a later day; it is pending until somebody approves it again."""
    _step(name, lambda entry, by, on: lifecycle.renewed(entry, until, by, on, why), given)


@click.command()
@id_argument
@editing
@_why
def revoke(name: str, why: str, **given: Any) -> None:  # noqa: ANN401 - options by name
    """End an approved exception before its last day; it stays in the register."""
    _step(name, lambda entry, by, on: lifecycle.revoked(entry, by, on, why), given)


def _step(name: str, step: Step, given: Mapping[str, Any]) -> None:
    """Take one entry one step further, write the register and tell what changed."""
    rest = dict(given)
    register_file, as_of, by = rest.pop("register_file"), rest.pop("as_of"), rest.pop("by")
    found = opened(register_file, as_of, rest)
    ledger = RegisterEditor.open(found.path)
    entry = entry_in(ledger, name)
    if problems := [str(it) for each in found.register.invalid if each.id == name for it in each.problems]:
        raise ConfigError("\n".join([f"{name} is invalid; correct it first:", *problems]))
    change = allowed(step, entry, person(by, os.environ), found.on)
    _write(ledger, entry, change, found, rest)


def _write(
    ledger: RegisterEditor, before: dict[str, Any], change: EntryChange, found: Opened, given: Mapping[str, Any]
) -> None:
    """Write one entry's change into the register and tell it; raises ConfigError where the file changed meanwhile."""
    name = before["id"]
    ledger.set(name, change.changes)
    ledger.note(name, change.event)
    ledger.save()
    was, now = (_state(it, name) for it in (found, opened(found.path, found.on, dict(given))))
    click.echo(f"{name}: {now}" if was in {None, now} else f"{name}: {was} -> {now}")
    after = ledger.entry(name)
    for key in after if was is None else change.changes:
        if key not in {"id", "history"}:
            click.echo(f"  {key}: {'' if was is None else f'{_shown(before.get(key))} -> '}{_shown(after.get(key))}")
    click.echo(f"  {change.event['what']} on {change.event['when']} by {change.event['who']}: {change.event['why']}")
    click.echo(f"written to {ledger.path}")


def _state(found: Opened, name: str) -> str | None:
    rows = Application(found.register, {}, found.on).rows()
    return next((str(row.state) for row in rows if row.id == name), None)


def _shown(value: object) -> str:
    return "none" if value is None else flow(value)


def _longest_days(entry: dict[str, Any], given: Mapping[str, Any]) -> int:
    """Return the longest life that policy allows for the most severe control that an entry's scope takes."""
    settings = settings_of(given)
    policy = settings.exceptions.longest_days
    known = catalogue()
    loaded = frameworks.load(settings.directory, known).values()
    patterns = Patterns(entry.get("scope", {}).get("controls") or ["*"])
    severities = {
        control.severity
        for control in known.values()
        if patterns.match_any(
            (control.id, *(f"{each.framework}:{each.id}" for each in frameworks.requirements_of(loaded, control.id)))
        )
    }
    return min(map(policy.of, severities), default=max(days for _, days in policy))


COMMANDS = (add, request, approve, reject, renew, revoke)
