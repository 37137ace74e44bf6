"""The register's commands as a user calls them: what they print, what they write, and what they refuse."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from orgaudit.cli import orgaudit as program
from orgaudit.cli.exceptions import opening
from orgaudit.errors import ConfigError
from orgaudit.model import Status
from orgaudit.register.file.edit import RegisterEditor
from orgaudit.store.run import Run
from tests.register.making import fields
from tests.synthetic_run import build

CONTROL = "cloudtrail_trail_logging"
COMPLETE = (
    *("--title", "The trail rests", "--type", "risk_acceptance", "--justification", "Nothing runs there."),
    *("--owner", "Ana <ana@example.com>", "--ticket", "SEC-1", "--expires-on", "2026-02-20"),
    *("--control", CONTROL, "--account", "111122223333"),
)
ID = "EXC-2026-0001"


class Desk:
    """A directory with a register, and the command line in it on 2 February 2026."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.register = path / "config" / "exceptions.yaml"

    def __call__(self, *arguments: str, on: str = "2026-02-02", code: int = 0, asked: str | None = None) -> str:
        """Run a command of the register and return what it printed; its exit code must be the expected one."""
        command, *rest = arguments
        dated = () if command in {"check", "history", "match"} else ("--as-of", on)
        whole = ["exceptions", command, *rest, *dated]
        result: Result = CliRunner().invoke(program, whole, input=asked, standalone_mode=False)
        if isinstance(result.exception, ConfigError):
            assert code == 2, result.exception
            return str(result.exception)
        assert result.exception is None, result.exception
        assert (result.return_value or 0) == code, result.output
        return result.stdout if "--json" in arguments else result.output

    def entry(self, name: str = ID) -> dict[str, Any]:
        return RegisterEditor.open(self.register).entry(name)

    def state(self, name: str = ID, on: str = "2026-02-02") -> str:
        rows = json.loads(self("list", "--json", on=on))
        return str(next(row["state"] for row in rows if row["id"] == name))


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "orgaudit.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ORGAUDIT_BY", "ana@example.com")
    return Desk(tmp_path)


@pytest.fixture
def run(desk: Desk) -> Run:
    return build(desk.path / "reports" / "r1")


def write(desk: Desk, *entries: dict[str, Any]) -> None:
    ledger = RegisterEditor.open(desk.register)
    for entry in entries:
        ledger.add(entry)
    ledger.save()


# The life of an exception


def test_a_complete_exception_waits_and_is_approved_renewed_and_revoked(desk: Desk) -> None:
    added = desk("add", *COMPLETE)
    assert f"{ID}: pending" in added
    assert "owner: Ana <ana@example.com>" in added
    assert desk.entry()["requested_by"] == "ana@example.com"
    assert desk.entry()["starts_on"] == date(2026, 2, 2)

    approved = desk("approve", ID, "--by", "jo@example.com", "--why", "seen")
    assert f"{ID}: pending -> expiring" in approved
    assert "approved_by: none -> jo@example.com" in approved

    renewed = desk("renew", ID, "--until", "2026-04-01", "--why", "slow vendor")
    assert f"{ID}: expiring -> expiring, renewal pending" in renewed
    assert "waits for approval: renewal until 2026-04-01; requested on 2026-02-02 by ana@example.com" in renewed
    assert (desk.entry()["expires_on"], desk.state(on="2026-02-21")) == (date(2026, 2, 20), "expired")
    assert f"{ID} is expired, renewal pending on 2026-02-21, 1 day overdue" in desk("show", ID, on="2026-02-21")
    again = desk("approve", ID, "--by", "jo@example.com", "--why", "again")
    assert "expires_on: 2026-02-20 -> 2026-04-01" in again

    assert "active -> revoked" in desk("revoke", ID, "--by", "jo@example.com", "--why", "mended")
    assert [line.split()[1] for line in desk("history", ID).splitlines() if line.startswith("2026")] == [
        *("requested", "approved", "amended", "renewed", "revoked"),
    ]
    assert max(map(len, desk("history", ID).splitlines())) <= 80
    assert "renewed 1 time\n" in desk("show", ID)
    assert desk("check").endswith("1 sound, 0 invalid\n")


