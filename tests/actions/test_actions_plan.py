"""The actions of a run add up: every open issue in exactly one, whoever owns it."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orgaudit.actions.plan import plan
from orgaudit.model import ExceptionRef, Finding, Severity, Status
from orgaudit.settings.sections import ActionSettings
from orgaudit.store.tables import opened
from tests.actions.action_runs import ACCOUNTS, control, finding, plan_of, run_of

CONTROLS = (
    control("s3_bucket_versioned", Severity.LOW),
    control("s3_bucket_private", Severity.CRITICAL, family="bucket_access"),
    control("s3_bucket_closed", Severity.MEDIUM, family="bucket_access", effort="M"),
    control("ec2_ebs_default", Severity.HIGH, per_resource=False),
    control("ec2_instance_imdsv2", Severity.HIGH, effort="L"),
)
POINTS = {Severity.CRITICAL: 10, Severity.HIGH: 5, Severity.MEDIUM: 2, Severity.LOW: 1}
OWNERS = ("", "ana@example.com", "bo@example.com")
EXCEPTIONS = (None, *(ExceptionRef("EXC-2026-0001", "ana", "2026-12-31", state) for state in ("active", "expired")))


@st.composite
def organizations(draw: st.DrawFn) -> list[Finding]:
    """Findings of a few accounts, some of which overlap in what would remove them."""
    found: dict[str, Finding] = {}
    for _ in range(draw(st.integers(1, 25))):
        account = draw(st.integers(0, ACCOUNTS - 1))
        number = draw(st.integers(0, 2))
        home = draw(st.sampled_from([None, None, 0]))
        one = finding(
            draw(st.sampled_from(CONTROLS)),
            account,
            f"shared-{number}" if home == 0 else f"{account}-{number}",
            status=draw(st.sampled_from([Status.FAIL, Status.FAIL, Status.FAIL, Status.PASS])),
            kind=draw(st.sampled_from(["Bucket", "Instance"])),
            tags=draw(
                st.sampled_from([{}, {"pulumi:project": "p", "pulumi:stack": "s"}, {"aws:ec2launchtemplate:id": "l"}])
            ),
            home=None if home == account else home,
            owner=OWNERS[number],
            evidence=draw(st.sampled_from([{}, {"policy_sha256": "a"}])),
            wide=draw(st.sampled_from([None, "aws organizations attach-policy"])),
        )
        found[one.fingerprint] = msgspec.structs.replace(one, exception=draw(st.sampled_from(EXCEPTIONS)))
    return list(found.values())


def open_of(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that are open, by the definition alone."""
    return [
        each
        for each in findings
        if each.status is Status.FAIL and (each.exception is None or each.exception.state != "active")
    ]


def issues_of(findings: Sequence[Finding]) -> dict[tuple[str, str, str, str], Severity]:
    """The open issues and their highest severity."""
    issues: dict[tuple[str, str, str, str], Severity] = {}
    for each in open_of(findings):
        place = (each.inherited_from or each.account_id, each.region, each.resource, each.family)
        issues[place] = max(issues.get(place, Severity.LOW), each.severity, key=lambda severity: severity.rank)
    return issues


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(organizations())
def test_the_actions_close_every_open_issue_once_and_the_sums_are_exact(findings: list[Finding]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        found = plan_of(Path(directory) / "run", findings, CONTROLS)
    issues = issues_of(findings)
    total = sum(POINTS[severity] for severity in issues.values())
    assert (found.open.issues, found.open.points, found.open.findings) == (len(issues), total, len(open_of(findings)))
    closed = Counter(name for action in found.actions for name in action.fingerprints)
    assert closed == Counter(each.fingerprint for each in open_of(findings))
    assert sum(action.closes.issues for action in found.actions) == len(issues)
    so_far = 0
    for rank, action in enumerate(found.actions, 1):
        of_action = issues_of([each for each in findings if each.fingerprint in action.fingerprints])
        assert action.closes.points == sum(POINTS[severity] for severity in of_action.values())
        assert action.closes.issues == len(of_action) == sum(each.issues for each in action.owners)
        so_far += action.closes.points
        assert (action.rank, action.points_so_far, action.share_so_far) == (rank, so_far, so_far / total)
    assert so_far == total
    assert len({action.id for action in found.actions}) == found.count == len(found.actions)


@settings(max_examples=20, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(organizations(), st.sets(st.sampled_from(OWNERS), min_size=1))
def test_an_owners_actions_close_all_of_that_owners_and_nothing_else(findings: list[Finding], owners: set[str]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        found = plan_of(Path(directory) / "run", findings, CONTROLS, owners=sorted(owners))
    closed = Counter(name for action in found.actions for name in action.fingerprints)
    assert closed == Counter(each.fingerprint for each in open_of(findings) if each.owner in owners)
    assert not found.actions or found.actions[-1].share_so_far == 1


def test_the_first_actions_are_those_of_the_whole_order_with_the_same_shares(tmp_path: Path) -> None:
    findings = [finding(each, account) for each in CONTROLS for account in range(3)]
    run = run_of(tmp_path, findings, CONTROLS)
    with opened(run) as connection:
        every = plan(connection, run.read_manifest(), ActionSettings())
        first = plan(connection, run.read_manifest(), ActionSettings(), top=2)
    assert first.actions == every.actions[:2] != every.actions
    assert (first.count, first.open) == (every.count, every.open)


def test_an_action_has_the_same_id_in_a_run_with_other_issues(tmp_path: Path) -> None:
    ebs = CONTROLS[3]
    before = plan_of(tmp_path / "a", [finding(ebs, 0), finding(ebs, 1)], CONTROLS)
    after = plan_of(tmp_path / "b", [finding(ebs, 2), *(finding(CONTROLS[1], n) for n in range(3))], CONTROLS)
    assert before.actions[0].id in {action.id for action in after.actions}
    assert len({action.id for action in after.actions}) == 4


def test_the_numbers_of_the_settings_decide_the_order(tmp_path: Path) -> None:
    slow, quick = control("slow", Severity.CRITICAL, effort="L"), control("quick", Severity.LOW)
    run = run_of(tmp_path, [finding(slow, 0), finding(quick, 1)], (slow, quick))
    even = ActionSettings.model_validate({"effort": {"L": 1}})
    free = ActionSettings.model_validate({"points": {"critical": 0, "low": 0}})
    with opened(run) as connection:
        orders = [
            [action.families for action in plan(connection, run.read_manifest(), numbers).actions]
            for numbers in (ActionSettings(), even)
        ]
        worthless = plan(connection, run.read_manifest(), free)
    assert orders == [[("quick",), ("slow",)], [("slow",), ("quick",)]]
    assert [action.share_so_far for action in worthless.actions] == [None, None]
