"""report.fedramp-poam.xlsx: trestle's importer of FedRAMP's template reads it; its rows are the items of the plan."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from configparser import ConfigParser
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openpyxl import load_workbook

from orgaudit.model import Finding, Remediation, Remedy, Severity, Status
from orgaudit.report.formats import fedramp_poam, oscal_poam
from orgaudit.report.formats.fedramp_poam import CLOSED, COLUMNS, HEADER_ROW, OPEN, listed, names_of
from orgaudit.report.viewing import viewing
from orgaudit.report.weaknesses import Asset, weaknesses
from orgaudit.settings.frameworks import Assessment, Framework, Requirement
from orgaudit.store.kinds import Kind
from orgaudit.store.run import Run
from tests.report import hostile
from tests.report.compared import change, compare
from tests.report.oscal_documents import only, plan_of_action
from tests.report.small import ACTIVE, REGISTER, Decided, decided, small_run, store, viewed
from tests.synthetic_run import account_id

TRAIL, PUBLIC, KMS = "cloudtrail_control_0_holds", "s3_control_1_holds", "kms_control_3_holds"

TITLES = [
    "POAM ID",
    "Controls",
    "Weakness Name",
    "Weakness Description",
    "Weakness Detector Source",
    "Weakness Source Identifier",
    "Asset Identifier",
    "Point of Contact",
    "Resources Required",
    "Overall Remediation Plan",
    "Original Detection Date",
    "Scheduled Completion Date",
    "Planned Milestones",
    "Milestone Changes",
    "Status Date",
    "Vendor Dependency",
    "Last Vendor Check-in Date",
    "Vendor Dependent Product Name",
    "Original Risk Rating",
    "Adjusted Risk Rating",
    "Risk Adjustment",
    "False Positive",
    "Operational Requirement",
    "Deviation Rationale",
    "Supporting Documents",
    "Comments",
    "Auto-Approve",
    "Binding Operational Directive 22-01 tracking",
    "Binding Operational Directive 22-01 Due Date",
    "CVE",
    "Service Name",
]


def rows_of(path: Path, sheet: str = OPEN) -> dict[str, dict[str, Any]]:
    """Return the rows of a sheet by id, as openpyxl reads them."""
    cells = load_workbook(path)[sheet].iter_rows(min_row=HEADER_ROW, values_only=True)
    titles = [str(title) for title in next(cells)]
    assert titles == TITLES
    found = [dict(zip(titles, row, strict=True)) for row in cells if any(row)]
    assert len({row["POAM ID"] for row in found}) == len(found)
    return {str(row["POAM ID"]): row for row in found}


def written(run: Run, register: Decided, path: Path, sheet: str = OPEN) -> dict[str, dict[str, Any]]:
    """Return the rows of a run with these decisions."""
    with viewed(run, register) as view:
        fedramp_poam.write(view, path / "report.fedramp-poam.xlsx")
    return rows_of(path / "report.fedramp-poam.xlsx", sheet)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The workbook of the small run with its register, which tests only read."""
    path = tmp_path_factory.mktemp("usual")
    written(small_run(path), REGISTER, path)
    return path / "report.fedramp-poam.xlsx"


def imported(path: Path, out: Path) -> dict[str, Any] | None:
    """Return what trestle's importer makes of a workbook, None where it fails; a row that it finds wrong is a failure.

    Its dates of milestones are lost: it gives them a type that its own models refuse, and warns.
    """
    from trestle.tasks.base_task import TaskOutcome  # noqa: PLC0415 - takes half a second
    from trestle.tasks.xlsx_to_oscal_poam import XlsxToOscalPoam  # noqa: PLC0415

    config = ConfigParser()
    config["task"] = {
        "xlsx-file": str(path),
        "output-dir": str(out),
        "title": "Plan",
        "version": "1",
        "validate-required-fields": "on",
    }
    if XlsxToOscalPoam(config["task"]).execute() != TaskOutcome.SUCCESS:
        return None
    read = msgspec.json.decode((out / "plan-of-action-and-milestones.json").read_bytes(), type=dict[str, Any])
    found = read["plan-of-action-and-milestones"]
    assert isinstance(found, dict)
    return found


def values(part: dict[str, Any], name: str) -> list[str]:
    """Return the values of an imported part's properties of a name."""
    return [each["value"] for each in part.get("props", ()) if each["name"] == name]


