"""The bucket to which a trail delivers, found in whichever account has it."""

from __future__ import annotations

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.analysis.organization_facts import Organization
from orgaudit.facts.cloudtrail.trails import Trail
from orgaudit.facts.s3.buckets import Bucket
from orgaudit.model import Gap, GapReason, NotSeenError, parse_arn


def bucket_of(trail: Trail, organization: Organization) -> tuple[AccountFacts, Bucket]:
    """Return a trail's bucket and the facts of its account; raises NotSeenError where no account that was seen has it.

    A bucket that is gone and one outside the organization cannot be distinguished: neither is in any listing.
    """
    name = trail.bucket.value
    arn = f"arn:{parse_arn(trail.arn)[0]}:s3:::{name}"
    holder = organization.find(Bucket, arn)
    bucket = holder.find(Bucket, arn) if holder is not None else None
    if holder is None or bucket is None:
        why = f"no account that was seen has the bucket {name} of trail {trail.name}: it is gone, or belongs to"
        message = f"{why} an account outside the organization or one that was not seen"
        action = "s3:ListAllMyBuckets"
        raise NotSeenError(Gap(trail.account_id, trail.region, action, GapReason.ACCOUNT_UNAVAILABLE, message))
    return holder, bucket
