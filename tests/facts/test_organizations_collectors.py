"""What the collectors of the organization make of literal answers, in the management account and in members."""

from __future__ import annotations

from string import ascii_lowercase
from typing import Any

import pytest

from orgaudit.analysis.delegation import not_delegated, policy_delegates
from orgaudit.facts.organizations import (
    Effectiveness,
    MemberOf,
    effectiveness,
    guardrails,
    member_of,
    policy_delegation,
    trusted_services,
)
from orgaudit.languages.iam_policy import parse_policy
from orgaudit.model import NotSeenError
from tests.factories import HOME, MANAGEMENT, MEMBER, SECURITY
from tests.factories_organizations import ROOT, THE_ORGANIZATION, UNIT, a_policy
from tests.factories_resource_policies import allow, text
from tests.literal_aws import Answers, LiteralAws, Refused, World


def aws(here: Answers, account_id: str = MANAGEMENT) -> LiteralAws:
    return LiteralAws(World({account_id: here}), account_id, HOME)


# The organization

DESCRIBED = {
    "Organization": {
        "Id": "o-example1234",
        "Arn": THE_ORGANIZATION.arn,
        "FeatureSet": "ALL",
        "MasterAccountId": MANAGEMENT,
    }
}


@pytest.mark.parametrize("account_id", [MANAGEMENT, MEMBER])
async def test_every_account_is_told_whose_organization_it_is_in(account_id: str) -> None:
    at = aws({("organizations", "DescribeOrganization"): DESCRIBED}, account_id)
    (found,) = [each async for each in member_of(at)]
    assert (found.arn, found.account_id, found.feature_set) == (THE_ORGANIZATION.arn, MANAGEMENT, "ALL")


async def test_no_organization() -> None:
    at = aws({("organizations", "DescribeOrganization"): Refused("AWSOrganizationsNotInUseException")})
    assert [each async for each in member_of(at)] == []


async def test_organization_denied() -> None:
    with pytest.raises(NotSeenError):
        [each async for each in member_of(aws({}))]


# Guardrails

EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
SOMETHING = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
IAM = {"Effect": "Allow", "Action": "iam:*", "Resource": "*"}
BUT_IAM = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
DENIED = {"Effect": "Deny", "Action": "organizations:LeaveOrganization", "Resource": "*"}


@pytest.mark.parametrize(
    ("statements", "effect"),
    [
        ([EVERYTHING], Effectiveness.NONE),
        ([SOMETHING, EVERYTHING], Effectiveness.NONE),
        ([SOMETHING], Effectiveness.ALLOW_LIST),
        ([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}], Effectiveness.ALLOW_LIST),
        ([BUT_IAM, IAM], Effectiveness.NONE),
        ([BUT_IAM, IAM | {"Condition": {"Bool": {"aws:SecureTransport": "true"}}}], Effectiveness.ALLOW_LIST),
        ([BUT_IAM, BUT_IAM | {"NotAction": "s3:*"}], Effectiveness.NONE),
        ([IAM | {"Action": [f"{letter}*" for letter in ascii_lowercase]}], Effectiveness.NONE),
        ([DENIED], Effectiveness.DENIES),
        ([EVERYTHING, DENIED], Effectiveness.DENIES),
    ],
)
def test_what_a_policy_restricts(statements: list[dict[str, Any]], effect: Effectiveness) -> None:
    assert effectiveness(parse_policy(text(*statements))) is effect


def summary(name: str, *, managed: bool = False, kind: str = "SERVICE_CONTROL_POLICY") -> dict[str, Any]:
    return {"Id": f"p-{name}", "Name": name, "Type": kind, "AwsManaged": managed}


def roots(*types: tuple[str, str]) -> dict[str, Any]:
    found = [{"Type": kind, "Status": status} for kind, status in types]
    return {"Roots": [{"Id": ROOT, "Arn": "arn:aws:organizations::1:root/o/r", "Name": "Root", "PolicyTypes": found}]}


ON = roots(("TAG_POLICY", "ENABLED"), ("SERVICE_CONTROL_POLICY", "ENABLED"))
CONTENT = {"p-leave": text(DENIED), "p-list": text(SOMETHING)}
TARGETS = {"p-leave": [ROOT], "p-list": [UNIT, SECURITY], "p-idle": []}
POLICIES: Answers = {
    ("organizations", "ListRoots"): ON,
    ("organizations", "ListPolicies"): [
        {"Policies": [summary("FullAWSAccess", managed=True), summary("leave")], "NextToken": "2"},
        {"Policies": [summary("list"), summary("idle")]},
    ],
    ("organizations", "DescribePolicy"): lambda PolicyId: {"Policy": {"Content": CONTENT[PolicyId]}},  # noqa: N803
    ("organizations", "ListTargetsForPolicy"): lambda PolicyId: {  # noqa: N803 - AWS's name
        "Targets": [{"TargetId": target} for target in TARGETS[PolicyId]]
    },
}


