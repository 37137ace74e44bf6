"""What removes issues together: each rule, through the tables of a run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from orgaudit.actions.groups import Kind
from orgaudit.actions.plan import Action
from orgaudit.model import Disruption, Effort, Finding, Severity
from orgaudit.store.manifest import ControlRecord
from tests.actions.action_runs import control, finding, plan_of
from tests.synthetic_run import account_id

BUCKETS = control()
INSTANCES = control("ec2_instance_imdsv2_required")
STACK = "arn:aws:cloudformation:eu-central-1:100000000000:stack/payments/1a2b"
STACK_SET = "StackSet-baseline-0a1b2c3d-0a1b-0a1b-0a1b-0123456789ab"
YOR = {"git_org": "acme", "git_repo": "infra", "git_file": "s3.tf"}


def actions_of(path: Path, findings: Sequence[Finding], *controls: ControlRecord) -> list[Action]:
    return list(plan_of(path, findings, controls or (BUCKETS,)).actions)


def shape(actions: Sequence[Action]) -> list[tuple[Kind, int]]:
    """The kind of each action and how many issues it closes, sorted."""
    return sorted((action.kind, action.closes.issues) for action in actions)


def test_one_setting_closes_a_family_over_accounts_and_regions(tmp_path: Path) -> None:
    ebs = control("ec2_ebs_default_encryption_enabled", per_resource=False)
    places = [(account, region) for account in (0, 1) for region in ("eu-west-1", "eu-central-1")]
    found = [finding(ebs, account, f"defaults-{account}-{region}", region=region) for account, region in places]
    (action,) = actions_of(tmp_path, found, ebs)
    assert (action.kind, action.effort, action.times, action.cost) == (Kind.SETTING, Effort.S, 1, 1)
    assert (action.closes.issues, action.closes.accounts, action.closes.points) == (4, 2, 8)
    what = 'Enable ec2_ebs_default_encryption_enabled everywhere ("Buckets keep versions")'
    assert action.title == f"{what}: closes 4 issues in 2 accounts, effort S, no interruption"
    assert [each.account_id for each in action.commands] == [account_id(0)] * 2 + [account_id(1)] * 2
    assert len({each.command for each in action.commands}) == 4


def test_a_service_wide_command_for_an_account_closes_what_is_fixed_one_by_one_otherwise(tmp_path: Path) -> None:
    found = [
        finding(
            BUCKETS,
            account,
            f"arn:aws:s3:::{account}-{number}",
            wide=f"aws s3control --account-id {account_id(account)}",
        )
        for account in (0, 1)
        for number in (0, 1)
    ]
    (action,) = actions_of(tmp_path, found)
    assert (action.kind, action.closes.issues, action.cost) == (Kind.SETTING, 4, 1)
    assert [(each.account_id, each.command) for each in action.commands] == [
        (account_id(account), f"aws s3control --account-id {account_id(account)}") for account in (0, 1)
    ]


def test_a_command_of_the_organization_closes_everything_once(tmp_path: Path) -> None:
    command = "aws iam enable-organizations-root-credentials-management"
    found = [finding(BUCKETS, account, wide=command) for account in range(3)]
    (action,) = actions_of(tmp_path, found)
    assert (action.kind, action.closes.accounts) == (Kind.ORGANIZATION, 3)
    assert [(each.account_id, each.command) for each in action.commands] == [("", command)]


def test_one_service_wide_text_is_one_action_that_is_made_once_for_each_family(tmp_path: Path) -> None:
    sizes = {"vpcs": "S", "routes": "S", "trails": "M"}
    alarms = [control(name, per_resource=False, effort=size) for name, size in sizes.items()]
    found = [finding(each, n, f"{each.id}-{n}", text="Create the alarms once.") for each in alarms for n in range(2)]
    small, medium = actions_of(tmp_path, found, *alarms)
    assert (small.families, small.times, small.cost, small.closes.issues) == (("routes", "vpcs"), 2, 2, 4)
    assert small.what == 'Create the alarms once ("Buckets keep versions" and 1 more)'
    assert (medium.families, medium.times, medium.cost) == (("trails",), 1, 4)
    (alone,) = actions_of(tmp_path / "alone", [found[0]], *alarms)
    assert (alone.id, alone.families) == (small.id, ("vpcs",))


def test_what_is_for_member_accounts_leaves_the_management_account_to_be_fixed_by_itself(tmp_path: Path) -> None:
    command = "aws iam enable-organizations-root-credentials-management"
    text = "Delete the root credentials of all member accounts."
    root, keys = control("iam_root_mfa", Severity.CRITICAL), control("iam_root_keys", Severity.HIGH)
    found = [
        finding(each, account, f"{each.id}-{account}", wide=command, text=text)
        for each in (root, keys)
        for account in range(3)
    ]
    wide, *own = actions_of(tmp_path, found, root, keys)
    assert (wide.kind, wide.closes.issues, wide.accounts) == (Kind.ORGANIZATION, 4, (account_id(1), account_id(2)))
    assert (wide.families, wide.cost, len(wide.commands)) == (("iam_root_keys", "iam_root_mfa"), 1, 1)
    assert [(each.kind, each.accounts) for each in own] == [(Kind.RESOURCE, (account_id(0),))] * 2


def test_regions_share_one_command_of_the_organization_but_for_their_names(tmp_path: Path) -> None:
    found = [
        finding(
            BUCKETS, account, f"{account}:{region}", region=region, wide=f"aws x --type ORGANIZATION --region {region}"
        )
        for account in (1, 2)
        for region in ("eu-central-1", "eu-west-1")
    ]
    (action,) = actions_of(tmp_path, found)
    assert (action.kind, action.closes.issues, len(action.commands)) == (Kind.ORGANIZATION, 4, 2)


def test_a_service_wide_command_that_names_neither_makes_no_group(tmp_path: Path) -> None:
    found = [finding(BUCKETS, account, wide="aws iam update-account-password-policy") for account in range(3)]
    assert shape(actions_of(tmp_path, found)) == [(Kind.RESOURCE, 1)] * 3


@pytest.mark.parametrize(
    ("tags", "together"),
    [
        ({"aws:cloudformation:stack-name": "payments", "aws:cloudformation:stack-id": STACK}, True),
        ({"aws:cloudformation:stack-name": "payments"}, False),
        ({"aws:cloudformation:stack-name": STACK_SET}, True),
        ({"pulumi:project": "web", "pulumi:stack": "prod"}, True),
        ({"pulumi:project": "web"}, False),
        ({"sst:app": "shop", "sst:stage": "prod"}, True),
        (YOR, True),
        ({**YOR, "git_file": ""}, False),
        ({"aws:autoscaling:groupName": "web"}, False),
        ({"aws:ec2launchtemplate:id": "lt-1"}, False),
        ({"Stack": "payments"}, False),
    ],
)
def test_buckets_of_two_accounts_are_of_one_stack_only_where_the_tags_show_it(
    tmp_path: Path, tags: dict[str, str], together: bool
) -> None:
    found = [finding(BUCKETS, account, tags=tags) for account in (0, 1)]
    assert shape(actions_of(tmp_path, found)) == ([(Kind.STACK, 2)] if together else [(Kind.RESOURCE, 1)] * 2)


def test_a_stack_closes_each_family_by_itself_and_names_the_stack(tmp_path: Path) -> None:
    tags = {"aws:cloudformation:stack-name": "payments"}
    private = control("s3_bucket_private", Severity.HIGH)
    found = [finding(each, 0, f"arn:aws:s3:::{n}", tags=tags) for each in (BUCKETS, private) for n in range(3)]
    first, second = actions_of(tmp_path, found, BUCKETS, private)
    assert [(first.families, first.closes.points), (second.families, second.closes.points)] == [
        (("s3_bucket_private",), 15),
        (("s3_bucket_versioned",), 6),
    ]
    assert first.what == (
        "Enable it for arn:aws:s3:::0; the same for 2 more resources of the CloudFormation stack payments of account "
        "account 0"
    )
    assert first.id != second.id


@pytest.mark.parametrize(
    ("tags", "closes"),
    [
        ({"aws:ec2launchtemplate:id": "lt-1"}, [3]),
        ({"aws:autoscaling:groupName": "web"}, [1, 2]),
        ({}, [1, 1, 1]),
    ],
)
def test_instances_are_replaced_together_by_their_launch_template(
    tmp_path: Path, tags: dict[str, str], closes: list[int]
) -> None:
    found = [finding(INSTANCES, n // 2, f"i-{n}", kind="Instance", tags=tags) for n in range(3)]
    actions = actions_of(tmp_path, found, INSTANCES)
    assert sorted(action.closes.issues for action in actions) == closes
    for action in actions:
        grouped = action.closes.issues > 1
        assert (action.kind is Kind.LAUNCH_TEMPLATE) == grouped
        assert action.disruption is (Disruption.REPLACEMENT if grouped else Disruption.NONE)


def test_policies_with_the_same_text_are_one_action_that_is_made_once_for_each(tmp_path: Path) -> None:
    found = [
        finding(BUCKETS, account, evidence={"policy_sha256": digest}) for account, digest in enumerate(("a", "a", "b"))
    ]
    same, other = actions_of(tmp_path, found)
    assert (same.kind, same.closes.issues, same.times, same.cost) == (Kind.POLICY, 2, 2, 2)
    assert "effort 2 x S" in same.title
    assert (other.kind, other.closes.issues, other.times) == (Kind.RESOURCE, 1, 1)


def test_a_shared_resource_is_fixed_once_where_it_lives(tmp_path: Path) -> None:
    trail = "arn:aws:cloudtrail:eu-central-1:100000000000:trail/all"
    found = [
        finding(BUCKETS, 0, trail),
        *(finding(BUCKETS, member, trail, home=0) for member in (1, 2)),
        finding(BUCKETS, 3, "arn:aws:s3:::other"),
    ]
    shared, other = actions_of(tmp_path, found)
    closes = shared.closes
    assert (shared.kind, closes.issues, closes.findings, closes.resources, closes.accounts) == (
        *(Kind.SHARED_RESOURCE, 1, 3, 1),
        1,
    )
    assert {each.account_id for each in shared.commands} == {account_id(0)}
    assert shared.what.endswith("(shared by 3 accounts)")
    assert (other.kind, other.closes.issues) == (Kind.RESOURCE, 1)


def test_the_controls_of_a_family_are_one_issue_of_the_highest_severity_and_the_largest_fix(tmp_path: Path) -> None:
    mfa = control("iam_root_mfa", Severity.CRITICAL, family="root", effort="S", reversible=True)
    hardware = control(
        "iam_root_hardware_mfa", Severity.LOW, family="root", effort="M", disruption="restart", reversible=False
    )
    (action,) = actions_of(tmp_path, [finding(each, 0, "root") for each in (mfa, hardware)], mfa, hardware)
    assert (action.closes.issues, action.closes.findings, action.closes.points) == (1, 2, 10)
    assert (action.effort, action.cost, action.disruption, action.reversible) == (
        Effort.M,
        4,
        Disruption.RESTART,
        False,
    )
    assert action.controls == ("iam_root_hardware_mfa", "iam_root_mfa")
    assert action.title.endswith("effort M, a restart, cannot be undone")


def test_a_run_that_does_not_say_what_fixes_take_groups_none_of_them_and_costs_as_m(tmp_path: Path) -> None:
    old = control(effort="", per_resource=False, disruption="", family="")
    actions = actions_of(tmp_path, [finding(old, account) for account in (0, 1)], old)
    assert shape(actions) == [(Kind.RESOURCE, 1)] * 2
    assert {(action.effort, action.cost, action.disruption) for action in actions} == {(None, 4, None)}
    assert actions[0].title.endswith("closes 1 issue in 1 account, effort -, interruption unknown")
