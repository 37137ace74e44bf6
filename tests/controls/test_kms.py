"""What the controls on KMS keys say, case by case."""

from __future__ import annotations

from typing import Any

import pytest

from orgaudit.controls.declare import Control
from orgaudit.controls.kms import kms_key_deletion_unscheduled as kept
from orgaudit.controls.kms import kms_key_policy_restricted as restricted
from orgaudit.controls.kms import kms_key_rotation_enabled as rotates
from orgaudit.facts.kms import KeyRotation
from orgaudit.model import Seen, Status
from tests.factories import (
    MEMBER,
    NASTY,
    NOW,
    OUTSIDER,
    Case,
    asking,
    denied,
    every,
    failing,
    idle,
    name_of,
    passing,
    unseen,
)
from tests.factories_kms import a_key, described, key_policy_of, rotating

KEY = a_key(aliases=("alias/data",))
IS_UNASKED = Seen(KeyRotation(arn=KEY.arn, enabled=None))


def rotated(enabled: bool, period_days: int | None = 365) -> tuple[Any, ...]:
    return KEY, Seen(described(KEY)), Seen(rotating(KEY, enabled=enabled, period_days=period_days))


def unable(**changes: Any) -> tuple[Any, ...]:
    return KEY, Seen(described(KEY, **changes)), IS_UNASKED


ROTATES = (
    passing("every year", *rotated(enabled=True), says="every 365 days"),
    passing("every three months", *rotated(enabled=True, period_days=90), says="every 90 days"),
    passing("no period told", *rotated(enabled=True, period_days=None), says="every 365 days"),
    failing("never", *rotated(enabled=False, period_days=None), says="is not enabled"),
    idle("imported material", *unable(origin="EXTERNAL"), says="origin EXTERNAL"),
    idle("a custom key store", *unable(origin="AWS_CLOUDHSM"), says="origin AWS_CLOUDHSM"),
    idle("an external key store", *unable(origin="EXTERNAL_KEY_STORE"), says="EXTERNAL_KEY_STORE"),
    idle("a replica", *unable(replica=True), says="rotates with its primary"),
    idle("asymmetric", *unable(spec="RSA_2048"), says="RSA_2048 cannot rotate"),
    idle("for codes", *unable(spec="HMAC_256"), says="HMAC_256"),
    idle("disabled", *unable(state="Disabled"), says="state Disabled"),
    idle("about to go", *unable(state="PendingDeletion"), says="state PendingDeletion"),
    idle("AWS's own without an alias", *unable(manager="AWS"), says="AWS manages"),
    unseen("description denied", KEY, denied("kms:DescribeKey"), denied("kms:DescribeKey"), says="kms:DescribeKey"),
    unseen("rotation denied", KEY, Seen(described(KEY)), denied("kms:GetKeyRotationStatus"), says="RotationStatus"),
)


def ruled(*statements: dict[str, Any], **changes: Any) -> tuple[Any, ...]:
    return KEY, Seen(described(KEY, **changes)), Seen(key_policy_of(KEY, *statements))


def allow(principal: object = "*", **more: object) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": "kms:*", "Resource": "*", **more}


OWN_ROOT = allow({"AWS": f"arn:aws:iam::{MEMBER}:root"})
OF_CALLER = {"StringEquals": {"kms:CallerAccount": MEMBER, "kms:ViaService": "s3.eu-west-1.amazonaws.com"}}
THROUGH = {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}

RESTRICTED = (
    passing("the usual policy", *ruled(OWN_ROOT), says="does not allow public access"),
    passing("another account by name", *ruled(allow({"AWS": OUTSIDER}))),
    passing("callers of the account through S3", *ruled(OWN_ROOT, allow({"AWS": "*"}, Condition=OF_CALLER))),
    passing("everyone is denied", *ruled(OWN_ROOT, allow() | {"Effect": "Deny"})),
    failing("everyone", *ruled(OWN_ROOT, allow()), says="policy statement 2 allows kms:* to the public"),
    failing("every account", *ruled(allow({"AWS": "*"}, Sid="Open")), says="policy statement Open"),
    failing("everyone through S3", *ruled(allow(Condition=THROUGH)), says="kms:ViaService"),
    asking("an unclear condition", *ruled(allow(Condition={"StringEquals": {"es:unknown": "x"}})), says="a person"),
    passing("a service", *ruled(OWN_ROOT, allow({"Service": "logs.eu-west-1.amazonaws.com"}))),
    idle("AWS's own", *ruled(allow(), manager="AWS"), says="AWS manages"),
    unseen("policy denied", KEY, Seen(described(KEY)), denied("kms:GetKeyPolicy"), says="kms:GetKeyPolicy"),
    unseen("description denied", KEY, denied("kms:DescribeKey"), Seen(key_policy_of(KEY, OWN_ROOT))),
)


def in_state(state: str, **changes: Any) -> tuple[Any, ...]:
    return KEY, Seen(described(KEY, state=state, **changes))


KEPT = (
    passing("enabled", *in_state("Enabled"), says="its state is Enabled"),
    passing("disabled", *in_state("Disabled"), says="its state is Disabled"),
    failing("scheduled", *in_state("PendingDeletion", deletes_at=NOW), says="KMS deletes the key on 2025-11-21"),
    failing("after its replicas", *in_state("PendingReplicaDeletion"), says="after its replicas"),
    failing("a replica", *in_state("PendingDeletion", replica=True), says="KMS deletes the key"),
    idle("AWS's own", *in_state("PendingDeletion", manager="AWS"), says="AWS manages"),
    unseen("denied", KEY, denied("kms:DescribeKey")),
)
CASES: dict[Control, tuple[Case, ...]] = {rotates: ROTATES, restricted: RESTRICTED, kept: KEPT}


NASTY_RESOURCES = (a_key(NASTY),)


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status, verdict.reason
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)


def test_the_aliases_are_in_the_evidence() -> None:
    assert rotates(*rotated(enabled=True)).evidence["aliases"] == ["alias/data"]
