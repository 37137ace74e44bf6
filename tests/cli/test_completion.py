"""What shells complete: in bash itself, and by the protocol of bash, zsh and fish."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest

from orgaudit.cli import COMPLETION, names
from orgaudit.cli import orgaudit as program
from orgaudit.cli.completion import SHELLS
from orgaudit.controls.declare import catalogue
from orgaudit.report.formats import FORMATS
from orgaudit.settings import documents, settings
from tests import commands
from tests.packaged import FRAMEWORKS

KILL = "\x15\n"
"""Ctrl-U, by which a line is forgotten, and a new line."""
ROOT = Path(__file__).parents[2]
REGISTER = """exceptions:
  - id: EXC-2026-0001
    title: The trail rests, for now
  - {id: EXC-2026-0002}
  - id: [no, id]
  - nothing
attestations:
  - id: ATT-2026-0001
    requirement: cis_4.0:1.1
"""
OWN = "id: own\nrequirements:\n  - {id: R-1, title: 'Sessions end, soon'}\n  - {id: R-2, title: Trained}\n"


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with settings, a register, a framework and two runs, the second of them newer."""
    (tmp_path / "config" / "frameworks").mkdir(parents=True)
    (tmp_path / "config" / "orgaudit.toml").write_text('[run]\nout = "runs"\n')
    (tmp_path / "config" / "exceptions.yaml").write_text(REGISTER)
    (tmp_path / "config" / "frameworks" / "own.yaml").write_text(OWN)
    for age, run in enumerate(("2026-q2", "2026-q1")):
        (tmp_path / "runs" / run).mkdir(parents=True)
        manifest = tmp_path / "runs" / run / "run.json"
        manifest.touch()
        os.utime(manifest, (1000 - age, 1000 - age))
    (tmp_path / "runs" / "other").mkdir()
    return tmp_path


def environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ORGAUDIT_", "COMP_"))}
    return {**kept, "PYTHONPATH": str(ROOT), **more}


def asked(directory: Path, line: str, breaks: str = " :=") -> list[str]:
    """What bash is given for a line."""
    variables = {COMPLETION: "bash_complete", "COMP_LINE": f"orgaudit {line}", "COMP_WORDBREAKS": breaks}
    done = commands.run((), environment(**variables), directory)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.split("\n")[:-1]


def plain(directory: Path, line: str, breaks: str = " :=") -> list[str]:
    return [answer.removeprefix("plain,") for answer in asked(directory, line, breaks) if answer]


EXPECTED = {
    "e": ["evaluate", "evidence", "exceptions", "explain"],
    "exceptions a": ["add", "approve", "attestations"],
    "exceptions attestations r": ["renew", "revoke"],
    "explain s3_bucket_m": ["s3_bucket_macie_covered", "s3_bucket_mfa_delete_enabled"],
    "audit --control s3_bucket_mfa": ["s3_bucket_mfa_delete_enabled"],
    "controls --control=s3_bucket_mfa": ["s3_bucket_mfa_delete_enabled"],
    "explain o": [each for each in catalogue() if each.startswith("o")] + ["own", "own:R-1", "own:R-2"],
    "explain own:": ["R-1", "R-2"],
    "explain cis_4.0:1.2": ["1.2", *(f"1.2{digit}" for digit in "012")],
    "explain cis_": sorted(each for each in FRAMEWORKS if each.startswith("cis_")),
    "frameworks o": ["own"],
    "audit --framework cis_4": ["cis_4.0"],
    "policy --json --framework=cis_4": ["cis_4.0"],
    "exceptions add --control own:R": ["R-1", "R-2"],
    "exceptions attestations add nist_800_5": [
        "nist_800_53_r5:" + each.id for each in FRAMEWORKS["nist_800_53_r5"].requirements
    ],
    "exceptions attestations add c": sorted(f"{each}:" for each in FRAMEWORKS if each.startswith("c")),
    "exceptions attestations add own:R-1 N": [],
    "report ": ["2026-q2", "2026-q1"],
    "-v report --unverified 2026-q1": ["2026-q1"],
    "report --as-of 2026-01-01 --out=. ": [],
    "query 2026-q1 2": [],
    "audit --resume ": ["2026-q2", "2026-q1"],
    "exceptions export --run 2026-q1": ["2026-q1"],
    "exceptions match EXC-2026-0001 ": ["2026-q2", "2026-q1"],
    "exceptions hygiene --register x.yaml 2026-q1": ["2026-q1"],
    "exceptions add --from-finding abc 2026-q1": ["2026-q1"],
    "exceptions approve E": ["EXC-2026-0001", "EXC-2026-0002"],
    "exceptions approve EXC-2026-0001 --by me E": ["EXC-2026-0001", "EXC-2026-0002"],
    "exceptions show EXC-2026-0001 E": [],
    "exceptions attestations show ": ["ATT-2026-0001"],
    "exceptions show --register nothing.yaml E": [],
    "report --format ": [*FORMATS],
    "report --unv": ["--unverified"],
    "evidence 2026-q1 --requirement own:": ["R-1", "R-2"],
    "verify 2026-q": ["2026-q2", "2026-q1", "file,2026-q"],
    "completion ": ["bash", "zsh", "fish"],
    "nothing ": [],
}


