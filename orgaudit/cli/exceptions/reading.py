"""exceptions list, show, check, match and history: what the register says, without a change to it."""

from __future__ import annotations

import csv
import sys
import textwrap
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click
import msgspec

from orgaudit.cli import options
from orgaudit.cli.exceptions.opening import Opened, entry_in, id_argument, opened
from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError, ExitCode
from orgaudit.model import EntryState, Finding, Status
from orgaudit.register import attestations
from orgaudit.register.apply import Application
from orgaudit.register.entries import ExceptionDraft, ExceptionEntry
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.file.splice import block
from orgaudit.register.lifecycle import renewals
from orgaudit.register.match import Matcher
from orgaudit.register.patterns import Patterns, is_exact
from orgaudit.settings import frameworks
from orgaudit.settings.documents import Problem, dotted, explain, nearest, read
from orgaudit.store.register_result import ExceptionRow
from orgaudit.store.run import Run

WIDTH = 80
_COLUMNS = (
    "id",
    "state",
    "expires_on",
    "days_left",
    "owner",
    "title",
    "type",
    "approved_by",
    "ticket",
    "starts_on",
    "scope",
)


@click.command(name="list")
@options.config
@options.register
@options.as_of
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
def list_command(register_file: Path | None, as_of: date | None, *, as_json: bool, as_csv: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """List every exception with its state on a date."""
    wanted = {key: given.pop(key) for key in ("owner", "states", "control", "account")}
    found = opened(register_file, as_of, given)
    every = list(Application(found.register, {}, found.on).rows())
    _check_filters(found, every, wanted)
    rows = [row for row in every if _wanted(found, row, wanted)]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(rows), indent=2).decode())
    elif as_csv:
        writer = csv.DictWriter(sys.stdout, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: msgspec.to_builtins(row)[key] for key in _COLUMNS} for row in rows)
    else:
        for line in _table(rows):
            click.echo(line)


def _check_filters(found: Opened, rows: Sequence[ExceptionRow], wanted: Mapping[str, Any]) -> None:
    """Raise ConfigError for an owner, a control or an account that matches nothing: an empty list would hide a typo."""
    owner, control, account = wanted["owner"], wanted["control"], wanted["account"]
    owners = {row.owner for row in rows if row.owner}
    if owner is not None and not any(owner.casefold() in each.casefold() for each in owners):
        raise _unmatched("--owner", f"no exception has an owner with {owner!r}", owner, owners)
    scopes = [entry.scope for entry in (*found.register.entries, *found.register.drafts) if entry.scope is not None]
    if control is not None:
        loaded = frameworks.load(found.settings.directory)
        asked = {f"{each.id}:{item.id}" for each in loaded.values() for item in each.requirements}
        known = {*catalogue(), *asked, *(name for scope in scopes for name in scope.controls or () if is_exact(name))}
        if control not in known and not any(scope.controls and _takes(scope.controls, control) for scope in scopes):
            raise _unmatched("--control", f"no control or requirement {control!r}", control, known)
    if account is not None and not any(_takes(scope.accounts, account) for scope in scopes):
        named = {name for scope in scopes for name in scope.accounts or () if is_exact(name)}
        raise _unmatched("--account", f"no exception takes account {account!r}", account, named)


def _unmatched(key: str, message: str, name: str, known: Collection[str]) -> ConfigError:
    mend = nearest(name, known)
    return ConfigError(f"{message}; {mend}" if mend else message, key=key)


def _wanted(found: Opened, row: ExceptionRow, wanted: Mapping[str, Any]) -> bool:
    if wanted["owner"] is not None and wanted["owner"].casefold() not in row.owner.casefold():
        return False
    if wanted["states"] and row.state not in wanted["states"]:
        return False
    control, account = wanted["control"], wanted["account"]
    if control is None and account is None:
        return True
    entry = next((each for each in (*found.register.entries, *found.register.drafts) if each.id == row.id), None)
    scope = None if entry is None else entry.scope
    if scope is None:
        return False
    return _takes(scope.controls, control) and _takes(scope.accounts, account)


