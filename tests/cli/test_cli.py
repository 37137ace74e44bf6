"""The commands: each is where the table of commands says."""

from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from orgaudit import cli
from orgaudit.errors import ExitCode


def test_every_command_of_every_module_is_listed() -> None:
    modules = {path.stem for path in Path(cli.__file__).parent.glob("*.py")} - {"__init__"} | {"exceptions"}
    offered = {
        command.name: module
        for module in modules
        for command in getattr(import_module(f"orgaudit.cli.{module}"), "COMMANDS", ())
    }
    assert offered == cli.PLACES


@pytest.mark.parametrize("name", cli.PLACES)
def test_every_command_has_its_help(name: str) -> None:
    done = CliRunner().invoke(cli.orgaudit, [name, "--help"])
    assert (done.exit_code, done.output.splitlines()[0].split()[:3]) == (0, ["Usage:", "orgaudit", name])


def test_an_unknown_command_is_a_wrong_usage() -> None:
    done = CliRunner().invoke(cli.orgaudit, ["audti"])
    assert done.exit_code == click.UsageError.exit_code == ExitCode.USAGE
    assert "No such command 'audti'" in done.output
