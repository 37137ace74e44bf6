"""report.xlsx, cell by cell for the small run, and the conventions that every sheet keeps."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import cycle
from pathlib import Path

import msgspec
import openpyxl
import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.errors import ReportError
from orgaudit.model import Finding
from orgaudit.report import xlsx
from orgaudit.report.xlsx.tables import NOTHING
from orgaudit.spreadsheet.workbook import WorkbookWriter
from orgaudit.store.consolidation import consolidate
from orgaudit.store.run import Run, write_lines
from tests import needs
from tests.report.page_one import PageOne
from tests.report.recalculated import assert_computed_as_shown
from tests.report.small import REGISTER, Decided, decided, mark, small_run, viewed, write
from tests.synthetic_run import account_id

SHEETS = [
    *("Summary", "Coverage", "Accounts", "Frameworks", "Controls", "Heat map", "Actions", "Changes", "Open"),
    *("All evaluations", "Exceptions", "Expiring and hygiene", "Method", "Lists"),
]
FOR_COLUMNS = {"Coverage", "Changes"}
"""The sheets whose second table is the longer one, so that no header stays in view for it."""


def written(run: Run, register: Decided = REGISTER) -> Path:
    (path,) = write(run, register, ["xlsx"])
    return path


def shown(path: Path) -> Workbook:
    """Return the workbook as any viewer shows it: with the cached results in place of the formulas."""
    return openpyxl.load_workbook(path, data_only=True)


def records(sheet: Worksheet, header: int = 4) -> list[dict[str, object]]:
    rows = list(sheet.iter_rows(min_row=header, values_only=True))
    titles = [str(title) for title in rows[0] if title is not None]
    body = (row[: len(titles)] for row in rows[1:])
    filled: list[dict[str, object]] = []
    for row in body:
        if all(value is None for value in row):
            break
        filled.append(dict(zip(titles, row, strict=True)))
    return filled


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbook of the small run and the usual register, which tests only read."""
    return written(small_run(tmp_path_factory.mktemp("usual")))


@pytest.fixture(scope="module")
def results(usual: Path) -> Workbook:
    """The usual workbook as any viewer shows it."""
    return shown(usual)


@pytest.fixture(scope="module")
def formulas(usual: Path) -> Workbook:
    """The usual workbook with its formulas."""
    return openpyxl.load_workbook(usual)


def pick(sheet: Worksheet, *titles: str) -> list[tuple[object, ...]]:
    return [tuple(record[title] for title in titles) for record in records(sheet)]


def test_the_sheets_are_there_and_lists_is_hidden(formulas: Workbook) -> None:
    assert formulas.sheetnames == SHEETS
    assert [sheet.title for sheet in formulas if sheet.sheet_state != "visible"] == ["Lists"]


def test_the_summary_shows_every_figure(results: Workbook) -> None:
    page = PageOne(results["Summary"])
    none, line = NOTHING, "no earlier figures"
    assert page.tile("Headline rate") == (pytest.approx(7 / 20), none, line, "35.0 % with exceptions")
    assert page.tile("Open critical and high issues") == (
        *(3, none, line),
        "of 6 open issues, 1 critical, 2 high, 3 medium, 0 low",
    )
    assert page.tile("Coverage: what was assessed") == (
        *(pytest.approx(41 / 60), none, line),
        "3 of 4 accounts, 2 of 2 regions; 19 evaluations not assessed, 0 of them blocked by policy",
    )
    assert page.tile("Overdue") == (
        *(none, none, line),
        f"{NOTHING} the run has no due dates; 1 exception past the last day",
    )
    assert page.sheet["B3"].value == pytest.approx(7 / 20)
    assert page.sheet["E3"].value == (
        "of CIS AWS Foundations 4.0.0 is met: 7 of 20 pairs of an account and an automated requirement pass"
    )
    assert page.sheet["B1"].value == "o-exampleorg  ·  Security audit"
    assert str(page.sheet["B2"].value).startswith("As of 1 October 2026  ·  run 2026-q3  ·  audited 2026-")
    assert page.sheet["B4"].value == "INCOMPLETE: 19 evaluations not assessed"
    assert page.sheet["B5"].value == (
        "Missing: account 3 (100000000003); account 1 (100000000001), in part; account 2 (100000000002), in part"
    )
    assert (
        "Exceptions: 2 in force, 1 of them expiring, 1 covering nothing; 1 expired, with 2 findings that still fail; "
        "1 invalid." in page.texts
    )