def test_an_incomplete_exception_is_a_draft_until_it_is_requested(desk: Desk) -> None:
    added = desk("add", "--title", "Later", "--control", CONTROL)
    assert f"{ID}: draft" in added
    assert "missing before it can be requested: type, justification, owner, ticket, expires_on" in added
    refusal = desk("request", ID, "--why", "now", code=2)
    assert "owner is missing" in refusal
    ledger = RegisterEditor.open(desk.register)
    scope = {"controls": [CONTROL], "accounts": ["111122223333"]}
    ledger.set(
        ID, {key: value for key, value in fields().items() if "_by" not in key and key not in {"id", "approved_on"}}
    )
    ledger.set(ID, {"scope": scope, "starts_on": date(2026, 2, 1), "expires_on": date(2026, 2, 20)})
    ledger.save()
    assert f"{ID}: draft -> pending" in desk("request", ID, "--why", "now")
    assert f"{ID}: pending -> rejected" in desk("reject", ID, "--why", "no", "--by", "jo@example.com")


def test_a_complete_draft_stays_a_draft_where_that_is_asked_for(desk: Desk) -> None:
    desk("add", *COMPLETE, "--draft")
    assert desk.state() == "draft"
    assert "requested_by" not in desk.entry()


def test_ids_go_on_by_year(desk: Desk) -> None:
    for on in ("2026-02-02", "2026-02-02", "2027-01-01"):
        desk("add", "--title", "x", on=on)
    assert RegisterEditor.open(desk.register).ids() == ["EXC-2026-0001", "EXC-2026-0002", "EXC-2027-0001"]


def test_on_a_terminal_it_asks_for_what_is_missing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    class Sys:
        stdin = Terminal()

    monkeypatch.setattr("orgaudit.cli.exceptions.adding.sys", Sys)
    answers = [
        f"{CONTROL}, iam_root_mfa_enabled",
        "risk_acceptance",
        "Rests.",
        "Ana <ana@example.com>",
        "S-1",
        "2026-02-20",
    ]
    shown = desk("add", "--title", "Told", "--account", "111122223333", asked="\n".join(answers) + "\n")
    assert "title:" not in shown.split(ID)[0]
    assert desk.entry()["scope"] == {"controls": [CONTROL, "iam_root_mfa_enabled"], "accounts": ["111122223333"]}
    assert desk.entry()["expires_on"] == date(2026, 2, 20)
    assert desk.state() == "pending"


def test_a_finding_gives_the_scope(desk: Desk, run: Run) -> None:
    account = run.read_manifest().accounts[1]
    finding = next(each for each in run.findings(account.id) if each.status is Status.FAIL)
    desk("add", "--from-finding", finding.fingerprint, "r1", "--unknown")  # an invented control
    assert desk.entry()["scope"] == {
        "controls": [finding.control],
        "accounts": [finding.account_id],
        "regions": [finding.region],
        "resources": [finding.resource],
    }
    assert desk.entry()["title"] == finding.title
    told = json.loads(desk("match", ID, "r1", "--json"))
    assert [each["fingerprint"] for each in told["would_cover"]] == [finding.fingerprint]
    assert "no finding 'beef'" in desk("add", "--from-finding", "beef", "r1", code=2)


# What is refused


def test_who_asked_does_not_approve(desk: Desk) -> None:
    desk("add", *COMPLETE)
    before = desk.register.read_bytes()
    assert "another person must approve" in desk("approve", ID, "--why", "mine", code=2)
    assert desk.register.read_bytes() == before


@pytest.mark.parametrize(
    ("control", "until", "refused"),
    [("iam_root_idle", "2026-03-05", True), ("iam_root_idle", "2026-03-04", False)],
)
def test_the_most_severe_control_decides_how_long(desk: Desk, control: str, until: str, *, refused: bool) -> None:
    (desk.path / "config" / "orgaudit.toml").write_text(
        "[register.longest_days]\ncritical = 30\nhigh = 30\nmedium = 30\nlow = 365\n"
    )
    told = desk("add", *COMPLETE, "--control", control, "--expires-on", until, code=2 if refused else 0)
    if refused:
        assert "policy allows 30 for what it covers; set expires_on to 2026-03-04 or earlier" in told
        write(desk, fields(id=ID, approved_by=None, approved_on=None, starts_on="2026-02-02", expires_on=until))
        told = desk("approve", ID, "--why", "x", "--by", "jo@example.com", code=2)
        assert "set expires_on to 2026-03-04 or earlier" in told
    else:
        desk("approve", ID, "--why", "x", "--by", "jo@example.com")


