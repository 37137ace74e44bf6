"""What is imported when it is used: the commands of a group, and the modules that only a command's work needs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.util import LazyLoader, find_spec, module_from_spec
from types import ModuleType
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is, and its short help, which the help of its group lists."""

    module: str
    """The module below orgaudit.cli."""
    short_help: str
    commands: str = "COMMANDS"
    """The name by which the module has the command, among others."""


class LazyGroup(click.Group):
    """Commands, each in the module that its place names; listing them imports none."""

    def __init__(self, *, places: Mapping[str, Place], **given: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(**given)
        self.places = places

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Return the commands' names, sorted."""
        return sorted(self.places)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return a command, or None for an unknown name."""
        if cmd_name not in self.places:
            return None
        place = self.places[cmd_name]
        commands: tuple[click.Command, ...] = getattr(import_module(f"orgaudit.cli.{place.module}"), place.commands)
        return next(command for command in commands if command.name == cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands with their short help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.places[name].short_help) for name in self.list_commands(ctx)])


def lazy(name: str) -> ModuleType:
    """Return a module that is imported when something of it is used; a command's help uses nothing of it.

    https://docs.python.org/3/library/importlib.html#implementing-lazy-imports
    """
    if name in sys.modules:
        return sys.modules[name]
    spec = find_spec(name)
    if spec is None or spec.loader is None:
        raise ModuleNotFoundError(f"no module {name}", name=name)
    spec.loader = LazyLoader(spec.loader)
    module = module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