def _takes(patterns: tuple[str, ...] | None, value: str | None) -> bool:
    return value is None or patterns is None or Patterns(patterns).match(value)


def _table(rows: list[ExceptionRow]) -> Iterator[str]:
    if not rows:
        yield "no exceptions"
        return
    widths = [max(len(row.id) for row in rows), max(len(row.state) for row in rows), 10, 20]
    left = WIDTH - sum(widths) - 2 * len(widths)
    for row in (("ID", "STATE", "EXPIRES", "OWNER", "TITLE"), *map(_cells, rows)):
        cells = [f"{_cut(cell, width):<{width}}" for cell, width in zip(row, (*widths, left), strict=True)]
        yield "  ".join(cells).rstrip()
    counts = Counter(row.state for row in rows)
    yield ""
    yield ", ".join(f"{counts[state]} {state}" for state in EntryState if counts[state])


def _cells(row: ExceptionRow) -> tuple[str, ...]:
    return row.id, row.state, row.expires_on.isoformat() if row.expires_on else "-", row.owner or "-", row.title


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


@click.command()
@id_argument
@options.config
@options.register
@options.as_of
@options.as_json
def show(name: str, register_file: Path | None, as_of: date | None, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Show all of one exception, with its state and what is wrong with it."""
    found = opened(register_file, as_of, given)
    entry = entry_in(RegisterEditor.open(found.path), name)
    row = next(row for row in Application(found.register, {}, found.on).rows() if row.id == name)
    problems = [problem for invalid in found.register.invalid if invalid.id == name for problem in invalid.problems]
    computed = {"state": row.state, "days_left": row.days_left, "renewals": renewals(entry)}
    if as_json:
        shown = {**computed, "problems": list(map(str, problems)), "entry": entry}
        click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
        return
    left = "" if row.days_left is None or not row.state.covers else f", {row.days_left} days left"
    click.echo(f"{name} is {row.state} on {found.on}{left}; renewed {computed['renewals']} times")
    for problem in problems:
        click.echo(str(problem))
    click.echo(f"\n{block(entry, 0)}", nl=False)


@click.command()
@options.config
@options.register
def check(register_file: Path | None, **given: Any) -> ExitCode:  # noqa: ANN401 - options by name
    """Name every problem of the register with file and line; exits with 2 where there is one."""
    found = opened(register_file, None, given)
    register, known = found.register, frameworks.load(found.settings.directory)
    attested = attestations.load(Path(register.file), register.policy, known, must_exist=False)
    problems = [*register.problems, *attested.problems]
    for problem in problems:
        click.echo(str(problem))
    sound = len(register.entries) + len(register.drafts)
    click.echo(f"{register.file}: {sound} sound, {len(register.invalid)} invalid")
    return ExitCode.USAGE if problems else ExitCode.CLEAN


@click.command()
@id_argument
@options.config
@options.register
@options.as_json
def history(name: str, register_file: Path | None, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Tell what happened to an exception: when, who, what, and why."""
    entry = entry_in(RegisterEditor.open(opened(register_file, None, given).path), name)
    events = entry.get("history") or []
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(events), indent=2).decode())
        return
    for event in events:
        head = f"{event.get('when')}  {event.get('what', ''):<9}  "
        text = f"{event.get('who')}: {event.get('why')}"
        click.echo(textwrap.fill(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head)))
    if not events:
        click.echo(f"{name} has no history")


