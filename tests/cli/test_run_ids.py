"""A run's id is one segment of a path, wherever it is given."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from orgaudit import cli
from orgaudit.cli import options
from orgaudit.errors import ConfigError
from orgaudit.store.run import valid_id
from tests.sealed import sealed_run, settings_for

ESCAPES = (
    "../x",
    "..",
    ".",
    "a/b",
    "/tmp/x",
    ".hidden",
    "",
    "-x",
    "a\nb",
    "a\0b",
    "a b",
    "ä",
    "x" * 101,
    "latest",
    "Latest",
)
IDS = ("2026-q3", "20261121T080000Z", "a", "_x", "a.b-c_D", "x" * 100, "1..2")


@pytest.mark.parametrize("name", ESCAPES)
def test_id_that_leads_elsewhere_is_none(name: str) -> None:
    assert not valid_id(name)


@pytest.mark.parametrize("name", IDS)
def test_id_of_plain_characters_is_one(name: str) -> None:
    assert valid_id(name)


@pytest.mark.parametrize("name", ["../x", "latest", "a/b", ".x"])
def test_audit_refuses_such_an_id_before_anything_is_written(tmp_path: Path, name: str) -> None:
    (tmp_path / "orgaudit.toml").write_text("")
    out = tmp_path / "reports"
    arguments = ["audit", "--config", str(tmp_path / "orgaudit.toml"), "--out", str(out), "--run-id", name]
    done = CliRunner().invoke(cli.orgaudit, arguments)
    assert isinstance(done.exception, ConfigError)
    assert "--run-id" in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["orgaudit.toml"]


def test_run_is_not_sought_outside_the_output_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = sealed_run(tmp_path / "elsewhere", "run")
    (tmp_path / "out").mkdir()
    settings = settings_for(tmp_path / "out")
    with pytest.raises(ConfigError, match="no run"):
        options.find_run("../elsewhere/run", settings)
    monkeypatch.chdir(tmp_path)
    assert options.find_run("elsewhere/run", settings).path == run.path, "a path to a directory is meant"


def test_latest_is_found_under_the_output_directory(tmp_path: Path) -> None:
    run = sealed_run(tmp_path, "run")
    (tmp_path / "latest").symlink_to("run")
    assert options.find_run("latest", settings_for(tmp_path)).path == run.path
