"""What the controls on policies say, case by case."""

from __future__ import annotations

from string import ascii_lowercase
from typing import Any

import pytest

from orgaudit.controls.declare import Control
from orgaudit.controls.iam.policies import (
    CLOUDSHELL,
    SUPPORT,
    iam_aws_policy_full_admin_restricted,
    iam_cloudshell_full_access_restricted,
    iam_customer_policy_attached_limited,
    iam_customer_policy_limited,
    iam_support_policy_attached,
    iam_support_role_exists,
)
from orgaudit.facts.iam.authorization import Group, Role, User
from orgaudit.model import Status
from orgaudit.settings.thresholds import Thresholds
from tests.factories import (
    MEMBER,
    Case,
    asking,
    denied,
    every,
    failing,
    idle,
    name_of,
    passing,
    statement,
    unseen,
)
from tests.factories_iam import (
    EVERYTHING,
    a_group,
    a_policy,
    a_user,
    an_aws_policy,
    an_iam_role,
    aws_policy_arn,
    iam_facts,
    unreadable,
)

USUAL = Thresholds()
VERSION = "2012-10-17"
READS = statement("s3:Get*", Resource="*")


def document(*statements: dict[str, object]) -> dict[str, object]:
    return {"Version": VERSION, "Statement": [*statements]}


def allow(**elements: object) -> dict[str, object]:
    return {"Effect": "Allow", "Resource": "*", **elements}


def deny(**elements: object) -> dict[str, object]:
    return {"Effect": "Deny", "Resource": "*", **elements}


MFA_ONLY = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


NO_MFA = {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}
SAID = {"StringEquals": {"aws:UserAgent": "please"}}
TAGGED = {"StringEquals": {"aws:ResourceTag/owner": "${aws:username}"}}
ODD = {"Odd": {"es:key": "x"}}
LETTERS = [f"{letter}*" for letter in ascii_lowercase]
# Every prefix that has no digit, and those that have one after the first two signs.
FEW_DIGITS = [f"{first}{second}*" for first in ascii_lowercase[:1] for second in f"{ascii_lowercase}:-"] + LETTERS[1:]
BY_SERVICE = [f"arn:aws:{letter}" for letter in LETTERS]
ROLE, ROLES = "arn:aws:iam::*:role/one", "arn:aws:iam::*:role/*"
OWN_NAME = "arn:aws:iam::*:user/${aws:username}"
OWN_KEYS = allow(Action="iam:CreateAccessKey", Resource=OWN_NAME)
GIVING = allow(Action="iam:PutRolePolicy")


