"""The names that a shell completes, read from files alone: no command's module is imported, and nothing is validated.

A shell asks at every key, so what takes half a second to import (pydantic, the controls, the SDK) is left out.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import EllipsisType
from typing import Any, TypeAlias

from click.shell_completion import CompletionItem

PACKAGE = Path(__file__).parents[1]
FILES, DIRECTORIES = "file", "dir"
"""What the shell itself completes: click's names for it."""

_CONTROL = re.compile(r'^@control\((?:.*\n)*?^def (\w+)|^([a-z]\w+) = [\w.]+\(\s*"\2"', re.MULTILINE)
"""Where a module of controls names one: a function under the decorator, or a name bound to a factory's control."""


@dataclass(frozen=True, slots=True)
class Line:
    """A command line before the word that is completed: the command's words and the values of its options."""

    command: str
    options: Mapping[str, str]

    @property
    def settings_file(self) -> Path:
        """The settings file that the command would read."""
        named = self.options.get("--config") or os.environ.get("ORGAUDIT_CONFIG")
        here = Path("config/orgaudit.toml")
        return Path(named) if named else here if here.is_file() else packaged() / "orgaudit.toml"

    def path(self, option: str, section: str, key: str, default: str) -> Path:
        """Return the path that an option, the environment or the settings give, in this order."""
        variable = f"ORGAUDIT_{section}_{key}".upper()
        return Path(self.options.get(option) or os.environ.get(variable) or self._setting(section, key) or default)

    def _setting(self, section: str, key: str) -> str:
        with suppress(OSError, ValueError):
            table = tomllib.loads(self.settings_file.read_text("utf-8-sig")).get(section)
            value = table.get(key) if isinstance(table, dict) else None
            return value if isinstance(value, str) else ""
        return ""


Names: TypeAlias = Callable[[Line, str], Iterator[CompletionItem]]
"""A kind of name: yields the items for a line and what is typed of the word; those that do not begin so are dropped."""


def packaged() -> Path:
    """Return the directory of the files that come with orgaudit."""
    inside = PACKAGE / "config"
    return inside if inside.is_dir() else PACKAGE.parent / "config"


def controls(line: Line, typed: str) -> Iterator[CompletionItem]:
    """Yield the ids of all controls; in the register's commands also framework:requirement."""
    yield from map(CompletionItem, control_ids())
    if line.command.startswith("exceptions"):
        yield from requirements(line, typed)


def control_ids() -> list[str]:
    """Return the ids of all controls: ours as the source names them, and where others are installed, all loaded."""
    texts = [] if entry_points(group="orgaudit.controls") else (PACKAGE / "controls").rglob("*.py")
    found = {match[1] or match[2] for path in texts for match in _CONTROL.finditer(path.read_text("utf-8"))}
    if not found:
        from orgaudit.controls.declare import catalogue  # noqa: PLC0415 - half a second, and only where it is needed

        found = set(catalogue())
    return sorted(found)


def frameworks(line: Line, _typed: str) -> Iterator[CompletionItem]:
    """Yield the ids of all frameworks."""
    yield from map(CompletionItem, sorted(_framework_files(line)))


def listed_frameworks(line: Line, typed: str) -> Iterator[CompletionItem]:
    """Yield the ids of all frameworks, and the word that checks a file of one."""
    yield CompletionItem("check", help="Check a file")
    yield from frameworks(line, typed)


def explained(line: Line, typed: str) -> Iterator[CompletionItem]:
    """Yield what `explain` shows: controls, frameworks, and the requirements of the only framework that is typed."""
    yield from map(CompletionItem, control_ids())
    yield from frameworks(line, typed)
    yield from _requirements(line, typed)


def requirements(line: Line, typed: str) -> Iterator[CompletionItem]:
    """Yield framework:requirement of the only framework that is typed; while there are several, these with a colon."""
    found = list(_requirements(line, typed))
    yield from found or (CompletionItem(f"{name}:") for name in sorted(_framework_files(line)))


def _requirements(line: Line, typed: str) -> Iterator[CompletionItem]:
    name, colon, _ = typed.partition(":")
    files = _framework_files(line)
    chosen = [each for each in files if (each == name if colon else typed and each.startswith(name))]
    if len(chosen) == 1:
        for requirement in _entries(_yaml(files[chosen[0]]), "requirements"):
            yield CompletionItem(f"{chosen[0]}:{requirement['id']}", help=_text(requirement, "title"))


