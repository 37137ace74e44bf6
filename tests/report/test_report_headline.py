"""The headline figures: the rate over accounts x automated requirements, and issues in the place of findings."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from orgaudit.cli.summary import print_summary
from orgaudit.errors import ExitCode
from orgaudit.model import Cell, ExceptionRef, Finding, Severity, Status
from orgaudit.report.figures import BySeverity, RatedCounts
from orgaudit.report.view import View
from orgaudit.settings.frameworks import Assessment, Framework, Requirement
from orgaudit.store.run import Run, write_lines
from tests.report.small import ACTIVE, REGISTER, decided, viewed
from tests.synthetic_run import MANAGEMENT, account_id

ROOT = "arn:aws:iam::100000000000:root"


def rated(passed: int, failed: int, not_assessed: int) -> RatedCounts:
    return RatedCounts(passed=passed, failed=failed, not_assessed=not_assessed)


def totals(view: View) -> tuple[RatedCounts, RatedCounts]:
    assert view.summary.headline is not None
    found = view.summary.headline.rated
    return found.counts, found.with_exceptions


def ask(run: Run, **requirements: tuple[str, ...]) -> None:
    """Make the run's framework one with these automated requirements, and one that a person decides."""
    asked = (
        Requirement(id=name, title=name, assessment=Assessment.AUTOMATED, controls=controls)
        for name, controls in requirements.items()
    )
    manual = Requirement(id="p", title="p", assessment=Assessment.MANUAL, controls=("s3_control_1_holds",))
    framework = Framework(id="cis_4.0", title="CIS", version="4.0.0", requirements=(*asked, manual))
    run.write_manifest(msgspec.structs.replace(run.read_manifest(), frameworks=(framework,)))


def change(run: Run, account: int, cell: Callable[[Cell], Cell]) -> None:
    name = account_id(account)
    write_lines(run.cells_path(name), [cell(each) for each in [*run.cells(name)]])


def test_what_was_not_assessed_is_in_the_denominator(small: Run) -> None:
    with viewed(small, REGISTER) as view:
        assert totals(view) == (rated(7, 6, 7), rated(7, 6, 7))
        assert view.summary.headline is not None
        assert view.summary.headline.framework == "cis_4.0"
        assert view.summary.headline.rated.counts.rate == pytest.approx(7 / 20)


def test_a_requirement_of_an_account_fails_by_any_control_and_passes_by_all(small: Run) -> None:
    ask(small, both=("s3_control_1_holds", "iam_control_2_holds"))
    with viewed(small, decided()) as view:
        assert totals(view)[0] == rated(1, 2, 1), "account 0 passes, 1 and 2 fail in one control, 3 is suspended"


def test_a_run_that_left_a_control_of_the_framework_out_has_no_rate(small: Run) -> None:
    ask(small, out=("s3_control_1_holds", "gone"))
    with viewed(small, decided()) as view:
        assert view.summary.headline is None


def test_what_does_not_apply_is_accepted_or_left_to_a_person_is_not_rated(small: Run) -> None:
    ask(small, one=("s3_control_1_holds",))
    nothing = dict.fromkeys(("passed", "failed", "not_assessed", "not_applicable"), 0)

    def become(status: Status, **counts: int) -> Callable[[Cell], Cell]:
        return lambda cell: msgspec.structs.replace(cell, status=status, **{**nothing, **counts})

    change(small, 0, become(Status.NOT_APPLICABLE, not_applicable=1))
    change(small, 1, become(Status.PASS, passed=1, manual=1))
    change(small, 3, become(Status.NOT_ASSESSED, accepted=1))
    with viewed(small, decided()) as view:
        assert totals(view)[0] == rated(1, 0, 0), "only account 2 is rated"


def test_a_covered_failure_counts_only_without_exceptions(small: Run) -> None:
    def cover(finding: Finding, exception: ExceptionRef = ACTIVE) -> Finding:
        covered = finding.status is Status.FAIL and finding.account_id == account_id(1)
        return msgspec.structs.replace(finding, exception=exception if covered else None)

    ask(small, one=("s3_control_1_holds",), two=("cloudtrail_control_0_holds", "iam_control_2_holds"))
    with viewed(small, decided(lambda findings: map(cover, findings))) as view:
        assert totals(view) == (rated(2, 4, 2), rated(3, 2, 2)), (
            "one of account 1 has nothing but covered failures and leaves the rate, two passes by its other control"
        )


def test_one_fix_is_one_issue_of_the_highest_severity(small: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Three findings of one family at one resource are one issue; those of another region are another one."""
    findings = [*small.findings(MANAGEMENT)]
    failing = next(each for each in findings if each.status is Status.FAIL)
    severities = (Severity.MEDIUM, Severity.CRITICAL, Severity.LOW)

    def member(number: int, region: str) -> Finding:
        changes = {"fingerprint": f"{region}{number}", "control": f"iam_root_{number}", "region": region}
        return msgspec.structs.replace(
            failing, **changes, severity=severities[number], resource=ROOT, family="iam_root_mfa"
        )

    for account in small.read_manifest().accounts:
        write_lines(small.findings_path(account.id), [])
    write_lines(
        small.findings_path(MANAGEMENT),
        [*(member(number, "global") for number in range(3)), member(2, "eu-west-1")],
    )
    with viewed(small, decided()) as view:
        assert view.summary.issues == BySeverity(critical=1, low=1)
        assert view.summary.counts.open == 4
        [score] = [each for each in view.accounts if each.id == MANAGEMENT]
        assert (score.issues, score.counted_issues) == (BySeverity(critical=1, low=1), BySeverity(critical=1, low=1))
        assert [(unit.unit, unit.issues.total) for unit in view.units] == [("Root", 2)]
        print_summary(view, [], ExitCode.INCOMPLETE)
    assert "1 critical · 0 high · 0 medium · 1 low (2 issues, 4 findings)" in capsys.readouterr().out


def test_an_issue_has_the_severity_of_what_is_still_open(small: Run) -> None:
    def cover(finding: Finding) -> Finding:
        same = msgspec.structs.replace(finding, resource="r", region="global", family="f")
        return msgspec.structs.replace(same, exception=ACTIVE) if same.severity is Severity.CRITICAL else same

    with viewed(small, decided(lambda findings: map(cover, findings))) as view:
        by_account = {score.id: score.issues for score in view.accounts}
        assert by_account[account_id(1)] == BySeverity(medium=1)


def test_issues_of_a_shared_resource_count_once(small: Run) -> None:
    with viewed(small, decided()) as view:
        assert sum(score.issues.total for score in view.accounts) == view.summary.issues.total + 2
        assert sum(score.counted_issues.total for score in view.accounts) == view.summary.issues.total
