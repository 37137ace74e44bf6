"""orgaudit init: what it writes works, what exists is kept, and without it no command writes a register."""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from orgaudit import cli
from orgaudit.cli import init as init_module
from orgaudit.cli.exceptions import exceptions
from orgaudit.cli.init import FIRST_KEYS, WORKFLOW
from orgaudit.demo import Demo
from orgaudit.errors import ConfigError, ExitCode, ReportError
from orgaudit.register.file.load import register_of
from orgaudit.settings.documents import PACKAGED, fields_of, models_in
from orgaudit.settings.sections import Sections
from orgaudit.settings.settings import HERE, load
from tests import commands
from tests.audit_runs import environment_for

FILES = {HERE, Path("config/exceptions.yaml"), Path(".gitignore"), WORKFLOW}
ME = "lev@example.com"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory as the current one, with none of the user's settings."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("ORGAUDIT_"):
            monkeypatch.delenv(name)
    return tmp_path


def ran(*arguments: str) -> Result:
    return CliRunner().invoke(cli.orgaudit, arguments)


def run(*arguments: str) -> Result:
    done = ran(*arguments)
    assert done.exit_code == 0, (done.output, done.exception)
    return done


def files(directory: Path) -> dict[Path, bytes]:
    return {path.relative_to(directory): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


# What it writes


@pytest.mark.parametrize("directory", [".", "new/audit"])
def test_all_files_are_written_and_next_steps_shown(here: Path, directory: str) -> None:
    done = run("init", directory)
    assert files(here / directory).keys() == FILES
    steps = done.output.partition("Next:\n")[2].splitlines()
    commands = [line.split("  ")[1].removeprefix("orgaudit ") for line in steps if line.startswith("  orgaudit ")]
    assert commands == ["policy --format cloudformation", "doctor", "audit", "exceptions add"]
    assert (f"  cd {directory}" in steps) == (directory != ".")


def test_settings_load_and_every_commented_key_is_real(here: Path) -> None:
    run("init")
    settings = load(None, {}, {})
    assert (settings.sources[0], settings.packaged) == (HERE, False)
    assert settings.fingerprint() == load(PACKAGED / "orgaudit.toml", {}, {}).fingerprint()
    text = HERE.read_text()
    keys = {f"{name}.{key}" for name, field in fields_of(Sections).items() for key in known_keys(field.annotation)}
    assert set(FIRST_KEYS) <= keys
    assert all(key in text.partition("[organization]")[0] for key in FIRST_KEYS)


def known_keys(annotation: object) -> Iterator[str]:
    yield from fields_of(models_in(annotation)[0])


def test_a_key_that_is_taken_out_of_its_comment_counts(here: Path) -> None:
    run("init")
    text = HERE.read_text().replace('# role_name = "OrgAuditRole"', 'role_name = "SecurityAudit"', 1)
    HERE.write_text(text)
    assert tomllib.loads(text) == {key: {} for key in fields_of(Sections) if key != "access"} | {
        "access": {"role_name": "SecurityAudit"}
    }
    assert load(None, {}, {}).access.role_name == "SecurityAudit"


def test_register_is_empty_and_explains_itself(here: Path) -> None:
    run("init")
    register = register_of(load(None, {}, {}), None)
    assert (register.document.data, register.problems()) == ({"exceptions": None}, [])
    text = register.path.read_text()
    assert "justification" in text
    assert "# - id: EXC-" in text


def test_entries_of_the_packaged_register_are_nobody_elses(
    here: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    packaged = tmp_path_factory.mktemp("packaged")
    for name in ("orgaudit.toml", "exceptions.yaml"):
        (packaged / name).write_bytes((PACKAGED / name).read_bytes())
    with (packaged / "exceptions.yaml").open("a") as file:
        file.write("  - id: EXC-2026-0001\n    title: somebody's\n")
    monkeypatch.setattr(init_module, "PACKAGED", packaged)
    run("init")
    assert "somebody's" not in Path("config/exceptions.yaml").read_text()
    assert register_of(load(None, {}, {}), None).document.data == {"exceptions": None}


def test_the_first_exception_goes_into_the_new_register(here: Path) -> None:
    run("init")
    added = run("exceptions", "add", "--title", "A trail", "--by", ME, "--draft")
    assert "written to config/exceptions.yaml" in added.output
    assert "EXC-" in run("exceptions", "list").output
    assert "# The register of exceptions" in Path("config/exceptions.yaml").read_text()
    assert run("exceptions", "check").output.startswith("config/exceptions.yaml: 1 sound, 0 invalid")


# What exists


def test_second_run_changes_nothing_and_says_so(here: Path) -> None:
    run("init")
    before = {path: (here / path).stat().st_mtime_ns for path in files(here)}
    done = run("init")
    assert {path: (here / path).stat().st_mtime_ns for path in files(here)} == before
    assert done.output.count("exists and is kept") == len(FILES)
    assert done.output.splitlines()[-1] == "Nothing to do: every file is there already."


def test_what_exists_is_kept_and_the_rest_is_written(here: Path) -> None:
    HERE.parent.mkdir()
    HERE.write_text("[access]\nrole_name = 'Mine'\n")
    WORKFLOW.parent.mkdir(parents=True)
    WORKFLOW.symlink_to("nowhere.yml")
    done = run("init")
    assert HERE.read_text() == "[access]\nrole_name = 'Mine'\n"
    assert WORKFLOW.is_symlink()
    assert f"{HERE} exists and is kept\nconfig/exceptions.yaml written\n" in done.output
    assert f"{WORKFLOW} exists and is kept" in done.output


def test_register_that_existing_settings_name_is_the_one_that_is_written(here: Path) -> None:
    HERE.parent.mkdir()
    HERE.write_text("[register]\nfile = 'accepted.yaml'\n")
    assert "config/accepted.yaml written" in run("init").output
    assert not Path("config/exceptions.yaml").exists()
    run("exceptions", "add", "--title", "A trail", "--by", ME, "--draft")
    assert "config/accepted.yaml exists and is kept" in run("init").output


def test_settings_that_are_wrong_stop_it_before_anything_is_written(here: Path) -> None:
    HERE.parent.mkdir()
    HERE.write_text("[acces]\n")
    error = ran("init").exception
    assert isinstance(error, ConfigError)
    assert str(error) == f"{HERE}:1: acces: unknown key; did you mean access?"
    assert files(here).keys() == {HERE}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"", b"reports/\n*.eml\n"),
        (b"*.pyc\n", b"*.pyc\nreports/\n*.eml\n"),
        (b"*.pyc", b"*.pyc\nreports/\n*.eml\n"),
        (b"*.pyc\r\nx", b"*.pyc\r\nx\r\nreports/\r\n*.eml\r\n"),
        (b"\xff\n/reports\n", b"\xff\n/reports\n*.eml\n"),
        (b"reports/*\n!reports/.gitkeep\n*.eml\n", b"reports/*\n!reports/.gitkeep\n*.eml\n"),
        (b"!reports/\n  *.eml\n", b"!reports/\n  *.eml\n"),
        (b"# reports/\n", b"# reports/\nreports/\n*.eml\n"),
    ],
    ids=["empty", "other", "no end of line", "CRLF", "anchored, not UTF-8", "kept file", "negated", "in a comment"],
)
def test_gitignore_gets_the_lines_that_it_lacks(here: Path, before: bytes, after: bytes) -> None:
    Path(".gitignore").write_bytes(before)
    done = run("init")
    assert Path(".gitignore").read_bytes() == after
    assert (".gitignore exists and is kept" in done.output) == (before == after)
    run("init")
    assert Path(".gitignore").read_bytes() == after