def test_the_accounts_cell_by_cell(results: Workbook) -> None:
    sheet = results["Accounts"]
    assert pick(sheet, "Account id", "Account", "Unit", "State", "Coverage", "Why not assessed") == [
        ("100000000001", "account 1", "Root/Workloads/Payments", "ACTIVE", "PARTIAL", "DENIED (2)"),
        ("100000000002", "account 2", "Root/Workloads/Claims", "ACTIVE", "PARTIAL", "DENIED (2)"),
        ("100000000000", "account 0", "Root", "ACTIVE", "COMPLETE", None),
        (
            "100000000003",
            "account 3",
            "Root/Sandbox",
            "SUSPENDED",
            "NOT_ASSESSED",
            "ACCOUNT_UNAVAILABLE: sts:AssumeRole: account unavailable",
        ),
    ]
    assert pick(sheet, "Open issues", "Critical", "High", "Medium", "Low", "Excepted", "Expired exceptions") == [
        (2, 1, 0, 1, 0, 1, 0),
        (3, 0, 2, 1, 0, 0, 0),
        (3, 0, 0, 3, 0, 0, 2),
        (NOTHING,) * 7,
    ]
    assert pick(sheet, "Open findings", "Critical counted", "High counted", "Medium counted", "Low counted") == [
        (2, 1, 0, 0, 0),
        (3, 0, 2, 0, 0),
        (3, 0, 0, 3, 0),
        (NOTHING,) * 5,
    ]
    rates = pick(sheet, "Pass rate", "Pass rate with exceptions", "Assessed share")
    assert rates[0] == (pytest.approx(4 / 7), pytest.approx(4 / 6), pytest.approx(13 / 15))
    assert rates[3] == (NOTHING, NOTHING, NOTHING)
    assert pick(sheet, "Evaluations", "Assessed", "Passed", "Failed", "Not assessed", "Not applicable", "Manual") == [
        (15, 13, 4, 3, 2, 6, 0),
        (15, 13, 4, 3, 2, 6, 0),
        (15, 15, 6, 3, 0, 6, 0),
        (15, 0, NOTHING, NOTHING, 15, NOTHING, NOTHING),
    ]


def test_coverage_has_a_row_for_each_cause(results: Workbook) -> None:
    sheet = results["Coverage"]
    causes = records(sheet)
    columns = ("Reason", "Accounts", "Regions", "Permission", "Accounts affected", "Evaluations not assessed")
    assert [tuple(cause[title] for title in columns) for cause in causes] == [
        (
            "ACCOUNT_UNAVAILABLE",
            "account 3 (100000000003)",
            "eu-central-1, eu-west-1, us-east-1",
            "sts:AssumeRole",
            1,
            15,
        ),
        ("DENIED", "account 1 (100000000001)", "eu-central-1, eu-west-1", "ec2:DescribeThings", 1, 2),
        ("DENIED", "account 2 (100000000002)", "eu-central-1, eu-west-1", "kms:DescribeThings", 1, 2),
    ]
    assert "Allow ec2:DescribeThings in the audit role's policy" in str(causes[1]["How to fix it"])
    assert str(causes[0]["How to fix it"]).startswith("AWS lists it as SUSPENDED: close it")
    below = next(cell.row for cell in sheet["A"] if cell.value == "Every region of every account") + 1
    regions = [
        tuple(record[title] for title in ("Account id", "Region", "State", "Assessed", "Not assessed"))
        for record in records(sheet, below)
    ]
    assert regions[3:7] == [
        ("100000000001", "eu-central-1", "PARTIAL", 4, 1),
        ("100000000001", "eu-west-1", "PARTIAL", 4, 1),
        ("100000000001", "us-east-1", "DISABLED", 5, 0),
        ("100000000002", "eu-central-1", "PARTIAL", 4, 1),
    ]
    assert regions[-1] == ("100000000003", "us-east-1", "NOT_ASSESSED", NOTHING, 5)
    assert sheet.print_area == f"'Coverage'!$A$1:$H${4 + len(causes)}"


