"""report --split: what it prints, and what it refuses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from orgaudit.cli import orgaudit
from orgaudit.errors import ConfigError
from orgaudit.store.run import Run
from orgaudit.store.verify import verify
from tests.report.parts import AUDIT_TEAM, Seen, written

ROOT = Path(__file__).resolve().parents[2]
ACCOUNTS = (("Ann Ash <ann@example.org>", "Root"),)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    (tmp_path / "orgaudit.toml").write_text(f"[run]\nformats = ['json']\n[ownership]\naudit_team = '{AUDIT_TEAM}'\n")
    seen = [
        Seen(name="one", owner="Ann Ash <ann@example.org>", late=True),
        Seen(name="two", owner="Team\x1b[31m Blue"),
        Seen(name="three"),
    ]
    return written(tmp_path, ACCOUNTS, seen, sealed=True)


def reported(run: Run, *options: str) -> tuple[int, str]:
    arguments = ["report", str(run.path), "--config", str(run.path.parent / "orgaudit.toml"), *options]
    done = CliRunner().invoke(orgaudit, arguments)
    if isinstance(done.exception, ConfigError):
        raise done.exception
    return done.exit_code, done.output


def test_a_line_for_each_part_says_what_is_open_and_where_the_files_are(run: Run) -> None:
    _, output = reported(run, "--split", "owner")
    table = output[output.index("   OPEN") :].splitlines()
    assert [line.split() for line in table[1:4]] == [
        ["1", "1", "Ann", "Ash", "<ann@example.org>", "ann@example.org.xlsx,", "ann@example.org"],
        ["1", "0", "Team", "Blue", table[2].split()[4], "no", "address"],
        ["1", "0", "unassigned", "unassigned.xlsx,", "audit@example.org"],
    ]
    assert "\x1b" not in output
    assert "3 workbooks and 2 mails in" in output
    assert "2026-q3/split-owner; a mail has the name of its workbook" in output
    assert "nothing was sent" in output
    assert "1 workbook without a mail" in output
    assert len(list((run.path / "split-owner").iterdir())) == 5
    assert verify(run) == []


def test_who_is_killed_while_writing_gets_the_same_files_the_next_time(tmp_path: Path) -> None:
    owners = [f"o{n}@example.org" for n in range(5)]
    seen = [Seen(name=f"thing{n}x", owner=owner) for n, owner in enumerate(owners)]
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    whole, run = (written(tmp_path / name, ACCOUNTS, seen, sealed=True) for name in ("whole", "killed"))
    command = [sys.executable, "-m", "orgaudit", "report", str(run.path), "--format", "json", "--split", "owner"]
    with subprocess.Popen(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}) as process:
        deadline = time.monotonic() + 120
        while len(list((run.path / "split-owner").glob("*.eml"))) < 2:
            assert process.poll() is None, "the command ended before it could be killed"
            assert time.monotonic() < deadline
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert 4 <= len(list((run.path / "split-owner").iterdir())) < 10
    for each in (whole, run):
        done = CliRunner().invoke(orgaudit, ["report", str(each.path), "--format", "json", "--split", "owner"])
        assert "5 workbooks and 5 mails in" in done.output
        assert verify(each) == []
    assert files_in(run) == files_in(whole)
    assert len(files_in(run)) == 10


def files_in(run: Run) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (run.path / "split-owner").iterdir()}


def test_one_owner_alone_and_an_unknown_one(run: Run) -> None:
    _, output = reported(run, "--split", "owner", "--owner", "ann ash")
    assert "1 workbook and 1 mail in" in output
    with pytest.raises(ConfigError, match="nothing in the run is of owner 'ann'"):
        reported(run, "--split", "owner", "--owner", "ann")


def test_what_cannot_be_split_by_is_refused_before_anything_is_written(run: Run) -> None:
    before = sorted(run.path.rglob("*"))
    for options, words in (
        (("--split", "region"), "'owner', 'unit', 'account'"),
        (("--owner", "ann"), "add --split owner"),
        (("--split", "unit", "--owner", "ann"), "add --split owner"),
    ):
        code, output = reported(run, *options)
        assert code == 2
        assert words in output
    assert sorted(run.path.rglob("*")) == before


def test_another_date_has_its_own_split_workbooks(run: Run) -> None:
    reported(run, "--split", "account")
    reported(run, "--split", "account", "--as-of", "2026-11-01")
    assert {path.parent.name for path in run.path.rglob("split-account")} == {"2026-q3", "as-of-2026-11-01"}
    assert verify(run) == []