def test_git_leaves_runs_and_mails_out(here: Path) -> None:
    run("init")
    for name in ("reports/run/run.json", "due/lev.eml"):
        Path(name).parent.mkdir(parents=True)
        Path(name).touch()
    subprocess.run(["git", "init", "-q"], check=True)
    listed = subprocess.run(["git", "ls-files", "-o", "--exclude-standard"], check=True, capture_output=True, text=True)
    assert set(map(Path, listed.stdout.split())) == FILES


# What cannot be written


@pytest.mark.parametrize("blocked", [".github", "config"])
def test_nothing_is_half_written(here: Path, blocked: str) -> None:
    Path(blocked).write_text("a file where a directory belongs")
    error = ran("init").exception
    assert isinstance(error, ReportError)
    assert str(error).startswith(f"cannot write {blocked}/")
    assert str(error).endswith("name another directory; nothing was written")
    assert files(here).keys() == {Path(blocked)}


def test_a_directory_in_the_place_of_gitignore_is_an_error(here: Path) -> None:
    Path(".gitignore").mkdir()
    error = ran("init").exception
    assert isinstance(error, ReportError)
    assert files(here) == {}


def test_a_file_is_not_a_directory_to_work_in(here: Path) -> None:
    Path("notes").touch()
    done = ran("init", "notes")
    assert done.exit_code == ExitCode.USAGE
    assert "is a file" in done.output