def test_controls_and_frameworks(results: Workbook) -> None:
    assert pick(results["Controls"], "Control", "Severity", "Open", "Excepted", "Passed", "Accounts failing")[:2] == [
        ("iam_control_2_holds", "high", 2, 0, 4, 1),
        ("ec2_control_4_holds", "medium", 2, 0, 2, 1),
    ]
    assert pick(results["Frameworks"], "Requirement", "Level", "Status", "Accounts failing", "Open") == [
        ("1.1", 1, "FAIL", 3, 3),
        ("1.2", 2, "FAIL", 1, 1),
        ("1.3", 1, "FAIL", 1, 2),
        ("1.4", 2, "NOT_ASSESSED", 0, 0),
        ("1.5", 1, "FAIL", 1, 2),
        ("9.9", NOTHING, "MANUAL", NOTHING, NOTHING),
    ]


def test_a_finding_cell_by_cell(results: Workbook) -> None:
    finding = next(r for r in records(results["All evaluations"]) if r["Exception"] == "EXC-2026-0001")
    arn = "arn:aws:s3:eu-central-1:100000000001:thing/1-0"
    assert finding | {"Fingerprint": ""} == {
        "Severity": "critical",
        "Status": "FAIL",
        "Open": "no",
        "Title": "S3 resources keep promise 1",
        "Account id": "100000000001",
        "Account": "account 1",
        "Region": "eu-central-1",
        "Resource": arn,
        "Reason": f"{arn} says fail: seen against what was asked",
        "Owner": "unassigned",
        "First seen": NOTHING,
        "Due": NOTHING,
        "What to do": "Turn it on here.",
        "Exception": "EXC-2026-0001",
        "Exception state": "active",
        "Exception owner": "Ann Example",
        "Exception expires": datetime(2026, 12, 31),  # noqa: DTZ001 - a date cell has no zone
        "Days overdue": None,
        "Command": f"aws s3 update-thing --name {arn} --region eu-central-1",
        "Evidence": "retention_days: 90\nlog_group: arn:aws:logs:eu-central-1:100000000001:log-group:trail\nok: none",
        "Unit": "Root/Workloads/Payments",
        "Requirements": "cis_4.0 1.1",
        "Inherited from": None,
        "Counted": "yes",
        "Assessed (UTC)": datetime(2026, 10, 1, 6, 12),  # noqa: DTZ001
        "Control": "s3_control_1_holds",
        "Family": "s3_control_1_holds",
        "Fingerprint": "",
    }


def test_exceptions_and_what_is_wrong_in_the_register(results: Workbook) -> None:
    sheet = results["Exceptions"]
    assert pick(sheet, "Exception", "State", "Findings covered", "Failing after expiry", "Days left") == [
        ("EXC-2026-0001", "active", 1, 0, 91),
        ("EXC-2026-0002", "expired", 0, 2, -42),
        ("EXC-2026-0003", "expiring", 0, 0, 9),
    ]
    assert records(sheet, sheet.max_row - 1) == [
        {"Location": "config/exceptions.yaml:42", "Problem": "an owner is required", "Key": "owner"}
    ]


def test_the_method_states_the_definitions_and_the_inputs(results: Workbook) -> None:
    terms = {record["Term"]: record["Meaning"] for record in records(results["Method"])}
    assert terms["Pass rate"] == "PASS / (PASS + FAIL), of findings."
    assert terms["config/orgaudit.toml"] == "0" * 64
    assert terms["log_retention_days"] == "365"
    assert {
        "NOT_ASSESSED",
        "Inherited findings",
        "Finding, issue",
        "Headline rate",
        "Headline rate with exceptions",
    } <= terms.keys()