def policy_cases(**changes: Any) -> tuple[Case, ...]:
    def has(*statements: dict[str, object]) -> Any:
        return a_policy(document(*statements), **changes)

    return (
        passing("reads", a_policy(READS, **changes), says="no statement allows everything"),
        failing("everything", a_policy(EVERYTHING, **changes), says="statement 1 allows everything"),
        failing("*:*", has(allow(Action="*:*")), says="allows everything"),
        failing("in lists", has(allow(Action=["s3:Get*", "*"], Resource=["*"])), says="allows everything"),
        failing("resources by ARN", has(allow(Action="*", Resource="arn:aws:*:*:*:*")), says="everything"),
        failing("the second statement", has(allow(Action="s3:*"), allow(Action="*", Sid="All")), says="All allows"),
        failing("NotAction", has(allow(NotAction="s3:DeleteBucket")), says="everything but s3:DeleteBucket"),
        failing("NotAction of some of IAM", has(allow(NotAction="iam:Delete*")), says="but iam:Delete*"),
        failing("NotAction of a part of IAM by a star", has(allow(NotAction=["ia*:*User"])), says="but ia*:*User"),
        passing("NotAction of all of IAM", has(allow(NotAction=["IAM:*", "sts:*"])), says="but IAM:*, sts:*"),
        failing("NotResource", has({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::x"}), says="but"),
        failing("a condition", has(allow(Action="*", Condition=MFA_ONLY)), says="if Bool aws:MultiFactorAuthPresent"),
        failing("denies some", has(allow(Action="*"), deny(Action="s3:Delete*")), says="allows everything"),
        passing("denies everything", has(allow(Action="*"), deny(Action="*")), says="no statement allows everything"),
        failing("denies under a condition", has(allow(Action="*"), deny(Action="*", Condition=MFA_ONLY)), says="all"),
        failing("any action of a service", has(allow(Action="*:?*")), says="allows everything"),
        failing("letter by letter", has(allow(Action=LETTERS)), says="allows everything"),
        failing(
            "letter by letter, in two statements",
            has(allow(Action=LETTERS[:9]), allow(Action=LETTERS[9:], Sid="Rest")),
            says="statement 1 with Rest allows everything",
        ),
        failing("actions letter by letter", has(allow(Action=[f"*:{each}" for each in LETTERS])), says="everything"),
        passing(
            "all letters but one",
            has(allow(Action=[*LETTERS[:8], *LETTERS[9:]])),
            says="no statement allows everything",
        ),
        passing("no prefix with a digit", has(allow(Action=FEW_DIGITS)), says="no statement allows everything"),
        failing(
            "all but IAM, and IAM",
            has(allow(NotAction="iam:*"), allow(Action="iam:*", Sid="Iam")),
            says="statement 1 with Iam allows everything",
        ),
        failing("all but one part, twice", has(allow(NotAction="iam:*"), allow(NotAction="s3:*")), says="everything"),
        failing(
            "all but IAM, and giving rights", has(allow(NotAction="iam:*"), GIVING), says="full administrative access"
        ),
        passing("all but IAM, and reading IAM", has(allow(NotAction="iam:*"), allow(Action="iam:Get*")), says="iam:*"),
        passing("all but IAM, and one's own keys", has(allow(NotAction="iam:*"), OWN_KEYS), says="but iam:*"),
        passing("all of IAM", has(allow(Action="iam:*")), says="no statement allows everything"),
        passing(
            "NotAction of everything", has(allow(NotAction=LETTERS), allow(Action="iam:*")), says="no statement allows"
        ),
        failing("resources of any kind", has(allow(Action="*", Resource="*:*")), says="allows everything"),
        failing("resources letter by letter", has(allow(Action="*", Resource=BY_SERVICE)), says="everything"),
        failing(
            "resources in two statements",
            has(allow(Action="*", Resource=BY_SERVICE[:5]), allow(Action="*", Resource=BY_SERVICE[5:])),
            says="statement 1 with statement 2 allows everything",
        ),
        failing(
            "some actions on resources in two statements",
            has(
                allow(Action=LETTERS[:9]),
                allow(Action=LETTERS[9:], Resource=BY_SERVICE[:5]),
                allow(Action=LETTERS[9:], Resource=BY_SERVICE[5:]),
            ),
            says="statement 1 with statement 2 with statement 3 allows everything",
        ),
        passing(
            "some actions on some resources",
            has(allow(Action=LETTERS[:9]), allow(Action=LETTERS[9:], Resource=BY_SERVICE[:5])),
        ),
        failing(
            "resources of the account",
            has(allow(Action="*", Resource=f"arn:aws:*:*:{MEMBER}:*")),
            says=f"everything but resources outside account {MEMBER}",
        ),
        passing("resources of another account", has(allow(Action="*", Resource="arn:aws:*:*:999999999999:*"))),
        passing("resources of one region", has(allow(Action="*", Resource="arn:aws:*:eu-west-1:*:*"))),
        passing(
            "NotResource of all identities",
            has({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:iam::*"}),
            says="but arn:aws:iam::*",
        ),
        failing(
            "NotResource of another partition",
            has({"Effect": "Allow", "Action": "*", "NotResource": "arn:aws-cn:*"}),
            says="everything but arn:aws-cn:*",
        ),
        failing("one role excepted", has({"Effect": "Allow", "Action": "*", "NotResource": ROLE}), says=f"but {ROLE}"),
        passing("denies IAM", has(allow(Action="*"), deny(Action="iam:*")), says="no full administrative access"),
        passing("denies IAM in parts", has(allow(Action="*"), *(deny(Action=f"iam:{each}") for each in LETTERS))),
        passing(
            "denies all but IAM", has(allow(Action="*"), deny(NotAction="iam:*")), says="no full administrative access"
        ),
        passing(
            "denies all but reading",
            has(allow(Action="*"), deny(NotAction=["s3:Get*", "ec2:Describe*"])),
            says="no full administrative access",
        ),
        failing("denies IAM on roles", has(allow(Action="*"), deny(Action="iam:*", Resource=ROLES)), says="everything"),
        passing(
            "denies IAM on everything of IAM", has(allow(Action="*"), deny(Action="iam:*", Resource="arn:*:iam::*"))
        ),
        failing("denies one action", has(allow(Action="*"), deny(Action="iam:AttachUserPolicy")), says="everything"),
        failing("denies others' names", has(allow(Action="*"), deny(Action="*", Resource=OWN_NAME)), says="everything"),
        failing("denies IAM if", has(allow(Action="*"), deny(Action="iam:*", Condition=MFA_ONLY)), says="everything"),
        passing(
            "denies whether or not",
            has(allow(Action="*"), deny(Action="*", Condition=MFA_ONLY), deny(Action="*", Condition=NO_MFA)),
            says="no full administrative access",
        ),
        passing(
            "denies where it allows",
            has(allow(Action="*", Condition=MFA_ONLY), deny(Action="*", Condition=MFA_ONLY)),
            says="no full administrative access",
        ),
        failing("if the caller says so", has(allow(Action="*", Condition=SAID)), says="if StringEquals aws:UserAgent"),
        failing("if tags are equal", has(allow(Action="*", Condition=TAGGED)), says="if StringEquals aws:ResourceTag"),
        asking("an operator that is not known", has(allow(Action="*", Condition=ODD)), says="cannot be determined"),
        asking("a Deny that is not known", has(allow(Action="*"), deny(Action="*", Condition=ODD)), says="determined"),
        passing("everything in one place", has(allow(Action="*", Resource="arn:aws:s3:::x/*"))),
        passing("denies only", has(deny(Action="*"))),
        passing("all of one service", has(allow(Action="s3:*"))),
        unseen("unreadable", a_policy(**{"grants": unreadable()} | changes), says="GetAccountAuthorizationDetails"),
    )


ALICE, DEPLOYS, STAFF = a_user().arn, an_iam_role().arn, a_group().arn
SSO = f"arn:aws:iam::{MEMBER}:role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_AdministratorAccess_0f"
APPROVED = Thresholds(approved_administrators=("arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*", DEPLOYS))
POWER = document(allow(NotAction=["iam:*", "organizations:*", "account:*"]))
UNCLEAR = document(allow(Action="*"), deny(Action="*", Condition=ODD))
POWER_USER = document(
    allow(NotAction=["iam:*", "organizations:*", "account:*"]),
    allow(
        Action=[
            "account:GetAccountInformation",
            "iam:CreateServiceLinkedRole",
            "iam:DeleteServiceLinkedRole",
            "iam:ListRoles",
            "organizations:DescribeOrganization",
        ]
    ),
)

AWS_POLICY = (
    failing(
        "held by a user",
        an_aws_policy(ALICE),
        USUAL,
        says=f"AdministratorAccess is attached to principals that are not approved: {ALICE}",
    ),
    failing("held by a group and a role", an_aws_policy(STAFF, DEPLOYS), USUAL, says=f"{STAFF}, {DEPLOYS}"),
    passing(
        "held by approved ones",
        an_aws_policy(SSO, DEPLOYS),
        APPROVED,
        says="approved principals with AdministratorAccess: 2",
    ),
    failing("held by others too", an_aws_policy(SSO, ALICE), APPROVED, says=f"not approved: {ALICE}"),
    passing(
        "reads",
        an_aws_policy(ALICE, name="ReadOnlyAccess", document=READS),
        USUAL,
        says="does not grant full administrative access",
    ),
    asking("an unknown Deny", an_aws_policy(ALICE, document=UNCLEAR), USUAL, says="cannot be determined"),
    passing(
        "an unknown Deny, held by approved ones",
        an_aws_policy(DEPLOYS, document=UNCLEAR),
        APPROVED,
        says="approved principals with AdministratorAccess: 1",
    ),
    passing(
        "AWS's power user",
        an_aws_policy(ALICE, name="PowerUserAccess", document=POWER_USER),
        USUAL,
        says="does not grant full administrative access",
    ),
    passing(
        "everything but IAM",
        an_aws_policy(ALICE, name="PowerUserAccess", document=POWER),
        USUAL,
        says="does not grant full administrative access",
    ),
    unseen("unreadable", an_aws_policy(ALICE, grants=unreadable()), USUAL, says="GetAccountAuthorizationDetails"),
    unseen("others may hold it", an_aws_policy(SSO, hidden=denied()), APPROVED, says="is denied"),
    failing("one holds it, others may", an_aws_policy(ALICE, hidden=denied()), APPROVED, says=f"not approved: {ALICE}"),
)


def cloudshell(*holders: User | Group | Role, thresholds: Thresholds = USUAL, **more: Any) -> tuple[Any, ...]:
    return iam_facts(*holders, **more), thresholds


SHELL, SHELL_CN = (aws_policy_arn(CLOUDSHELL, partition) for partition in ("aws", "aws-cn"))
HIDDEN = a_user("bob", attached=denied())
HOLDER = an_iam_role(attached=(SHELL,))
CLOUD = (
    passing("attached to nobody", *cloudshell(a_user(), a_group(), an_iam_role()), says="not attached"),
    passing("nobody there", *cloudshell(), says="not attached"),
    failing("a role", *cloudshell(HOLDER), says=f"not approved: {HOLDER.arn}"),
    failing("a user", *cloudshell(a_user(attached=(SHELL,))), says=ALICE),
    failing("a group", *cloudshell(a_group(attached=(SHELL,))), says=STAFF),
    failing("another partition", *cloudshell(a_user(attached=(SHELL_CN,))), says=ALICE),
    passing(
        "a policy of the same name", *cloudshell(a_user(attached=(SHELL.replace(":aws:policy", f":{MEMBER}:policy"),)))
    ),
    passing(
        "an approved role",
        *cloudshell(HOLDER, thresholds=Thresholds(approved_cloudshell_principals=("*:role/deploys",))),
        says="attached to 1 approved principals",
    ),
    failing(
        "one result names all",
        *cloudshell(a_user(attached=(SHELL,)), HOLDER),
        says=f"not approved: {HOLDER.arn}, {ALICE}",
    ),
    unseen("policies of a user not seen", *cloudshell(HIDDEN, an_iam_role()), says="is denied"),
    failing("a role, policies of a user not seen", *cloudshell(HIDDEN, HOLDER), says=f"not approved: {HOLDER.arn}"),
    unseen("users denied", *cloudshell(HOLDER, gaps={User: denied("iam:GetAccountAuthorizationDetails")})),
)
SUPPORTS = an_iam_role("helps", attached=(aws_policy_arn(SUPPORT, "aws-us-gov"),))
SUPPORT_CASES = (
    passing("a role has it", iam_facts(an_iam_role(), SUPPORTS), says=SUPPORTS.arn),
    failing(
        "roles have other policies only", iam_facts(an_iam_role(attached=(SHELL,))), says="not attached to any role"
    ),
    failing("no role at all", iam_facts(), says="not attached to any role"),
    failing("a user has it", iam_facts(a_user(attached=(aws_policy_arn(SUPPORT),))), says="not attached to any role"),
    unseen("policies of a role not seen", iam_facts(an_iam_role(attached=denied())), says="is denied"),
    passing("a role has it, another one's not seen", iam_facts(an_iam_role(attached=denied()), SUPPORTS), says="helps"),
    unseen("roles denied", iam_facts(gaps={Role: denied("iam:GetAccountAuthorizationDetails")})),
)
HELPED = (aws_policy_arn(SUPPORT),)
HOLDER_CASES = (
    passing("a role has it", iam_facts(an_iam_role(), SUPPORTS), says=SUPPORTS.arn),
    passing("a group has it", iam_facts(a_group(attached=HELPED)), says=a_group().arn),
    passing("a user has it", iam_facts(a_user(attached=HELPED)), says=a_user().arn),
    failing(
        "others only",
        iam_facts(an_iam_role(attached=(SHELL,)), a_user(), a_group()),
        says="not attached to any user, group",
    ),
    failing("nobody at all", iam_facts(), says="is not attached to any user, group or role"),
    *(
        unseen(f"{kind.__name__} denied", iam_facts(gaps={kind: denied("iam:GetAccountAuthorizationDetails")}))
        for kind in (User, Group, Role)
    ),
)

CASES: dict[Control, tuple[Case, ...]] = {
    iam_customer_policy_limited: (
        *policy_cases(),
        failing("attached to nobody", a_policy(attached_to=()), says="full administrative access"),
    ),
    iam_customer_policy_attached_limited: (
        *policy_cases(),
        idle("attached to nobody", a_policy(attached_to=()), says="not attached"),
    ),
    iam_aws_policy_full_admin_restricted: AWS_POLICY,
    iam_cloudshell_full_access_restricted: CLOUD,
    iam_support_role_exists: SUPPORT_CASES,
    iam_support_policy_attached: HOLDER_CASES,
}


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


def test_evidence_lists_conditions_and_what_is_denied() -> None:
    policy = a_policy(document(allow(Action="*", Condition=MFA_ONLY), deny(NotAction="s3:Get*"), deny(Action="ec2:*")))
    assert iam_customer_policy_limited(policy).evidence == {
        "attached_to": [ALICE],
        "grants": ["statement 1 allows everything if Bool aws:MultiFactorAuthPresent true"],
        "conditions": ["Bool aws:MultiFactorAuthPresent true"],
        "denies": ["all but s3:Get*", "ec2:*"],
    }


@pytest.mark.parametrize(
    ("holder", "command"),
    [
        (ALICE, "aws iam detach-user-policy --user-name alice"),
        (STAFF, "aws iam detach-group-policy --group-name staff"),
        (f"arn:aws:iam::{MEMBER}:role/a/b/deploys", "aws iam detach-role-policy --role-name deploys"),
        (f"arn:aws:iam::{MEMBER}:user/x; rm -rf .", "aws iam detach-user-policy --user-name 'x; rm -rf .'"),
    ],
)
def test_command_takes_the_policy_from_its_first_holder(holder: str, command: str) -> None:
    policy = an_aws_policy(holder)
    assert iam_aws_policy_full_admin_restricted(policy, USUAL).command == f"{command} --policy-arn {policy.arn}"
