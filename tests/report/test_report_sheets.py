"""The sheets behind page one: what each shows, where its cells lead, and the limits of spreadsheets that it keeps."""

from __future__ import annotations

import re
import subprocess
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.model import Finding, Status
from orgaudit.report import xlsx
from orgaudit.report.viewing import viewing
from orgaudit.report.xlsx import findings as sheets
from orgaudit.report.xlsx import heat
from orgaudit.report.xlsx.console import console_address
from orgaudit.report.xlsx.tables import NOTHING
from orgaudit.settings.sections import ReportSettings
from orgaudit.store.kinds import Kind
from orgaudit.store.run import Run
from tests import needs
from tests.report.compared import CHANGES, compare
from tests.report.recalculated import assert_computed_as_shown
from tests.report.small import REGISTER, Decided, decided, mark, small_run, store
from tests.report.test_report_xlsx import pick, records
from tests.synthetic_run import account_id, build

ARN = "arn:aws:s3:eu-central-1:100000000001:thing/1-0"


def dated(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Give what fails a first day, a due date and an owner."""
    for finding in mark(findings):
        if finding.status is not Status.FAIL:
            yield finding
            continue
        due = date(2026, 9, 20) if finding.severity.value == "high" else date(2026, 12, 1)
        yield msgspec.structs.replace(finding, first_seen=date(2026, 9, 1), due_on=due, owner="Ann <ann@example.com>")


DATED = decided(dated, entries=REGISTER.result.entries)


def book(run: Run, path: Path, register: Decided = DATED, **limits: Any) -> Path:
    """Write the workbook of a run that has a baseline."""
    if run.read_manifest().remediation_days == {}:
        days = {"critical": 15, "high": 30, "medium": 90, "low": 180}
        run.write_manifest(msgspec.structs.replace(run.read_manifest(), remediation_days=days))
    store(run, register)
    compare(run)
    settings = limits.pop("settings", None)
    with viewing(run, settings=settings) as view:
        xlsx.write(view, path / "book.xlsx", **limits)
    return path / "book.xlsx"


def shown(path: Path) -> Workbook:
    return openpyxl.load_workbook(path, data_only=True)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbook of the small run and its usual decisions, which tests only read."""
    directory = tmp_path_factory.mktemp("usual")
    return book(small_run(directory), directory)


@pytest.fixture(scope="module")
def results(usual: Path) -> Workbook:
    """The usual workbook as any viewer shows it."""
    return shown(usual)


@pytest.fixture(scope="module")
def formulas(usual: Path) -> Workbook:
    """The usual workbook with its formulas."""
    return openpyxl.load_workbook(usual)


def links(sheet: Worksheet) -> dict[str, str]:
    """Return where each cell of a sheet leads."""
    return {
        cell.coordinate: str(cell.hyperlink.target or cell.hyperlink.location)
        for row in sheet
        for cell in row
        if cell.hyperlink
    }


def test_open_shows_what_to_fix_until_when(results: Workbook) -> None:
    sheet = results["Open"]
    rows = records(sheet)
    assert [row["Severity"] for row in rows] == ["critical", "high", "high", "medium", "medium", "medium"]
    day, due = datetime(2026, 9, 1), datetime(2026, 9, 20)  # noqa: DTZ001 - a date cell has no zone
    high = rows[1]
    assert (high["Title"], high["Account"], high["Owner"]) == (
        "Iam resources keep promise 2",
        "account 2",
        "Ann <ann@example.com>",
    )
    assert (high["First seen"], high["Age (days)"], high["Due"], high["Overdue (days)"]) == (day, 30, due, 11)
    assert rows[0]["Overdue (days)"] is None, "not late yet"
    assert [row["Exception"] for row in rows if row["Severity"] == "medium"].count("EXC-2026-0002") == 2
    assert {row["What to do"] for row in rows} == {"Turn it on here."}
    assert sheet.print_area == "'Open'!$A$1:$L$10"


def test_open_without_days_shows_dashes(small: Run, tmp_path: Path) -> None:
    rows = records(shown(book(small, tmp_path, REGISTER))["Open"])
    assert {tuple(row[title] for title in ("First seen", "Age (days)", "Due", "Overdue (days)")) for row in rows} == {
        (NOTHING,) * 4
    }
    assert {row["Owner"] for row in rows} == {"unassigned"}


def test_cells_of_open_lead_to_control_account_console_and_exception(formulas: Workbook) -> None:
    sheet, found = formulas["Open"], links(formulas["Open"])
    row = next(cell.row for cell in sheet["L"] if cell.value == "EXC-2026-0002")
    goals = {letter: found[f"{letter}{row}"] for letter in "BCL"}

    def name(goal: str) -> object:
        title, cell = goal.replace("'", "").split("!")
        return formulas[title][cell].value

    assert name(goals["B"]) == sheet[f"B{row}"].value
    assert name(goals["C"]) == sheet[f"M{row}"].value
    assert name(goals["L"]) == "EXC-2026-0002"
    formula = str(sheet[f"E{row}"].value)
    assert formula.startswith('=HYPERLINK("https://eu-'), "a text of two lines has a formula"
    assert sheet[f"E{row}"].font.underline == "single"


def test_a_short_resource_has_a_real_link_to_the_console(small: Run, tmp_path: Path) -> None:
    def buckets(findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in findings:
            yield msgspec.structs.replace(finding, resource="arn:aws:s3:::a&b")

    path = book(small, tmp_path, decided(buckets))
    found = links(openpyxl.load_workbook(path)["Open"])
    assert found["E5"] == "https://eu-central-1.console.aws.amazon.com/s3/buckets/a%26b?region=eu-central-1"


def test_figures_of_accounts_and_controls_lead_to_the_first_of_them(formulas: Workbook) -> None:
    accounts, opened = formulas["Accounts"], formulas["Open"]
    found = links(accounts)
    row = next(cell.row for cell in accounts["A"] if cell.value == account_id(2))
    goal = found[f"K{row}"].rpartition("!A")[2]
    assert (opened[f"A{goal}"].value, opened[f"M{goal}"].value) == ("high", account_id(2))
    assert f"J{row}" not in found, "it has nothing critical"
    goal = links(formulas["Controls"])["C5"].rpartition("!A")[2]
    assert opened[f"Q{goal}"].value == formulas["Controls"]["K5"].value


@pytest.mark.parametrize(
    ("resource", "region", "address"),
    [
        (
            "arn:aws:ec2:eu-west-1:1:instance/i-1",
            "eu-west-1",
            "https://eu-west-1.console.aws.amazon.com/ec2/home?region=eu-west-1#InstanceDetails:instanceId=i-1",
        ),
        (
            "arn:aws:iam::1:role/path/Deploy",
            "global",
            "https://us-east-1.console.aws.amazon.com/iam/home#/roles/details/Deploy",
        ),
        (
            "arn:aws:lambda:eu-west-1:1:function:a/b",
            "eu-west-1",
            "https://eu-west-1.console.aws.amazon.com/lambda/home?region=eu-west-1#/functions/a/b",
        ),
        (
            "arn:aws:lambda:eu-west-1:1:function:name:alias",
            "eu-west-1",
            "https://eu-west-1.console.aws.amazon.com/console/home?region=eu-west-1",
        ),
        (
            "arn:aws-us-gov:s3:::logs",
            "us-gov-west-1",
            "https://console.amazonaws-us-gov.com/s3/buckets/logs?region=us-gov-west-1",
        ),
        (
            "arn:aws:glacier:eu-west-1:1:vaults/v",
            "eu-west-1",
            "https://eu-west-1.console.aws.amazon.com/console/home?region=eu-west-1",
        ),
        ("123456789012", "global", "https://us-east-1.console.aws.amazon.com/console/home?region=us-east-1"),
        ("arn:aws-iso:s3:::logs", "us-iso-east-1", None),
        ("arn:aws:s3:::logs", 'x"/evil', None),
    ],
)
def test_console_addresses_are_those_that_are_certain(resource: str, region: str, address: str | None) -> None:
    assert console_address(resource, region) == address


def test_accounts_have_owner_rate_late_issues_and_change(small: Run, tmp_path: Path) -> None:
    manifest = small.read_manifest()
    sheet = shown(book(small, tmp_path))["Accounts"]
    titles = ("Account id", "Owner", "Environment", "Rate", "Overdue", "Opened", "Closed")
    assert manifest.ownership.accounts == ()
    assert sorted(pick(sheet, *titles)) == [
        (account_id(0), "unassigned", NOTHING, pytest.approx(3 / 5), 0, 0, 0),
        (account_id(1), "unassigned", NOTHING, pytest.approx(2 / 5), 0, 2, 0),
        (account_id(2), "unassigned", NOTHING, pytest.approx(2 / 5), 2, 0, 1),
        (account_id(3), "unassigned", NOTHING, NOTHING, NOTHING, NOTHING, NOTHING),
    ]


def test_the_rates_of_accounts_add_up_to_the_headline(small: Run, tmp_path: Path) -> None:
    book(small, tmp_path)
    with viewing(small) as view:
        assert view.summary.headline
        assert sum(score.rated.counts.total for score in view.accounts) == view.summary.headline.rated.counts.total
        assert sum(score.rated.counts.passed for score in view.accounts) == view.summary.headline.rated.counts.passed


def test_the_threshold_of_the_settings_colours_the_rate(small: Run, tmp_path: Path) -> None:
    path = book(small, tmp_path, settings=ReportSettings(pass_rate_threshold=0.8))
    sheet = openpyxl.load_workbook(path)["Accounts"]
    rules = [rule.formula[0] for found in sheet.conditional_formatting for rule in found.rules]
    assert "AND(ISNUMBER($H5),$H5>=0.8)" in rules
    assert "80.0 % is required" in str(sheet["A2"].value)


def test_changes_count_every_kind_and_list_what_changed(results: Workbook) -> None:
    sheet = results["Changes"]
    kinds = records(sheet)
    assert [(row["Kind"], row["Issues"]) for row in kinds if row["Issues"]] == [
        ("new", 1),
        ("regressed", 1),
        ("persistent", 4),
        ("resolved", 1),
        ("not checked again", 1),
    ]
    assert {row["Kind"]: row["Meaning"] for row in kinds} == {kind.value: kind.meaning for kind in Kind}
    below = next(cell.row for cell in sheet["A"] if cell.value == "Every issue that changed") + 1
    changed = records(sheet, below)
    assert [(row["Kind"], row["Severity"], row["Account"]) for row in changed] == [
        (each.kind.value, each.severity.value, each.account_name or NOTHING) for each in CHANGES
    ]
    assert [row["Now"] for row in changed] == ["open", "open", "no longer open", "not known"]
    assert changed[3]["First seen"] == NOTHING
    assert str(sheet["A2"].value).startswith("Since run 2026-q2 of 2026-07-01.")
    assert sheet.print_title_rows == f"${below}:${below}", "the header that is repeated is that of the longer table"


def test_without_a_baseline_the_sheet_says_why(small: Run, tmp_path: Path) -> None:
    store(small, REGISTER)
    with viewing(small) as view:
        xlsx.write(view, tmp_path / "book.xlsx")
        why = view.comparison.why_none
    workbook = shown(tmp_path / "book.xlsx")
    assert why in str(workbook["Changes"]["A2"].value)
    assert records(workbook["Changes"]) == []
    assert {row[0] for row in pick(workbook["Accounts"], "Opened")} == {NOTHING}


def test_actions_are_those_of_the_plan(small: Run, tmp_path: Path) -> None:
    path = book(small, tmp_path)
    with viewing(small) as view:
        plan = view.actions
    rows = records(shown(path)["Actions"])
    assert [(row["Rank"], row["Action"], row["Closes issues"], row["Action id"]) for row in rows] == [
        (each.rank, each.what, each.closes.issues, each.id) for each in plan.actions
    ]
    assert not any(": closes " in str(row["Action"]) for row in rows), "the columns beside it say so"
    assert {row["Effort"] for row in rows} == {NOTHING}, "the controls of this run have no effort"
    assert [row["Share of risk so far"] for row in rows] == [pytest.approx(each.share_so_far) for each in plan.actions]
    assert rows[-1]["Share of risk so far"] == 1
    assert {row["First command"] for row in rows} == {each.commands[0].command for each in plan.actions}


def test_the_actions_say_how_many_there_are(small: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orgaudit.report.viewing.ACTIONS", 2)
    sheet = shown(book(small, tmp_path))["Actions"]
    assert "The first 2 of " in str(sheet["A2"].value)
    assert len(records(sheet)) == 2


def test_the_heat_map_shows_open_not_assessed_and_not_applicable(results: Workbook) -> None:
    sheet = results["Heat map"]
    (row,) = [row for row in records(sheet) if row["Control"] == "Ec2 resources keep promise 4"]
    assert [row[f"account {n} {account_id(n)}"] for n in range(4)] == [2, NOTHING, 0, NOTHING]
    assert row["Open"] == 2
    assert sheet["C4"].alignment.textRotation == 90


def test_many_accounts_have_a_heat_map_by_section(small: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heat, "MOST_ACCOUNTS", 3)
    rows = {row["Account id"]: row for row in records(shown(book(small, tmp_path))["Heat map"])}
    assert [rows[account_id(n)]["Promises"] for n in range(4)] == [3, 2, 3, NOTHING]


def test_all_evaluations_prints_one_line_and_says_where_the_rows_are(formulas: Workbook) -> None:
    sheet = formulas["All evaluations"]
    assert sheet.print_area == "'All evaluations'!$A$1:$H$2"
    assert sheet["A2"].value == "60 rows are in the workbook from row 5 on, what is open first; they are not printed."


@pytest.mark.parametrize(("wanted", "rows"), [("automatic", 46), ("all", 60)])
def test_what_passed_is_left_out_where_there_is_much(
    small: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, rows: int
) -> None:
    monkeypatch.setattr(sheets, "MOST_EVALUATIONS", 59)
    settings = ReportSettings.model_validate({"evaluations": wanted})
    workbook = shown(book(small, tmp_path, settings=settings))
    listed = pick(workbook["All evaluations"], "Status")
    assert len(listed) == rows
    assert (("PASS",) in listed) is (wanted == "all")
    said = "14 that passed are left out" in str(workbook["All evaluations"]["A2"].value)
    assert said is (wanted == "automatic")
    method = {row["Term"]: str(row["Meaning"]) for row in records(workbook["Method"])}
    assert ("14 that passed" in method["Rows of All evaluations"]) is said


def test_what_cannot_be_rated_shows_a_dash(results: Workbook) -> None:
    rows = {row["Requirement"]: row for row in records(results["Frameworks"])}
    manual = rows["9.9"]
    assert {manual[title] for title in ("Accounts failing", "Accounts passing", "Open", "Pass rate", "Level")} == {
        NOTHING
    }
    assert rows["1.1"]["Section"] == "Promises"


# The limits of spreadsheets: support.microsoft.com, Excel specifications and limits.


def test_past_the_most_links_cells_have_formulas(small: Run, tmp_path: Path) -> None:
    workbook = openpyxl.load_workbook(book(small, tmp_path, link_limit=4))
    sheet = workbook["Open"]
    assert len(links(sheet)) == 4
    formulas = [cell.value for cell in sheet["B"] if str(cell.value).startswith("=HYPERLINK")]
    assert len(formulas) >= 4
    assert all(re.fullmatch(r"=HYPERLINK\(\"#'Controls'!A\d+\",\".*\"\)", str(it)) for it in formulas)
    assert all(len(links(each)) <= 4 for each in workbook if each.title != "Summary")


def test_every_limit_of_a_workbook_is_kept(small: Run, tmp_path: Path) -> None:
    def long(findings: Iterable[Finding]) -> Iterator[Finding]:
        for finding in dated(findings):
            yield msgspec.structs.replace(
                finding, resource=f"arn:aws:iam::1:role/{'r' * 3000}", reason="x" * 40_000, region="global"
            )

    path = book(small, tmp_path, decided(long), row_limit=29)
    workbook = openpyxl.load_workbook(path)
    assert len({name.lower() for name in workbook.sheetnames}) == len(workbook.sheetnames)
    for sheet in workbook:
        assert len(sheet.title) <= 31
        assert not set(sheet.title) & set("[]:*?/\\'")
        assert sheet.max_row <= 29 or sheet.title in {"Summary", "Lists"}
        assert all(len(goal) <= 2079 for goal in links(sheet).values())
        for validation in sheet.data_validations.dataValidation:
            assert len(str(validation.formula1)) <= 255
        for row in sheet:
            for cell in row:
                assert len(str(cell.value or "")) <= (8192 if cell.data_type == "f" else 32_767)
                assert (sheet.row_dimensions[int(cell.row or 1)].height or 0) <= 409
    names = [name for sheet in workbook for name in sheet.tables]
    assert len({name.lower() for name in names}) == len(names)
    with zipfile.ZipFile(path) as archive:
        styles = archive.read("xl/styles.xml").decode()
        sheets_xml = [archive.read(name).decode() for name in archive.namelist() if "worksheets/sheet" in name]
    assert styles.count("<xf ") < 500, "styles do not grow with the records"
    assert styles.count("<font>") < 100
    for xml in sheets_xml:
        for text in re.findall(r"HYPERLINK\((.*?)\)</f>", xml):
            assert all(len(each) <= 255 for each in re.findall(r'"((?:[^"]|"")*)"', text.replace("&quot;", '"')))


def test_coverage_goes_on_in_the_next_sheet(small: Run, tmp_path: Path) -> None:
    workbook = shown(book(small, tmp_path, row_limit=14))
    assert {"Coverage", "Coverage 2"} <= set(workbook.sheetnames)
    names = [name for name in workbook.sheetnames if name.startswith("Coverage")]
    assert sum(len(_regions(workbook[name])) for name in names) == 12
    index = [str(row[1]) for row in workbook["Summary"].iter_rows(min_row=30, values_only=True)]
    assert "Coverage 2" in index


def _regions(sheet: Worksheet) -> list[dict[str, object]]:
    header = next((cell.row for cell in sheet["A"] if cell.value == "Account id"), None)
    return records(sheet, header) if header else []


def test_every_link_leads_to_a_cell_that_is_there(small: Run, tmp_path: Path) -> None:
    workbook = openpyxl.load_workbook(book(small, tmp_path, row_limit=29))
    found = [goal for sheet in workbook for goal in links(sheet).values() if not goal.startswith("https:")]
    assert len(found) > 60
    for goal in found:
        title, _, cell = goal.rpartition("!")
        cell = "B1" if goal == "'Summary'!A1" else cell  # page one begins with a margin
        assert workbook[title.strip("'")][cell].value is not None, goal


@needs.libreoffice
def test_libreoffice_computes_what_the_sheets_show(small: Run, tmp_path: Path) -> None:
    assert_computed_as_shown(book(small, tmp_path, link_limit=10), tmp_path)


@needs.libreoffice
def test_the_book_of_an_organization_prints_on_few_pages(tmp_path: Path) -> None:
    run = build(tmp_path / "run", accounts=15, regions=1, controls=280)
    path = book(run, tmp_path)
    assert openpyxl.load_workbook(path)["All evaluations"].max_row > 3000
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    command = ["soffice", "--headless", profile, "--convert-to", "pdf", "--outdir", str(tmp_path), str(path)]
    subprocess.run(command, check=True, capture_output=True, timeout=300)
    printed = subprocess.run(
        ["pdftotext", "-layout", str(path.with_suffix(".pdf")), "-"], check=True, capture_output=True, text=True
    ).stdout.split("\f")[:-1]
    assert len(printed) <= 25
    assert sum(page.lstrip().startswith("All evaluations") for page in printed) == 1
    opened = [page for page in printed if "What to do" in page and "Overdue" in page]
    assert 1 < len(opened) <= 8, "each page of Open repeats the header"


def test_the_books_of_one_input_are_the_same(small: Run, tmp_path: Path) -> None:
    first = book(small, tmp_path).read_bytes()
    assert book(small, tmp_path).read_bytes() == first


def test_a_workbook_of_some_sheets_leads_nowhere_else(small: Run, tmp_path: Path) -> None:
    store(small, DATED)
    with viewing(small) as view:
        xlsx.write(view, tmp_path / "part.xlsx", sheets=[sheets.OPEN])
    workbook = openpyxl.load_workbook(tmp_path / "part.xlsx")
    goals = [goal for goal in links(workbook["Open"]).values() if not goal.startswith("https:")]
    assert [goal.rpartition("!")[0].strip("'") for goal in goals] == ["Summary"]
    assert not [cell for cell in workbook["Open"]["B"] if str(cell.value).startswith("=")]
