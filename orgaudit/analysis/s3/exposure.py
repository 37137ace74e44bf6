"""The public access to a bucket by its policy and its access control list, unless a public access block voids it.

IgnorePublicAcls voids public grants, RestrictPublicBuckets denies external callers a bucket with a public policy; the
other two settings only stop new public access:
https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
"""

from __future__ import annotations

from dataclasses import dataclass

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.resource_policies import openings_in
from orgaudit.analysis.s3.block import EffectiveBlock, effective_block
from orgaudit.facts.s3.buckets import Bucket, BucketAcl, BucketPolicy
from orgaudit.languages.iam_policy import Opening
from orgaudit.model import NotSeenError

PUBLIC_GROUPS = {
    "http://acs.amazonaws.com/groups/global/AllUsers": "the public",
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers": "every AWS account",
}
"""The predefined groups of S3 that contain external callers, and whom they contain.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html"""
READING = ("s3:get", "s3:list", "s3:describe")
"""How the names of the S3 actions begin that change nothing, in lower case."""


@dataclass(frozen=True, slots=True)
class BucketExposure:
    """Every way in, and the block that applies to them."""

    openings: tuple[Opening, ...]
    block: EffectiveBlock


def exposure(account: AccountFacts, bucket: Bucket) -> BucketExposure:
    """Return the public access to a bucket of an account by policy and access control list.

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
    return BucketExposure(tuple(found), block)


def write_exposure(account: AccountFacts, bucket: Bucket) -> BucketExposure:
    """Return the write access that a bucket's policy gives to external callers; raises NotSeenError where unseen."""
    block = effective_block(account, bucket)
    return BucketExposure(tuple(each for each in _through_policy(account, bucket, block) if _writes(each)), block)


def _through_acl(account: AccountFacts, bucket: Bucket, block: EffectiveBlock) -> tuple[Opening, ...]:
    if block.is_seen("IgnorePublicAcls"):
        return ()
    grants = [grant for grant in account.detail(BucketAcl, bucket).value.grants if grant.grantee in PUBLIC_GROUPS]
    if not grants or block.holds("IgnorePublicAcls"):
        return ()
    return tuple(Opening(f"the ACL grants {grant.permission} to {PUBLIC_GROUPS[grant.grantee]}") for grant in grants)


def _through_policy(account: AccountFacts, bucket: Bucket, block: EffectiveBlock) -> tuple[Opening, ...]:
    if block.is_seen("RestrictPublicBuckets"):
        return ()
    openings = openings_in(account.detail(BucketPolicy, bucket).value)
    return () if not openings or block.holds("RestrictPublicBuckets") else openings


def _writes(opening: Opening) -> bool:
    """Return whether a statement allows an action that may change something."""
    actions = opening.actions
    return actions is not None and (
        actions.negated or not all(action.lower().startswith(READING) for action in actions.values)
    )
