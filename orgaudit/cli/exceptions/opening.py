"""What the register's commands share: the register and its date, its entries, who acts, and JSON output."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache, wraps
from pathlib import Path
from typing import Any, TypeVar, cast

import click

from orgaudit.cli import options
from orgaudit.controls.aliases import ALIASES
from orgaudit.controls.declare import catalogue
from orgaudit.errors import ConfigError
from orgaudit.model import Severity
from orgaudit.register.amendment import proposed
from orgaudit.register.apply import AppliedRegister, applied
from orgaudit.register.entries import ATTESTATIONS, EntryKind
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.file.load import Register, register_of, with_known_requirements, with_resolved_names
from orgaudit.register.match import control_patterns
from orgaudit.register.names import KnownNames
from orgaudit.register.scope import units_of
from orgaudit.register.state import longest_life, today
from orgaudit.settings import control_names, framework_files
from orgaudit.settings.documents import Problem, nearest
from orgaudit.settings.settings import PERSON_VARIABLE, Settings
from orgaudit.settings.settings import load as load_settings
from orgaudit.store.known import known_accounts
from orgaudit.store.register_result import AttestationRow, ExceptionRow
from orgaudit.store.run import Run

T = TypeVar("T")

id_argument = click.argument("name", metavar="ID")
ids_argument = click.argument("names", metavar="ID...", nargs=-1, required=True)
by = click.option("--by", metavar="WHO", help=f"Who does this. [default: {PERSON_VARIABLE}, else git's user.email]")
why = click.option("--why", required=True, metavar="TEXT", help="The reason, for the history.")


def _first(check: Callable[[Mapping[str, Any]], None]) -> Callable[[options.F], options.F]:
    """Return a decorator by which a command checks its options before it does anything else."""

    def decorate(command: options.F) -> options.F:
        @wraps(command)
        def checked(**given: Any) -> Any:  # noqa: ANN401 - options by name, and what the command returns
            check(given)
            return command(**given)

        return cast("options.F", checked)

    return decorate


def _note_missing(given: Mapping[str, Any]) -> None:
    options.note_missing_register(settings_of(given), given["register_file"])


def _require_register(given: Mapping[str, Any]) -> None:
    """Raise ConfigError where there are no settings, and so no place for a register, and none is named."""
    settings = settings_of(given)
    if given["register_file"] is None and settings.packaged and not settings.has_register:
        raise ConfigError("there is no register here: run `orgaudit init`, or name one with --register FILE")


_place = options.together(options.config, options.register)
reading = options.together(_place, _first(_note_missing))
dated = options.together(_place, options.as_of, _first(_note_missing))
checking = options.together(_first(_require_register), reading)
editing = options.together(_place, options.date_of("The day of this change."), by, _first(_require_register))
unknown_option = click.option(
    "--unknown", is_flag=True, help="Accept controls, requirements, accounts and units that are not known."
)


def date_option(name: str, **attributes: Any) -> Callable[[options.F], options.F]:  # noqa: ANN401 - click's own attributes
    """Return an option that is a date."""
    return click.option(
        name,
        type=click.DateTime(["%Y-%m-%d"]),
        callback=lambda _context, _option, value: value.date() if value else None,
        metavar="DATE",
        **attributes,
    )


@dataclass(frozen=True, slots=True)
class OpenRegister:
    """A register for one command: its settings, what was read, and the date that it is for."""

    settings: Settings
    register: Register
    on: date

    def applied(self, run: Run | None = None) -> AppliedRegister:
        """Return the register on the date, applied to the findings of a run where one is given; raises ConfigError."""
        return (
            AppliedRegister(self.register, (), self.on, ALIASES, requirements=self.requirements())
            if run is None
            else applied(self.register, run, self.on, ALIASES, requirements=self.requirements())
        )

    def requirements(self) -> dict[str, tuple[str, ...]]:
        """Return the requirements of all framework files by the control that decides them; raises ConfigError."""
        return _requirements(self.settings.directory)

    def meanings(self, scope: Mapping[str, Any] | None) -> dict[str, list[str]]:
        """Return the controls that each requirement in a scope stands for."""
        return _catalogued(self.settings.directory).meanings(scope)

    def row(self, name: str) -> ExceptionRow | AttestationRow | None:
        """Return the entry of an id as reports list it; None for an unknown one."""
        found = self.applied()
        rows: list[ExceptionRow | AttestationRow] = [*found.exceptions(), *found.attested().rows]
        return next((row for row in rows if row.id == name), None)

    def longest_days(self, entry: Mapping[str, Any]) -> int:
        """Return the longest life that policy allows for the most severe control that an exception would cover.

        Where it has an amendment, that is in.
        """
        patterns = control_patterns((proposed(entry).get("scope") or {}).get("controls") or ["*"], ALIASES, {})
        severities = {severity for severity, names in _rated(self.settings.directory) if patterns.match_any(names)}
        return min(map(self.register.policy.longest_days.of, severities), default=longest_life(self.register.policy))

    def names(self, *, accept_unknown: bool) -> KnownNames:
        """Return the names that entries may use: of the catalogue, all framework files, and the stored runs."""
        accounts = known_accounts(self.settings.run.out)
        known = accounts or {}
        return KnownNames(
            controls=frozenset(catalogue()),
            aliases=ALIASES,
            frameworks=framework_files.load(self.settings.directory, aliases=ALIASES),
            accounts={account.id: account.name for account in known.values()},
            units=frozenset(unit for account in known.values() for unit in units_of(account)),
            any_run=accounts is not None,
            accept_unknown=accept_unknown,
        )

    def problems_of(self, name: str) -> list[Problem]:
        """Return what is wrong with the entry of an id."""
        wrong = (*self.register.invalid, *self.register.amendments)
        return [problem for it in wrong if it.id == name for problem in it.problems]


@cache
def _requirements(directory: Path) -> dict[str, tuple[str, ...]]:
    return control_names.names_by_control(directory, ALIASES)


@cache
def _catalogued(directory: Path) -> KnownNames:
    """Return the names of controls and requirements; accounts are not among them."""
    loaded = framework_files.load(directory, aliases=ALIASES)
    return KnownNames(controls=frozenset(catalogue()), aliases=ALIASES, frameworks=loaded)


@cache
def _rated(directory: Path) -> tuple[tuple[Severity, tuple[str, ...]], ...]:
    """Return the severity of each control with all names that a scope may give it."""
    names = _requirements(directory)
    return tuple((each.severity, (each.id, *names.get(each.id, ()))) for each in catalogue().values())


def state_words(row: ExceptionRow | AttestationRow | None) -> str | None:
    """Return the state of an entry, and whether a renewal or another change of it waits for approval."""
    if row is None:
        return None
    if not isinstance(row, ExceptionRow) or not row.amendment:
        return str(row.state)
    return f"{row.state}, {'renewal' if row.renewal_pending else 'change'} pending"


def settings_of(given: Mapping[str, Any]) -> Settings:
    """Return the settings that --config and --out name; raises ConfigError."""
    return options.here(load_settings(given.get("config"), os.environ, {"run": {"out": given.get("out")}}))


def opened(given: Mapping[str, Any], *kinds: EntryKind) -> OpenRegister:
    """Return the register that the options name; raises ConfigError.

    An exception with a name that several requirements have is invalid, and, where the command is about attestations,
    those of unknown requirements are.
    """
    settings = settings_of(given)
    register = register_of(settings, given.get("register_file"))
    if register.exceptions or register.drafts:
        register = with_resolved_names(register, _catalogued(settings.directory).resolver)
    if ATTESTATIONS in kinds:
        register = with_known_requirements(register, framework_files.load(settings.directory), complete=True)
    on = given.get("as_of") or today(datetime.now(UTC), register.time_zone)
    return OpenRegister(settings, register, on)


def warn(warnings: Iterable[str]) -> None:
    """Print what a person should know on standard error, each sentence once."""
    for warning in dict.fromkeys(warnings):
        click.echo(f"orgaudit: {warning}", err=True)


def entry_in(editor: RegisterEditor, name: str, kind: EntryKind) -> dict[str, Any]:
    """Return an entry of the register's file; raises ConfigError for an unknown id."""
    try:
        return editor.entry(name, kind.section)
    except KeyError:
        remedy = nearest(name, editor.ids(kind.section)) or "`orgaudit exceptions list` lists them"
        raise ConfigError(f"no entry {name!r}; {remedy}", file=str(editor.path), key="ID") from None


def person(given: str | None, environ: Mapping[str, str]) -> str:
    """Return who acts: the option, else the environment's name, else git's address; raises ConfigError for nobody."""
    who = (given or environ.get(PERSON_VARIABLE, "")).strip() or _git_address()
    if not who:
        raise ConfigError(f"nobody is named; give --by you@example.com, or set {PERSON_VARIABLE}", key="--by")
    return who


def allowed(step: Callable[..., T], *arguments: object, **named: object) -> T:
    """Return what a step of an entry's life changes; raises ConfigError where a rule forbids the step."""
    try:
        return step(*arguments, **named)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _git_address() -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    answer = subprocess.run([git, "config", "user.email"], capture_output=True, text=True, check=False, env=os.environ)  # noqa: S603 - git itself, and nothing that a user gave
    return answer.stdout.strip()