# The workflow


@pytest.fixture
def workflow(here: Path) -> dict[Any, Any]:
    run("init")
    document: dict[Any, Any] = yaml.safe_load(WORKFLOW.read_text())
    return document


def step(workflow: dict[Any, Any], job: str, name: str) -> dict[str, Any]:
    [found] = [each for each in workflow["jobs"][job]["steps"] if each.get("name") == name]
    assert isinstance(found, dict)
    return found


def test_workflow_audits_by_quarter_and_checks_pull_requests(workflow: dict[Any, Any]) -> None:
    events = workflow[True]  # YAML 1.1 reads `on` as true
    assert events["schedule"] == [{"cron": "0 6 1 1,4,7,10 *"}]
    assert events.keys() == {"schedule", "workflow_dispatch", "pull_request"}
    audit, register = workflow["jobs"]["audit"], workflow["jobs"]["register"]
    assert register["if"] == "github.event_name == 'pull_request'"
    assert audit["if"] == "github.event_name != 'pull_request'"
    assert "permissions" not in register
    assert workflow["permissions"] == {"contents": "read"}
    assert audit["permissions"] == {"contents": "read", "id-token": "write"}


def test_workflow_has_no_secret_and_pins_every_action_by_major_version(workflow: dict[Any, Any]) -> None:
    text = WORKFLOW.read_text()
    assert "secrets." not in text
    assert "://" not in text
    steps = [each for job in workflow["jobs"].values() for each in job["steps"]]
    used = [each["uses"] for each in steps if "uses" in each]
    names = [name for name, _, version in (each.partition("@v") for each in used) if version.isdecimal()]
    assert len(names) == len(used)
    assert set(names) == {
        "actions/checkout",
        "actions/setup-python",
        "actions/upload-artifact",
        "aws-actions/configure-aws-credentials",
    }
    assert step(workflow, "audit", "Keep the run")["if"] == "always()"


