"""The hash by which policies with the same text are one action, in the evidence of a control that judges policies."""

from __future__ import annotations

from orgaudit.controls.judging.public_access import judge_policy
from orgaudit.facts.resource_policies import ResourcePolicy
from orgaudit.facts.s3.buckets import BucketPolicy
from orgaudit.model import Json, Status


def hash_of(arn: str, *resources: str, principal: Json = "*", kind: type[ResourcePolicy] = BucketPolicy) -> Json:
    """What the evidence of a public policy has, for a policy on these resources."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": ["s3:GetObject"], "Resource": list(resources)}
    verdict = judge_policy(kind(arn=arn, document={"Version": "2012-10-17", "Statement": [statement]}))
    assert verdict.status is Status.FAIL
    return verdict.evidence["policy_sha256"]


def test_the_same_text_has_the_same_hash_whatever_the_resource_is_called() -> None:
    assert hash_of("arn:aws:s3:::a", "*") == hash_of("arn:aws:s3:::b", "*")
    assert hash_of("arn:aws:s3:::a", "arn:aws:s3:::a/*", "arn:aws:s3:::a") == hash_of(
        "arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:aws:s3:::b"
    )


def test_another_text_has_another_hash() -> None:
    own = hash_of("arn:aws:s3:::a", "arn:aws:s3:::a/*")
    assert own != hash_of("arn:aws:s3:::a", "arn:aws:s3:::a")
    assert own != hash_of("arn:aws:s3:::a", "arn:aws:s3:::a/*", principal={"AWS": "*"})
    assert hash_of("arn:aws:s3:::a", "arn:aws:s3:::abc") != hash_of("arn:aws:s3:::ab", "arn:aws:s3:::abbc")