async def test_guardrails_are_the_policies_that_customers_manage() -> None:
    at = aws(POLICIES)
    found = await guardrails(at, THE_ORGANIZATION)
    assert (found.enabled, found.root_id) == (True, ROOT)
    assert found.policies == (
        a_policy("leave", ROOT),
        a_policy("list", UNIT, SECURITY, effect=Effectiveness.ALLOW_LIST),
    )
    assert at.world.asked("ListPolicies")[0].parameters == {"Filter": "SERVICE_CONTROL_POLICY"}
    assert [call.parameters["PolicyId"] for call in at.world.asked("DescribePolicy")] == ["p-leave", "p-list"]


@pytest.mark.parametrize(
    "answer",
    [
        roots(),
        roots(("SERVICE_CONTROL_POLICY", "PENDING_DISABLE"), ("TAG_POLICY", "ENABLED")),
        roots(("RESOURCE_CONTROL_POLICY", "PENDING_ENABLE")),
    ],
)
async def test_no_guardrails_where_the_policy_type_is_off(answer: dict[str, Any]) -> None:
    at = aws({("organizations", "ListRoots"): answer})
    found = await guardrails(at, THE_ORGANIZATION)
    assert (found.enabled, found.policies) == (False, ())
    assert [call.operation for call in at.world.calls] == ["ListRoots"]


PERIMETER = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": "*",
    "Condition": {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": "o-example1234"}},
}


@pytest.mark.parametrize(
    ("types", "names"),
    [
        (("RESOURCE_CONTROL_POLICY",), ["perimeter"]),
        (("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"), ["leave", "perimeter"]),
    ],
)
async def test_resource_control_policies_are_guardrails(types: tuple[str, ...], names: list[str]) -> None:
    listed = {
        "SERVICE_CONTROL_POLICY": [summary("FullAWSAccess", managed=True), summary("leave")],
        "RESOURCE_CONTROL_POLICY": [
            summary("RCPFullAWSAccess", managed=True, kind="RESOURCE_CONTROL_POLICY"),
            summary("perimeter", kind="RESOURCE_CONTROL_POLICY"),
        ],
    }
    content = {"p-leave": text(DENIED), "p-perimeter": text(PERIMETER)}
    at = aws({
        ("organizations", "ListRoots"): roots(*((kind, "ENABLED") for kind in types)),
        ("organizations", "ListPolicies"): lambda Filter: {"Policies": listed[Filter]},  # noqa: N803 - AWS's name
        ("organizations", "ListTargetsForPolicy"): {"Targets": [{"TargetId": ROOT}]},
        ("organizations", "DescribePolicy"): lambda PolicyId: {"Policy": {"Content": content[PolicyId]}},  # noqa: N803
    })  # fmt: skip
    found = await guardrails(at, THE_ORGANIZATION)
    assert found.enabled
    assert [(policy.name, policy.kind, policy.effect) for policy in found.policies] == [
        (name, kind, Effectiveness.DENIES) for name, kind in zip(names, types, strict=True)
    ]


async def test_organization_without_a_root_is_no_answer() -> None:
    with pytest.raises(ValueError, match="not enough values"):
        await guardrails(aws({("organizations", "ListRoots"): {"Roots": []}}), THE_ORGANIZATION)


@pytest.mark.parametrize("operation", ["ListRoots", "ListPolicies", "DescribePolicy", "ListTargetsForPolicy"])
async def test_guardrails_denied(operation: str) -> None:
    with pytest.raises(NotSeenError):
        await guardrails(aws({**POLICIES, ("organizations", operation): Refused()}), THE_ORGANIZATION)


# Delegation


async def test_policy_delegation_names_who_may_write() -> None:
    content = text(
        allow({"AWS": [f"arn:aws:iam::{SECURITY}:root", "*"]}, action=["organizations:List*", "organizations:*Policy"]),
        allow({"AWS": MEMBER}, action=["organizations:List*", "organizations:describeOrganization"]),
    )
    at = aws({("organizations", "DescribeResourcePolicy"): {"ResourcePolicy": {"Content": content}}})
    assert policy_delegates(await policy_delegation(at, THE_ORGANIZATION)) == {SECURITY: True}


async def test_no_policy_delegation() -> None:
    at = aws({("organizations", "DescribeResourcePolicy"): Refused("ResourcePolicyNotFoundException")})
    found = await policy_delegation(at, THE_ORGANIZATION)
    assert (found.document, policy_delegates(found)) == (None, {})


async def test_trusted_services_on_two_pages() -> None:
    def page(*names: str) -> dict[str, Any]:
        return {"EnabledServicePrincipals": [{"ServicePrincipal": f"{name}.amazonaws.com"} for name in names]}

    operation = ("organizations", "ListAWSServiceAccessForOrganization")
    found = await trusted_services(
        aws({operation: [page("sso", "tagpolicies.tag"), page("guardduty")]}), THE_ORGANIZATION
    )
    assert found.principals == ("guardduty.amazonaws.com", "sso.amazonaws.com", "tagpolicies.tag.amazonaws.com")
    assert not_delegated(found, {}) == ("guardduty.amazonaws.com", "sso.amazonaws.com")


@pytest.mark.parametrize("read", [policy_delegation, trusted_services])
async def test_details_denied(read: Any) -> None:
    with pytest.raises(NotSeenError):
        await read(aws({}), THE_ORGANIZATION)


def test_name_of_the_organization() -> None:
    assert isinstance(THE_ORGANIZATION, MemberOf)
    assert THE_ORGANIZATION.name == "o-example1234"
