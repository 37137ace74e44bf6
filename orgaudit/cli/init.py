"""init: a directory to work in, with settings, an empty register, .gitignore and an example workflow."""

from __future__ import annotations

import os
import re
import shlex
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Final

import click

from orgaudit.errors import ReportError
from orgaudit.settings.documents import PACKAGED
from orgaudit.settings.settings import HERE, load
from orgaudit.store.run import writing

WORKFLOW: Final = Path(".github", "workflows", "orgaudit.yml")
FIRST_KEYS: Final = (
    "access.role_name",
    "access.external_id",
    "access.sts_region",
    "scope.regions",
    "scope.accept_blocked_regions",
    "report.organization_name",
    "register.time_zone",
)
"""The settings that most organizations change."""
IGNORED: Final = ("reports/", "*.eml")
"""What git leaves out: the runs, which hold what AWS answered, and mails to owners."""
_COMMENTS: Final = re.compile(r"\s*(#|$)|exceptions:\s*$")
_ADVICE: Final = "free space or name another directory; nothing was written"


@dataclass(frozen=True, slots=True)
class _Part:
    """One file: its new content, None where it stays as it is, and what is printed about it."""

    path: Path
    content: bytes | None
    line: str


@click.command()
@click.argument("directory", metavar="[DIR]", type=click.Path(path_type=Path, file_okay=False), default=Path())
def init(directory: Path) -> None:
    """Set up a directory to work in: DIR, or the current one.

    \b
    It writes
      config/orgaudit.toml            settings: every key with its default
      config/exceptions.yaml          an empty exception register
      .gitignore                      keeps runs and mails out of git
      .github/workflows/orgaudit.yml  an example: audits every quarter, checks
                                      the register on pull requests
    A file that exists is kept; .gitignore gets the lines that it lacks.
    """
    parts = list(_parts(directory))
    _write({part.path: part.content for part in parts if part.content is not None})
    for part in parts:
        click.echo(part.line)
    if all(part.content is None for part in parts):
        click.echo("Nothing to do: every file is there already.")
        return
    for line in _next_steps(directory):
        click.echo(line)


def _parts(directory: Path) -> Iterator[_Part]:
    settings = directory / HERE
    yield _new(settings, _settings)
    register = load(settings, {}, {}).register_path if settings.is_file() else settings.with_name("exceptions.yaml")
    yield _new(register, _register)
    yield _ignoring(directory / ".gitignore")
    yield _new(directory / WORKFLOW, Path(__file__).with_name("workflow.yml").read_bytes)


def _new(path: Path, content: Callable[[], bytes]) -> _Part:
    """Return a file that is written only where there is none of its name."""
    if os.path.lexists(path):
        return _Part(path, None, f"{path} exists and is kept")
    return _Part(path, content(), f"{path} written")


def _settings() -> bytes:
    """Return the packaged settings, in which every key is a comment with its default."""
    keys = ", ".join(FIRST_KEYS)
    advice = f"Most organizations change {keys}. `orgaudit doctor` then shows what an audit could not see."
    head = textwrap.wrap(advice, 118, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)
    return "\n".join([*head, "#", _packaged(HERE.name)]).encode()


def _register() -> bytes:
    """Return the packaged register with its explanation and its example, without what somebody may have added to it."""
    lines = _packaged("exceptions.yaml").splitlines(keepends=True)
    return "".join(takewhile(_COMMENTS.match, lines)).encode()


def _packaged(name: str) -> str:
    return (PACKAGED / name).read_text(encoding="utf-8")


def _ignoring(path: Path) -> _Part:
    """Return .gitignore with the lines that it lacks; what it says about the same files in another way stands."""
    try:
        before = path.read_bytes()
    except FileNotFoundError:
        before = b""
    except OSError as error:
        raise ReportError(f"cannot read {path}: {error.strerror or error}; nothing was written") from error
    known = {_bare(line) for line in before.decode(errors="replace").splitlines()}
    missing = [line for line in IGNORED if _bare(line) not in known]
    if not missing:
        return _Part(path, None, f"{path} exists and is kept")
    newline = "\r\n" if b"\r\n" in before else "\n"
    begins = newline if before and not before.endswith(b"\n") else ""
    added = begins + "".join(line + newline for line in missing)
    said = f"{path}: added {', '.join(missing)}" if before else f"{path} written"
    return _Part(path.resolve(), before + added.encode(), said)


def _bare(line: str) -> str:
    """Return what a line of .gitignore is about, however it is anchored, ended or negated."""
    return re.sub(r"/(\*{1,2})?$", "", line.strip().removeprefix("!").removeprefix("/"))


def _write(contents: dict[Path, bytes]) -> None:
    """Write all files or none; raises ReportError."""
    with ExitStack() as stack:
        for path, content in contents.items():
            file = stack.enter_context(writing(path, _ADVICE))
            file.write(content)
            file.flush()


def _next_steps(directory: Path) -> Iterator[str]:
    yield "\nNext:"
    if directory != Path():
        yield f"  cd {shlex.quote(str(directory))}"
    yield f"  set what differs in {HERE}, such as the name of the role in each account"
    yield "  orgaudit policy --format cloudformation   prints a template of that role"
    yield "  orgaudit doctor                           checks that an audit could assess everything"
    yield "  orgaudit audit                            audits the organization"
    yield "  orgaudit exceptions add                   requests the first exception"


COMMANDS = (init,)