def runs(line: Line, typed: str) -> Iterator[CompletionItem]:
    """Yield the ids of stored runs, the newest first; a path is left to the shell."""
    if os.sep in typed:
        yield CompletionItem(typed, type=DIRECTORIES)
    found = line.path("--out", "run", "out", "reports").glob("*/run.json")
    yield from (CompletionItem(path.parent.name) for path in sorted(found, key=_modified, reverse=True))


def _modified(path: Path) -> float:
    with suppress(OSError):
        return path.stat().st_mtime
    return 0


def entries(line: Line, _typed: str) -> Iterator[CompletionItem]:
    """Yield the ids of the register's exceptions, or of its attestations for the commands of these."""
    section = "attestations" if line.command.startswith("exceptions attestations") else "exceptions"
    for entry in _entries(_yaml(register_file(line)), section):
        yield CompletionItem(entry["id"], help=_text(entry, "title") or _text(entry, "requirement"))


def register_file(line: Line) -> Path:
    """Return the register that the command would read; only an option names it from the current directory."""
    if named := line.options.get("--register"):
        return Path(named)
    directory = Path("config") if line.settings_file.parent == packaged() else line.settings_file.parent
    return directory / line.path("", "register", "file", "exceptions.yaml")


def subjects(line: Line, typed: str) -> Iterator[CompletionItem]:
    """Yield the ids of exceptions, and leave files to the shell."""
    yield from entries(line, typed)
    yield from files(line, typed)


def files(_line: Line, typed: str) -> Iterator[CompletionItem]:
    """Leave it to the shell to complete a file."""
    yield CompletionItem(typed, type=FILES)


def stored(line: Line, typed: str) -> Iterator[CompletionItem]:
    """Yield the ids of stored runs, and leave packs to the shell."""
    yield from runs(line, typed)
    yield from files(line, typed)


def directories(_line: Line, typed: str) -> Iterator[CompletionItem]:
    """Leave it to the shell to complete a directory."""
    yield CompletionItem(typed, type=DIRECTORIES)


def _framework_files(line: Line) -> dict[str, Path]:
    """Return the framework files by the framework's id, which is the file's name."""
    places = (packaged(), line.settings_file.parent)
    return {path.stem: path for place in places for path in (place / "frameworks").glob("*.yaml")}


