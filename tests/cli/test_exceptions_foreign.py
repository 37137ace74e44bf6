"""What a user sees of foreign imports and of attestations: questions, drafts, answers and refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from orgaudit.cli import orgaudit as program
from orgaudit.errors import ConfigError
from orgaudit.register.file.edit import RegisterEditor

CONTROL = "cloudtrail_trail_logging"
SHEET = f"Exception,AWS account,Check,Colour\nTrail rests,111122223333,{CONTROL},amber\n"
REGISTER = Path("config/exceptions.yaml")


class Terminal:
    class stdin:  # noqa: N801 - stands for sys.stdin
        @staticmethod
        def isatty() -> bool:
            return True


@pytest.fixture(autouse=True)
def _desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "orgaudit.toml").write_text("")
    (tmp_path / "risks.csv").write_text(SHEET)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORGAUDIT_BY", "ana@example.com")


def told(*arguments: str, code: int = 0, asked: str | None = None) -> str:
    result = CliRunner().invoke(program, ["exceptions", *arguments], input=asked, standalone_mode=False)
    if isinstance(result.exception, ConfigError):
        assert code == 2, result.exception
        return str(result.exception)
    assert result.exception is None, result.exception
    assert (result.return_value or 0) == code, result.output
    return result.output


def test_without_a_terminal_the_guess_is_told_and_nothing_imported() -> None:
    said = told("import", "--from", "spreadsheet", "risks.csv", code=2)
    assert '--map Exception=title --map "AWS account=accounts" --map Check=controls' in said
    assert not REGISTER.exists()


def test_on_a_terminal_each_column_is_asked_with_its_guess(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orgaudit.cli.exceptions.foreign.sys", Terminal)
    said = told("import", "--from", "spreadsheet", "risks.csv", asked="\n\n\n-\ny\n")
    assert "Exception [title]" in said
    assert "1 draft added" in said
    entry = RegisterEditor.open(REGISTER).entry("EXC-2026-0001")
    assert entry["scope"] == {"accounts": ["111122223333"], "controls": [CONTROL]}
    assert "comments" not in entry
    assert entry["history"][0]["who"] == "ana@example.com"


def test_a_no_imports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orgaudit.cli.exceptions.foreign.sys", Terminal)
    command = ["exceptions", "import", "--from", "spreadsheet", "risks.csv"]
    assert CliRunner().invoke(program, command, input="\n\n\n\nn\n").exit_code == 1
    assert not REGISTER.exists()


def test_a_mute_list_comes_in(tmp_path: Path) -> None:
    (tmp_path / "mutes.yaml").write_text(
        'Mutelist: {Accounts: {"111122223333": {Checks: {vpc_flow_logs_enabled: {}}}}}'
    )
    assert "missing: type, justification, owner" in told("import", "--from", "prowler", "mutes.yaml")
    assert "already there" in told("import", "--from", "prowler", "mutes.yaml")
    wrong = told("import", "--from", "prowler", "mutes.yaml", "--map", "a=title", code=2)
    assert "does not take --map; an import --from spreadsheet does" in wrong


IMPORT = ("import", "--from", "spreadsheet", "risks.csv")


def test_the_guess_is_accepted_with_yes_and_shown() -> None:
    said = told(*IMPORT, "--yes")
    assert "risks.csv:1 names the columns\n  Exception -> title\n  AWS account -> accounts" in said
    assert "  Colour -> comments\n" in said
    assert "config/exceptions.yaml: 1 draft added; 0 left out\n" in said
    assert RegisterEditor.open(REGISTER).entry("EXC-2026-0001")["comments"] == "Colour: amber"


def test_a_column_that_is_named_goes_before_the_guess() -> None:
    told(*IMPORT, "--yes", "--map", "Colour=severity_adjusted", "--map", "Exception=ticket")
    entry = RegisterEditor.open(REGISTER).entry("EXC-2026-0001")
    assert entry["ticket"] == "Trail rests"
    assert "title" not in entry
    assert "severity_adjusted: amber" in entry["comments"]


def test_what_is_complete_is_requested_in_the_name_of_who_imports() -> None:
    columns = "Exception,AWS account,Check,Owner,Valid until,Rationale"
    rows = f"Trail,111122223333,{CONTROL},A team,2026-06-30,old\nLogs,111122223333,{CONTROL},A team,,old\n"
    Path("risks.csv").write_text(f"{columns}\n{rows}")
    given = [
        text for pair in ("type=risk_acceptance", "starts_on=2026-06-01", "ticket=SEC-7") for text in ("--set", pair)
    ]
    said = told(*IMPORT, "--yes", *given, "--request", "--as-of", "2026-06-01")
    assert "  SEC-7 -> ticket of every row" in said
    assert "2 drafts added, 1 of them pending; 0 left out" in said
    listed = told("list", "--as-of", "2026-06-01")
    assert "EXC-2026-0001  pending" in listed
    assert "EXC-2026-0002  draft" in listed
    assert "expires_on" in next(line for line in said.splitlines() if line.startswith("  missing"))


def test_a_life_that_policy_does_not_allow_is_not_requested() -> None:
    columns = "Exception,AWS account,Check,Owner,Valid until,Rationale,Jira"
    Path("risks.csv").write_text(f"{columns}\nTrail,111122223333,{CONTROL},A team,2028-06-30,old,SEC-1\n")
    given = ("--set", "type=risk_acceptance", "--set", "starts_on=2026-06-01")
    said = told(*IMPORT, "--yes", *given, "--request", "--as-of", "2026-06-01")
    assert "  not requested: " in said
    assert "EXC-2026-0001  draft" in told("list", "--as-of", "2026-06-01")


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--yes", "--header-row", "7"), "row 7 is empty; give --header-row N"),
        (("--yes", "--sheet", "Risks"), "only a workbook has sheets"),
        (("--yes", "--set", "ticket"), "'ticket' is not KEY=VALUE"),
        (("--map", "Colour"), "'Colour' is not COLUMN=KEY"),
        (("--yes", "--set", "title=x"), "title is the column 'Exception'"),
    ],
)
def test_a_wrong_option_imports_nothing(options: tuple[str, ...], expected: str) -> None:
    assert expected in told(*IMPORT, *options, code=2)
    assert not REGISTER.exists()


def test_options_of_an_import_from_elsewhere_are_for_it_alone() -> None:
    said = told("import", "register.xlsx", "--header-row", "2", "--request", code=2)
    assert "does not take --header-row, --request; an import --from spreadsheet does" in said


ATTEST = ("attestations", "add", "cis_2.0:1.1", "pass", "--account", "111122223333", "--evidence", "the sheet")


def attest(*more: str, code: int = 0) -> str:
    return told(*ATTEST, "--expires-on", "2027-02-01", "--as-of", "2026-02-02", *more, code=code)


def entry() -> dict[str, Any]:
    return RegisterEditor.open(REGISTER).entry("ATT-2026-0001", "attestations")


def test_an_answer_is_given_renewed_and_revoked() -> None:
    assert "ATT-2026-0001 added" in attest()
    renewed = ("--until", "2027-06-01", "--status", "fail", "--why", "looked again", "--by", "jo@example.com")
    shown = told("attestations", "renew", "ATT-2026-0001", *renewed, "--as-of", "2026-08-01")
    assert "status: pass -> fail" in shown
    assert (entry()["status"], entry()["attested_by"]) == ("fail", "jo@example.com")
    revoked = told("attestations", "revoke", "ATT-2026-0001", "--why", "wrong sheet", "--as-of", "2026-08-02")
    assert "ATT-2026-0001: active -> revoked" in revoked
    assert "revoked" in told("attestations", "list", "--as-of", "2026-08-02")
    assert "is active" in told("attestations", "show", "ATT-2026-0001", "--as-of", "2026-08-01")
    history = told("attestations", "history", "ATT-2026-0001")
    events = [line.split()[1] for line in history.splitlines() if line.startswith("2026")]
    assert events == ["created", "renewed", "revoked"]
    assert max(map(len, history.splitlines())) <= 80
    assert told("attestations", "check").endswith("1 sound, 0 invalid\n")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--ou", "Root/Shop"), "for accounts or for ous"),
        (("--expires-on", "2028-02-01"), "policy allows 365"),
    ],
)
def test_an_answer_that_breaks_a_rule_is_not_written(more: tuple[str, ...], said: str) -> None:
    assert said in attest(*more, code=2)
    assert not REGISTER.exists()


@pytest.mark.parametrize(
    ("requirement", "said"), [("cis_2.0:1.111", "did you mean 1.11?"), ("cis_2:1.1", "did you mean cis_2.0?")]
)
def test_an_unknown_requirement_is_named_with_the_nearest(requirement: str, said: str) -> None:
    wrong = tuple(requirement if part == "cis_2.0:1.1" else part for part in ATTEST)
    assert said in told(*wrong, "--expires-on", "2027-02-01", "--as-of", "2026-02-02", code=2)


def test_check_names_the_line_and_ends_with_2() -> None:
    attest()
    REGISTER.write_text(REGISTER.read_text().replace("cis_2.0:1.1", "cis_2.0:77"))
    said = told("attestations", "check", code=2)
    line = next(n for n, text in enumerate(REGISTER.read_text().splitlines(), 1) if "cis_2.0:77" in text)
    assert f"exceptions.yaml:{line}: attestations[0].requirement: cis_2.0 has no requirement '77'" in said
