import functools
import json

import pytest
from botocore.session import get_session

from orgaudit.aws.actions import (
    IAM_ACTIONS,
    IAM_PREFIXES,
    SESSION_POLICY_LIMIT,
    iam_action,
    is_read,
    session_policy,
)

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


@pytest.mark.parametrize("number", [1, 30, 60, 61, 62, 63, 70, 100, 150, 300])
def test_a_session_policy_fits_and_allows_what_is_asked_and_only_reads(number: int) -> None:
    asked = readable()[:number]
    assert len(asked) == number
    document = json.dumps(session_policy(asked), separators=(",", ":"))
    assert len(document) <= SESSION_POLICY_LIMIT
    (statement,) = json.loads(document)["Statement"]
    allowed = statement["Action"]
    assert all(
        any(each == name or (each.endswith("*") and name.startswith(each[:-1])) for each in allowed) for name in asked
    )
    assert all(is_read(each) for each in allowed)
    assert statement["Effect"] == "Allow"
    assert not {"s3:Get*", "secretsmanager:Get*", "secretsmanager:GetSecret*", "ssm:Get*"} & set(allowed)


def test_a_short_list_stays_exact() -> None:
    asked = ["iam:GetRole", "iam:GetRole", "ec2:DescribeRegions"]
    assert session_policy(asked)["Statement"] == [
        {"Effect": "Allow", "Action": ["ec2:DescribeRegions", "iam:GetRole"], "Resource": "*"}
    ]
