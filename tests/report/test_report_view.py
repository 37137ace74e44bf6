"""The view's figures for the small run, each stated by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC

import msgspec
import pytest

from orgaudit.model import Finding
from orgaudit.report.figures import BySeverity, Completeness, CoverageTotals, ExceptionTotals, RegionScore, StatusCounts
from orgaudit.report.listed import ListedFinding
from orgaudit.report.view import View
from orgaudit.store.consolidation import consolidate
from orgaudit.store.run import Run
from tests.report.small import REGISTER, decided, small_run, viewed
from tests.synthetic_run import MANAGEMENT, account_id


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> Iterator[View]:
    """The view of the small run, which tests only read."""
    run = small_run(tmp_path_factory.mktemp("viewed"))
    consolidate(run, lambda _: (REGISTER.apply, None))
    with viewed(run, REGISTER) as opened:
        yield opened


def test_the_headline_counts_each_shared_resource_once(view: View) -> None:
    counts = StatusCounts(passed=14, failed=7, covered=1, not_assessed=19, not_applicable=18)
    assert view.summary.counts == counts
    assert (counts.open, counts.pass_rate, counts.pass_rate_with_exceptions) == (6, 14 / 21, 14 / 20)
    assert view.summary.open == BySeverity(critical=1, high=2, medium=3)


def test_coverage_leaves_disabled_regions_and_unseen_accounts_out_of_the_regions(view: View) -> None:
    assert view.summary.coverage == CoverageTotals(
        accounts=4,
        accounts_assessed=3,
        accounts_partial=2,
        regions=2,
        regions_assessed=2,
        regions_blocked=0,
        regions_accepted=0,
        account_regions=6,
        account_regions_assessed=6,
        evaluations=60,
        evaluations_assessed=41,
        evaluations_not_applicable=18,
        evaluations_blocked=0,
        evaluations_accepted=0,
        looked_at=26,
    )
    assert view.regions == (RegionScore("eu-central-1", 3, 3), RegionScore("eu-west-1", 3, 3))


def test_exceptions_are_told_apart(view: View) -> None:
    assert view.summary.exceptions == ExceptionTotals(
        active=1, expiring=1, expired=1, unused=1, broad=0, closed=0, problems=1, expired_matching=2
    )
    figures = [(score.entry.id, score.covered, score.expired, score.unused) for score in view.exceptions]
    assert figures == [("EXC-2026-0001", 1, 0, False), ("EXC-2026-0002", 0, 2, False), ("EXC-2026-0003", 0, 0, True)]


def test_scorecards_count_inherited_findings_and_put_the_worst_first(view: View) -> None:
    scores = {score.id: score for score in view.accounts}
    assert [score.id for score in view.accounts] == [account_id(1), account_id(2), MANAGEMENT, account_id(3)]
    assert scores[account_id(2)].counts == StatusCounts(passed=4, failed=3, not_assessed=2, not_applicable=6)
    assert scores[account_id(1)].open == BySeverity(critical=1, medium=1)
    assert scores[MANAGEMENT].expired == 2
    assert scores[MANAGEMENT].completeness is Completeness.COMPLETE
    assert scores[account_id(1)].completeness is Completeness.PARTIAL
    assert scores[account_id(1)].reason == "DENIED (2)"
    assert scores[account_id(3)].completeness is Completeness.NOT_ASSESSED
    assert scores[account_id(3)].reason == "ACCOUNT_UNAVAILABLE: sts:AssumeRole: account unavailable"
    assert scores[account_id(3)].counts.pass_rate is None


def test_a_control_counts_the_resource_once_and_every_account_that_fails_by_it(view: View) -> None:
    trail = next(score for score in view.controls if score.id == "cloudtrail_control_0_holds")
    assert (trail.counts.failed, trail.accounts_failing, trail.requirements) == (1, 3, ("cis_4.0 1.1",))
    assert [score.counts.open for score in view.controls] == [2, 2, 1, 1, 0]


def test_requirements_give_each_account_one_status(view: View) -> None:
    figures = [
        (q.id, q.status, q.accounts_failing, q.accounts_not_assessed, q.accounts_passing, q.counts.failed)
        for q in view.requirements
    ]
    assert figures == [
        ("1.1", "FAIL", 3, 1, 0, 3),
        ("1.2", "FAIL", 1, 1, 2, 2),
        ("1.3", "FAIL", 1, 1, 2, 2),
        ("1.4", "NOT_ASSESSED", 0, 2, 2, 0),
        ("1.5", "FAIL", 1, 2, 1, 2),
        ("9.9", "MANUAL", 0, 0, 0, 0),
    ]


def test_every_region_of_every_account_has_a_state(view: View) -> None:
    states = {(row.account_id, row.region): (row.state, row.reason) for row in view.account_regions()}
    assert len(states) == view.account_regions_total == 12
    assert states[MANAGEMENT, "eu-west-1"] == ("AUDITED", "")
    assert states[account_id(1), "eu-west-1"] == ("PARTIAL", "DENIED")
    assert states[account_id(1), "us-east-1"] == ("DISABLED", "")
    assert states[account_id(3), "us-east-1"] == ("NOT_ASSESSED", "ACCOUNT_UNAVAILABLE")


def test_what_is_missing_names_the_permission_and_the_mend(view: View) -> None:
    worst = view.missing_permissions[0]
    assert (worst.action, worst.accounts, worst.controls, worst.evaluations) == ("sts:AssumeRole", 1, 5, 15)
    denied = next(item for item in view.missing if item.control == "kms_control_3_holds" and item.reason == "DENIED")
    assert (denied.action, denied.accounts, denied.regions, denied.evaluations) == ("kms:DescribeThings", 1, 2, 2)
    assert "kms:DescribeThings" in denied.fix


def test_findings_come_open_first_and_whole(view: View, small: Run) -> None:
    reported = list(view.findings())
    assert len(reported) == view.findings_total == 60
    assert [item.open for item in reported[:9]] == [True] * 8 + [False]
    assert reported[8].covered
    original = {finding.fingerprint: finding for n in range(4) for finding in small.findings(account_id(n))}
    for item in reported:
        assert msgspec.structs.replace(item.finding, exception=None) == original[item.finding.fingerprint]


def test_sheets_list_the_same_findings_in_the_same_order(view: View) -> None:
    for item, row in zip(view.findings(), view.listed("true"), strict=True):
        found, asset = item.finding, item.finding.remediation and item.finding.remediation.asset
        assert (row.open, row.counted, msgspec.json.decode(row.evidence)) == (item.open, item.counted, found.evidence)
        assert row.requirements == ", ".join(f"{each.framework} {each.id}" for each in found.requirements)
        assert (row.remedy, row.command) == ((asset.text, asset.command) if asset else (None, None))
        entry = found.exception
        stated = (entry.id, entry.owner, entry.expires_on, entry.state, entry.days_overdue) if entry else (None,) * 5
        assert stated == (
            *(row.exception_id, row.exception_owner, row.exception_expires, row.exception_state),
            row.exception_overdue,
        )
        assert row.assessed_at.replace(tzinfo=UTC) == found.assessed_at
        same = set(Finding.__struct_fields__) & set(ListedFinding.__struct_fields__)
        for name in same - {"evidence", "requirements", "command", "assessed_at"}:
            assert getattr(row, name) == getattr(found, name), name
    assert len(list(view.listed("open AND counted"))) == view.summary.counts.open


def test_units_are_in_the_order_of_their_open_findings(view: View) -> None:
    assert [(score.unit, score.open) for score in view.units] == [
        ("Root", BySeverity(medium=3)),
        ("Root/Workloads/Claims", BySeverity(high=2)),
        ("Root/Workloads/Payments", BySeverity(critical=1)),
    ]


def test_a_register_without_entries_excepts_nothing(small: Run) -> None:
    consolidate(small, lambda _: (decided().apply, None))
    with viewed(small, decided()) as view:
        assert (view.summary.counts.covered, view.summary.counts.open, view.exceptions) == (0, 7, ())
