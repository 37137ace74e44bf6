"""exceptions match: what an exception would cover in a run, before it is approved."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from orgaudit.cli import options
from orgaudit.cli.exceptions.opening import OpenRegister, entry_in, opened, reading
from orgaudit.cli.printing import print_json
from orgaudit.controls.aliases import ALIASES
from orgaudit.errors import ConfigError
from orgaudit.model import Finding, Status
from orgaudit.register.amendment import proposed
from orgaudit.register.apply import findings_of
from orgaudit.register.entries import EXCEPTIONS, ExceptionDraft, ExceptionEntry
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.match import Matcher
from orgaudit.register.state import life_days
from orgaudit.settings.documents import Document, error_of, read, validate
from orgaudit.spreadsheet.text import one_line
from orgaudit.store.run import Run
from orgaudit.words import counted


@click.command()
@click.argument("subject", metavar="ID|FILE")
@options.run_argument
@reading
@options.out
@options.as_json
def match(subject: str, run_name: str, *, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - options by name
    """Show what an exception would cover in RUN.

    The exception is an ID of the register, with what waits for approval, or a FILE of one entry.
    """
    found = opened(given)
    run = options.find_run(run_name, found.settings)
    entry = _with_scope(subject, found)
    in_scope = list(_in_scope(entry, run, found.requirements()))
    failing = [finding for finding in in_scope if finding.status is Status.FAIL]
    if as_json:
        shown = {"id": entry.id, "max_findings": entry.max_findings}
        print_json({**shown, "would_cover": failing, "in_scope": len(in_scope)})
        return
    for line in _lines(entry, len(in_scope), failing, found):
        click.echo(line)


def _lines(entry: ExceptionDraft, in_scope: int, failing: list[Finding], found: OpenRegister) -> Iterator[str]:
    covered = f"{len(failing):,} of {counted(in_scope, 'finding')}"
    yield f"{entry.id} would cover {covered} in its scope; the others do not fail"
    if entry.max_findings is not None and len(failing) > entry.max_findings:
        yield f"more than its max_findings of {entry.max_findings}"
    if isinstance(entry, ExceptionEntry):
        longest, days = found.register.policy.longest_days, life_days(entry)
        too_long = Counter(each.severity for each in failing if days > longest.of(each.severity))
        for severity, count in sorted(too_long.items()):
            allowed = longest.of(severity)
            yield f"{count} {severity} ones would stay open: it lives {counted(days, 'day')}, policy allows {allowed}"
    counts = Counter((each.account_id, each.control) for each in failing)
    if counts:
        yield f"\n{'ACCOUNT':<12}  {'COUNT':>5}  CONTROL"
        yield from (f"{account:<12}  {count:>5}  {control}" for (account, control), count in sorted(counts.items()))
        yield "\nFINGERPRINT                       REGION          RESOURCE"
        yield from (f"{each.fingerprint:<32}  {each.region:<14}  {one_line(each.resource)}" for each in failing)


def _in_scope(entry: ExceptionDraft, run: Run, requirements: Mapping[str, tuple[str, ...]]) -> Iterator[Finding]:
    """Return the findings of a run that match an entry's scope, as a stream."""
    as_complete = ExceptionEntry.model_construct(**dict(entry))
    accounts = {account.id: account for account in run.read_manifest().accounts}
    matcher = Matcher([as_complete], accounts, ALIASES, requirements=requirements)
    return filter(matcher.matching, findings_of(run))


def _with_scope(subject: str, found: OpenRegister) -> ExceptionDraft:
    """Return the entry of an id in the register, with its amendment, or of a file.

    Raises ConfigError where it is wrong or has no scope.
    """
    register = found.register
    entry = next((each for each in (*register.exceptions, *register.drafts) if each.id == subject), None)
    if entry is None and Path(subject).is_file():
        entry = _from_file(Path(subject))
    if entry is None:
        entry_in(RegisterEditor.open(register.path), subject, EXCEPTIONS)
        raise ConfigError("\n".join([f"{subject} is invalid:", *map(str, found.problems_of(subject))]))
    if entry.scope is None:
        raise ConfigError("has no scope yet, so it covers nothing; give it one", file=str(register.path), key=entry.id)
    if entry.amendment is not None:
        return ExceptionEntry.model_validate(proposed(RegisterEditor.open(register.path).entry(entry.id)))
    return entry


def _from_file(path: Path) -> ExceptionDraft:
    """Return the only entry of a file, alone or in a list; raises ConfigError."""
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
    entry = validate(Document(file=str(path), data=data, lines={}), model)
    if isinstance(entry, list):
        raise error_of(entry)
    return entry


COMMANDS = (match,)
