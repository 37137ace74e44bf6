"""Names in new entries as a user meets them: refused with a suggestion, resolved, or accepted where that is chosen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from openpyxl import load_workbook

from orgaudit.cli import orgaudit as program
from orgaudit.errors import ConfigError
from orgaudit.model import Account, RequirementRef, Status
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.register.workbook.columns import HEADER_ROW
from orgaudit.settings import control_names
from orgaudit.settings.documents import PACKAGED
from orgaudit.store.register_result import read_result
from orgaudit.store.run import Run, write_lines
from tests.synthetic_run import build

CONTROL = "cloudtrail_trail_logging"
SHOP = Account(
    id="111122223333", name="Shop Prod", ou_path="Root/Workloads", ou_ids=("r-abcd", "ou-abcd-work1234"), tags={}
)
TWINS = tuple(Account(id=f"{n}" * 12, name="Sandbox", ou_path="Root", ou_ids=("r-abcd",)) for n in (4, 5))
REST = ("--title", "The trail rests", "--type", "risk_acceptance", "--justification", "Nothing runs there.")
WHO = ("--owner", "Ana <ana@example.com>", "--ticket", "SEC-1", "--expires-on", "2026-02-20", "--as-of", "2026-02-02")
ID = "EXC-2026-0001"
REGISTER = Path("config/exceptions.yaml")


@pytest.fixture(autouse=True)
def _desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "orgaudit.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORGAUDIT_BY", "ana@example.com")


@pytest.fixture
def run() -> Run:
    """A run that knows an account, and two more of one name."""
    stored = build(Path("reports") / "r1", accounts=1)
    manifest = stored.read_manifest()
    stored.write_manifest(msgspec.structs.replace(manifest, accounts=(*manifest.accounts, SHOP), out_of_scope=TWINS))
    return stored


def told(*arguments: str, code: int = 0, asked: str | None = None) -> str:
    """Run a command of the register and return what it printed on both streams; it must end with the code."""
    result = CliRunner().invoke(program, ["exceptions", *arguments], input=asked, standalone_mode=False)
    if isinstance(result.exception, ConfigError):
        assert code == 2, result.exception
        return str(result.exception)
    assert result.exception is None, result.exception
    assert (result.return_value or 0) == code, result.output
    return result.output


def added(*scope: str, code: int = 0, asked: str | None = None) -> str:
    return told("add", *REST, *WHO, *scope, code=code, asked=asked)


def scope() -> dict[str, Any]:
    found: dict[str, Any] = RegisterEditor.open(REGISTER).entry(ID)["scope"]
    return found


# exceptions add


@pytest.mark.usefixtures("run")
def test_add_refuses_all_unknown_names_at_once_each_with_the_nearest() -> None:
    wrong = ("--control", "cloudtrail_trail_loging", "--control", "cis_4.0:99.1", "--account", "111122223334")
    said = added(*wrong, "--account", "Shop Prd", "--ou", "Workloads", "--control", CONTROL, code=2).splitlines()
    assert said == [
        "--account: no known account '111122223334'; did you mean 111122223333? (--unknown accepts it)",
        "--account: no account is called 'Shop Prd'; did you mean Shop Prod?",
        f"--control: no control 'cloudtrail_trail_loging'; did you mean {CONTROL}? (--unknown accepts it)",
        "--control: cis_4.0 has no requirement '99.1'; --unknown accepts it",
        "--ou: no known unit 'Workloads'; did you mean Root/Workloads? (--unknown accepts it)",
    ]
    assert not REGISTER.exists()


@pytest.mark.usefixtures("run")
def test_add_accepts_unknown_names_where_that_is_chosen() -> None:
    out = added("--control", "of_another_tool", "--account", "999999999999", "--ou", "Root/New", "--unknown")
    assert "not checked" not in out
    assert scope() == {"controls": ["of_another_tool"], "accounts": ["999999999999"], "ous": ["Root/New"]}


@pytest.mark.usefixtures("run")
def test_add_refuses_what_cannot_be_an_account_even_then() -> None:
    assert "no account is called 'Nobody'" in added("--control", CONTROL, "--account", "Nobody", "--unknown", code=2)
    said = added("--control", CONTROL, "--account", "Sandbox", "--unknown", code=2)
    assert said == "--account: 2 accounts are called 'Sandbox'; write the id: 444444444444, 555555555555"


@pytest.mark.usefixtures("run")
def test_add_writes_the_id_of_an_account_that_a_run_knows_by_name() -> None:
    said = added("--control", CONTROL, "--account", "shop prod", "--account", "444444444444", "--ou", "Root")
    assert f"{ID}: pending" in said
    assert scope()["accounts"] == ["111122223333", "444444444444"]


def test_without_a_run_an_account_is_accepted_with_a_warning_and_a_control_is_not() -> None:
    said = added("--control", CONTROL, "--account", "999999999999", "--ou", "Root/New")
    assert "orgaudit: no run is stored, so the account 999999999999 was not checked" in said
    assert "orgaudit: no run is stored, so the unit Root/New was not checked" in said
    assert f"{ID}: pending" in said
    assert "no control 'of_another_tool'" in added("--control", "of_another_tool", code=2)


@pytest.mark.usefixtures("run")
def test_runs_are_found_where_out_says() -> None:
    assert "no run is stored" in added("--control", CONTROL, "--account", "999999999999", "--out", "elsewhere")
    assert "no known account" in added("--control", CONTROL, "--account", "999999999999", code=2)


def test_a_finding_of_an_account_that_left_is_refused(run: Run) -> None:
    finding = next(run.findings("100000000000"))
    manifest = run.read_manifest()
    newer = msgspec.structs.replace(
        manifest, run_id="r2", accounts=(SHOP,), started_at=manifest.started_at.replace(year=2027)
    )
    Run(Path("reports/r2")).create()
    Run(Path("reports/r2")).write_manifest(newer)
    said = told("add", "--from-finding", finding.fingerprint, "r1", *WHO, code=2)
    assert "--account: no known account '100000000000'" in said
    assert f"--control: no control '{finding.control}'" in said


@pytest.mark.usefixtures("run")
def test_on_a_terminal_an_unknown_name_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    class Sys:
        class stdin:  # noqa: N801 - as sys has it
            isatty = staticmethod(lambda: True)

    monkeypatch.setattr("orgaudit.cli.exceptions.adding.sys", Sys)
    asked = f"cloudtrail_trail_loging, {CONTROL}\n{CONTROL}\nnobody\nSHOP PROD, 444444444444\n"
    said = added(asked=asked)
    assert f"no control 'cloudtrail_trail_loging'; did you mean {CONTROL}?" in said
    assert "no account is called 'nobody'" in said
    assert scope() == {"controls": [CONTROL], "accounts": ["111122223333", "444444444444"]}


# attestations add


def attested(*more: str, requirement: str = "cis_2.0:1.1", code: int = 0) -> str:
    given = ("--evidence", "the sheet", "--expires-on", "2027-02-01", "--as-of", "2026-02-02")
    return told("attestations", "add", requirement, "pass", *given, *more, code=code)


@pytest.mark.usefixtures("run")
def test_an_attestation_is_for_known_accounts_and_units() -> None:
    said = attested("--account", "shop prd", "--account", "999999999999", requirement="cis_2.0:1.111", code=2)
    assert said.splitlines() == [
        "REQUIREMENT: cis_2.0 has no requirement '1.111'; did you mean 1.11?",
        "--account: no account is called 'shop prd'; did you mean Shop Prod?",
        "--account: no known account '999999999999'; known: 100000000000, 111122223333, 444444444444, 555555555555 "
        "(--unknown accepts it)",
    ]
    assert "--ou: no known unit 'Root/New'" in attested("--ou", "Root/New", code=2)
    assert not REGISTER.exists()
    attested("--account", "Shop Prod")
    attested("--account", "999999999999", "--unknown")
    ledger = RegisterEditor.open(REGISTER)
    assert [ledger.entry(f"ATT-2026-000{n}", "attestations")["accounts"] for n in (1, 2)] == [
        ["111122223333"],
        ["999999999999"],
    ]


def test_without_a_run_an_attestation_is_accepted_with_a_warning() -> None:
    assert "no run is stored, so the unit Root/New was not checked" in attested("--ou", "Root/New")
    assert "ATT-2026-0001" in json.dumps(RegisterEditor.open(REGISTER).ids("attestations"))


# exceptions import


def exported(ticket: str, accounts: str) -> None:
    """Write the register as a workbook, and put a ticket and accounts into the row of its first exception."""
    told("export", "owners.xlsx", "--as-of", "2026-02-02")
    book = load_workbook("owners.xlsx")
    sheet = book["Exceptions"]
    columns = {cell.value: number for number, cell in enumerate(sheet[HEADER_ROW], 1)}
    row = HEADER_ROW + 1
    assert sheet.cell(row, columns["ID"]).value == ID
    sheet.cell(row, columns["Ticket"]).value = ticket
    sheet.cell(row, columns["Covers accounts"]).value = accounts
    book.save("owners.xlsx")


@pytest.mark.usefixtures("run")
def test_a_workbook_with_an_unknown_account_is_refused_unless_that_is_chosen() -> None:
    added("--control", CONTROL, "--account", "Shop Prod")
    exported("SEC-2", "Shop Prod\n999999999999")
    said = told("import", "owners.xlsx", "--as-of", "2026-02-02", code=2)
    assert "no known account '999999999999'" in said
    assert "Exceptions!" in said
    told("import", "owners.xlsx", "--as-of", "2026-02-02", "--unknown")
    assert scope()["accounts"] == ["111122223333", "999999999999"]


def test_a_workbook_says_what_could_not_be_checked() -> None:
    added("--control", CONTROL, "--account", "111122223333")
    exported("SEC-2", "111122223333\n999999999999")
    said = told("import", "owners.xlsx", "--as-of", "2026-02-02")
    assert "orgaudit: no run is stored, so the account 999999999999 was not checked" in said


SHEET = f"Title,Account,Check\nGood,111122223333,{CONTROL}\nBad,999999999999,{CONTROL}\n"
COLUMNS = ("--map", "Title=title", "--map", "Account=accounts", "--map", "Check=controls")


@pytest.mark.usefixtures("run")
def test_a_row_with_an_unknown_account_becomes_a_draft_without_a_scope() -> None:
    Path("risks.csv").write_text(SHEET)
    said = told("import", "--from", "spreadsheet", "risks.csv", *COLUMNS, "--as-of", "2026-02-02")
    assert "  accounts: no known account '999999999999'; known: " in said
    ledger = RegisterEditor.open(REGISTER)
    assert [("scope" in ledger.entry(name)) for name in ledger.ids()] == [True, False]
    REGISTER.unlink()
    told("import", "--from", "spreadsheet", "risks.csv", *COLUMNS, "--as-of", "2026-02-02", "--unknown")
    ledger = RegisterEditor.open(REGISTER)
    assert [("scope" in ledger.entry(name)) for name in ledger.ids()] == [True, True]


def test_without_a_run_a_spreadsheet_comes_in_with_one_warning() -> None:
    Path("risks.csv").write_text(SHEET)
    said = told("import", "--from", "spreadsheet", "risks.csv", *COLUMNS, "--as-of", "2026-02-02")
    assert said.count("were not checked") == 1
    assert "no run is stored, so the accounts 111122223333, 999999999999 were not checked" in said


# Scopes, by the requirement of a framework that the run did not use


def judged(run: Run) -> None:
    """Make the first account's findings and cells those of a control that exists, by one framework only."""
    account = run.read_manifest().accounts[0].id
    findings = list(run.findings(account))
    failing = next(each for each in findings if each.status is Status.FAIL)
    own = [RequirementRef("cis_3.0", "3.1")]
    write_lines(run.findings_path(account), [msgspec.structs.replace(failing, control=CONTROL, requirements=own)])
    cells = [each for each in run.cells(account) if each.control == failing.control and each.region == failing.region]
    write_lines(run.cells_path(account), [msgspec.structs.replace(each, control=CONTROL) for each in cells])
    manifest = run.read_manifest()
    record = msgspec.structs.replace(manifest.controls[0], id=CONTROL)
    run.write_manifest(
        msgspec.structs.replace(manifest, controls=(record,), accounts=manifest.accounts[:1], frameworks=())
    )


