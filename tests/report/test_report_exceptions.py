"""What every format says of the exception register: states, both figures, hygiene, the closed, and the broken."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl
import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.cli import orgaudit
from orgaudit.register import stage
from orgaudit.register.extent import extent_of
from orgaudit.register.file.load import load_register
from orgaudit.report import json_document
from orgaudit.report.view import View
from orgaudit.report.viewing import viewing
from orgaudit.settings.sections import RegisterSettings
from orgaudit.store.run import Run
from orgaudit.store.seal import Standing
from tests.register.making import fields, register_file
from tests.report.page_one import PageOne
from tests.report.small import render, small_run
from tests.synthetic_run import account_id

ON = date(2026, 10, 1)
S3, IAM, EC2 = "s3_control_1_holds", "iam_control_2_holds", "ec2_control_4_holds"
REVOKED = [{"when": "2026-09-20", "who": "jo@example.com", "what": "revoked", "why": "It was fixed."}]
DATES = {"approved_on": "2026-09-10", "starts_on": "2026-09-10", "expires_on": "2026-10-09"}


def exception(number: int, scope: dict[str, list[str]], **changes: object) -> dict[str, Any]:
    return fields(**({"id": f"EXC-2026-{number:04}", "scope": scope, **DATES} | changes))


ENTRIES = (
    exception(1, {"controls": [S3], "accounts": [account_id(1)]}),
    exception(2, {"controls": [S3], "regions": ["eu-*"]}, broad=True),
    exception(3, {"controls": [EC2], "accounts": [account_id(0)]}, expires_on="2026-09-25"),
    exception(4, {"controls": ["cloudtrail_control_0_holds"], "ous": ["Root"]}, history=REVOKED, broad=True),
    exception(5, {"controls": [IAM], "accounts": [account_id(1)]}, expires_on="2026-09-28"),
    exception(6, {"controls": [EC2], "accounts": [account_id(1)]}),
    exception(7, {"controls": [S3], "accounts": [account_id(0)]}, owner="Ana <ana@>"),
    exception(8, {"controls": ["kms_control_3_holds"], "accounts": [account_id(0)]}),
)


class Reported(NamedTuple):
    document: dict[str, Any]
    workbook: openpyxl.Workbook

    def rows(self, title: str) -> list[dict[str, Any]]:
        return rows(self.workbook[title])


def rows(sheet: Worksheet) -> list[dict[str, Any]]:
    titles, *body = sheet.iter_rows(min_row=4, values_only=True)
    filled = []
    for values in body:
        if values[0] is None:
            break
        filled.append({str(key): value for key, value in zip(titles, values, strict=True) if key is not None})
    return filled


def registered(run: Run, path: Path, aliases: dict[str, str] | None = None) -> None:
    """Apply a register's file to the run."""
    register = load_register(path, RegisterSettings())
    stage.apply(run, register, ON, controls=(), aliases=aliases, standing=Standing.NOT_SEALED)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """What two formats say of the register, which tests only read."""
    path = tmp_path_factory.mktemp("reported")
    run = small_run(path)
    registered(run, register_file(path, *ENTRIES))
    json_path, book_path = render(run, ["json", "xlsx"])
    document: dict[str, Any] = json.loads(json_path.read_bytes())
    Draft202012Validator(json_document.schema(), format_checker=Draft202012Validator.FORMAT_CHECKER).validate(document)
    return Reported(document, openpyxl.load_workbook(book_path, data_only=True))


def test_states_counts_and_days_are_those_of_both_formats(reported: Reported) -> None:
    entries = {entry["id"][-1]: entry for entry in reported.document["exceptions"]["entries"]}
    assert {key: entry["state"] for key, entry in entries.items()} == {
        **dict.fromkeys("1268", "expiring"),
        "3": "expired",
        "4": "revoked",
        "5": "expired",
        "7": "invalid",
    }
    assert {key: entry["covered"] for key, entry in entries.items() if entry["covered"]} == {"1": 2}
    assert (entries["1"]["days_left"], entries["3"]["days_left"]) == (8, -6)
    kept = {row["Exception"]: row for row in reported.rows("Exceptions")}
    for entry in reported.document["exceptions"]["entries"]:
        assert (entry["id"] in kept) is not entry["closed"]
        if not entry["closed"]:
            row = kept[entry["id"]]
            assert (row["State"], row["Findings covered"]) == (entry["state"], entry["covered"])
            assert (row["Days left"], row["Failing after expiry"]) == (entry["days_left"], entry["expired_matching"])


