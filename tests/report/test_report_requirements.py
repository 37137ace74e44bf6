"""What a report says of requirements that a person decides, and of those whose controls were left out of the run."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest

from orgaudit.model import GLOBAL, Cell, Status
from orgaudit.report.figures import RequirementScore, StatusCounts
from orgaudit.report.framework_scores import framework_scores
from orgaudit.report.weaknesses import controls_in_accounts
from orgaudit.settings.frameworks import Assessment, Coverage, Framework, Requirement
from orgaudit.store.consolidation import consolidate
from orgaudit.store.run import Run, write_lines
from tests.report.small import decided, viewed
from tests.synthetic_run import account_id

FAILING, UNSEEN, PASSING = "cloudtrail_control_0_holds", "kms_control_3_holds", "iam_control_2_holds"
NOT_CHOSEN = "rds_control_left_out"
AUTOMATED, MANUAL = Assessment.AUTOMATED, Assessment.MANUAL


def asking(asked: Mapping[str, tuple[Assessment, tuple[str, ...]]]) -> Framework:
    """A framework of these requirements: their assessment and controls by id."""
    requirements = tuple(
        Requirement(id=name, title=name, assessment=assessment, controls=controls)
        for name, (assessment, controls) in asked.items()
    )
    return Framework(id="own", title="Own", version="1", requirements=requirements)


def scores(run: Run, asked: Mapping[str, tuple[Assessment, tuple[str, ...]]]) -> dict[str, RequirementScore]:
    run.write_manifest(msgspec.structs.replace(run.read_manifest(), frameworks=(asking(asked),)))
    register = decided()
    consolidate(run, lambda _: (register.apply, None))
    with viewed(run, register) as view:
        return {score.id: score for score in view.requirements}


def test_a_person_decides_whatever_was_found(small: Run) -> None:
    found = scores(small, {"decided": (AUTOMATED, (FAILING,)), "left": (MANUAL, (FAILING,)), "bare": (MANUAL, ())})
    assert {name: str(score.status) for name, score in found.items()} == {
        "decided": "FAIL",
        "left": "MANUAL",
        "bare": "MANUAL",
    }
    assert found["bare"].counts == StatusCounts()


def test_findings_are_the_evidence_of_what_a_person_decides(small: Run) -> None:
    found = scores(small, {"decided": (AUTOMATED, (FAILING, UNSEEN)), "left": (MANUAL, (FAILING, UNSEEN))})
    decided, left = found["decided"], found["left"]
    assert left.counts == decided.counts
    assert left.counts.failed == 3
    assert (left.accounts_failing, left.accounts_not_assessed) == (3, 1)
    assert (decided.accounts_failing, decided.accounts_not_assessed) == (3, 1)


@pytest.mark.parametrize(
    ("controls", "status"),
    [
        ((PASSING,), "PASS"),
        ((PASSING, NOT_CHOSEN), "NOT_ASSESSED"),
        ((NOT_CHOSEN,), "NOT_ASSESSED"),
        ((FAILING, NOT_CHOSEN), "FAIL"),
        ((), "MANUAL"),
    ],
)
def test_a_control_that_was_left_out_is_not_seen(small: Run, controls: tuple[str, ...], status: str) -> None:
    only_passing(small, PASSING)
    assert str(scores(small, {"asked": (AUTOMATED, controls)})["asked"].status) == status


@pytest.mark.parametrize(("assessment", "status"), [(AUTOMATED, "PASS"), (MANUAL, "MANUAL")])
def test_a_passing_requirement_that_a_person_decides_is_not_passed(
    small: Run, assessment: Assessment, status: str
) -> None:
    only_passing(small, PASSING)
    found = scores(small, {"asked": (assessment, (PASSING,))})["asked"]
    assert (str(found.status), found.accounts_passing) == (status, 4)


@pytest.mark.parametrize("beside", [0, 1])
def test_what_a_person_decides_in_one_account_is_not_passed_by_what_passes(small: Run, beside: int) -> None:
    only_passing(small, PASSING)
    cells = list(small.cells(account_id(1)))
    write_lines(
        small.cells_path(account_id(1)),
        [msgspec.structs.replace(it, passed=beside, manual=1) if it.control == PASSING else it for it in cells],
    )
    found = scores(small, {"asked": (AUTOMATED, (PASSING,))})["asked"]
    assert (str(found.status), found.accounts_passing, found.rated.counts.passed) == ("MANUAL", 3, 3)
    with viewed(small, decided()) as view:
        [control] = [it for it in controls_in_accounts(view.connection) if it.control == PASSING]
    assert [str(it.status) for it in control.accounts] == ["PASS", "MANUAL", "PASS", "PASS"]


def test_what_no_control_covers_is_neither_passed_nor_left_to_people(small: Run) -> None:
    only_passing(small, PASSING)
    requirements = (
        Requirement(id="covered", title="covered", assessment=AUTOMATED, controls=(PASSING,)),
        Requirement(id="bare", title="bare", assessment=AUTOMATED, coverage=Coverage.NONE, needs="rds.DescribeX"),
    )
    framework = Framework(id="own", title="Own", version="1", requirements=requirements)
    small.write_manifest(msgspec.structs.replace(small.read_manifest(), frameworks=(framework,)))
    register = decided()
    consolidate(small, lambda _: (register.apply, None))
    with viewed(small, register) as view:
        found = {score.id: score for score in view.requirements}
        [score] = framework_scores(view)
        headline = view.summary.headline
    assert {name: str(each.status) for name, each in found.items()} == {"covered": "PASS", "bare": "NOT_COVERED"}
    assert found["bare"].rated.counts.total == 0
    assert (score.rate, score.why, score.manual) == (None, "1 of 2 requirements are covered", 0)
    assert headline is None


def only_passing(run: Run, control: str) -> None:
    """Let a control pass once in every account."""
    for number in range(4):
        account = account_id(number)
        others = [cell for cell in run.cells(account) if cell.control != control]
        cell = Cell(
            account_id=account,
            account_name=f"account {number}",
            ou_path="Root",
            region=GLOBAL,
            control=control,
            status=Status.PASS,
            passed=1,
        )
        write_lines(run.cells_path(account), [*others, cell])
