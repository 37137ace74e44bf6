import functools
import json
from collections.abc import Collection
from fnmatch import fnmatchcase
from itertools import combinations

import pytest
from botocore.session import get_session

from orgaudit.aws.actions import (
    IAM_ACTIONS,
    IAM_PREFIXES,
    MOST_SESSIONS,
    SESSION_POLICY_LIMIT,
    SessionGroup,
    iam_action,
    is_read,
    session_groups,
)
from orgaudit.collect.account import actions_for
from orgaudit.controls.declare import catalogue
from orgaudit.organization import discovery
from orgaudit.settings import frameworks
from tests.packaged import FRAMEWORKS

SERVICES = (
    *("accessanalyzer", "account", "cloudtrail", "cloudwatch", "config", "ec2", "ecs", "efs", "eks", "elbv2"),
    *("guardduty", "iam", "kms", "lambda", "logs", "macie2", "organizations", "rds", "s3control", "securityhub"),
    *("sns", "sqs", "ssm"),
)


@functools.cache
def readable() -> list[str]:
    """Real read actions, spread over the services that the benchmarks ask."""
    by_service = [
        [iam_action(name, each) for each in sorted(get_session().get_service_model(name).operation_names)]
        for name in SERVICES
    ]
    reads = [[each for each in actions if is_read(each)] for actions in by_service]
    return list(dict.fromkeys(actions[place] for place in range(30) for actions in reads if place < len(actions)))


@pytest.mark.parametrize(
    ("service", "operation", "action"),
    [
        ("cloudtrail", "DescribeTrails", "cloudtrail:DescribeTrails"),
        ("s3", "ListBuckets", "s3:ListAllMyBuckets"),
        ("s3", "GetBucketPolicy", "s3:GetBucketPolicy"),
        ("s3control", "GetPublicAccessBlock", "s3:GetAccountPublicAccessBlock"),
        ("efs", "DescribeFileSystems", "elasticfilesystem:DescribeFileSystems"),
        ("elbv2", "DescribeLoadBalancers", "elasticloadbalancing:DescribeLoadBalancers"),
        ("accessanalyzer", "ListAnalyzers", "access-analyzer:ListAnalyzers"),
    ],
)
def test_the_action_behind_an_operation(service: str, operation: str, action: str) -> None:
    assert iam_action(service, operation) == action


def test_every_service_and_operation_named_is_one_of_the_sdk() -> None:
    session = get_session()
    for service in IAM_PREFIXES:
        assert session.get_service_model(service).operation_names
    for service, operation in IAM_ACTIONS:
        assert operation in session.get_service_model(service).operation_names


@pytest.mark.parametrize(
    ("action", "reads_only"),
    [
        ("ec2:DescribeInstances", True),
        ("iam:GetRole", True),
        ("s3:ListAllMyBuckets", True),
        ("cloudtrail:LookupEvents", True),
        ("ecr:BatchGetImage", True),
        ("iam:GenerateCredentialReport", True),
        ("iam:CreateUser", False),
        ("kms:GenerateDataKey", False),
        ("ec2:BatchDelete", False),
        ("s3:PutBucketPolicy", False),
        ("sts:AssumeRole", False),
        ("iam:*", False),
        ("*", False),
        ("getter:DeleteThing", False),
        ("iam:get", False),
        ("", False),
    ],
)
def test_which_actions_only_read(action: str, reads_only: bool) -> None:
    assert is_read(action) is reads_only


def assert_sound(asked: Collection[str], groups: Collection[SessionGroup], limit: int = SESSION_POLICY_LIMIT) -> None:
    """Every action is in one group, whose policy allows it, is within the limit and allows only reads."""
    assert sorted(action for group in groups for action in group.actions) == sorted(set(asked))
    for group in groups:
        assert len(group.policy) == group.size <= limit
        (statement,) = json.loads(group.policy)["Statement"]
        assert (statement["Effect"], statement["Action"]) == ("Allow", list(group.entries))
        assert all(any(fnmatchcase(name, each) for each in group.entries) for name in group.actions)
        assert all(is_read(each) for each in group.entries)
        assert not {"s3:Get*", "secretsmanager:Get*", "secretsmanager:GetSecret*", "ssm:Get*"} & set(group.entries)


def services_of(group: SessionGroup) -> set[str]:
    return {action.partition(":")[0] for action in group.actions}


@pytest.mark.parametrize("number", [1, 30, 60, 61, 62, 63, 70, 100, 150, 220])
def test_sessions_name_every_action_while_they_are_few(number: int) -> None:
    asked = readable()[:number]
    groups = session_groups(asked)
    assert_sound(asked, groups)
    assert len(groups) <= MOST_SESSIONS
    if len(groups) > 1 or number <= 60:
        assert all(set(group.entries) == group.actions for group in groups)


def test_a_service_is_in_one_session_where_it_fits() -> None:
    groups = session_groups(readable()[:150])
    assert len(groups) > 1
    shared = [first & second for first, second in combinations([services_of(group) for group in groups], 2)]
    assert not any(shared)


def test_a_list_that_fits_is_one_session() -> None:
    (group,) = session_groups(["iam:GetRole", "iam:GetRole", "ec2:DescribeRegions"])
    assert group.entries == ("ec2:DescribeRegions", "iam:GetRole")


def test_six_hundred_actions_fit_into_few_sessions() -> None:
    invented = [f"service{number % 40}:{verb}Thing{number:04}OfEveryKind" for number in range(600) for verb in ["Get"]]
    listed = [f"service{number % 40}:List{number:04}Things" for number in range(600)]
    for asked in (invented, listed, [*invented[:300], *listed[:300]]):
        groups = session_groups(asked)
        assert_sound(asked, groups)
        assert len(groups) <= MOST_SESSIONS


def test_one_service_that_does_not_fit_has_several_sessions() -> None:
    asked = [f"s3:GetBucket{number}Configuration" for number in range(100)]
    groups = session_groups(asked)
    assert_sound(asked, groups)
    assert 1 < len(groups) <= MOST_SESSIONS


def test_what_cannot_be_folded_takes_as_many_sessions_as_it_needs() -> None:
    asked = [f"s3:Get{'abcdefghij'[number % 10]}{number:04}{'X' * 60}" for number in range(300)]
    groups = session_groups(asked)
    assert_sound(asked, groups)
    assert len(groups) > MOST_SESSIONS


@pytest.mark.parametrize("limit", [40, 120, 300, 1024])
def test_a_lower_limit_is_kept_down_to_one_entry(limit: int) -> None:
    asked = readable()[:90]
    groups = session_groups(asked, limit)
    assert sorted(action for group in groups for action in group.actions) == sorted(asked)
    assert all(group.size <= limit for group in groups if len(group.entries) > 1)


@pytest.mark.parametrize("name", [*FRAMEWORKS, "everything"])
def test_the_sessions_of_every_framework(name: str) -> None:
    known = catalogue()
    chosen = frameworks.controls_of((FRAMEWORKS[name],)) if name in FRAMEWORKS else list(known)
    for reads in (actions_for(fact for each in chosen for fact in known[each].facts), discovery.ACTIONS):
        groups = session_groups(reads)
        assert_sound(reads, groups)
        assert all(set(group.entries) == group.actions for group in groups), "no pattern is needed"
        fits_into_one = SessionGroup(frozenset(reads), tuple(sorted(reads))).size <= SESSION_POLICY_LIMIT
        assert len(groups) == (1 if fits_into_one else 2)