def test_both_figures_are_there(reported: Reported) -> None:
    summary = reported.document["summary"]
    assert (summary["counts"]["failed"], summary["counts"]["covered"], summary["counts"]["open"]) == (7, 2, 5)
    assert summary["pass_rate"] == pytest.approx(14 / 21)
    assert summary["pass_rate_with_exceptions"] == pytest.approx(14 / 19)


def test_expired_but_failing_findings_are_open_with_owner_and_days(reported: Reported) -> None:
    overdue = [item for item in reported.document["findings"] if item["exception"] and item["open"]]
    assert [(item["control"], item["exception"]["owner"], item["exception"]["days_overdue"]) for item in overdue] == [
        (EC2, "Ana <ana@example.com>", 6)
    ] * 2
    shown = [row for row in reported.rows("All evaluations") if row["Days overdue"]]
    assert [(row["Open"], row["Exception state"], row["Days overdue"]) for row in shown] == [("yes", "expired", 6)] * 2
    assert reported.document["summary"]["exceptions"]["expired_matching"] == 2


def test_a_covered_finding_stays_and_names_the_exception_that_won(reported: Reported) -> None:
    covered = [item for item in reported.document["findings"] if item["covered"]]
    assert [(item["status"], item["exception"]["id"]) for item in covered] == [("FAIL", "EXC-2026-0001")] * 2
    assert [row["Exception"] for row in reported.rows("All evaluations") if row["Exception state"] == "expiring"] == [
        "EXC-2026-0001"
    ] * 2


def test_hygiene_is_the_same_in_both_formats(reported: Reported) -> None:
    remarks = [(it["concern"], it["id"][-1], it["findings"]) for it in reported.document["exceptions"]["hygiene"]]
    assert [it for it in remarks if it[0] != "expiring"] == [
        ("expired_matching", "3", 2),
        ("overlapping", "2", 2),
        ("shadowed", "2", 2),
        ("unused_fixed", "8", 0),
        ("unused_not_scanned", "6", 0),
    ]
    assert [it for it in remarks if it[0] == "expiring"] == [
        ("expiring", "1", 2),
        ("expiring", "2", 0),
        ("expiring", "6", 0),
        ("expiring", "8", 0),
    ]
    sheet = reported.rows("Expiring and hygiene")
    assert [(row["Exception"][-1], row["Findings"], row["What was found"]) for row in sheet] == [
        (it["id"][-1], it["findings"], it["detail"]) for it in reported.document["exceptions"]["hygiene"]
    ]
    overlap = next(row for row in sheet if row["Concern"] == "Overlapping")
    assert (overlap["Exception"], overlap["Covered by"]) == ("EXC-2026-0002", "EXC-2026-0001")


def test_the_closed_are_kept_with_how_they_ended(reported: Reported) -> None:
    closed = reported.rows("Closed exceptions")
    assert [(row["Exception"], row["State"], row["How it ended"]) for row in closed] == [
        ("EXC-2026-0004", "revoked", "2026-09-20, jo@example.com: It was fixed."),
        ("EXC-2026-0005", "expired", "Expired; all of its scope was assessed, and nothing in it fails."),
    ]
    assert reported.document["summary"]["exceptions"]["closed"] == 2


