"""exceptions list, show, check and history, and the same of attestations: what the register holds, unchanged."""

from __future__ import annotations

import csv
import sys
import textwrap
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import click
import msgspec

from orgaudit.cli import options
from orgaudit.cli.exceptions.opening import (
    OpenRegister,
    checking,
    dated,
    entry_in,
    id_argument,
    opened,
    reading,
    state_words,
)
from orgaudit.cli.printing import print_json, width
from orgaudit.controls.aliases import ALIASES, resolve
from orgaudit.errors import ConfigError, ExitCode
from orgaudit.model import EntryState
from orgaudit.register.entries import ATTESTATIONS, EXCEPTIONS, KINDS, EntryKind, ExceptionDraft
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.file.yaml_text import block
from orgaudit.register.lifecycle import renewals
from orgaudit.register.match import control_patterns
from orgaudit.register.patterns import Patterns, is_exact
from orgaudit.settings.documents import nearest
from orgaudit.spreadsheet.text import displayed, one_line
from orgaudit.store.register_result import ExceptionRow
from orgaudit.words import counted

_FIRST = ("id", "state", "expires_on", "days_left", "owner", "title", "type", "approved_by", "ticket", "starts_on")
_COLUMNS = (*_FIRST, "scope", "renewal_pending", "amendment")


@click.command(name="list")
@dated
@click.option("--owner", metavar="TEXT", help="Only where the owner has this text.")
@click.option(
    "--state",
    "states",
    multiple=True,
    type=click.Choice([*map(str, EntryState)]),
    help="Only this state; repeat for more.",
)
@click.option("--control", metavar="ID", help="Only what can cover this control, or framework:requirement.")
@click.option("--account", metavar="ID", help="Only what names this account, or no account.")
@options.as_json
@click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")
def list_exceptions(*, as_json: bool, as_csv: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """List every exception with its state on a date."""
    found = opened(given)
    every = found.applied().exceptions()
    entries = [*found.register.exceptions, *found.register.drafts]
    called = () if given["control"] is None else _called(found, given["control"])
    _check_filters(found, every, entries, called, given)
    by_id = {entry.id: entry for entry in entries}
    rows = [row for row in every if _is_chosen(row, by_id.get(row.id), called, given)]
    if as_json:
        print_json(rows)
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: msgspec.to_builtins(row)[key] for key in _COLUMNS} for row in rows)
    else:
        for line in _table(rows):
            click.echo(line)