def test_both_formats_show_the_same_figures(small: Run) -> None:
    book_path, json_path = write(small, REGISTER, ["xlsx", "json"])
    document = msgspec.json.decode(json_path.read_bytes())
    book = shown(book_path)
    for key, row in zip(document["accounts"], records(book["Accounts"]), strict=True):
        seen = key["completeness"] != "NOT_ASSESSED"
        assert (key["id"], key["counts"]["open"] if seen else NOTHING) == (row["Account id"], row["Open findings"])
        assert (sum(key["open_issues_by_severity"].values()) if seen else NOTHING) == row["Open issues"]
        assert key["pass_rate"] == (None if row["Pass rate"] == NOTHING else pytest.approx(row["Pass rate"]))
    for key, row in zip(document["controls"], records(book["Controls"]), strict=True):
        assert (key["id"], key["counts"]["failed"]) == (row["Control"], row["Failed"])
    for key, row in zip(document["findings"], records(book["All evaluations"]), strict=True):
        assert (key["fingerprint"], "yes" if key["open"] else "no") == (row["Fingerprint"], row["Open"])
    page, summary = PageOne(book["Summary"]), document["summary"]
    assert page.below("Headline rate") == pytest.approx(summary["headline"]["rate"]["share"])
    assert f"{summary['headline']['with_exceptions']['share']:.1%} with exceptions".replace("%", " %") in page.texts
    assert f"of {summary['open_issues']} open issues, " in str(page.below("Open critical and high issues", 3))
    (whole,) = [cells for cells in page.panel("Where the issues are…") if cells[0] == "All units"]
    assert whole[-2] == summary["open_issues"]


def test_every_table_is_named_filtered_frozen_and_set_for_print(formulas: Workbook) -> None:
    tables = {name: sheet for sheet in formulas for name in sheet.tables}
    assert sorted(tables) == sorted(
        [
            *(title.replace(" ", "_") for title in SHEETS[1:-1] if title != "Changes"),
            "Causes",
            "Change_kinds",
            "Problems",
        ]
    )
    for name, sheet in tables.items():
        table = sheet.tables[name]
        assert table.autoFilter.ref == table.ref
        header = sheet[table.ref.split(":")[0]].row
        assert table.column_names == [cell.value for cell in sheet[header] if cell.value]
        assert str(sheet.freeze_panes).endswith("1" if sheet.title in FOR_COLUMNS else "5")
        assert sheet.print_title_rows == "$4:$4"
    for sheet in formulas:
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.page_setup.fitToWidth == 1
        assert sheet.sheet_properties.pageSetUpPr
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.oddFooter
        assert (sheet.oddFooter.left.text, sheet.oddFooter.right.text) == ("orgaudit run 2026-q3", "Page &P of &N")
    assert formulas["Summary"].page_setup.fitToHeight == 1


def test_account_ids_are_text_dates_are_dates_and_rates_are_percentages(formulas: Workbook) -> None:
    accounts = formulas["Accounts"]
    assert (accounts["A5"].data_type, accounts["A5"].number_format) == ("s", "@")
    assert (accounts["G5"].data_type, accounts["G5"].number_format) == ("f", "0.0 %")
    assert (formulas["Exceptions"]["H5"].is_date, formulas["Exceptions"]["H5"].number_format) == (True, "yyyy-mm-dd")


def test_words_are_coloured_by_rule_and_severity_only_on_what_is_open(formulas: Workbook) -> None:
    rules = {
        title: {rule.formula[0] for formats in formulas[title].conditional_formatting for rule in formats.rules}
        for title in ("All evaluations", "Open", "Controls")
    }
    assert {'"FAIL"', '"NOT_ASSESSED"', '"expired"', 'AND($A5="critical",$C5="yes")'} <= rules["All evaluations"]
    assert '"critical"' not in rules["All evaluations"]
    assert 'AND($B5="critical",AND(ISNUMBER($C5),$C5>0))' in rules["Controls"]
    assert '"critical"' in rules["Open"], "all of it is open"


def test_the_summary_leads_to_every_sheet(formulas: Workbook) -> None:
    sheet = formulas["Summary"]
    targets = {cell.hyperlink.location for row in sheet for cell in row if cell.hyperlink}
    assert {f"'{title}'!A1" for title in SHEETS[1:-1]} <= targets


def test_the_same_input_makes_the_same_bytes(small: Run) -> None:
    first = written(small).read_bytes()
    assert written(small).read_bytes() == first


def test_every_formula_has_its_result(usual: Path) -> None:
    with zipfile.ZipFile(usual) as archive:
        sheets = "".join(archive.read(it).decode() for it in archive.namelist() if it.startswith("xl/worksheets/sheet"))
    assert sheets.count("<f>") > 60
    assert len(re.findall("<f>[^=<][^<]*</f><v>[^<]+</v>", sheets)) == sheets.count("<f>")