def test_not_scanned_is_not_closed_in_any_format(small: Run, tmp_path: Path) -> None:
    gone = {"controls": [IAM, "cis_1.4:2.1.1"], "accounts": [account_id(1)]}
    suspended = {"controls": [IAM], "accounts": [account_id(3)]}
    ended = {"expires_on": "2026-09-28"}
    draft = {"id": "EXC-2026-0003", "title": "Half"}
    path = register_file(tmp_path, exception(1, gone, **ended), exception(2, suspended, **ended), draft)
    registered(small, path)
    json_path, book_path = render(small, ["json", "xlsx"])
    document = json.loads(json_path.read_bytes())
    Draft202012Validator(json_document.schema(), format_checker=Draft202012Validator.FORMAT_CHECKER).validate(document)
    entries = document["exceptions"]["entries"]
    missing = ["cis_1.4:2.1.1 was not part of this run.", "3 of 3 evaluations in its scope not assessed.", None]
    assert [(it["closed"], it["not_scanned"]) for it in entries] == [(False, why) for why in missing]
    assert document["summary"]["exceptions"]["closed"] == 0
    book = openpyxl.load_workbook(book_path)
    assert "Closed exceptions" not in book.sheetnames
    effects = [row["Effect"] for row in rows(book["Exceptions"])]
    start = "Ended 3 days ago; whether anything in its scope still fails is not known. Not scanned in this run: "
    assert effects == [start + str(missing[0]), start + str(missing[1]), "Covers nothing."]
    hygiene = [(row["Concern"], row["Expires"]) for row in rows(book["Expiring and hygiene"])]
    assert [concern for concern, _ in hygiene] == [
        "Without an owner",
        "Expired: not scanned",
        "Expired: not scanned",
        "Draft, covers nothing",
    ]
    assert [day is None for _, day in hygiene] == [True, False, False, True]


def test_what_ended_yesterday_ended_one_day_ago(small: Run, tmp_path: Path) -> None:
    entry = exception(3, {"controls": [EC2], "accounts": [account_id(0)]}, expires_on="2026-09-30")
    registered(small, register_file(tmp_path, entry))
    [book_path] = render(small, ["xlsx"])
    [row] = rows(openpyxl.load_workbook(book_path)["Exceptions"])
    assert row["Effect"].startswith("Ended 1 day ago; ")


def test_broad_exceptions_stand_on_the_executive_page(reported: Reported) -> None:
    page = PageOne(reported.workbook["Summary"])
    broad = [text for text in page.texts if " Broad: " in text]
    assert [text.partition(":")[0] for text in broad] == ["Renew or let end EXC-2026-0002"]
    assert "Broad: controls:" in broad[0]
    assert not [text for text in page.texts if "EXC-2026-0004" in text]
    assert reported.document["summary"]["exceptions"]["broad"] == 1


def test_one_broken_entry_is_said_in_every_format_and_the_others_work(reported: Reported) -> None:
    [problem] = reported.document["exceptions"]["problems"]
    assert "is not an owner" in problem["message"]
    assert any(row[1].value == problem["message"] for row in reported.workbook["Exceptions"])
    page = PageOne(reported.workbook["Summary"])
    (sentence,) = [text for text in page.texts if text.startswith("Exceptions: ")]
    assert [int(number) for number in re.findall(r"\d+", sentence)] == [4, 4, 3, 2, 2, 1]


def test_an_empty_register_has_no_sheet_of_the_closed(small: Run, tmp_path: Path) -> None:
    registered(small, register_file(tmp_path))
    (path,) = render(small, ["xlsx"])
    book = openpyxl.load_workbook(path, data_only=True)
    assert "Closed exceptions" not in book.sheetnames
    assert rows(book["Expiring and hygiene"]) == []
    page = PageOne(book["Summary"])
    assert not [text for text in page.texts if "EXC-" in text]
    assert any(text.startswith("Exceptions: 0 in force, ") for text in page.texts)


def test_the_extent_names_what_every_control_answers_to(small: Run) -> None:
    extent = extent_of(small.read_manifest(), ["other"])
    assert extent.names[S3] == (S3, "cis_4.0:1.2")
    assert extent.beyond == {"other": ("other",)}
    assert extent.whole


def test_an_exception_of_a_repeated_finding_is_not_unused(small: Run, tmp_path: Path) -> None:
    scope = {"controls": ["cloudtrail_control_0_holds"], "accounts": [account_id(2)]}
    registered(small, register_file(tmp_path, exception(1, scope)))
    with viewing(small) as view:
        assert isinstance(view, View)
        [score] = view.exceptions
        assert (score.covered, score.unused) == (1, False)
        assert [remark.concern.value for remark in view.hygiene] == ["expiring"]