def in_bash(script: str, *, path: Path | str = "", **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a step as the runner does, with a directory of programs before the others."""
    environment = {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}", **variables}
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("code", "ends", "fails_later", "said"),
    [
        (0, 0, False, ""),
        (1, 0, False, "::notice title=Open findings::"),
        (2, 2, False, ""),
        (3, 0, True, "::warning title=Incomplete audit::"),
        (4, 4, False, ""),
        (5, 5, False, ""),
        (143, 143, False, ""),
    ],
)
def test_workflow_keeps_reports_and_shows_what_each_exit_code_means(
    workflow: dict[Any, Any], here: Path, code: int, ends: int, *, fails_later: bool, said: str
) -> None:
    programs = here / "programs"
    programs.mkdir()
    program = programs / "orgaudit"
    program.write_text(f'#!/bin/sh\necho "audited with $*"\nexit {code}\n')
    program.chmod(0o755)
    outputs, summary = here / "outputs", here / "summary"
    audit = step(workflow, "audit", "Audit")
    done = in_bash(audit["run"], path=programs, RUN="7-1", GITHUB_OUTPUT=str(outputs), GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == ends, done.stderr
    assert "audited with audit --out reports --run-id 7-1" in done.stdout
    assert "audited with" in summary.read_text()
    assert said in done.stdout
    assert ("::" in done.stdout) == bool(said)
    assert outputs.read_text() == f"code={code}\n"
    last = step(workflow, "audit", "Fail where the audit is incomplete")
    assert last["if"] == f"steps.{audit['id']}.outputs.code == '3'"
    assert (last["if"].endswith(f"'{code}'")) == fails_later
    assert in_bash(last["run"]).returncode == ExitCode.INCOMPLETE
    assert workflow["jobs"]["audit"]["steps"][-1] == last


def test_workflow_names_the_variable_that_is_missing(workflow: dict[Any, Any]) -> None:
    for job in ("audit", "register"):
        done = in_bash(step(workflow, job, "Install")["run"], ORGAUDIT_PACKAGE="")
        assert done.returncode != 0
        assert "set the variable ORGAUDIT_PACKAGE" in done.stderr


def test_commands_of_the_workflow_exist(workflow: dict[Any, Any]) -> None:
    check = step(workflow, "register", "Check the register")["run"].split()
    assert check[0] == "orgaudit"
    run(*check[1:])
    options = {name for each in cli.PLACES for name in options_of(each)}
    assert {"--out", "--run-id"} <= options


def options_of(command: str) -> Iterator[str]:
    found = cli.orgaudit.get_command(click.Context(cli.orgaudit), command)
    assert found
    for parameter in found.params:
        yield from parameter.opts


# Without it


def leaves(group: click.Group, *before: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command
        if isinstance(command, click.Group):
            yield from leaves(command, *before, name)
        else:
            yield (*before, name), command


COMMANDS = dict(leaves(exceptions))
WRITING = [path for path, command in COMMANDS.items() if any(each.name == "by" for each in command.params)]
READING = {
    ("list",): [],
    ("hygiene",): None,
    ("match",): None,
    ("due",): [],
    ("export",): ["register.xlsx"],
    ("show",): ["EXC-2026-0001"],
    ("history",): ["EXC-2026-0001"],
    ("attestations", "list"): [],
    ("attestations", "show"): ["ATT-2026-0001"],
    ("attestations", "history"): ["ATT-2026-0001"],
}
"""The commands that read, with their arguments; None where they need a run."""
CHECKS = [("check",), ("attestations", "check")]


def test_every_command_of_the_register_either_writes_or_reads() -> None:
    assert COMMANDS.keys() == {*WRITING, *READING, *CHECKS}
    assert {("add",), ("renew",), ("import",), ("attestations", "add")} <= set(WRITING)


def filled(path: tuple[str, ...]) -> list[str]:
    """Return a command with a value for all that it requires."""
    values = {"DATE": "2027-01-31", "FRAMEWORK:REQUIREMENT": "cis_4.0:1.1", "FILE": "register.xlsx"}
    words = ["exceptions", *path, "--by", ME]
    for each in COMMANDS[path].params:
        if not each.required:
            continue
        value = values.get(each.metavar or "", "x")
        if isinstance(each.type, click.Choice):
            value = next(iter(each.type.choices))
        words += [value] if isinstance(each, click.Argument) else [each.opts[0], value]
    return words


@pytest.mark.parametrize("path", [*WRITING, *CHECKS], ids=" ".join)
def test_without_settings_no_register_is_written_or_found_sound(here: Path, path: tuple[str, ...]) -> None:
    packaged = (PACKAGED / "exceptions.yaml").read_bytes()
    done = ran(*(filled(path) if path in WRITING else ("exceptions", *path)))
    assert str(done.exception) == "there is no register here: run `orgaudit init`, or name one with --register FILE"
    assert isinstance(done.exception, ConfigError)
    assert (PACKAGED / "exceptions.yaml").read_bytes() == packaged
    assert files(here) == {}


@pytest.mark.parametrize("path", [path for path, rest in READING.items() if rest is not None], ids=" ".join)
def test_without_settings_a_command_that_reads_says_that_there_is_no_register(path: tuple[str, ...]) -> None:
    rest = READING[path]
    assert rest is not None
    done = ran("exceptions", *path, *rest)
    assert done.stderr.startswith("orgaudit: no exception register was found (looked for config/exceptions.yaml)")
    assert "`orgaudit init`" in done.stderr
    assert str(PACKAGED) not in done.output + str(done.exception)


def test_json_of_no_register_stays_json() -> None:
    assert run("exceptions", "list", "--json").stdout == "[]\n"


def test_a_register_that_is_named_needs_no_settings(here: Path) -> None:
    own = here / "own.yaml"
    own.write_text("exceptions:\n")
    done = run("exceptions", "add", "--title", "A trail", "--by", ME, "--draft", "--register", str(own))
    assert "written to" in done.output
    assert "A trail" in own.read_text()
    assert run("exceptions", "list", "--register", str(own)).stderr == ""


def test_a_register_that_the_environment_names_is_beside_settings_to_be(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORGAUDIT_REGISTER_FILE", "mine.yaml")
    error = ran("exceptions", "add", "--title", "A trail", "--by", ME, "--draft").exception
    assert isinstance(error, ConfigError)
    assert "config/mine.yaml: cannot be read" in str(error)
    Path("config").mkdir()
    Path("config/mine.yaml").write_text("exceptions:\n")
    run("exceptions", "add", "--title", "A trail", "--by", ME, "--draft")
    assert "A trail" in Path("config/mine.yaml").read_text()


def test_a_register_in_its_usual_place_is_in_use_without_settings(here: Path) -> None:
    Path("config").mkdir()
    Path("config/exceptions.yaml").write_text("exceptions:\n")
    run("exceptions", "add", "--title", "A trail", "--by", ME, "--draft")
    done = run("exceptions", "list")
    assert "A trail" in done.stdout
    assert done.stderr == ""


def test_settings_of_ones_own_make_the_register_on_the_first_entry(here: Path) -> None:
    HERE.parent.mkdir()
    HERE.write_text("")
    assert "no exception register was found" in run("exceptions", "list").stderr
    assert run("exceptions", "add", "--title", "A trail", "--by", ME, "--draft").stderr == ""
    assert run("exceptions", "list").stderr == ""


@pytest.mark.parametrize("has_settings", [False, True], ids=["no settings", "after init"])
def test_audit_says_once_that_there_is_no_register(here: Path, demo: Demo, *, has_settings: bool) -> None:
    if has_settings:
        run("init")
    scope = {
        "ORGAUDIT_SCOPE_ACCOUNTS": demo.management_account_id,
        "ORGAUDIT_SCOPE_CONTROLS": "cloudtrail_trail_logging",
    }
    environment = environment_for(demo.endpoint_url, demo) | scope
    done = commands.run(("audit", "--run-id", "run", "--format", "json"), environment, here)
    assert done.returncode in {ExitCode.CLEAN, ExitCode.FINDINGS}, done.stderr
    assert done.stderr.count("no exception register was found (looked for config/exceptions.yaml)") == (
        not has_settings
    )
    source = json.loads(Path("reports/run/register.json").read_text())["source"]
    assert (source["sha256"] is None) == (not has_settings)
