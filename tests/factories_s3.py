"""Buckets for tests: right ones, private and blocked, unless the keywords say what is different."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.facts.declare import Detail, Resource
from orgaudit.facts.s3.block import (
    SETTINGS,
    AccountPublicAccessBlock,
    BucketPublicAccessBlock,
    PublicAccessBlock,
)
from orgaudit.facts.s3.buckets import AclGrant, Bucket, BucketAcl, BucketEncryption, BucketPolicy
from orgaudit.facts.shard import DetailGap, ListingResult
from orgaudit.model import GLOBAL, Gap, Seen
from tests.factories import HOME, MEMBER, denied, facts_of, seen_all

EVERYONE = "http://acs.amazonaws.com/groups/global/AllUsers"
ANY_ACCOUNT = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"


def a_bucket(name: str = "data", *, account_id: str = MEMBER, region: str = HOME) -> Bucket:
    return Bucket(arn=f"arn:aws:s3:::{name}", account_id=account_id, region=region)


def settings(*on: str) -> PublicAccessBlock:
    """A public access block with these settings on, all of them for "all"."""
    return seen_all(PublicAccessBlock, **{field: name in on or "all" in on for name, field in SETTINGS.items()})


def encrypted_by(*algorithms: str) -> tuple[Bucket, Seen[BucketEncryption]]:
    """The bucket `data` and its default encryption."""
    return a_bucket(), Seen(BucketEncryption(arn=a_bucket().arn, algorithms=algorithms))


def block_of_bucket(bucket: Bucket, *on: str) -> BucketPublicAccessBlock:
    return BucketPublicAccessBlock(arn=bucket.arn, block=settings(*on))


def block_of_account(*on: str, account_id: str = MEMBER) -> AccountPublicAccessBlock:
    arn = f"arn:aws:s3::{account_id}:public-access-block"
    return AccountPublicAccessBlock(arn=arn, account_id=account_id, region=GLOBAL, block=settings(*on))


def allow(action: object = "s3:GetObject", principal: object = "*", **more: object) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": "arn:aws:s3:::data/*", **more}


def deny(condition: Mapping[str, Any] | None = None, **more: object) -> dict[str, Any]:
    """A Deny of everything on the bucket `data` and its objects for everyone."""
    whole = {"Effect": "Deny", "Principal": "*", "Action": "s3:*"}
    on = {"Resource": ["arn:aws:s3:::data", "arn:aws:s3:::data/*"]}
    return whole | on | ({"Condition": condition} if condition else {}) | more


def policy_of(bucket: Bucket, *statements: dict[str, Any]) -> BucketPolicy:
    document = {"Version": "2012-10-17", "Statement": list(statements)} if statements else None
    return BucketPolicy(arn=bucket.arn, document=document)


def acl_of(bucket: Bucket, *grants: tuple[str, str]) -> BucketAcl:
    return BucketAcl(
        arn=bucket.arn,
        owner=Seen("owner"),
        grants=(AclGrant("owner", "FULL_CONTROL"), *(AclGrant(*each) for each in grants)),
    )


def hidden(kind: type[Detail], bucket: Bucket, gap: Gap | None = None) -> DetailGap:
    return DetailGap(kind.__name__, bucket.arn, gap or denied(f"s3:{kind.__name__}"))


def owner_of(
    bucket: Bucket | None,
    *lines: Resource | Detail | DetailGap | ListingResult,
    block: AccountPublicAccessBlock | Gap | None = None,
    **more: Any,
) -> AccountFacts:
    """The facts of a bucket's account: no block, no policy, a private ACL, except for what is given."""
    account_id = bucket.account_id if bucket else MEMBER
    buckets: list[Any] = [ListingResult("Bucket", GLOBAL), *([bucket] if bucket else [])]
    right: list[Detail] = [block_of_bucket(bucket), policy_of(bucket), acl_of(bucket)] if bucket else []
    given = {line.fact if isinstance(line, DetailGap) else type(line).__name__ for line in lines}
    details = [each for each in right if type(each).__name__ not in given]
    level = block if isinstance(block, Gap) else None
    blocks: list[Any] = [ListingResult("AccountPublicAccessBlock", GLOBAL, gap=level)]
    if level is None:
        blocks.append(block or block_of_account(account_id=account_id))
    return facts_of(account_id, *buckets, *blocks, *details, *lines, **more)
