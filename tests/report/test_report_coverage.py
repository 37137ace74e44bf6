"""Coverage with a region that a policy denies, accepted or not, and a run in which nothing was seen."""

from __future__ import annotations

import json
import re

import msgspec
import openpyxl
import pytest

from orgaudit.cli.summary import print_summary
from orgaudit.errors import ExitCode
from orgaudit.model import Cell, Finding, Gap, GapReason, RegionRecord, RegionState, Status
from orgaudit.report.completeness import completeness_of
from orgaudit.report.figures import RegionScore
from orgaudit.report.stage import exit_code
from orgaudit.report.view import View
from orgaudit.store.run import Run, write_lines
from tests.report.small import REGISTER, viewed, write
from tests.synthetic_run import MANAGEMENT, account_id, build

FENCED = "eu-west-1"


def denied(account: str) -> Gap:
    return Gap(account, FENCED, "s3:DescribeThings", GapReason.SCP_DENIED, "denied by a service control policy")


def fence(run: Run, account: str, *, accepted: bool) -> None:
    """Deny a region to an account by a policy, in everything that the run says of it."""

    def cell(found: Cell) -> Cell:
        if found.region != FENCED:
            return found
        nothing = dict.fromkeys(("passed", "failed", "not_applicable", "manual"), 0)
        counts = nothing | {"not_assessed": int(not accepted), "accepted": int(accepted)}
        return msgspec.structs.replace(
            found, status=Status.NOT_ASSESSED, reason=GapReason.SCP_DENIED, action="s3:DescribeThings", **counts
        )

    def finding(found: Finding) -> Finding:
        if found.region != FENCED:
            return found
        return msgspec.structs.replace(found, status=Status.NOT_ASSESSED, gap=denied(account), accepted=accepted)

    write_lines(run.cells_path(account), [cell(each) for each in run.cells(account)])
    write_lines(run.findings_path(account), [finding(each) for each in run.findings(account)])
    manifest = run.read_manifest()
    records = [
        msgspec.structs.replace(
            record,
            regions=tuple(
                RegionRecord(FENCED, RegionState.BLOCKED, denied(account)) if each.name == FENCED else each
                for each in record.regions
            ),
        )
        if record.account_id == account
        else record
        for record in manifest.records
    ]
    run.write_manifest(msgspec.structs.replace(manifest, records=tuple(records), accept_blocked_regions=(FENCED,)))


def lines_of(view: View, capsys: pytest.CaptureFixture[str]) -> list[str]:
    print_summary(view, [], exit_code(view, None))
    return capsys.readouterr().out.splitlines()


def test_blocked_region_is_not_assessed_and_has_figures_of_its_own(small: Run) -> None:
    fence(small, MANAGEMENT, accepted=False)
    with viewed(small, REGISTER) as view:
        totals = view.summary.coverage
        assert (totals.evaluations, totals.evaluations_blocked, totals.evaluations_accepted) == (60, 5, 0)
        assert (totals.regions_blocked, totals.regions_accepted) == (1, 0)
        assert totals.account_regions - totals.account_regions_assessed == 1
        assert RegionScore(FENCED, 3, 2, 1, 0) in view.regions
        states = {(each.account_id, each.region): each for each in view.account_regions()}
        assert (states[MANAGEMENT, FENCED].state, states[MANAGEMENT, FENCED].evaluations_blocked) == ("BLOCKED", 5)
        assert completeness_of(view).startswith("INCOMPLETE: ")
        assert exit_code(view, None) is ExitCode.INCOMPLETE
        assert any(each.reason is GapReason.SCP_DENIED for each in view.missing)


def seen_whole(small: Run) -> Run:
    """A run in which everything is seen, but for the region that is denied."""
    run = build(small.path.parent / "whole", accounts=2, regions=3, controls=5)
    manifest = run.read_manifest()
    (account,) = [each for each in manifest.accounts if each.id == MANAGEMENT]
    records = tuple(each for each in manifest.records if each.account_id == MANAGEMENT)
    run.write_manifest(msgspec.structs.replace(manifest, accounts=(account,), records=records))
    cells = [
        msgspec.structs.replace(each, status=Status.PASS, reason=None, action=None, not_assessed=0, passed=1)
        if each.status is Status.NOT_ASSESSED
        else each
        for each in run.cells(MANAGEMENT)
    ]
    write_lines(run.cells_path(MANAGEMENT), cells)
    return run