def named_by(framework: str) -> str:
    """Return a requirement of a framework's file that the control decides."""
    return next(
        name for name in control_names.names_by_control(PACKAGED, {})[CONTROL] if name.startswith(f"{framework}:")
    )


@pytest.mark.parametrize("pattern", ["exact", "glob"])
def test_an_exception_by_another_frameworks_requirement_covers_the_finding(run: Run, pattern: str) -> None:
    judged(run)
    name = named_by("nist_800_53_r5")
    added("--control", name if pattern == "exact" else "nist_800_53_r5:*", "--account", "100000000000")
    shown = json.loads(told("match", ID, "r1", "--json"))
    assert [each["control"] for each in shown["would_cover"]] == [CONTROL]
    told("approve", ID, "--by", "jo@example.com", "--why", "seen", "--as-of", "2026-02-02")
    remarks = json.loads(told("hygiene", "r1", "--json", "--as-of", "2026-02-03"))["remarks"]
    assert [each["concern"] for each in remarks] == ["expiring"]
    assert remarks[0]["findings"] == 1
    report = ["report", "r1", "--as-of", "2026-02-03", "--format", "json"]
    result = CliRunner().invoke(program, report, standalone_mode=False)
    assert result.exception is None, result.exception
    assert read_result(run).covered == {ID: 1}
