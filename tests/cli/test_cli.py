"""The commands: each is where the table of commands says."""

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from orgaudit import cli
from orgaudit.cli import exceptions
from orgaudit.cli.lazy import LazyGroup, Place, lazy
from orgaudit.errors import ExitCode

ROOT = Path(__file__).parents[2]


def modules() -> Iterator[str]:
    root = Path(cli.__file__).parent
    for path in sorted(root.rglob("*.py")):
        *above, name = path.relative_to(root).with_suffix("").parts
        if above or name != "__init__":
            yield ".".join((*above, name)).removesuffix(".__init__")


@pytest.mark.parametrize(
    ("table", "commands"),
    [
        ({**cli.PLACES, **exceptions.PLACES}, ("COMMANDS", "GROUPS")),
        (exceptions.ATTESTATION_PLACES, ("ATTESTATION_COMMANDS",)),
    ],
)
def test_every_command_of_every_module_is_listed(table: Mapping[str, Place], commands: tuple[str, ...]) -> None:
    offered = {
        (command.name, module)
        for module in modules()
        for each in commands
        for command in getattr(import_module(f"orgaudit.cli.{module}"), each, ())
    }
    assert offered == {(name, place.module) for name, place in table.items()}


@pytest.mark.parametrize("group", [(), ("exceptions",), ("exceptions", "attestations")])
def test_a_group_lists_what_its_commands_are(group: tuple[str, ...]) -> None:
    """The short help of each is the first sentence of the command's own, or a shorter one."""
    found: click.Command | None = cli.orgaudit
    for name in group:
        assert isinstance(found, LazyGroup)
        found = found.get_command(click.Context(found), name)
    assert isinstance(found, LazyGroup)
    listed = CliRunner().invoke(cli.orgaudit, [*group, "--help"], terminal_width=200).output.split("Commands:\n")[1]
    for name, place in found.places.items():
        command = found.get_command(click.Context(found), name)
        assert command
        assert command.short_help is None, "the place has it"
        assert re.search(rf"^  {name} +{re.escape(place.short_help)}$", listed, re.MULTILINE)
        first = command.get_short_help_str(1000)
        assert place.short_help == first or len(place.short_help) < len(first), name
        assert re.fullmatch(r"[A-Z][^.]*\.", place.short_help)


HEAVY = {
    *(
        "aioboto3",
        "aiohttp",
        "boto3",
        "botocore",
        "duckdb",
        "email",
        "jinja2",
        "openpyxl",
        "pydantic",
        "rich",
        "ruamel",
    ),
    *("orgaudit.settings", "orgaudit.store", "orgaudit.report", "orgaudit.register", "orgaudit.controls"),
}
"""What takes longer to import than the help of a group may take."""


def loaded_by(words: str) -> set[str]:
    """The modules that a process of Python has imported when a command ends."""
    code = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(*sorted(sys.modules)))\n"
        "from orgaudit.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words.split()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == (0 if words else ExitCode.USAGE)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert "orgaudit.cli" in loaded
    return loaded


@pytest.mark.parametrize("words", ["--help", "--version", "", "exceptions --help", "exceptions attestations --help"])
def test_what_lists_commands_imports_none_of_them(words: str) -> None:
    """The bar is 0.4 s of CPU time for `orgaudit --help`, of which Python itself and click take a tenth."""
    loaded = loaded_by(words)
    assert loaded & HEAVY == set()
    of_all = {"orgaudit.cli.lazy", "orgaudit.cli.exceptions", "orgaudit.cli.standard_error"}
    assert loaded & {f"orgaudit.cli.{module}" for module in modules()} - of_all == set()


@pytest.mark.parametrize("name", ["audit", "evaluate", "report", "plan", "doctor", "policy", "quarter"])
def test_the_help_of_a_command_imports_no_sdk_and_no_writer_of_workbooks(name: str) -> None:
    assert loaded_by(f"{name} --help") & {"aioboto3", "aiohttp", "botocore", "openpyxl", "rich"} == set()


def test_a_lazy_module_is_imported_when_it_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "lazily_imported.py").write_text(
        "from pathlib import Path\nPath(__file__).with_suffix('.txt').touch()\nIT = 1"
    )
    module = lazy("lazily_imported")
    assert not (tmp_path / "lazily_imported.txt").exists()
    assert module.IT == 1
    assert (tmp_path / "lazily_imported.txt").exists()
    assert lazy("lazily_imported") is import_module("lazily_imported") is module
    with pytest.raises(ModuleNotFoundError, match="no module lazily_missing"):
        lazy("lazily_missing")


@pytest.mark.parametrize("name", cli.PLACES)
def test_every_command_has_its_help(name: str) -> None:
    done = CliRunner().invoke(cli.orgaudit, [name, "--help"])
    assert (done.exit_code, done.output.splitlines()[0].split()[:3]) == (0, ["Usage:", "orgaudit", name])


def test_an_unknown_command_is_a_wrong_usage() -> None:
    done = CliRunner().invoke(cli.orgaudit, ["audti"])
    assert done.exit_code == click.UsageError.exit_code == ExitCode.USAGE
    assert "No such command 'audti'" in done.output
