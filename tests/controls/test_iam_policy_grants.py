"""What the controls on whole services and decryption in policies say, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.controls.declare import Control
from orgaudit.controls.iam.policy_grants import (
    iam_customer_policy_kms_decryption_restricted,
    iam_customer_policy_service_wildcards_absent,
    iam_inline_policy_kms_decryption_restricted,
)
from orgaudit.controls.iam.users import iam_user_mfa_enabled
from orgaudit.model import Seen, Status
from tests.factories import MEMBER, Case, denied, every, failing, idle, name_of, passing, statement, unseen
from tests.factories_iam import a_policy, a_user, an_inline_policy, credentials_of, unreadable

KEYS = f"arn:aws:kms:*:{MEMBER}:key/*"
ONE_REGION = f"arn:aws:kms:eu-west-1:{MEMBER}:key/*"
MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
ONLY = {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}


def decryption(made: Any) -> tuple[Case, ...]:
    def has(action: object, resource: object = "*", **more: Any) -> Any:
        return made(statement(action, Resource=resource, **more))

    return (
        passing("no action of KMS", has("s3:*"), says="no statement lets"),
        passing("other actions of KMS", has(["kms:Encrypt", "kms:ReEncryptTo"])),
        failing("decrypt", has("kms:Decrypt"), says="statement 1 allows kms:decrypt with every key"),
        failing("in any case", has("KMS:decrypt"), says="kms:decrypt"),
        failing("re-encryption", has("kms:ReEncryptFrom"), says="kms:reencryptfrom"),
        failing("all of KMS", has("kms:*"), says="kms:decrypt, kms:reencryptfrom"),
        failing("everything", has("*"), says="with every key"),
        failing("a part of a name", has("kms:De*"), says="kms:decrypt"),
        failing("a NotAction", made(_without_action(NotAction="s3:*", Resource="*")), says="kms:decrypt"),
        passing("a NotAction of KMS", made(_without_action(NotAction="kms:*", Resource="*"))),
        failing("every key of the account", has("kms:Decrypt", KEYS), says="every key"),
        failing("every key of every account", has("kms:Decrypt", "arn:aws:kms:*:*:key/*"), says="every key"),
        passing("one region", has("kms:Decrypt", ONE_REGION)),
        passing("one key", has("kms:Decrypt", f"arn:aws:kms:eu-west-1:{MEMBER}:key/1")),
        passing("keys of another account", has("kms:Decrypt", "arn:aws:kms:*:999999999999:key/*")),
        failing("all but a key", made(_without_action(Action="kms:Decrypt", NotResource="arn:x")), says="every key"),
        passing("all but the keys", made(_without_action(Action="kms:Decrypt", NotResource="arn:aws:kms:*"))),
        failing("a condition", has("kms:Decrypt", Condition=ONLY), says="if StringEquals kms:ViaService s3"),
        passing("denied", has("kms:Decrypt", Effect="Deny")),
    )


def _without_action(**elements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **elements}]}


def allowing(*actions: str, **more: Any) -> Any:
    return a_policy(statement(list(actions), **{"Resource": "arn:aws:s3:::data/*"} | more))


BOUNDARY = "is a permissions boundary"
SERVICES = (
    passing("actions by name", allowing("s3:GetObject", "s3:PutObject"), says="no statement allows all"),
    passing("a part of a service", allowing("ec2:Describe*")),
    failing("a service on one resource", allowing("s3:GetObject", "s3:*"), says="statement 1 allows s3:*"),
    failing("everything", allowing("*"), says="allows *"),
    failing("a condition", allowing("ec2:*", Condition=MFA), says="ec2:* if Bool aws:MultiFactorAuthPresent"),
    failing("a NotAction", a_policy(_without_action(NotAction="iam:*", Resource="*")), says="all but iam:*"),
    passing("a NotAction of everything", a_policy(_without_action(NotAction="*", Resource="*"))),
    passing("denied", allowing("s3:*", Effect="Deny")),
    failing("attached to nobody", a_policy(attached_to=()), says="allows *"),
    idle("a boundary", a_policy(bounds=True), says=BOUNDARY),
    unseen("not a policy", a_policy(services=unreadable())),
)
USER = a_user()
CASES: dict[Control, tuple[Case, ...]] = {
    iam_customer_policy_kms_decryption_restricted: (
        *decryption(a_policy),
        idle("a boundary", a_policy(bounds=True), says=BOUNDARY),
        unseen("not a policy", a_policy(services=unreadable())),
    ),
    iam_inline_policy_kms_decryption_restricted: (
        *decryption(an_inline_policy),
        unseen("not a policy", an_inline_policy(services=unreadable())),
    ),
    iam_customer_policy_service_wildcards_absent: SERVICES,
    iam_user_mfa_enabled: (
        passing("password and MFA", USER, Seen(credentials_of(USER)), says="has MFA"),
        passing("no password, and MFA", USER, Seen(credentials_of(USER, password_enabled=False))),
        failing("password only", USER, Seen(credentials_of(USER, mfa=False)), says="no MFA device"),
        failing("no password", USER, Seen(credentials_of(USER, mfa=False, password_enabled=False)), says="no MFA"),
        unseen("report denied", USER, denied("iam:GetCredentialReport")),
    ),
}


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status, verdict.reason
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


@pytest.mark.parametrize(
    ("holder", "command"),
    [
        ("user/people/alice", "put-user-policy --user-name alice"),
        ("group/staff", "put-group-policy --group-name staff"),
        ("role/x; rm -rf .", "put-role-policy --role-name 'x; rm -rf .'"),
    ],
)
def test_command_replaces_the_policy_of_its_holder(holder: str, command: str) -> None:
    policy = an_inline_policy(holder=f"arn:aws:iam::{MEMBER}:{holder}")
    found = iam_inline_policy_kms_decryption_restricted(policy).command
    assert found == f"aws iam {command} --policy-name own --policy-document file://POLICY.json"