def test_a_text_is_never_a_formula(small: Run) -> None:
    attacks = [f"{start}HYPERLINK(1)" for start in ("=", "+", "-", "@", "\t")]

    def attacked(findings: Iterable[Finding]) -> Iterator[Finding]:
        for attack, finding in zip(cycle(attacks), findings, strict=False):
            yield msgspec.structs.replace(finding, reason=attack, account_name=attack, evidence={})

    path = written(small, decided(apply=attacked))
    sheet = openpyxl.load_workbook(path)["All evaluations"]
    cells = [cell for cell in sheet["I"][4:] if cell.value is not None]
    assert {cell.value for cell in cells} == set(attacks)
    assert all(cell.data_type == "s" and cell.quotePrefix for cell in cells)
    assert not sheet["A5"].quotePrefix
    with zipfile.ZipFile(path) as archive:
        assert b"<f>" not in archive.read("xl/worksheets/sheet10.xml")


def test_long_and_illegal_text_is_cut_and_shown(small: Run) -> None:
    def long(findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in findings:
            yield msgspec.structs.replace(finding, reason="\x00" * 40_000)

    cell = openpyxl.load_workbook(written(small, decided(apply=long)))["All evaluations"]["I5"]
    assert len(cell.value) == 32_767
    assert cell.value.startswith("\u2400\u2400")
    assert cell.value.endswith("[cut, 40,000 characters in all]")


def test_a_sheet_goes_on_in_the_next_and_the_summary_is_its_index(small: Run, tmp_path: Path) -> None:
    consolidate(small, lambda _: (REGISTER.apply, None))
    path = tmp_path / "short.xlsx"
    with viewed(small, REGISTER) as view:
        xlsx.write(view, path, row_limit=29)
    book = shown(path)
    names = ["All evaluations", "All evaluations 2", "All evaluations 3"]
    assert [name for name in book.sheetnames if name.startswith("All")] == names
    assert [len(records(book[name])) for name in names] == [25, 25, 10]
    assert [list(book[name].tables) for name in names[1:]] == [["All_evaluations_2"], ["All_evaluations_3"]]
    page = PageOne(book["Summary"])
    start = page.place("In this workbook")[0]
    index = [(row[1], row[4], row[6]) for row in page.sheet.iter_rows(min_row=start, values_only=True)]
    assert [entry for entry in index if str(entry[0]).startswith("All")] == [
        ("All evaluations", 25, "every evaluation, the open first"),
        ("All evaluations 2", 25, "All evaluations, continued"),
        ("All evaluations 3", 10, "All evaluations, continued"),
    ]
    texts = [str(cell.value) for row in openpyxl.load_workbook(path)["Summary"] for cell in row]
    formulas = [text for text in texts if text.startswith("=")]
    assert len(formulas) > 30
    assert not [text for text in formulas if "evaluations[" in text], "what may be cut is not what page one adds up"


def test_a_run_of_nothing_makes_a_workbook(small: Run) -> None:
    for account in small.read_manifest().accounts:
        write_lines(small.findings_path(account.id), [])
        write_lines(small.cells_path(account.id), [])
    book = shown(written(small, decided()))
    assert records(book["All evaluations"]) == records(book["Open"]) == []
    page = PageOne(book["Summary"])
    assert str(page.below("Coverage: what was assessed", 3)).startswith("0 of 4 accounts, ")
    assert page.sheet["B3"].value == 0, "all of it was not assessed"


@needs.libreoffice
@pytest.mark.parametrize("row_limit", [1_048_576, 29])
def test_libreoffice_computes_what_the_workbook_shows(small: Run, tmp_path: Path, row_limit: int) -> None:
    units = {account_id(0): "", account_id(1): 'Root/"A*', account_id(2): 'Root/"Ab?~'}

    def renamed(findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in mark(findings):
            yield msgspec.structs.replace(finding, ou_path=units.get(finding.account_id, "=1"))

    consolidate(small, lambda _: (renamed, None))
    path = tmp_path / "report.xlsx"
    with viewed(small, REGISTER) as view:
        xlsx.write(view, path, row_limit=row_limit)
    assert_computed_as_shown(path, tmp_path)


def test_the_disk_being_full_leaves_the_old_report(small: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    before = written(small).read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(WorkbookWriter, "save", full)
    with pytest.raises(ReportError, match="No space left"):
        written(small)
    assert (small.path / "report.xlsx").read_bytes() == before
    assert not [path for path in small.path.iterdir() if path.name.startswith(".")]