@pytest.mark.parametrize("line", EXPECTED)
def test_bash_is_given_the_names(line: str, place: Path) -> None:
    assert plain(place, line) == EXPECTED[line]


def test_a_word_is_whole_where_bash_does_not_break_it(place: Path) -> None:
    assert plain(place, "explain own:R-1", " ") == ["own:R-1"]
    assert plain(place, "audit --framework=own", " ") == ["--framework=own"]
    assert plain(place, "report --format=x", " ") == ["--format=xlsx"]
    assert plain(place, "report --format=x") == ["xlsx"]


def test_files_and_directories_are_left_to_the_shell(place: Path) -> None:
    assert asked(place, "audit --out re") == ["dir,re"]
    assert asked(place, "audit --config re") == ["file,re"]
    assert asked(place, "exceptions match ./own") == ["file,./own"]
    assert asked(place, "report runs/2026") == ["dir,runs/2026"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_zsh_and_fish_are_given_the_names(shell: str, place: Path) -> None:
    def given(*words: str, typed: str) -> list[str]:
        whole = " ".join(("orgaudit", *words, typed))
        word = typed if shell == "fish" else str(len(words) + 1)
        variables = {COMPLETION: f"{shell}_complete", "COMP_WORDS": whole, "COMP_CWORD": word}
        done = commands.run((), environment(**variables), place)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()

    described = given("explain", typed="own:R-1")
    flags = given("audit", typed="--framework=own")
    runs = given("report", typed="2026")
    if shell == "fish":
        assert described == ["plain,own:R-1\tSessions end, soon"]
        assert flags == ["plain,--framework=own"]
        assert runs == ["plain,2026-q2", "plain,2026-q1"]
    else:
        assert described == ["plain", r"own\:R-1", "Sessions end, soon"]
        assert flags == ["plain", "--framework=own", "_"]
        assert runs == ["plain", "2026-q2", "_", "plain", "2026-q1", "_"]


BROKEN = {
    "settings": ("config/orgaudit.toml", "[run\n"),
    "a section": ("config/orgaudit.toml", "run = 3\n[register]\nfile = 4\n"),
    "the register": ("config/exceptions.yaml", "exceptions: [{id: 'EXC\n"),
    "a framework": ("config/frameworks/own.yaml", "\0"),
    "a list": ("config/frameworks/own.yaml", "- 1\n"),
}


@pytest.mark.parametrize("broken", BROKEN)
@pytest.mark.parametrize("line", ["report ", "exceptions show ", "explain own:", "audit --framework o"])
def test_broken_files_complete_to_less_and_print_nothing(broken: str, line: str, place: Path) -> None:
    path, text = BROKEN[broken]
    (place / path).write_text(text)
    asked(place, line)


def test_what_cannot_be_answered_prints_nothing(place: Path) -> None:
    for instruction in ("bash_complete", "tcsh_complete", "bash", "bash_remove", ""):
        done = commands.run((), environment(**{COMPLETION: instruction}), place)
        assert (done.returncode != 0, done.stdout, done.stderr) == (True, "", "")


@pytest.mark.parametrize(
    "line", ["", "explain s", "explain own:", "report 2", "exceptions show E", "audit --control s"]
)
def test_names_need_nothing_heavy(line: str, place: Path) -> None:
    """The bar is half a second: none of what takes longer to import than that may be loaded."""
    code = (
        "import os, sys, atexit; sys.argv = ['orgaudit']\n"
        "heavy = {'pydantic', 'ruamel', 'duckdb', 'openpyxl', 'aiohttp', 'aioboto3', 'botocore', 'rich',\n"
        "         'orgaudit.settings', 'orgaudit.controls.declare'}\n"
        "atexit.register(lambda: print(sorted(heavy & set(sys.modules))))\n"
        "from orgaudit.cli import main; main()"
    )
    variables = {COMPLETION: "bash_complete", "COMP_LINE": f"orgaudit {line}"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=environment(**variables),
        cwd=place,
        capture_output=True,
        text=True,
        check=True,
    )
    *answers, loaded = done.stdout.splitlines()
    assert answers
    assert loaded == "[]"


def test_bash_completes_what_is_typed(place: Path) -> None:
    """In an interactive bash: a name whole, one behind a colon, and one behind an equals sign."""
    binary = place / "bin" / "orgaudit"
    binary.parent.mkdir()
    binary.write_text(f'#!/bin/sh\nexec {sys.executable} -m orgaudit "$@"\n')
    binary.chmod(0o755)
    script = subprocess.run(
        [binary, "completion", "bash"], env=environment(), capture_output=True, text=True, check=True
    )
    (place / "rc").write_text(f"PS1='> '\nbind 'set enable-bracketed-paste off'\n{script.stdout}echo ready\n")
    variables = environment(PATH=f"{binary.parent}:{os.environ['PATH']}", TERM="dumb", HISTFILE="/dev/null")
    with terminal(["bash", "--noprofile", "--rcfile", "rc", "-i"], place, variables) as bash:
        bash.until("ready")
        for typed, whole in (
            ("explain s3_bucket_mfa\t", "orgaudit explain s3_bucket_mfa_delete_enabled "),
            ("explain own:\t1\t", "orgaudit explain own:R-1 "),
            ("audit --framework=cis_4\t", "orgaudit audit --framework=cis_4.0 "),
            ("report 2026-q1\t", "orgaudit report 2026-q1 "),
        ):
            bash.write(f"orgaudit {typed}")
            bash.until(whole)
            bash.write(KILL)


class Terminal:
    """A program on a terminal."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.seen = ""

    def write(self, text: str) -> None:
        self.seen = ""
        os.write(self.descriptor, text.encode())

    def until(self, text: str) -> None:
        """Read until the program has printed the text."""
        deadline = time.monotonic() + 60
        while text not in self.seen:
            readable, _, _ = select.select([self.descriptor], [], [], max(deadline - time.monotonic(), 0))
            assert readable, self.seen
            self.seen += os.read(self.descriptor, 4096).decode().replace("\a", "")


class terminal:  # noqa: N801 - a context manager
    def __init__(self, command: list[str], directory: Path, variables: Mapping[str, str]) -> None:
        ours, theirs = pty.openpty()
        self.process = subprocess.Popen(
            command, cwd=directory, env=variables, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
        )
        os.close(theirs)
        self.ours = ours

    def __enter__(self) -> Terminal:
        return Terminal(self.ours)

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.ours)


# the tables


def leaves(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from leaves(found, (*path, name))
    else:
        yield " ".join(path), command


LEAVES = dict(leaves(program))
NAMED = {"RUN", "RUN|PACK", "OLD", "NEW", "FRAMEWORK:REQUIREMENT", "ID|FILE", "FILE"}


def test_every_command_has_its_arguments_in_the_table() -> None:
    assert set(names.ARGUMENTS) == set(LEAVES)
    for path, command in LEAVES.items():
        kinds = names.ARGUMENTS[path]
        arguments = [each for each in command.params if isinstance(each, click.Argument)]
        assert len([kind for kind in kinds if kind is not ...]) == len(arguments), path
        for argument, kind in zip(arguments, kinds, strict=False):
            metavar = (argument.metavar or "").strip("[].")
            assert (kind is not None) == (metavar in NAMED or metavar in {"ID", "DIR"}), (path, metavar)


def test_every_option_is_known() -> None:
    options = {option: each for command in LEAVES.values() for each in command.params for option in each.opts}
    flags = {name for name, each in options.items() if isinstance(each, click.Option) and each.is_flag}
    assert flags <= names.FLAGS
    valued = {name: each for name, each in options.items() if isinstance(each, click.Option) and not each.is_flag}
    assert not names.FLAGS & set(valued)
    assert set(names.VALUES) <= set(valued)
    for name, each in valued.items():
        assert each.nargs == len(names.VALUES.get(name, (None,))), name
        if isinstance(each.type, click.Path) or (each.metavar or "").split()[-1:] == ["RUN"]:
            assert name in names.VALUES, name


def test_control_ids_are_those_of_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> None:
    assert names.control_ids() == sorted(catalogue())
    monkeypatch.setattr(names, "entry_points", lambda group: ["other.controls"])
    monkeypatch.setattr(names, "_CONTROL", None)  # the source is not read: another package's is elsewhere
    assert names.control_ids() == sorted(catalogue())


@pytest.mark.parametrize("variables", [{}, {"ORGAUDIT_RUN_OUT": "env"}, {"ORGAUDIT_REGISTER_FILE": "env.yaml"}])
@pytest.mark.parametrize(
    "text", ["", '[run]\nout = "o"\n[register]\nfile = "r.yaml"\n', '[register]\nfile = "/r.yaml"\n']
)
@pytest.mark.parametrize("where", ["here", "option", "variable", "nowhere"])
def test_paths_are_those_of_the_settings(
    variables: dict[str, str], text: str, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    options = {"--config": "x/own.toml"} if where == "option" else {}
    more = {"ORGAUDIT_CONFIG": "x/own.toml"} if where == "variable" else {}
    for name, value in {**variables, **more}.items():
        monkeypatch.setenv(name, value)
    if where != "nowhere":
        file = Path("config/orgaudit.toml" if where == "here" else "x/own.toml")
        file.parent.mkdir()
        file.write_text(text)
    found = settings.load(Path("x/own.toml") if options else None, os.environ, {})
    line = names.Line("report", options)
    assert line.settings_file.parent == found.directory
    assert line.path("--out", "run", "out", "reports") == found.run.out
    assert names.register_file(line) == found.register_path
    assert names.packaged() == documents.PACKAGED


def test_the_script_of_each_shell_is_printed() -> None:
    for shell in SHELLS:
        done = commands.run(("completion", shell), environment(), ROOT)
        by_variable = commands.run((), environment(**{COMPLETION: f"{shell}_source"}), ROOT)
        assert done.stdout.strip() == by_variable.stdout.strip()
        assert f"{COMPLETION}={shell}_complete" in done.stdout
    assert "string split --max 1" in done.stdout