@pytest.mark.parametrize(
    "arguments",
    [("approve", "--why", "x"), ("renew", "--until", "2027-01-01", "--why", "x"), ("show",), ("history",)],
)
def test_an_unknown_id_names_the_nearest(desk: Desk, arguments: tuple[str, ...]) -> None:
    desk("add", *COMPLETE)
    command, *rest = arguments
    assert f"did you mean {ID}?" in desk(command, "EXC-2026-0010", *rest, code=2)


def test_an_invalid_entry_is_corrected_first(desk: Desk) -> None:
    write(desk, fields(id=ID, approved_by=None, approved_on=None, type="whim"))
    told = desk("approve", ID, "--why", "x", "--by", "jo@example.com", code=2)
    assert "is invalid; correct it first" in told
    assert "'whim' is not one of" in told


def test_a_scope_of_everything_needs_broad(desk: Desk) -> None:
    everywhere = COMPLETE[: COMPLETE.index("--account")]
    assert "set broad: true" in desk("add", *everywhere, code=2)
    desk("add", *everywhere, "--broad")
    assert desk.state() == "pending"


def test_nobody_is_nobody(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ORGAUDIT_BY")
    monkeypatch.setattr("shutil.which", lambda _name: None)
    assert "set ORGAUDIT_BY" in desk("add", *COMPLETE, code=2)
    assert not desk.register.exists()


def test_git_knows_who_acts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[user]\n  email = kim@example.com\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "config"))
    assert opening.person(None, {}) == "kim@example.com"
    assert opening.person(None, {"ORGAUDIT_BY": "jo"}) == "jo"
    assert opening.person("ana", {"ORGAUDIT_BY": "jo"}) == "ana"


def test_a_usage_error_ends_with_2(desk: Desk) -> None:
    command = [sys.executable, "-m", "orgaudit", "exceptions", "approve", ID, "--why", "x"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=desk.path)
    assert done.returncode == 2
    assert "no entry 'EXC-2026-0001'" in done.stderr


# Reading


@pytest.fixture
def three(desk: Desk) -> Desk:
    write(
        desk,
        fields(id="EXC-2026-0001", title="A title that is much too long for the table of eighty columns, by far"),
        fields(id="EXC-2026-0002", owner="Team Blue", scope={"controls": ["s3_*"], "accounts": ["222222222222"]}),
        {"id": "EXC-2026-0003", "title": "Idea"},
        fields(id="EXC-2026-0004", type="whim", owner="Team Blue"),
    )
    return desk


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ((), "1 2 3 4"),
        (("--owner", "blue"), "2 4"),
        (("--state", "draft"), "3"),
        (("--state", "draft", "--state", "invalid"), "3 4"),
        (("--control", "s3_bucket_versioned"), "2"),
        (("--account", "111122223333"), "1"),
        (("--account", "222222222222", "--control", "iam_root_mfa_enabled"), ""),
    ],
)
def test_list_filters(three: Desk, filters: tuple[str, ...], found: str) -> None:
    rows = json.loads(three("list", *filters, "--json"))
    assert " ".join(row["id"][-1] for row in rows) == found
    table = list(csv.DictReader(io.StringIO(three("list", *filters, "--csv"))))
    assert [row["id"] for row in table] == [row["id"] for row in rows]


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        (("--owner", "team blau"), "--owner: no exception has an owner with 'team blau'; did you mean Team Blue?"),
        (("--control", "iam_x"), "--control: no control or requirement 'iam_x'"),
        (("--control", "CIS_4.0:1.4"), "did you mean cis_4.0:1.4?"),
    ],
)
def test_list_refuses_a_name_that_matches_nothing(three: Desk, filters: tuple[str, ...], says: str) -> None:
    assert says in three("list", *filters, code=2)


def test_list_refuses_an_account_that_no_exception_takes(desk: Desk) -> None:
    write(desk, fields(scope={"controls": ["s3_*"], "accounts": ["111122223333"]}))
    assert "no exception covers account '111122223334'; did you mean 111122223333?" in (
        desk("list", "--account", "111122223334", code=2)
    )


