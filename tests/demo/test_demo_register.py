"""The register of `orgaudit demo`: written anew each day, and kept once somebody has edited it."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from orgaudit import cli
from orgaudit.demo import exception_entries
from orgaudit.demo.exception_entries import is_edited, write_register
from orgaudit.errors import ExitCode, ReportError
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.file.load import load_register
from orgaudit.settings.sections import RegisterSettings
from tests import commands

LONG_AGO = datetime(2025, 3, 1, tzinfo=UTC)


class Clock(datetime):
    """A clock that stands."""

    at = LONG_AGO

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return cls.at


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """The register that an earlier demo wrote."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(exception_entries, "datetime", Clock)
        return write_register(tmp_path / "demo-exceptions.yaml")


def first_day(register: Path) -> date:
    day: date = RegisterEditor.open(register).entry("EXC-2026-0001")["starts_on"]
    return day


def test_register_is_one_that_loads(old: Path) -> None:
    register = load_register(old, RegisterSettings())
    assert len(register.exceptions) == 4
    assert [problem.key for problem in register.problems()] != []
    assert first_day(old) == LONG_AGO.date() - timedelta(days=40)


def test_an_unedited_one_of_another_day_is_written_anew(old: Path) -> None:
    assert not is_edited(old)
    write_register(old)
    assert first_day(old) == datetime.now(UTC).date() - timedelta(days=40)
    written = old.read_bytes()
    write_register(old)
    assert old.read_bytes() == written


def test_an_unedited_one_of_another_version_is_written_anew(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [{**entry, "ticket": "RISK-1"} for entry in exception_entries.ENTRIES]
    monkeypatch.setattr(exception_entries, "ENTRIES", entries)
    write_register(old)
    assert old.read_text().count("ticket: RISK-1\n") == len(entries)


@pytest.mark.parametrize(
    ("old_text", "new_text"),
    [
        ("ticket: RISK-214", "ticket: RISK-215"),
        ("exceptions:\n", "exceptions:\n# seen by Lev\n"),
        ("# The demo", "# My demo"),
        ("\n", "\r\n"),
    ],
    ids=["a value", "a comment", "the first line", "ends of lines"],
)
def test_an_edited_one_is_kept(old: Path, old_text: str, new_text: str) -> None:
    edited = old.read_bytes().replace(old_text.encode(), new_text.encode())
    old.write_bytes(edited)
    assert is_edited(old)
    write_register(old)
    assert old.read_bytes() == edited


@pytest.mark.parametrize("content", [b"", b"exceptions:\n"], ids=["empty", "of an earlier version, without the line"])
def test_what_no_demo_signed_is_kept(tmp_path: Path, content: bytes) -> None:
    register = tmp_path / "demo-exceptions.yaml"
    register.write_bytes(content)
    write_register(register)
    assert register.read_bytes() == content


def test_one_that_a_command_changed_is_kept(old: Path) -> None:
    assert not is_edited(old)
    words = ("exceptions", "add", "--title", "T", "--draft", "--by", "ines@meridian.example", "--register", str(old))
    done = CliRunner().invoke(cli.orgaudit, words)
    assert done.exit_code == 0, done.output
    assert is_edited(old)


def test_a_directory_in_its_place_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"cannot read .*name another --out"):
        write_register(tmp_path)


def test_the_demo_says_that_it_keeps_an_edited_register(old: Path, tmp_path: Path) -> None:
    config = tmp_path / "config" / "orgaudit.toml"
    config.parent.mkdir()
    config.write_text('[scope]\naccounts = ["612947305518"]\ncontrols = ["cloudtrail_trail_logging"]\n')
    said = f"{old.name} was edited and is kept; without it, the demo writes one with dates around today.\n"
    for edited in (False, True):
        if edited:
            old.write_bytes(old.read_bytes() + b"# edited\n")
        before = old.read_bytes()
        done = commands.run(("demo", "--out", "."), {"PATH": os.environ["PATH"]}, tmp_path)
        assert done.returncode == ExitCode.CLEAN, done.stderr
        assert f"--register {old.name}" in done.stdout
        assert (old.read_bytes() == before) == edited
        assert (said in done.stdout) == edited
