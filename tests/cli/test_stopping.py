"""The command that continues a run: whole, and as a shell takes it."""

from __future__ import annotations

import shlex
from datetime import date
from pathlib import Path
from typing import Any

import click
import pytest

from orgaudit.cli.audit import audit
from orgaudit.cli.stopping import Stopped, resumable, resume_command
from orgaudit.errors import AccessError, ConfigError, CutShortError, OrgauditError, ReportError
from orgaudit.store.run import Run

GIVEN = (
    *("--config", "a directory/own.toml", "--profile", "p", "--role-name", "Reader", "--out", "o's"),
    *("--workers", "2", "--register", "r.yaml", "--as-of", "2026-01-02", "--format", "json", "--format", "xlsx"),
    *("--fail-on", "never"),
)


def options_of(*arguments: str) -> dict[str, Any]:
    """The options of `audit` as click gives them to it."""
    return audit.make_context("audit", list(arguments)).params


def begun(directory: Path) -> Run:
    run = Run(directory / "2026-q4")
    run.create()
    run.manifest_path.write_text("{}")
    return run


def test_every_option_comes_again(tmp_path: Path) -> None:
    command = resume_command(begun(tmp_path), options_of(*GIVEN)).strip("`")
    program, name, *arguments = shlex.split(command)
    assert (program, name) == ("orgaudit", "audit")
    again, first = options_of(*arguments), options_of(*GIVEN)
    assert again.pop("resume") == "2026-q4"
    assert again == {key: value for key, value in first.items() if key != "resume"}
    assert again["as_of"] == date(2026, 1, 2)


def test_defaults_are_left_out(tmp_path: Path) -> None:
    assert resume_command(begun(tmp_path), options_of()) == "`orgaudit audit --resume 2026-q4`"
    severe = resume_command(begun(tmp_path), options_of("--fail-on", "high"))
    assert severe == "`orgaudit audit --resume 2026-q4 --fail-on=high`"


@pytest.mark.parametrize("name", ["s3://bucket/runs/2026-q4", "elsewhere/2026-q4"])
def test_a_run_that_was_named_with_its_place_is_named_so_again(tmp_path: Path, name: str) -> None:
    assert resume_command(begun(tmp_path), options_of("--resume", name)) == f"`orgaudit audit --resume {name}`"
    assert "--resume 2026-q4" in resume_command(begun(tmp_path), options_of("--resume", "latest"))


def test_an_external_id_is_not_printed(tmp_path: Path) -> None:
    command = resume_command(begun(tmp_path), options_of("--external-id", "quarter:4"))
    assert command == '`orgaudit audit --resume 2026-q4 --external-id="$EXTERNAL_ID"`'


def test_every_option_that_decides_how_a_run_goes_on_is_one_of_these() -> None:
    """A new option of `audit` has to be put on one side."""
    chosen_by_the_run = {
        *("account", "ou", "region", "framework", "nist_baseline", "control", "run_id", "resume"),
        *("since", "older_than", "only_open"),
    }
    again = {
        "config",
        "profile",
        "role_name",
        "external_id",
        "out",
        "workers",
        "dask",
        "progress",
        "formats",
        "register_file",
    }
    assert {each.name for each in audit.params} - chosen_by_the_run == again | {"fail_on", "as_of", "baseline"}


@pytest.mark.parametrize("error", [AccessError("the session expired"), ReportError("cannot write; free space")])
def test_a_run_that_lost_its_access_or_its_disk_says_how_to_go_on(error: OrgauditError, tmp_path: Path) -> None:
    with pytest.raises(type(error)) as ended, resumable(begun(tmp_path), options_of("--config", "c.toml")):
        raise error
    told = "what was collected is kept, then go on with `orgaudit audit --resume 2026-q4 --config=c.toml`"
    assert str(ended.value) == f"{error}; {told}"


def test_a_short_command_in_an_error_becomes_the_whole_one(tmp_path: Path) -> None:
    lost = CutShortError("a worker was lost; continue with `orgaudit audit --resume 2026-q4`")
    with pytest.raises(CutShortError) as ended, resumable(begun(tmp_path), options_of("--out", "o")):
        raise lost
    assert str(ended.value) == "a worker was lost; continue with `orgaudit audit --resume 2026-q4 --out=o`"


def test_other_errors_stay_as_they_are(tmp_path: Path) -> None:
    for error in (ConfigError("wrong"), CutShortError("another process has taken over the run")):
        with pytest.raises(type(error)) as ended, resumable(begun(tmp_path), options_of()):
            raise error
        assert ended.value is error
    with pytest.raises(AccessError) as refused, resumable(Run(tmp_path / "none"), options_of()):
        raise AccessError("no credentials")
    assert str(refused.value) == "no credentials"


def test_a_stop_is_an_abort_with_the_command(tmp_path: Path) -> None:
    with (
        pytest.raises(click.Abort, match="go on with `orgaudit audit --resume 2026-q4`"),
        resumable(begun(tmp_path), {}),
    ):
        raise KeyboardInterrupt
    with pytest.raises(Stopped, match="has not begun"), resumable(Run(tmp_path / "none"), {}):
        raise KeyboardInterrupt