def test_trestles_importer_reads_the_demo_as_the_view_has_it(
    demo_run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with viewing(demo_run) as view:
        fedramp_poam.write(view, tmp_path / "report.fedramp-poam.xlsx")
        oscal_poam.write(view, tmp_path / "poam.json")
        found = weaknesses(view.connection)
        controls = {score.id: score for score in view.controls}
        with caplog.at_level(logging.WARNING):
            read = imported(tmp_path / "report.fedramp-poam.xlsx", tmp_path)
        causes = len(view.causes)
        failed = view.summary.counts.failed
    assert read is not None
    assert {record.message.partition('"')[0] for record in caplog.records} <= {"Could not parse milestone date "}
    assert len(read["poam-items"]) == len(found) + causes
    assert sum(each.counted for each in found) == failed
    ours = plan_of_action(tmp_path / "poam.json")
    assert [values(item, "poam-id") for item in read["poam-items"]] == [
        values(item, "POAM-ID") for item in ours["poam-items"]
    ]
    assert [item["title"] for item in read["poam-items"]] == [item["title"] for item in ours["poam-items"]]
    for weakness, item, risk, observation in zip(
        found, read["poam-items"], read["risks"], read["observations"], strict=False
    ):
        named = [name.partition(" ")[2] for name in controls[weakness.control].requirements if "800_53" in name]
        assert values(item, "control-id") == (named or ["CM-6"])
        ratings = {Severity.MEDIUM: "Moderate", Severity.LOW: "Low"}
        assert values(risk, "original-risk-rating") == [ratings.get(weakness.severity, "High")]
        assert values(risk, "false-positive") == ["No"]
        deadline = weakness.exception_expires if weakness.covered else weakness.due_on
        assert risk["deadline"][:10] == str(deadline)
        assert observation["collected"][:10] == str(weakness.first_seen)
        [plan] = risk["remediations"]
        assert len(plan["tasks"]) == (1 if weakness.covered else len(weakness.due_dates))


def test_the_headings_stand_where_the_template_has_them(usual: Path) -> None:
    book = load_workbook(usual)
    assert book.sheetnames == [OPEN, CLOSED] == ["Open POA&M Items", "Closed POA&M Items"]
    for sheet in book.worksheets:
        assert sheet["A1"].value == "FedRAMP Plan of Action and Milestones (POA&M)"
        assert [sheet.cell(2, column).value for column in range(1, 5)] == [
            "CSP",
            "System Name",
            "Impact Level",
            "POAM Date",
        ]
        assert [sheet.cell(HEADER_ROW, index).value for index in range(1, len(COLUMNS) + 1)] == TITLES
        assert sheet["D3"].value == datetime(2026, 10, 1)  # noqa: DTZ001 - a cell has no time zone
        assert sheet["C3"].value is None
        assert sheet.freeze_panes == "D6"
    limits = book[OPEN].data_validations.dataValidation
    assert {each.formula1 for each in limits} == {'"Yes,No,Pending"', '"Low,Moderate,High,N/A"', '"Yes,No"'}


def test_an_exception_in_force_is_a_row_with_its_last_day_and_its_approver(usual: Path) -> None:
    rows = rows_of(usual)
    covered, uncovered = rows[f"{PUBLIC}/EXC-2026-0001"], rows[PUBLIC]
    assert covered["Scheduled Completion Date"].date() == date(2026, 12, 31)
    assert covered["Operational Requirement"] == "Yes"
    assert covered["False Positive"] == uncovered["False Positive"] == "No"
    assert covered["Point of Contact"] == "Ann Example"
    assert covered["Deviation Rationale"] == (
        "Accepted until 2026-12-31 by exception EXC-2026-0001 (Accepted until fixed, 1); owner: Ann Example; "
        "approved by Carol Example"
    )
    assert covered["Supporting Documents"] == "findings.parquet\nSEC-12"
    assert covered["Planned Milestones"] == "Milestone 1: Fix it, or renew exception EXC-2026-0001 by 2026-12-31"
    assert (uncovered["Operational Requirement"], uncovered["Deviation Rationale"]) == ("No", None)
    assert "Severity: critical" in covered["Comments"]
    assert covered["Original Risk Rating"] == "High"
    expired = rows["ec2_control_4_holds/EXC-2026-0002"]
    assert (expired["Operational Requirement"], expired["Deviation Rationale"]) == ("No", None)
    assert expired["Milestone Changes"].startswith("Exception EXC-2026-0002 (Accepted until fixed, 2) expired on")


@pytest.mark.parametrize(
    ("kind", "vendor", "required"),
    [
        ("risk_acceptance", "No", "Yes"),
        ("operational_requirement", "No", "Yes"),
        ("vendor_dependency", "Yes", "No"),
        ("planned_remediation", "No", "No"),
        ("false_positive", "No", "No"),
    ],
)
def test_the_types_of_exceptions_are_fedramps_deviations(
    small: Run, tmp_path: Path, kind: str, vendor: str, required: str
) -> None:
    result = REGISTER.result
    entries = tuple(msgspec.structs.replace(entry, type=kind) for entry in result.entries)
    rows = written(small, Decided(msgspec.structs.replace(result, entries=entries), REGISTER.apply), tmp_path)
    row = rows[f"{PUBLIC}/EXC-2026-0001"]
    assert (row["Vendor Dependency"], row["Operational Requirement"]) == (vendor, required)
    assert row["False Positive"] == "No"
    assert row["Deviation Rationale"]


def test_a_weakness_names_its_assets_owners_dates_and_fixes(small: Run, tmp_path: Path) -> None:
    def dated(findings: Iterable[Finding]) -> Iterable[Finding]:
        for finding in findings:
            due = date(2026, 11, 1) if finding.account_id == account_id(0) else date(2026, 10, 20)
            yield msgspec.structs.replace(
                finding, first_seen=date(2026, 9, 1), due_on=due, owner="" if due.month == 11 else "Ann <a@example.com>"
            )

    fixes = Remediation(Remedy("Wide."), Remedy("Here.", "aws x"), Remedy("Deny."))
    manifest = small.read_manifest()
    controls = tuple(
        msgspec.structs.replace(each, remediation=fixes, effort="M", per_resource=True, disruption="restart")
        for each in manifest.controls
    )
    nist = Framework(
        id="nist_800_53_r5",
        title="NIST SP 800-53",
        version="Revision 5",
        requirements=tuple(
            Requirement(id=name, title=name, assessment=Assessment.AUTOMATED, controls=(TRAIL,))
            for name in ("AU-2", "AC-2(1)")
        ),
    )
    small.write_manifest(msgspec.structs.replace(manifest, controls=controls, frameworks=(*manifest.frameworks, nist)))
    rows = written(small, decided(dated), tmp_path)
    row = rows[TRAIL]
    assert row["Controls"] == "AU-2, AC-2(1)"
    assert row["Asset Identifier"] == f"arn:aws:cloudtrail:eu-central-1:{account_id(0)}:trail/organization"
    assert row["Point of Contact"] == "Ann <a@example.com>"
    assert row["Original Detection Date"].date() == date(2026, 9, 1)
    assert row["Scheduled Completion Date"].date() == date(2026, 10, 20)
    assert row["Planned Milestones"].splitlines() == [
        "Milestone 1: Fix 2 findings in 2 accounts by 2026-10-20",
        "Milestone 2: Fix 1 finding in 1 account by 2026-11-01",
    ]
    assert row["Overall Remediation Plan"].splitlines() == ["(1) Wide.", "(2) Here.", "(3) Deny."]
    assert row["Resources Required"] == "effort M for each resource, needs a restart"
    assert row["Comments"].splitlines() == ["3 findings in 3 accounts", "1 without an owner"]
    assert row["Service Name"] == "cloudtrail"
    assert rows[PUBLIC]["Controls"] == "CM-6"
    assert "CM-6 stands for it" in rows[PUBLIC]["Comments"]


def test_what_was_not_assessed_is_a_row_without_a_rating(usual: Path) -> None:
    rows = rows_of(usual)
    gaps = [row for name, row in rows.items() if name.startswith("NOT-ASSESSED/")]
    assert {row["Weakness Source Identifier"] for row in gaps} == {"ACCOUNT_UNAVAILABLE", "DENIED"}
    [suspended] = [row for row in gaps if row["Weakness Source Identifier"] == "ACCOUNT_UNAVAILABLE"]
    assert suspended["Asset Identifier"] == account_id(3)
    assert suspended["Controls"] == "CA-2"
    assert suspended["Original Risk Rating"] == "N/A"
    assert suspended["Weakness Description"].endswith("What was not assessed may fail: nothing of it passes.")
    assert suspended["Point of Contact"] == "Audit team"


def test_a_run_in_which_nothing_is_open_has_the_headings_alone(small: Run, tmp_path: Path) -> None:
    assert written(only(small, Status.PASS), decided(), tmp_path) == {}
    assert imported(tmp_path / "report.fedramp-poam.xlsx", tmp_path) is None


def test_hostile_names_are_no_formulas_and_trestle_reads_them(hostile_run: Run, tmp_path: Path) -> None:
    covering = msgspec.structs.replace(ACTIVE, owner=hostile.hostile("Ann"))

    def mark(findings: Iterable[Finding]) -> Iterable[Finding]:
        for finding in findings:
            covered = finding.status is Status.FAIL and finding.account_id == account_id(1)
            yield msgspec.structs.replace(finding, exception=covering if covered else None)

    rows = written(hostile_run, Decided(hostile.REGISTER.result, mark), tmp_path)
    for sheet in load_workbook(tmp_path / "report.fedramp-poam.xlsx").worksheets:
        for cells in sheet.iter_rows():
            for cell in cells:
                assert cell.data_type != "f"
                assert not isinstance(cell.value, str) or not cell.value.startswith("=") or cell.quotePrefix
    assert all(row["Weakness Name"].startswith('=1+"') for name, row in rows.items() if name[0] != "N")
    read = imported(tmp_path / "report.fedramp-poam.xlsx", tmp_path)
    assert read is not None
    assert len(read["poam-items"]) == len(rows)


def test_the_same_run_makes_the_same_bytes(small: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.fedramp-poam.xlsx"
    with viewed(small, REGISTER) as view:
        fedramp_poam.write(view, path)
        once = path.read_bytes()
        fedramp_poam.write(view, path)
    assert path.read_bytes() == once


def test_assets_past_the_room_of_a_cell_are_counted() -> None:
    arns = [f"arn:aws:s3:::{'x' * 200}-{number:04d}" for number in range(300)]
    text = listed(arns, 500)
    *names, rest = text.splitlines()
    assert len(text) < 32_767
    assert names == arns[: len(names)]
    assert rest == f"and {500 - len(names):,} more: orgaudit query lists them"
    assert listed(arns[:2], 2) == "\n".join(arns[:2])
    assert listed([], 0) == ""


def test_an_asset_that_is_no_arn_is_named_with_its_account_and_region() -> None:
    assets = (Asset("1", "eu-west-1", "trail"), Asset("1", "eu-west-1", "arn:aws:s3:::b"))
    assert list(names_of(assets)) == ["1/eu-west-1/trail", "arn:aws:s3:::b"]


def test_a_weakness_of_more_assets_than_are_named_says_how_many_more(
    small: Run, usual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = rows_of(usual)
    monkeypatch.setattr(fedramp_poam, "MOST_ASSETS", 1)
    cut = written(small, REGISTER, tmp_path)
    many = {name: row["Asset Identifier"].splitlines() for name, row in whole.items() if "/EXC" in name}
    assert max(map(len, many.values())) > 1
    for name, names in many.items():
        more = [f"and {len(names) - 1} more: orgaudit query lists them"] if len(names) > 1 else []
        assert cut[name]["Asset Identifier"].splitlines() == [names[0], *more]


def test_what_was_fixed_everywhere_since_the_baseline_is_closed(small: Run, tmp_path: Path) -> None:
    run = only(small, Status.PASS)
    fixed = {"controls": (KMS,), "family": KMS, "owner": "Ann <a@example.com>"}
    store(run, decided())
    compare(
        run,
        change(Kind.RESOLVED, Severity.HIGH, 1, resource="arn:aws:kms:::a", **fixed),
        change(Kind.GONE, Severity.LOW, 2, resource="arn:aws:kms:::b", **fixed),
        change(Kind.RESOLVED, Severity.HIGH, 2),
        change(Kind.NOT_CHECKED_AGAIN, Severity.LOW, 2),
    )
    with viewing(run) as view:
        fedramp_poam.write(view, tmp_path / "report.fedramp-poam.xlsx")
    [row] = rows_of(tmp_path / "report.fedramp-poam.xlsx", CLOSED).values()
    assert row["POAM ID"] == KMS
    assert row["Comments"] == "2 issues closed since run 2026-q2 of 2026-07-01, 1 of them with their resource"
    assert row["Asset Identifier"].splitlines() == ["arn:aws:kms:::a", "arn:aws:kms:::b"]
    assert row["Original Risk Rating"] == "High"
    assert row["Original Detection Date"].date() == date(2026, 9, 1)
    assert row["Status Date"].date() == date(2026, 10, 1)


def test_what_still_fails_elsewhere_is_not_closed(small: Run, tmp_path: Path) -> None:
    def one(findings: Iterable[Finding]) -> Iterable[Finding]:
        for finding in findings:
            fails = finding.control == KMS and finding.account_id == account_id(2)
            yield msgspec.structs.replace(finding, status=Status.FAIL if fails else finding.status)

    run = only(small, Status.PASS)
    store(run, decided(one))
    compare(run, change(Kind.RESOLVED, Severity.HIGH, 1, controls=(KMS,), family=KMS))
    with viewing(run) as view:
        fedramp_poam.write(view, tmp_path / "report.fedramp-poam.xlsx")
    assert rows_of(tmp_path / "report.fedramp-poam.xlsx", CLOSED) == {}
    assert [*rows_of(tmp_path / "report.fedramp-poam.xlsx")] == [KMS]


def test_what_was_not_seen_again_everywhere_is_not_closed(small: Run, tmp_path: Path) -> None:
    def passing(findings: Iterable[Finding]) -> Iterable[Finding]:
        yield from (finding for finding in findings if finding.status is not Status.FAIL)

    store(small, decided(passing))
    compare(small, change(Kind.RESOLVED, Severity.HIGH, 1, controls=(KMS,), family=KMS))
    with viewing(small) as view:
        fedramp_poam.write(view, tmp_path / "report.fedramp-poam.xlsx")
    assert rows_of(tmp_path / "report.fedramp-poam.xlsx", CLOSED) == {}
