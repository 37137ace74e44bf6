"""How far a bucket stands open: its policy and its access control list, as far as no public access block voids them.

The rules are those of "Blocking public access to your Amazon S3 storage" in the S3 User Guide: IgnorePublicAcls voids
public grants, RestrictPublicBuckets keeps strangers out of a bucket with a public policy; the other two settings only
stop new openings.
"""

from __future__ import annotations

from dataclasses import dataclass

from orgaudit.analysis.account import AccountFacts
from orgaudit.analysis.s3.block import EffectiveBlock, effective_block
from orgaudit.facts.s3.buckets import EVERYONE, Bucket, BucketAcl, BucketPolicy
from orgaudit.languages.iam_policy import Opening, openings_of
from orgaudit.model import NotSeenError

READING = ("s3:get", "s3:list", "s3:describe")
"""How the names of the S3 actions begin that change nothing, in lower case."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """Every way in, and the block that was weighed against them."""

    openings: tuple[Opening, ...]
    block: EffectiveBlock


def exposure(account: AccountFacts, bucket: Bucket) -> Exposure:
    """Return how far a bucket of an account is open by policy and access control list.

    Raises NotSeenError where something was not seen and nothing that was seen is open for certain.
    """
    block = effective_block(account, bucket)
    found: list[Opening] = []
    gaps: list[NotSeenError] = []
    for look in (_through_acl, _through_policy):
        try:
            found += look(account, bucket, block)
        except NotSeenError as error:
            gaps.append(error)
    if gaps and not any(opening.certain for opening in found):
        raise gaps[0]
    return Exposure(tuple(found), block)


def write_exposure(account: AccountFacts, bucket: Bucket) -> Exposure:
    """Return how far a bucket's policy lets strangers change something; raises NotSeenError where it was not seen."""
    block = effective_block(account, bucket)
    return Exposure(tuple(each for each in _through_policy(account, bucket, block) if _writes(each)), block)


def _through_acl(account: AccountFacts, bucket: Bucket, block: EffectiveBlock) -> tuple[Opening, ...]:
    if block.is_seen("IgnorePublicAcls"):
        return ()
    grants = account.detail(BucketAcl, bucket).value.public
    if not grants or block.holds("IgnorePublicAcls"):
        return ()
    return tuple(Opening(f"the ACL grants {grant.permission} to {EVERYONE[grant.grantee]}") for grant in grants)


def _through_policy(account: AccountFacts, bucket: Bucket, block: EffectiveBlock) -> tuple[Opening, ...]:
    if block.is_seen("RestrictPublicBuckets"):
        return ()
    openings = openings_of(account.detail(BucketPolicy, bucket).value.rules, resource=bucket.arn)
    return () if not openings or block.holds("RestrictPublicBuckets") else openings


def _writes(opening: Opening) -> bool:
    """Tell whether a statement allows an action that may change something."""
    actions = opening.actions
    return actions is not None and (
        actions.negated or not all(action.lower().startswith(READING) for action in actions.values)
    )