def _yaml(file: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return what a YAML file holds, every value as text; None where it cannot be read."""
    import yaml  # noqa: PLC0415 - runs and controls need none

    with suppress(OSError, ValueError, yaml.YAMLError, RecursionError):
        text = file.read_text("utf-8-sig")
        return yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # noqa: S506 - makes text only
    return None


def _entries(data: object, section: str) -> Iterator[Mapping[str, Any]]:
    """Yield the items of a list in a document that are tables with an id."""
    items = data.get(section) if isinstance(data, dict) else None
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict) and isinstance(item.get("id"), str) and item["id"].isprintable():
            yield item


def _text(entry: Mapping[str, Any], key: str) -> str | None:
    value = entry.get(key)
    return " ".join(value.split()) if isinstance(value, str) and value.strip() else None


VALUES: Mapping[str, Sequence[Names | None]] = {
    "--accounts-from": (files,),
    "--allowed-signers": (files,),
    "--baseline": (runs,),
    "--config": (files,),
    "--control": (controls,),
    "--file": (files,),
    "--framework": (frameworks,),
    "--from-finding": (None, runs),
    "--only-open": (runs,),
    "--out": (directories,),
    "--prowler": (files,),
    "--register": (files,),
    "--requirement": (requirements,),
    "--resume": (runs,),
    "--run": (runs,),
    "--securityhub": (files,),
    "--sign-key": (files,),
    "--since": (runs,),
    "--to": (files,),
}
"""What the values of an option name, in every command that has it; None where click knows, or nobody does."""

FLAGS = frozenset(
    [
        "-h",
        "--help",
        "-v",
        "--verbose",
        "--version",
        "--all-pending",
        "--broad",
        "--csv",
        "--draft",
        "--findings",
        "--issues",
        "--json",
        "--no-rejudge",
        "--plan",
        "--request",
        "--schema",
        "--tables",
        "--unknown",
        "--unverified",
        "--yes",
    ]
)
"""The options without a value."""

ARGUMENTS: Mapping[str, Sequence[Names | EllipsisType | None]] = {
    "actions": (runs,),
    "audit": (),
    "collect": (runs,),
    "compare": (runs,),
    "completion": (None,),
    "controls": (),
    "demo": (),
    "diff": (runs, runs),
    "doctor": (),
    "evaluate": (runs,),
    "evidence": (runs,),
    "exceptions add": (),
    "exceptions approve": (entries, ...),
    "exceptions attestations add": (requirements, None),
    "exceptions attestations check": (),
    "exceptions attestations history": (entries,),
    "exceptions attestations list": (),
    "exceptions attestations renew": (entries, ...),
    "exceptions attestations revoke": (entries, ...),
    "exceptions attestations show": (entries,),
    "exceptions check": (),
    "exceptions due": (),
    "exceptions export": (files,),
    "exceptions history": (entries,),
    "exceptions hygiene": (runs,),
    "exceptions import": (files,),
    "exceptions list": (),
    "exceptions match": (subjects, runs),
    "exceptions reject": (entries, ...),
    "exceptions renew": (entries, ...),
    "exceptions request": (entries, ...),
    "exceptions revoke": (entries, ...),
    "exceptions show": (entries,),
    "explain": (explained,),
    "frameworks": (listed_frameworks, files),
    "init": (directories,),
    "plan": (),
    "policy": (),
    "quarter": (),
    "query": (runs, None),
    "report": (runs,),
    "trend": (runs, ...),
    "verify": (stored,),
}
"""What the arguments of each command name; `...` repeats the one before."""


def complete(words: Sequence[str], typed: str) -> list[CompletionItem] | None:
    """Return the whole words that can stand where `typed` is; None where the command itself knows better.

    `words` are those between the program and `typed`.
    """
    option, equals, value = typed.partition("=")
    if equals and option.startswith("--"):
        kind = VALUES.get(option, (None,))[0]
        found = _of(kind, _line(words), value)
        return found and [CompletionItem(f"{option}={item.value}", item.type, item.help) for item in found]
    line, rest, pending = _read(words)
    if pending:
        return _of(pending[0], line, typed)
    if typed.startswith("-"):
        return None
    if line.command in ARGUMENTS:
        return _of(_argument(ARGUMENTS[line.command], len(rest)), line, typed)
    following = {name.removeprefix(line.command).split()[0] for name in ARGUMENTS if _below(name, line.command)}
    return None if rest else [CompletionItem(name) for name in sorted(following) if name.startswith(typed)]


def _argument(kinds: Sequence[Names | EllipsisType | None], position: int) -> Names | None:
    if ... in kinds:
        position = min(position, kinds.index(...) - 1)
    kind = kinds[position] if position < len(kinds) else None
    return None if isinstance(kind, EllipsisType) else kind


def _of(kind: Names | None, line: Line, typed: str) -> list[CompletionItem] | None:
    return None if kind is None else [item for item in kind(line, typed) if item.value.startswith(typed)]


def _below(command: str, group: str) -> bool:
    return not group or command.startswith(f"{group} ")


def _line(words: Sequence[str]) -> Line:
    return _read(words)[0]


def _read(words: Sequence[str]) -> tuple[Line, list[str], list[Names | None]]:
    """Return the line, its arguments, and what the values that its last option still needs would name."""
    command: list[str] = []
    arguments: list[str] = []
    options: dict[str, str] = {}
    pending: list[Names | None] = []
    name = ""
    for word in words:
        if pending:
            options[name] = word
            pending.pop(0)
        elif word.startswith("-"):
            name, equals, value = word.partition("=")
            if equals:
                options[name] = value
            elif name not in FLAGS:
                pending = list(VALUES.get(name, (None,)))
        elif " ".join(command) not in ARGUMENTS and any(_below(each, " ".join(command)) for each in ARGUMENTS):
            command.append(word)
        else:
            arguments.append(word)
    return Line(" ".join(command), options), arguments, pending