def test_list_fits_eighty_columns(three: Desk) -> None:
    lines = three("list", on="2025-01-05").splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == ["ID", "STATE", "EXPIRES", "OWNER", "TITLE"]
    assert lines[1].endswith("…")
    assert lines[-1] == "1 draft, 2 active, 1 invalid"


def test_show_tells_what_is_wrong(three: Desk) -> None:
    shown = three("show", "EXC-2026-0004")
    assert "is invalid" in shown.splitlines()[0]
    assert "'whim' is not one of" in shown
    told = json.loads(three("show", "EXC-2026-0001", "--json", on="2025-03-30"))
    assert (told["state"], told["days_left"], told["entry"]["expires_on"]) == ("expiring", 1, "2025-03-31")


def test_check_names_every_problem_by_its_line(three: Desk) -> None:
    ledger = RegisterEditor.open(three.register)
    ledger.set("EXC-2026-0003", {"titel": "x", "starts_on": "soon"})
    ledger.save()
    told = three("check", code=2)
    text = three.register.read_text().splitlines()
    for wrong in ("type: whim", "titel: x", "starts_on: soon"):
        number = next(index for index, line in enumerate(text, 1) if wrong in line)
        assert f"config/exceptions.yaml:{number}: " in told
    assert told.endswith("2 sound, 2 invalid\n")


# Matching before approval


def test_match_counts_what_an_entry_would_cover(desk: Desk, run: Run) -> None:
    findings = [each for account in run.read_manifest().accounts for each in findings_of(run, account.id)]
    control = next(each.control for each in findings if each.status is Status.FAIL)
    in_scope = [each for each in findings if each.control == control]
    failing = [each for each in in_scope if each.status is Status.FAIL]
    write(desk, {"id": ID, "scope": {"controls": [control]}, "max_findings": 1})
    told = desk("match", ID, "r1")
    assert told.startswith(f"{ID} would cover {len(failing)} of {len(in_scope)} findings in its scope")
    assert ("more than its max_findings of 1" in told) == (len(failing) > 1)
    for finding in failing:
        assert finding.fingerprint in told
    counts = {tuple(line.split()) for line in told.splitlines()}
    for account_id in {each.account_id for each in failing}:
        assert (account_id, str(sum(each.account_id == account_id for each in failing)), control) in counts


def findings_of(run: Run, account_id: str) -> list[Any]:
    return list(run.findings(account_id)) if run.findings_path(account_id).is_file() else []


def test_match_says_what_lives_too_long(desk: Desk, run: Run) -> None:
    critical = next(record.id for record in run.read_manifest().controls if record.severity == "critical")
    scope = {"controls": [critical], "accounts": ["*"]}
    entry = fields(id=ID, scope=scope, broad=True, approved_by=None, approved_on=None)
    write(desk, entry)
    told = desk("match", ID, "r1")
    assert "critical ones would stay open: it lives 89 days, policy allows 30" in told


@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: [it], lambda it: {"exceptions": [it]}])
def test_match_takes_a_file_of_one_entry(desk: Desk, run: Run, wrap: Callable[[Any], Any]) -> None:
    control = run.read_manifest().controls[1].id
    (desk.path / "new.yaml").write_text(json.dumps(wrap({"scope": {"controls": [control]}})))
    assert json.loads(desk("match", "new.yaml", "r1", "--json"))["in_scope"] > 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "must hold one entry"),
        ("scope: {controls: []}", "scope.controls"),
        ("title: x", "no scope yet"),
        ("scope: {kontrols: [a]}", "did you mean controls?"),
    ],
)
def test_match_refuses_a_file_without_a_sound_entry(desk: Desk, run: Run, text: str, message: str) -> None:
    (desk.path / "new.yaml").write_text(text)
    assert message in desk("match", "new.yaml", run.id, code=2)


def test_match_refuses_an_invalid_entry(three: Desk) -> None:
    build(three.path / "reports" / "r1")
    assert "'whim' is not one of" in three("match", "EXC-2026-0004", "r1", code=2)
    assert "no scope yet" in three("match", "EXC-2026-0003", "r1", code=2)
    assert "no entry 'nothing'" in three("match", "nothing", "r1", code=2)