def test_accepted_region_leaves_the_denominator_and_is_named(small: Run, capsys: pytest.CaptureFixture[str]) -> None:
    run = seen_whole(small)
    fence(run, MANAGEMENT, accepted=True)
    with viewed(run, REGISTER) as view:
        totals = view.summary.coverage
        assert (totals.evaluations, totals.evaluations_assessed, totals.evaluations_accepted) == (10, 10, 5)
        assert (totals.share, totals.complete, totals.regions, totals.regions_accepted) == (1.0, True, 1, 1)
        assert RegionScore(FENCED, 0, 0, 0, 1) in view.regions
        assert {each.state for each in view.account_regions() if each.region == FENCED} == {"ACCEPTED"}
        assert (view.accounts[0].completeness, view.accounts[0].reason) == ("COMPLETE", "SCP_DENIED accepted (5)")
        assert (view.accounts[0].counts.not_assessed, view.accounts[0].counts.accepted) == (0, 5)
        assert (len(view.missing), len(view.missing_permissions), len(view.unseen)) == (0, 0, 0)
        assert exit_code(view, None) is ExitCode.CLEAN
        said = "Complete but for 1 accepted region (eu-west-1 in 1 account; 5 evaluations not made)"
        assert completeness_of(view) == said
        assert any(said in line for line in lines_of(view, capsys))
        assert not {each.status.value for each in view.requirements} & {"NOT_ASSESSED"}


def test_workbook_and_json_show_what_was_accepted(small: Run) -> None:
    run = seen_whole(small)
    fence(run, MANAGEMENT, accepted=True)
    workbook, document = write(run, REGISTER, ["xlsx", "json"])
    book = openpyxl.load_workbook(workbook, data_only=True)
    assert book["Summary"]["B4"].value.startswith("Complete but for 1 accepted region (eu-west-1")
    header = next(cell.row for cell in book["Coverage"]["A"] if cell.value == "Account id")
    rows = list(book["Coverage"].iter_rows(min_row=header, values_only=True))
    places = {name: column for column, name in enumerate(rows[0])}
    (row,) = [row for row in rows if row[places["State"]] == "ACCEPTED"]
    assert (row[places["Evaluations"]], row[places["Accepted"]], row[places["Blocked by policy"]]) == (0, 5, 0)
    coverage = json.loads(document.read_bytes())["coverage"]
    assert coverage["totals"]["complete"] is True
    assert coverage["totals"]["evaluations_accepted"] == 5


def test_lines_of_what_was_not_seen_add_up(small: Run, capsys: pytest.CaptureFixture[str]) -> None:
    fence(small, account_id(1), accepted=False)
    with viewed(small, REGISTER) as view:
        totals = view.summary.coverage
        said = [line for line in lines_of(view, capsys) if re.search(r"[A-Z_]+: [\d,]+ evaluations? in", line)]
        counted = [int(re.findall(r": ([\d,]+) evaluation", line)[0]) for line in said]
        assert len(said) == len(view.unseen) == 3
        assert sum(counted) == totals.evaluations - totals.evaluations_assessed
        assert sum(each.evaluations for each in view.missing) == sum(counted)
        assert any("SCP_DENIED" in line and "s3:DescribeThings" in line for line in said)


@pytest.mark.parametrize("reason", [GapReason.REGION_DISABLED, GapReason.NOT_OFFERED])
def test_run_in_which_nothing_was_looked_at_is_incomplete(small: Run, reason: GapReason) -> None:
    for account in small.read_manifest().accounts:
        nothing = dict.fromkeys(("passed", "failed", "not_assessed", "manual"), 0)
        cells = [
            msgspec.structs.replace(cell, status=Status.NOT_APPLICABLE, reason=reason, **nothing)
            for cell in small.cells(account.id)
        ]
        write_lines(small.cells_path(account.id), cells)
    with viewed(small, REGISTER) as view:
        assert view.summary.coverage.evaluations == view.summary.coverage.evaluations_assessed > 0
        assert exit_code(view, None) is ExitCode.INCOMPLETE
        assert completeness_of(view).startswith("INCOMPLETE: nothing was assessed")


def test_run_without_a_cell_is_incomplete(small: Run) -> None:
    for account in small.read_manifest().accounts:
        write_lines(small.cells_path(account.id), [])
        write_lines(small.findings_path(account.id), [])
    with viewed(small, REGISTER) as view:
        assert exit_code(view, None) is ExitCode.INCOMPLETE
