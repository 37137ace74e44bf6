"""Ids such as EC2.7 in the register's commands: accepted, explained, recorded, searched, and refused with choices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from orgaudit.cli import orgaudit as program
from orgaudit.errors import ConfigError
from orgaudit.register.file.edit import RegisterEditor

ID = "EXC-2026-0001"
EBS = "ec2_ebs_default_encryption_enabled"
REST = ("--title", "Old disks", "--type", "risk_acceptance", "--justification", "Nothing runs there.")
WHO = ("--owner", "Ana <ana@example.com>", "--ticket", "SEC-1", "--expires-on", "2026-02-20")
SCOPE = ("--account", "111122223333")
REGISTER = Path("config/exceptions.yaml")


@pytest.fixture(autouse=True)
def _desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "orgaudit.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORGAUDIT_BY", "ana@example.com")


def told(*arguments: str, code: int = 0, group: str = "exceptions") -> str:
    dated = () if arguments[0] in {"check", "import"} else ("--as-of", "2026-02-02")
    result = CliRunner().invoke(program, [group, *arguments, *dated], standalone_mode=False)
    if isinstance(result.exception, ConfigError):
        assert code == 2, result.exception
        return str(result.exception)
    assert result.exception is None, result.exception
    assert (result.return_value or 0) == code, result.output
    return result.output


def added(*controls: str, code: int = 0) -> str:
    chosen = [part for control in controls for part in ("--control", control)]
    return told("add", *REST, *WHO, *SCOPE, *chosen, code=code)


def test_the_file_keeps_what_people_wrote_and_the_approval_what_it_stands_for() -> None:
    added("EC2.7", EBS, "ELB.5")
    assert RegisterEditor.open(REGISTER).entry(ID)["scope"]["controls"] == ["EC2.7", EBS, "ELB.5"]
    said = told("approve", ID, "--by", "jo@example.com", "--why", "seen")
    assert f"EC2.7 stands for {EBS}" in said
    event = RegisterEditor.open(REGISTER).entry(ID)["history"][-1]
    assert event["stands_for"]["EC2.7"] == [EBS]
    assert len(event["stands_for"]["ELB.5"]) == 2
    assert sum("stands_for" in line for line in REGISTER.read_text().splitlines()) == 1
    checked = told("check")
    assert f"{ID}: EC2.7 stands for {EBS}\n" in checked
    assert f"{ID}: ELB.5 stands for {', '.join(event['stands_for']['ELB.5'])}\n" in checked
    assert checked.endswith("1 sound, 0 invalid\n")
    [row] = json.loads(told("list", "--json"))
    assert row["stands_for"]["EC2.7"] == [EBS]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("EC2.77", "no control 'EC2.77'; did you mean EC2.7"),
        ("1.6", "frameworks; write one of cis_1.2:1.6, cis_1.3:1.6"),
        ("CIS 1.6", "frameworks; write one of cis_1.2:1.6"),
        ("cis_4.0 1.6", "write cis_4.0:1.6"),
        ("WAF.12", "no control decides WAF.12"),
    ],
)
def test_a_name_that_stands_for_nothing_is_refused(name: str, says: str) -> None:
    assert says in added(name, code=2)
    assert not REGISTER.exists()


def test_an_ambiguous_name_is_not_accepted_as_an_unknown_one() -> None:
    said = told("add", *REST, *WHO, *SCOPE, "--control", "1.6", "--unknown", code=2)
    assert "write one of cis_1.2:1.6" in said
    assert "--unknown" not in said
    assert f"{ID}: pending" in told("add", *REST, *WHO, *SCOPE, "--control", "later_control", "--unknown")


def test_an_ambiguous_name_in_the_file_is_a_problem_with_its_line() -> None:
    added("cis_4.0:1.6")
    REGISTER.write_text(REGISTER.read_text().replace("cis_4.0:1.6", "'1.6'"))
    said = told("check", code=2)
    line = next(number for number, text in enumerate(REGISTER.read_text().splitlines(), 1) if "'1.6'" in text)
    assert f"exceptions.yaml:{line}: exceptions[0].scope.controls[0]: '1.6' names requirements of" in said
    assert "0 sound, 1 invalid" in said


@pytest.mark.parametrize("name", [EBS, "EC2.7", "fsbp:EC2.7", "fsbp EC2.7"])
def test_a_search_by_any_name_finds_an_exception_by_any_other(name: str) -> None:
    added("EC2.7")
    assert ID in told("list", "--control", name)
    assert ID not in told("list", "--control", "ELB.5")
    assert ID not in told("list", "--control", "1.6")


def test_a_search_by_an_ambiguous_id_lists_all_that_it_may_mean() -> None:
    added("cis_4.0:1.6")
    assert ID in told("list", "--control", "1.6")
    assert ID in told("list", "--control", "CIS 1.6")
    assert "did you mean EC2.7?" in told("list", "--control", "EC2.77", code=2)


def test_an_import_takes_ids_as_security_hub_writes_them() -> None:
    Path("old.csv").write_text(
        "Finding,Accounts,Why\n[EC2.7],111122223333,old\nfsbp:ELB.5,111122223333,old\n1.6,111122223333,x\n"
    )
    mapped = ("--map", "Finding=controls", "--map", "Accounts=accounts", "--map", "Why=justification")
    said = told("import", "old.csv", "--from", "spreadsheet", *mapped, "--as-of", "2026-02-02")
    editor = RegisterEditor.open(REGISTER)
    assert editor.entry(ID)["scope"]["controls"] == ["EC2.7"]
    assert editor.entry("EXC-2026-0002")["scope"]["controls"] == ["fsbp:ELB.5"]
    assert "scope" not in editor.entry("EXC-2026-0003")
    assert "'1.6' names requirements of" in said


def test_an_attestation_by_an_id_alone_is_written_whole() -> None:
    rest = ("pass", *SCOPE, "--evidence", "seen", "--expires-on", "2026-03-01")
    told("attestations", "add", "AC-2", *rest)
    assert RegisterEditor.open(REGISTER).entry("ATT-2026-0001", "attestations")["requirement"] == "nist_800_53_r5:AC-2"
    said = told("attestations", "add", "1.1", *rest, code=2)
    assert "'1.1' names requirements of" in said
    assert "write one of cis_1.2:1.1" in said
