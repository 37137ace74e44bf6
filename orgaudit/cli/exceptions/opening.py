"""What the commands share: the register and its day, the file open for editing, and who acts."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from orgaudit.cli import options
from orgaudit.errors import ConfigError
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.file.load import Register, register_of
from orgaudit.register.state import today
from orgaudit.settings.documents import nearest
from orgaudit.settings.settings import PERSON_VARIABLE, Settings
from orgaudit.settings.settings import load as load_settings

T = TypeVar("T")

id_argument = click.argument("name", metavar="ID")
by = click.option("--by", metavar="WHO", help=f"Who does this. [default: {PERSON_VARIABLE}, else git's user.email]")
editing = options.together(options.config, options.register, options.as_of, by)


class Opened(NamedTuple):
    """A register for one command: its settings, what was read, and the day that it is for."""

    settings: Settings
    register: Register
    on: date

    @property
    def path(self) -> Path:
        """Return where the register's file is."""
        return Path(self.register.file)


def settings_of(given: Mapping[str, Any]) -> Settings:
    """Return the settings that --config and --out name; raises ConfigError."""
    return load_settings(given.get("config"), os.environ, {"run": {"out": given.get("out")}})


def opened(register_file: Path | None, as_of: date | None, given: dict[str, Any]) -> Opened:
    """Return the register that the options name; raises ConfigError."""
    settings = settings_of(given)
    register = register_of(settings, register_file)
    return Opened(settings, register, as_of or today(datetime.now(UTC), register.time_zone))


def entry_in(ledger: RegisterEditor, name: str, section: str = "exceptions") -> dict[str, Any]:
    """Return an entry of the register's file; raises ConfigError where there is none of this id."""
    try:
        return ledger.entry(name, section)
    except KeyError:
        mend = nearest(name, ledger.ids(section)) or "`orgaudit exceptions list` lists them"
        raise ConfigError(f"no entry {name!r}; {mend}", file=str(ledger.path), key="ID") from None


def person(given: str | None, environ: Mapping[str, str]) -> str:
    """Return who acts: the option, else the environment's name, else git's address; raises ConfigError for nobody."""
    who = (given or environ.get(PERSON_VARIABLE, "")).strip() or _git_address()
    if not who:
        raise ConfigError(f"nobody is named; say --by you@example.com, or set {PERSON_VARIABLE}", key="--by")
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
