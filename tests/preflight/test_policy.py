"""The policies: what a recorded audit calls and no more, within AWS's sizes, in templates that cfn-lint accepts."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.loaders import Loader
from cfnlint.api import lint_all  # type: ignore[import-untyped]  # it has no stubs
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from orgaudit.audit import Auditor
from orgaudit.aws.actions import is_read
from orgaudit.collect.account import actions_for
from orgaudit.evaluate.rules import rules_of
from orgaudit.languages import iam_policy as policies
from orgaudit.organization import discovery
from orgaudit.preflight import policy
from orgaudit.preflight.audience import Audience
from orgaudit.preflight.policy import (
    INLINE_LIMIT,
    MANAGED_LIMIT,
    policy_for,
    size,
    split,
    template_for,
    to_yaml,
)
from orgaudit.settings.settings import Settings
from tests.faults import FaultProxy

Make = Callable[..., Settings]
CALLER = "arn:aws:iam::214365870912:user/orgaudit"
MANY = tuple(
    sorted(
        f"{service}:{name}"
        for service in ("ec2", "elasticache", "rds", "redshift", "sagemaker", "ssm")
        for name in Loader().load_service_model(service, "service-2")["operations"]
        if is_read(f"{service}:{name}")
    )
)
"""More read actions than one policy holds."""


def actions_of(document: dict[str, Any]) -> list[str]:
    return [action for statement in document["Statement"] for action in statement["Action"]]


def decision(document: dict[str, Any], action: str, resource: str = "*") -> policies.Outcome:
    return policies.decide(
        [policies.parse_policy(document)], policies.Request(action=action, resource=resource)
    ).outcome


@pytest.mark.parametrize(
    ("controls", "never_sent"),
    [
        (("cloudtrail_trail_logging",), {"ec2:DescribeRegions"}),
        (("cloudtrail_trail_role_can_deliver",), {"ec2:DescribeRegions", "iam:GetPolicy", "iam:GetPolicyVersion"}),
    ],
    ids=["status", "role"],
)
async def test_the_policies_permit_what_an_audit_calls_and_nothing_more(
    controls: tuple[str, ...], never_sent: set[str], proxy: FaultProxy, settings: Make
) -> None:
    """Not sent are what asks for regions where ListRegions fails, and what the demo's roles, without managed policies,
    need not be asked."""
    made = settings(scope={"controls": controls})
    await Auditor(made).audit("run")
    sent = {call.permission for call in proxy.calls} - {"sts:GetCallerIdentity"}  # needs no permission
    account, caller = (policy_for(each, rules_of(made), made) for each in (Audience.ACCOUNT, Audience.CALLER))
    assert sent <= {*actions_of(account), *actions_of(caller)}
    assert set(actions_of(account)) - sent == never_sent
    assert set(actions_of(caller)) - sent == never_sent


async def test_each_side_needs_no_more_than_its_own_policy(proxy: FaultProxy, settings: Make) -> None:
    made = settings(scope={"controls": ["cloudtrail_trail_logging"]})
    await Auditor(made).audit("run")
    for audience, temporary in ((Audience.ACCOUNT, True), (Audience.CALLER, False)):
        sent = {call.permission for call in proxy.calls if call.temporary is temporary} - {"sts:GetCallerIdentity"}
        assert sent <= set(actions_of(policy_for(audience, rules_of(made), made))), audience


def test_the_account_policy_is_what_collectors_and_region_discovery_declare(settings: Make) -> None:
    made = settings()
    document = policy_for(Audience.ACCOUNT, rules_of(made), made)
    assert tuple(actions_of(document)) == actions_for(rules_of(made).facts)
    assert all(is_read(action) for action in actions_of(document))
    assert decision(document, "cloudtrail:DescribeTrails") is policies.Outcome.ALLOWED
    assert decision(document, "cloudtrail:StopLogging") is not policies.Outcome.ALLOWED


@pytest.mark.parametrize(
    ("role_name", "resource", "allowed"),
    [
        ("OrgAuditRole", "arn:aws-cn:iam::111122223333:role/OrgAuditRole", True),
        ("OrgAuditRole", "arn:aws:iam::111122223333:role/OrgAuditRole", False),
        ("OrgAuditRole", "arn:aws-cn:iam::111122223333:role/Admin", False),
        ("audit/Reader", "arn:aws-cn:iam::111122223333:role/audit/Reader", True),
    ],
)
def test_the_caller_may_assume_the_audit_role_only(
    role_name: str, resource: str, allowed: bool, settings: Make
) -> None:
    made = settings(access={"role_name": role_name})
    document = policy_for(Audience.CALLER, rules_of(made), made, partition="aws-cn")
    assert (decision(document, "sts:AssumeRole", resource) is policies.Outcome.ALLOWED) is allowed


def test_another_role_reads_the_organization(settings: Make) -> None:
    reader = "arn:aws:iam::111122223333:role/Reader"
    made = settings(organization={"role_arn": reader})
    caller = policy_for(Audience.CALLER, rules_of(made), made)
    assert decision(caller, "sts:AssumeRole", reader) is policies.Outcome.ALLOWED
    assert not [action for action in actions_of(caller) if action.startswith("organizations:")]
    assert set(actions_of(policy_for(Audience.ORGANIZATION, rules_of(made), made))) == set(discovery.ACTIONS)


def test_tags_that_are_not_read_need_no_permission(settings: Make) -> None:
    made = settings(organization={"read_tags": False})
    missing = set(discovery.ACTIONS) - set(actions_of(policy_for(Audience.ORGANIZATION, rules_of(made), made)))
    assert missing == {"organizations:ListTagsForResource"}


@given(st.lists(st.lists(st.integers(0, 10**9), min_size=1, max_size=60, unique=True), min_size=1, max_size=4))
def test_a_split_policy_permits_the_same_in_parts_that_fit(numbers: list[list[int]]) -> None:
    statements = [
        {"Sid": f"S{index}", "Effect": "Allow", "Action": [f"ec2:Describe{each}" for each in group], "Resource": "*"}
        for index, group in enumerate(numbers)
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    parts = split(document, 400)
    assert all(size(part) <= 400 for part in parts)
    found = [(each["Sid"], action) for part in parts for each in part["Statement"] for action in each["Action"]]
    assert found == [(each["Sid"], action) for each in statements for action in each["Action"]]
    for part in parts:
        policies.parse_policy(part)


def test_a_policy_that_fits_is_not_split(settings: Make) -> None:
    made = settings()
    document = policy_for(Audience.CALLER, rules_of(made), made)
    assert split(document, MANAGED_LIMIT) == [document]


def linted(text: str) -> list[str]:
    """Return what cfn-lint finds, without its information on templates that carry no notes for machines."""
    return [f"{match.rule.id} {match.message}" for match in lint_all(text) if not match.rule.id.startswith("I")]


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    """So many actions that no one policy holds them."""

    def many(_facts: object) -> tuple[str, ...]:
        return MANY

    monkeypatch.setattr(policy, "actions_for", many)


@pytest.mark.parametrize("audience", Audience)
@pytest.mark.parametrize("principal", [None, CALLER])
def test_templates_are_accepted(audience: Audience, principal: str | None, settings: Make) -> None:
    made = settings(access={"role_name": "audit/Reader", "external_id": "quarter:4"})
    assert linted(to_yaml(template_for(audience, rules_of(made), made, principal=principal))) == []


def test_the_linter_would_refuse_a_wrong_template(settings: Make) -> None:
    template = template_for(Audience.ACCOUNT, rules_of(settings()), settings())
    template["Resources"]["AuditRole"]["Properties"]["Colour"] = "blue"
    assert linted(to_yaml(template))


def test_the_role_template(settings: Make) -> None:
    made = settings(access={"role_name": "audit/Reader", "external_id": "quarter:4", "session_minutes": 120})
    template = YAML(typ="safe").load(to_yaml(template_for(Audience.ACCOUNT, rules_of(made), made, principal=CALLER)))
    parameters = {name: each.get("Default") for name, each in template["Parameters"].items()}
    assert parameters == {"AuditPrincipalArn": CALLER, "ExternalId": "quarter:4", "RoleName": "Reader"}
    assert template["Parameters"]["AuditPrincipalArn"]["Type"] == "String"
    role = template["Resources"]["AuditRole"]["Properties"]
    assert (role["RoleName"], role["Path"], role["MaxSessionDuration"]) == ({"Ref": "RoleName"}, "/audit/", 7200)
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"AWS": {"Ref": "AuditPrincipalArn"}}
    name, asked, otherwise = statement["Condition"]["Fn::If"]
    assert name in template["Conditions"]
    assert asked == {"StringEquals": {"sts:ExternalId": {"Ref": "ExternalId"}}}
    assert otherwise == {"Ref": "AWS::NoValue"}
    (inline,) = role["Policies"]
    assert inline["PolicyDocument"] == policy_for(Audience.ACCOUNT, rules_of(made), made)
    assert list(template["Resources"]) == ["AuditRole"]


def test_nobody_is_trusted_by_default_and_sessions_last_an_hour(settings: Make) -> None:
    template = template_for(Audience.ACCOUNT, rules_of(settings()), settings(access={"session_minutes": 15}))
    assert "Default" not in template["Parameters"]["AuditPrincipalArn"]
    assert template["Resources"]["AuditRole"]["Properties"]["MaxSessionDuration"] == 3600
    assert "Path" not in template["Resources"]["AuditRole"]["Properties"]


@pytest.mark.usefixtures("crowded")
def test_a_policy_too_large_for_the_role_becomes_managed_policies(settings: Make) -> None:
    made = settings()
    assert size(policy_for(Audience.ACCOUNT, rules_of(made), made)) > INLINE_LIMIT
    text = to_yaml(template_for(Audience.ACCOUNT, rules_of(made), made, principal=CALLER))
    assert linted(text) == []
    resources = YAML(typ="safe").load(text)["Resources"]
    role = resources.pop("AuditRole")["Properties"]
    assert "Policies" not in role
    assert role["ManagedPolicyArns"] == [{"Ref": name} for name in resources]
    documents = [each["Properties"]["PolicyDocument"] for each in resources.values()]
    assert [action for document in documents for action in actions_of(document)] == list(MANY)
    assert all(len(json.dumps(document, separators=(",", ":"))) <= MANAGED_LIMIT for document in documents)


@pytest.mark.usefixtures("crowded")
def test_a_crowded_template_for_the_caller_is_accepted_too(settings: Make) -> None:
    made = settings()
    text = to_yaml(template_for(Audience.CALLER, rules_of(made), made))
    assert linted(text) == []
    assert "Fn::Sub: arn:${AWS::Partition}:iam::*:role/OrgAuditRole" in text