@click.command()
@click.argument("subject", metavar="ID|FILE")
@options.run_argument
@options.config
@options.register
@options.out
@options.as_json
def match(subject: str, run_name: str, register_file: Path | None, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Show what an exception would cover in RUN if it were approved: by its ID, or from a FILE of one entry."""
    found = opened(register_file, None, given)
    run = options.find_run(run_name, found.settings)
    entry = _scoped(subject, found)
    everything = list(_in_scope(entry, run))
    open_ones = [finding for finding in everything if finding.status is Status.FAIL]
    if as_json:
        shown = {
            "id": entry.id,
            "max_findings": entry.max_findings,
            "would_cover": open_ones,
            "in_scope": len(everything),
        }
        click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=2).decode())
        return
    for line in _told(entry, everything, open_ones, found):
        click.echo(line)


def _told(entry: ExceptionDraft, everything: list[Finding], open_ones: list[Finding], found: Opened) -> Iterator[str]:
    yield f"{entry.id} would cover {len(open_ones)} of {len(everything)} findings in its scope; the others do not fail"
    if entry.max_findings is not None and len(open_ones) > entry.max_findings:
        yield f"more than its max_findings of {entry.max_findings}"
    if isinstance(entry, ExceptionEntry):
        longest = found.register.policy.longest_days
        too_long = Counter(each.severity for each in open_ones if entry.life_days > longest.of(each.severity))
        for severity, count in sorted(too_long.items()):
            allows = longest.of(severity)
            yield f"{count} {severity} ones would stay open: it lives {entry.life_days} days, policy allows {allows}"
    counts = Counter((each.account_id, each.control) for each in open_ones)
    if counts:
        yield f"\n{'ACCOUNT':<12}  {'COUNT':>5}  CONTROL"
        yield from (f"{account:<12}  {count:>5}  {control}" for (account, control), count in sorted(counts.items()))
        yield "\nFINGERPRINT                       REGION          RESOURCE"
        yield from (f"{each.fingerprint:<32}  {each.region:<14}  {each.resource}" for each in open_ones)


def _in_scope(entry: ExceptionDraft, run: Run) -> Iterator[Finding]:
    """Yield the findings of a run that an entry's scope takes, one account at a time."""
    manifest = run.read_manifest()
    scoped = ExceptionEntry.model_construct(**dict(entry))
    matcher = Matcher([scoped], {account.id: account for account in manifest.accounts})
    for account in manifest.accounts:
        if run.findings_path(account.id).is_file():
            yield from (finding for finding in run.findings(account.id) if matcher.matching(finding))


def _scoped(subject: str, found: Opened) -> ExceptionDraft:
    """Return the entry of an id in the register or of a file; raises ConfigError where it is wrong or has no scope."""
    entries: Iterable[ExceptionDraft] = (*found.register.entries, *found.register.drafts)
    entry = next((each for each in entries if each.id == subject), None)
    if entry is None and Path(subject).is_file():
        entry = _from_file(Path(subject))
    if entry is None:
        entry_in(RegisterEditor.open(found.path), subject)
        problems = [str(it) for each in found.register.invalid if each.id == subject for it in each.problems]
        raise ConfigError("\n".join([f"{subject} is invalid:", *problems]))
    if entry.scope is None:
        raise ConfigError("has no scope yet, so it covers nothing; give it one", file=found.register.file, key=entry.id)
    return entry


def _from_file(path: Path) -> ExceptionDraft:
    document = read(path)
    data = document.data
    if isinstance(data, dict) and "exceptions" in data:
        data = data["exceptions"]
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, dict):
        raise ConfigError("must hold one entry", file=str(path))
    data = {"id": "EXC-0000-0000", **data}
    model = ExceptionEntry if data.get("requested_by") else ExceptionDraft
    try:
        return model.model_validate(data)
    except ValueError as error:
        problems = [
            Problem(file=str(path), key=dotted(place), message=message, mend=mend)
            for place, message, mend in explain(error, model, data)  # type: ignore[arg-type]  # pydantic's own ValueError
        ]
        raise ConfigError("\n".join(map(str, problems))) from error


COMMANDS = (list_command, show, check, match, history)
