"""What the controls on the settings of buckets and accounts say, case by case."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from orgaudit.controls import s3
from orgaudit.controls.declare import Control
from orgaudit.facts.s3.block import BucketPublicAccessBlock
from orgaudit.facts.s3.buckets import BucketLifecycle, BucketLogging, BucketOwnership
from orgaudit.model import Seen, Status
from orgaudit.settings.thresholds import Thresholds
from tests.factories import MEMBER, OUTSIDER, SECURITY, Case, asking, denied, every, failing, idle, name_of, passing
from tests.factories import unseen as hidden_case
from tests.factories_s3 import (
    EVERYONE,
    LOG_DELIVERY,
    a_bucket,
    acl_of,
    allow,
    block_of_account,
    block_of_bucket,
    deny,
    encrypted_by,
    policy_of,
    settings,
)

BUCKET = a_bucket()
THREE = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy")
UNSEEN_FOURTH = replace(settings(*THREE), restrict_public_buckets=denied())
UNSEEN_AND_OFF = replace(settings("BlockPublicAcls", "IgnorePublicAcls"), restrict_public_buckets=denied())
ACCOUNT_BLOCK = (
    passing("all four", block_of_account("all"), says="all four settings are enabled for the account"),
    failing("three", block_of_account(*THREE), says="not enabled for the account: RestrictPublicBuckets"),
    failing("none", block_of_account(), says="BlockPublicAcls, IgnorePublicAcls"),
    hidden_case("three, one not seen", replace(block_of_account(), block=UNSEEN_FOURTH)),
    failing("one off, one not seen", replace(block_of_account(), block=UNSEEN_AND_OFF), says=": BlockPublicPolicy"),
)


def blocked(*on: str) -> tuple[Any, ...]:
    return BUCKET, Seen(block_of_bucket(BUCKET, *on))


BUCKET_BLOCK = (
    passing("all four", *blocked("all"), says="enabled for the bucket"),
    failing("three", *blocked(*THREE), says="not enabled for the bucket: RestrictPublicBuckets"),
    failing("none", *blocked(), says="BlockPublicAcls"),
    hidden_case("three, one not seen", BUCKET, Seen(BucketPublicAccessBlock(arn=BUCKET.arn, block=UNSEEN_FOURTH))),
    hidden_case("denied", BUCKET, denied("s3:GetBucketPublicAccessBlock")),
)
USUAL = Thresholds()
OTHER = {"AWS": f"arn:aws:iam::{SECURITY}:root"}


def ruled(*statements: dict[str, Any], thresholds: Thresholds = USUAL) -> tuple[Any, ...]:
    return BUCKET, Seen(policy_of(BUCKET, *statements)), thresholds


OF_ORGANIZATION = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
ALL_BUT_READING = {"Effect": "Allow", "Principal": OTHER, "NotAction": "s3:Get*", "Resource": "arn:aws:s3:::data"}
ALL_BUT_ONE = {"Effect": "Allow", "NotPrincipal": OTHER, "Action": "s3:*", "Resource": "arn:aws:s3:::data"}
CHANGES = (
    passing("its own account", *ruled(allow("s3:*", {"AWS": f"arn:aws:iam::{MEMBER}:root"})), says="no other account"),
    passing("its own account by id", *ruled(allow("s3:PutBucketAcl", {"AWS": MEMBER}))),
    passing("another account reads and writes", *ruled(allow(["s3:GetObject", "s3:PutObject"], OTHER))),
    *(
        failing(action, *ruled(allow(f"s3:{action}", OTHER)), says=f"allows s3:{action} to arn:aws:iam::{SECURITY}")
        for action in (
            *("DeleteBucketPolicy", "PutBucketAcl", "PutBucketPolicy", "PutEncryptionConfiguration", "PutObjectAcl"),
        )
    ),
    failing("by a wildcard, in any case", *ruled(allow("S3:putobject*", OTHER)), says="s3:PutObjectAcl"),
    failing("everything", *ruled(allow("*", {"AWS": OUTSIDER})), says=OUTSIDER),
    failing("all but reading", *ruled(ALL_BUT_READING), says="s3:DeleteBucketPolicy, s3:PutBucketAcl"),
    passing("all but these", *ruled(ALL_BUT_READING | {"NotAction": ["s3:Put*", "s3:Delete*"]})),
    failing("all but one principal", *ruled(ALL_BUT_ONE), says="all but arn:aws:iam"),
    failing("everyone", *ruled(allow("s3:PutBucketAcl")), says="to *"),
    failing(
        "everyone of the organization",
        *ruled(allow("s3:PutObjectAcl", Condition=OF_ORGANIZATION)),
        says="s3:PutObjectAcl to *",
    ),
    passing("a service", *ruled(allow("s3:*", {"Service": "logging.s3.amazonaws.com"}))),
    passing("everyone is denied", *ruled(deny())),
    passing(
        "a trusted account",
        *ruled(allow("s3:PutObjectAcl", OTHER), thresholds=Thresholds(trusted_bucket_accounts=(SECURITY,))),
    ),
    failing(
        "an account beside a trusted one",
        *ruled(
            allow("s3:PutObjectAcl", {"AWS": [SECURITY, OUTSIDER]}),
            thresholds=Thresholds(trusted_bucket_accounts=(SECURITY,)),
        ),
        says=f"to {OUTSIDER}",
    ),
    asking("a canonical user", *ruled(allow("s3:PutObjectAcl", {"CanonicalUser": "79a5"})), says="whose principals"),
    failing(
        "a canonical user beside another account",
        *ruled(allow("s3:PutObjectAcl", {"CanonicalUser": "79a5", "AWS": OUTSIDER})),
        says=f"to {OUTSIDER}",
    ),
    idle("no policy", *ruled(), says="has no policy"),
    hidden_case("denied", BUCKET, denied("s3:GetBucketPolicy"), USUAL),
)


def logged(target: str | None) -> tuple[Any, ...]:
    return BUCKET, Seen(BucketLogging(arn=BUCKET.arn, target=target))


LOGS = (
    passing("a target", *logged("logs"), says="logged to bucket logs"),
    failing("none", *logged(None), says="no access log"),
    hidden_case("denied", BUCKET, denied("s3:GetBucketLogging")),
)


KMS = (
    passing("KMS", *encrypted_by("aws:kms"), says="encrypted with aws:kms"),
    passing("KMS in two layers", *encrypted_by("aws:kms:dsse"), says="dsse"),
    failing("keys of S3", *encrypted_by("AES256"), says="but with AES256"),
    failing("both", *encrypted_by("aws:kms", "AES256"), says="but with aws:kms, AES256"),
    failing("none", *encrypted_by(), says="not encrypted with KMS"),
    hidden_case("denied", BUCKET, denied("s3:GetEncryptionConfiguration")),
)
ACL_DENIED = denied("s3:GetBucketAcl")


def owned(ownership: str) -> Any:
    return Seen(BucketOwnership(arn=BUCKET.arn, ownership=ownership))


LISTS = (
    passing(
        "disabled", BUCKET, owned("BucketOwnerEnforced"), Seen(acl_of(BUCKET, (EVERYONE, "READ"))), says="disabled"
    ),
    passing("disabled, list denied", BUCKET, owned("BucketOwnerEnforced"), ACL_DENIED),
    passing("the owner only", BUCKET, owned("ObjectWriter"), Seen(acl_of(BUCKET)), says="to the owner only"),
    failing("everyone", BUCKET, owned("ObjectWriter"), Seen(acl_of(BUCKET, (EVERYONE, "READ"))), says="READ to http"),
    failing(
        "log delivery",
        *(BUCKET, owned("BucketOwnerPreferred"), Seen(acl_of(BUCKET, (LOG_DELIVERY, "WRITE")))),
        says="WRITE to http",
    ),
    hidden_case("in force, list denied", BUCKET, owned("BucketOwnerPreferred"), ACL_DENIED),
    hidden_case("ownership denied", BUCKET, denied("s3:GetBucketOwnershipControls"), Seen(acl_of(BUCKET))),
)


def ruled_by(*enabled: str, disabled: tuple[str, ...] = ()) -> tuple[Any, ...]:
    return BUCKET, Seen(BucketLifecycle(arn=BUCKET.arn, enabled=enabled, disabled=disabled))


LIFECYCLE = (
    passing("one rule", *ruled_by("expire"), says="enabled: 1"),
    passing("a rule without a name", *ruled_by(""), says="enabled: 1"),
    passing("one enabled, one not", *ruled_by("expire", disabled=("archive",))),
    failing("disabled rules only", *ruled_by(disabled=("archive",)), says="no lifecycle rule is enabled"),
    failing("none", *ruled_by(), says="has no lifecycle rules"),
    hidden_case("denied", BUCKET, denied("s3:GetLifecycleConfiguration")),
)
CASES: dict[Control, tuple[Case, ...]] = {
    s3.s3_account_public_access_blocked: ACCOUNT_BLOCK,
    s3.s3_bucket_public_access_blocked: BUCKET_BLOCK,
    s3.s3_bucket_cross_account_changes_restricted: CHANGES,
    s3.s3_bucket_access_logging_enabled: LOGS,
    s3.s3_bucket_kms_encrypted: KMS,
    s3.s3_bucket_acl_disabled: LISTS,
    s3.s3_bucket_lifecycle_configured: LIFECYCLE,
}
NASTY_RESOURCES = (block_of_account(),)


@pytest.mark.parametrize(("control", "case"), every(CASES), ids=name_of)
def test_verdict(control: Control, case: Case) -> None:
    verdict = control(*case.arguments)
    assert verdict.status is case.status, verdict.reason
    assert case.says in verdict.reason
    assert (verdict.gap is not None) == (case.status is Status.NOT_ASSESSED)