@click.command(name="list")
@dated
@options.as_json
def list_attestations(*, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """List every attestation with its state on a date."""
    rows = opened(given, ATTESTATIONS).applied().attested().rows
    if as_json:
        print_json(rows)
        return
    for row in rows:
        ends = row.expires_on.isoformat() if row.expires_on else "-"
        name, requirement, by = map(one_line, (row.id, row.requirement, row.attested_by))
        click.echo(f"{name:<14} {row.state:<9} {ends:<11} {requirement:<18} {row.status:<15} {by}")
    if not rows:
        click.echo("no attestations")


def _check_filters(
    found: OpenRegister,
    rows: Sequence[ExceptionRow],
    entries: Sequence[ExceptionDraft],
    called: Sequence[str],
    given: Mapping[str, Any],
) -> None:
    """Raise ConfigError for an owner, a control or an account that matches nothing: an empty list would hide a typo."""
    owner, control, account = given["owner"], given["control"], given["account"]
    scopes = {entry.id: entry.scope for entry in entries if entry.scope is not None}
    owners = {row.owner for row in rows if row.owner}
    if owner is not None and not any(owner.casefold() in each.casefold() for each in owners):
        raise _unmatched("--owner", f"no exception has an owner with {owner!r}", owner, owners)
    if control is not None:
        known = found.names(accept_unknown=False)
        named = {name for scope in scopes.values() for name in scope.controls or () if is_exact(name)}
        covers = (
            entry.scope is not None and bool(entry.scope.controls) and _covers(entry, called) for entry in entries
        )
        if not (known.resolver.searched(control) or known.resolver.requirements(control) or any(covers)):
            every = {*known.control_names, *named}
            raise _unmatched("--control", f"no control or requirement {control!r}", control, every)
    if account is not None and not any(_matches(scope.accounts, account) for scope in scopes.values()):
        named = {name for scope in scopes.values() for name in scope.accounts or () if is_exact(name)}
        raise _unmatched("--account", f"no exception covers account {account!r}", account, named)


def _unmatched(key: str, message: str, name: str, known: Collection[str]) -> ConfigError:
    return ConfigError("; ".join(filter(None, (message, nearest(name, known)))), key=key)


def _is_chosen(
    row: ExceptionRow, entry: ExceptionDraft | None, called: Sequence[str], given: Mapping[str, Any]
) -> bool:
    if given["owner"] is not None and given["owner"].casefold() not in row.owner.casefold():
        return False
    if given["states"] and row.state not in given["states"]:
        return False
    control, account = given["control"], given["account"]
    if control is None and account is None:
        return True
    if entry is None or entry.scope is None or not _matches(entry.scope.accounts, account):
        return False
    return control is None or _covers(entry, called)


def _called(found: OpenRegister, name: str) -> tuple[str, ...]:
    """Return a name as written, and all names of the controls that it may mean."""
    names = found.requirements()
    controls = sorted(found.names(accept_unknown=False).resolver.searched(name))
    return (name, resolve(name), *controls, *(each for control in controls for each in names.get(control, ())))


def _covers(entry: ExceptionDraft, names: Collection[str]) -> bool:
    """Return whether a scope reaches a control that is called by any of the names."""
    if entry.scope is None or entry.scope.controls is None:
        return entry.scope is not None
    return control_patterns(entry.scope.controls, ALIASES, entry.approved_meanings).match_any(names)


def _matches(patterns: tuple[str, ...] | None, value: str | None) -> bool:
    return value is None or patterns is None or Patterns(patterns).match(value)


def _table(rows: list[ExceptionRow]) -> Iterator[str]:
    if not rows:
        yield "no exceptions"
        return
    table = [_cells(row) for row in rows]
    widths = [max(len(cells[0]) for cells in table), max(len(cells[1]) for cells in table), 10, 20]
    left = width() - sum(widths) - 2 * len(widths)
    for row in (("ID", "STATE", "EXPIRES", "OWNER", "TITLE"), *table):
        cells = [f"{_cut(cell, width):<{width}}" for cell, width in zip(row, (*widths, left), strict=True)]
        yield "  ".join(cells).rstrip()
    counts = Counter(row.state for row in rows)
    yield ""
    yield ", ".join(f"{counts[state]} {state}" for state in EntryState if counts[state])


def _cells(row: ExceptionRow) -> tuple[str, ...]:
    ends = row.expires_on.isoformat() if row.expires_on else "-"
    return tuple(map(one_line, (row.id, state_words(row) or "", ends, row.owner or "-", row.title)))


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _show(kind: EntryKind) -> click.Command:
    @click.command(help=f"Show all of one {kind.noun}. Its state and what is wrong with it come first.")
    @id_argument
    @dated
    @options.as_json
    def show(name: str, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
        found = opened(given, kind)
        entry = entry_in(RegisterEditor.open(found.register.path), name, kind)
        row = found.row(name)
        state, days_left = (EntryState.INVALID, None) if row is None else (row.state, row.days_left)
        problems, renewed = list(map(str, found.problems_of(name))), renewals(entry)
        if as_json:
            pending = isinstance(row, ExceptionRow) and row.renewal_pending
            computed = {"state": state, "days_left": days_left, "renewal_pending": pending, "renewals": renewed}
            print_json({**computed, "problems": problems, "entry": entry})
            return
        left = "" if days_left is None or not state.covers else f", {counted(days_left, 'day')} left"
        over = "" if state is not EntryState.EXPIRED else f", {counted(-(days_left or 0), 'day')} overdue"
        words = state_words(row) or state
        click.echo(f"{name} is {words} on {found.on}{left}{over}; renewed {counted(renewed, 'time')}")
        for problem in problems:
            click.echo(displayed(problem))
        click.echo(f"\n{block(entry, 0)}", nl=False)

    return show


def _check(kind: EntryKind, *kinds: EntryKind) -> click.Command:
    what = "register" if kind is EXCEPTIONS else "attestations"

    @click.command(help=f"List every problem of the {what} by line. Exits with 2 where there is one.")
    @checking
    def check(**given: Any) -> ExitCode:  # noqa: ANN401 - options by name
        found = opened(given, *kinds)
        register = found.register
        problems = register.problems(*kinds)
        for problem in problems:
            click.echo(displayed(str(problem)))
        for row in found.applied().exceptions() if EXCEPTIONS in kinds else ():
            for name, controls in row.stands_for.items():
                click.echo(one_line(f"{row.id}: {name} stands for {', '.join(controls)}"))
        invalid = sum(it.kind is kind for it in register.invalid)
        click.echo(f"{register.path}: {len(register.entries(kind))} sound, {invalid} invalid")
        return ExitCode.USAGE if problems else ExitCode.CLEAN

    return check


def _history(kind: EntryKind) -> click.Command:
    @click.command(help=f"Show what happened to one {kind.noun}. Each event has its day, its person and the reason.")
    @id_argument
    @reading
    @options.as_json
    def history(name: str, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
        events = entry_in(RegisterEditor.open(opened(given).register.path), name, kind).get("history") or []
        if as_json:
            print_json(events)
            return
        longest = max((len(str(event.get("what"))) for event in events), default=0)
        for event in events:
            head = f"{one_line(str(event.get('when')))}  {one_line(str(event.get('what', ''))):<{longest}}  "
            text = one_line(f"{event.get('who')}: {event.get('why')}")
            click.echo(textwrap.fill(text, width(), initial_indent=head, subsequent_indent=" " * len(head)))
        if not events:
            click.echo(f"{name} has no history")

    return history


COMMANDS = (list_exceptions, _show(EXCEPTIONS), _check(EXCEPTIONS, *KINDS.values()), _history(EXCEPTIONS))
ATTESTATION_COMMANDS = (
    list_attestations,
    _show(ATTESTATIONS),
    _check(ATTESTATIONS, ATTESTATIONS),
    _history(ATTESTATIONS),
)