def test_an_exception_of_a_renamed_control_covers_what_it_covered(small: Run, tmp_path: Path) -> None:
    path = register_file(tmp_path, exception(1, {"controls": ["s3_before"], "accounts": [account_id(1)]}))
    registered(small, path, {"s3_before": S3})
    with viewing(small) as view:
        [score] = view.exceptions
        assert (score.covered, score.unused) == (2, False)
        covered = {reported.finding.control for reported in view.findings() if reported.covered}
        assert covered == {S3}
        assert [remark.concern.value for remark in view.hygiene] == ["expiring"]


def hygiene(small: Run, tmp_path: Path, *options: str) -> str:
    path = register_file(tmp_path, *ENTRIES)
    (tmp_path / "orgaudit.toml").touch()
    arguments = ["exceptions", "hygiene", str(small.path), "--config", str(tmp_path / "orgaudit.toml")]
    result = CliRunner().invoke(
        orgaudit, [*arguments, "--register", str(path), "--as-of", ON.isoformat(), *options], standalone_mode=False
    )
    assert result.exception is None, result.exception
    return result.output


def test_the_command_says_the_same_on_80_columns(small: Run, tmp_path: Path, reported: Reported) -> None:
    registered(small, register_file(tmp_path, *ENTRIES))
    output = hygiene(small, tmp_path)
    table = [line for line in output.splitlines() if line.startswith("  ")]
    assert max(map(len, table)) <= 80
    remarks = reported.document["exceptions"]["hygiene"]
    assert f"{len(remarks)} to review, 1 problem in the file" in output
    assert "Expired, still failing (1): Fix the findings, or renew the exception." in output
    assert "exceptions.yaml" in output
    document = json.loads(hygiene(small, tmp_path, "--json"))
    assert [{**each, "remediation": each["mend"]} for each in document["remarks"]] == [
        {**each, "mend": each["remediation"]} for each in remarks
    ]
    assert len(document["problems"]) == 1


def due(tmp_path: Path, *options: str) -> tuple[int, str]:
    path = register_file(tmp_path, *ENTRIES, exception(9, {"controls": [S3], "ous": ["Root/A"]}, owner="Platform team"))
    (tmp_path / "orgaudit.toml").touch()
    arguments = ["exceptions", "due", "--config", str(tmp_path / "orgaudit.toml"), "--register", str(path)]
    result = CliRunner().invoke(orgaudit, [*arguments, "--as-of", ON.isoformat(), *options])
    return result.exit_code, result.output


@pytest.mark.parametrize(("form", "start"), [("text", "Ana <ana"), ("json", "{"), ("ics", "BEGIN:VCALENDAR")])
def test_due_prints_or_writes_each_format(tmp_path: Path, form: str, start: str) -> None:
    code, output = due(tmp_path, "--format", form)
    assert code == 0
    assert output.startswith(start)
    assert "EXC-2026-0003" in output
    name = {"text": "due.txt", "json": "due.json", "ics": "due.ics"}[form]
    assert due(tmp_path, "--format", form, "--out", str(tmp_path / "out"))[0] == 0
    assert (tmp_path / "out" / name).read_text().startswith(start)


def test_due_writes_a_mail_for_each_owner_and_lists_the_others(tmp_path: Path) -> None:
    out = tmp_path / "mails"
    code, output = due(tmp_path, "--format", "eml", "--out", str(out), "--from", "Sec <sec@example.com>")
    assert code == 0
    assert [path.name for path in out.iterdir()] == ["ana@example.com.eml"]
    assert "no address, inform them otherwise: Platform team (1 date)" in output
    assert "invalid, in no notice" in output


@pytest.mark.parametrize(
    "options", [("--format", "eml"), ("--within", "soon"), ("--format", "eml", "--out", "x"), ("--format", "pdf")]
)
def test_due_refuses_what_it_cannot_do(tmp_path: Path, options: tuple[str, ...]) -> None:
    assert due(tmp_path, *options)[0] == 2


@pytest.mark.parametrize(("within", "found"), [("7d", False), ("8d", True), ("8", True), ("2w", True)])
def test_due_looks_as_far_as_it_is_asked(tmp_path: Path, within: str, found: bool) -> None:
    assert ("EXC-2026-0001" in due(tmp_path, "--within", within)[1]) is found
