"""Writes the reference pages of the documentation from the program: commands, settings, exit codes, facts and API.

`make docs` takes them from here while it builds the site.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path
from typing import Final

import click
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from orgaudit import cli
from orgaudit.cli.lazy import LazyGroup, Place
from orgaudit.query.meanings import MEANINGS
from orgaudit.settings.documents import fields_of, models_in
from orgaudit.settings.sections import Sections
from orgaudit.settings.settings import CONFIG_VARIABLE, ENVIRONMENT_PREFIX, PERSON_VARIABLE
from scripts.reference_api import api, facts
from scripts.reference_text import code, inline, paragraphs, table

CONFIG: Final = Path(__file__).resolve().parents[1] / "config"
_SETTING: Final = re.compile(r"# (?P<key>\w+) = (?P<value>.*?)(?:\s+# (?P<what>.+))?")
_CONTINUED: Final = re.compile(r"\s{20,}# (?P<what>.+)")
LISTED: Final = ("command", "what it does")


def pages() -> dict[str, str]:
    """Return every page of the reference: its path below the documentation, and its Markdown."""
    return {
        "reference/commands.md": _commands(),
        "reference/settings.md": _settings(),
        "reference/exit-codes.md": _exit_codes(),
        "reference/tables.md": _tables(),
        "reference/register-file.md": _register_file(),
        "reference/rates.md": _rates(),
        "reference/facts.md": facts(),
        "reference/api.md": api(),
    }


# Commands


def _commands() -> str:
    lines = ["# Commands", "", "What `--help` of each command shows.", ""]
    for command, context in every_command():
        lines += [f"## {context.command_path}", "", *_command(command, context)]
    return "\n".join(lines)


def every_command() -> Iterator[tuple[click.Command, click.Context]]:
    """Yield the program, its commands, and those below them, each with the context that knows its words."""
    context = click.Context(cli.orgaudit, info_name="orgaudit", **cli.orgaudit.context_settings)
    yield cli.orgaudit, context
    yield from _below(cli.orgaudit, context)


def _below(group: click.Group, above: click.Context) -> Iterator[tuple[click.Command, click.Context]]:
    for name in group.list_commands(above):
        command = group.get_command(above, name)
        if command is not None:
            context = click.Context(command, parent=above, info_name=name)
            yield command, context
            if isinstance(command, click.Group):
                yield from _below(command, context)


def _command(command: click.Command, context: click.Context) -> Iterator[str]:
    pieces = " ".join(command.collect_usage_pieces(context))
    yield from ("```text", f"{context.command_path} {pieces}", "```", "")
    yield from _help(command.help or "")
    records = filter(None, (each.get_help_record(context) for each in command.get_params(context)))
    yield from table(("option", "what it does"), [(code(names), inline(what)) for names, what in records])
    if isinstance(command, LazyGroup):
        found = sorted(command.places.items())
        yield from table(LISTED, [_listed(f"{context.command_path} {name}", place) for name, place in found])


def _listed(path: str, place: Place) -> tuple[str, str]:
    return f"[`{path}`](#{path.replace(' ', '-')})", inline(place.short_help)


def _help(text: str) -> Iterator[str]:
    """Yield the paragraphs of a help text; what click does not wrap is code."""
    for paragraph in text.split("\n\n"):
        first, _, rest = paragraph.partition("\n")
        yield from ("```text", *rest.splitlines(), "```", "") if first.strip() == "\b" else (inline(paragraph), "")


# Settings


def _settings() -> str:
    lines = [
        *("# Settings", ""),
        "An orgaudit.toml has these tables and keys; every key is optional. `--config` names the file, or "
        f"`{CONFIG_VARIABLE}` in the environment; without both it is `config/orgaudit.toml` in the current directory, "
        f"else the one that comes with orgaudit. The variable `{ENVIRONMENT_PREFIX}SECTION_KEY`, such as "
        f"`{ENVIRONMENT_PREFIX}RUN_OUT`, overrides the file, an option of the command line overrides both. In a "
        "variable a list is `a,b` and a table `key=value,key=value`.",
        "",
        f"`{PERSON_VARIABLE}` is not a setting: it names who edits the exception register where `--by` does not.",
        "",
        *("`orgaudit init` writes the file with every key as a comment.", ""),
    ]
    notes = setting_notes()
    for section, field in fields_of(Sections).items():
        model = models_in(field.annotation)[0]
        lines += [f"## {section}", "", *paragraphs(model.__doc__ or "")]
        lines += paragraphs(notes[section, ""])
        keys = fields_of(model).items()
        rows = (_setting(key, each, notes.get((section, key), "")) for key, each in keys)
        lines += table(("key", "default", "meaning"), rows)
    return "\n".join(lines)


def _setting(key: str, field: FieldInfo, note: str) -> tuple[str, str, str]:
    return code(key), code("" if field.default is None else _toml(field.default)), inline(note)


def _toml(value: object) -> str:
    """Return a default as TOML has it."""
    pairs = value.items() if isinstance(value, dict) else value if isinstance(value, BaseModel) else ()
    match value:
        case bool():
            text = str(value).lower()
        case BaseModel() | dict():
            text = ", ".join(f"{key} = {_toml(each)}" for key, each in pairs)
            text = f"{{ {text} }}" if text else "{}"
        case tuple():
            text = f"[{', '.join(map(_toml, value))}]"
        case int() | float():
            text = f"{value:g}"
        case _:
            text = f'"{value.value if isinstance(value, Enum) else value}"'
    return text


def setting_notes() -> Mapping[tuple[str, str], str]:
    """Return what config/orgaudit.toml says about each key, by section and key; about a section under no key."""
    found: dict[tuple[str, str], str] = {}
    place = ("", "")
    for line in (CONFIG / "orgaudit.toml").read_text("utf-8").splitlines():
        if heading := re.fullmatch(r"\[(\w+)\](?:\s+# (.+))?", line):
            place = (heading[1], "")
            found[place] = heading[2] or ""
        elif setting := _SETTING.fullmatch(line):
            place = (place[0], setting["key"])
            found[place] = setting["what"] or ""
        elif (more := _CONTINUED.fullmatch(line)) and place in found:
            found[place] += f" {more['what']}"
    return found


# The tables of a run


def _tables() -> str:
    lines = [
        *("# Tables", ""),
        'What `orgaudit query RUN "SELECT …"` answers from. `orgaudit query RUN --tables` lists the same, and '
        "`orgaudit query RUN --tables TABLE` the columns of one with their types.",
        "",
        *table(
            ("table", "what it has"), [(f"[`{name}`](#{name})", inline(row)) for name, (row, _) in MEANINGS.items()]
        ),
        "Every type of [fact](facts.md) has a table too, such as `facts_bucket`: one row a resource, or a resource's "
        "detail, with the account, the region and its fields.",
        "",
    ]
    for name, (row, columns) in MEANINGS.items():
        meanings = [(code(column), inline(meaning)) for column, meaning in columns.items()]
        lines += [f"## {name}", "", inline(row), "", *table(("column", "meaning"), meanings)]
    return "\n".join(lines)


# Exit codes, the register, the rates


def _exit_codes() -> str:
    codes = re.findall(r"^  (\d[\d, ]*?)  (\S.*)$", cli.EPILOG, re.MULTILINE)
    lines = [
        *("# Exit codes", "", "Every command ends with one of these.", ""),
        *table(("code", "meaning"), [(number, inline(meaning)) for number, meaning in codes]),
        "[Commands](commands.md) shows what `doctor`, `verify` and the commands that check a file mean by them.",
        "",
    ]
    return "\n".join(lines)


def _register_file() -> str:
    introduction = "exceptions.yaml, which `orgaudit init` writes and `orgaudit exceptions` edits. Its header has"
    return _shown("The register file", f"{introduction} every key:", "exceptions.yaml")


def _rates() -> str:
    introduction = "limits.toml has the rates at which AWS may be asked. A file of this name beside your orgaudit.toml"
    return _shown("Rates", f"{introduction} replaces single entries.", "limits.toml")


def _shown(title: str, introduction: str, name: str) -> str:
    path = CONFIG / name
    text = path.read_text("utf-8").rstrip()
    return f'# {title}\n\n{introduction}\n\n```{path.suffix[1:]} title="config/{name}"\n{text}\n```\n'
