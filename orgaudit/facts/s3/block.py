"""The public access blocks of buckets and of accounts."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail, here
from orgaudit.facts.rows import Row
from orgaudit.facts.s3.buckets import Bucket
from orgaudit.model import GLOBAL, Gap, Observed, Scope, Seen

NONE_SET = ("NoSuchPublicAccessBlockConfiguration",)


ON, OFF = Seen(True), Seen(False)


class PublicAccessBlock(msgspec.Struct, frozen=True):
    """The four settings. The two of each pair differ: one blocks new public access, the other voids what exists.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
    """

    block_public_acls: Observed[bool] = OFF
    ignore_public_acls: Observed[bool] = OFF
    block_public_policy: Observed[bool] = OFF
    restrict_public_buckets: Observed[bool] = OFF

    @property
    def on(self) -> frozenset[str]:
        """The names of the settings that were seen to be on, as the API has them."""
        return frozenset(name for name, member in SETTINGS.items() if getattr(self, member) == ON)

    @property
    def unseen(self) -> dict[str, Gap]:
        """The settings that were not seen, by name."""
        found = {name: getattr(self, member) for name, member in SETTINGS.items()}
        return {name: gap for name, gap in found.items() if isinstance(gap, Gap)}


SETTINGS = {
    "BlockPublicAcls": "block_public_acls",
    "IgnorePublicAcls": "ignore_public_acls",
    "BlockPublicPolicy": "block_public_policy",
    "RestrictPublicBuckets": "restrict_public_buckets",
}


class AccountPublicAccessBlock(Resource, frozen=True, kw_only=True):
    """The block that applies to all buckets of an account; where the organization enforces one, it is that."""

    block: PublicAccessBlock = PublicAccessBlock()


class BucketPublicAccessBlock(Detail, frozen=True, kw_only=True):
    """A bucket's own block."""

    block: PublicAccessBlock = PublicAccessBlock()


@collector(scope=Scope.ACCOUNT, actions=("s3:GetAccountPublicAccessBlock",))
async def account_public_access_block(aws: Aws) -> AsyncIterator[AccountPublicAccessBlock]:
    """Yield the account's block; S3 returns the one of an organization policy where that is in force."""
    answer = await aws.find("s3control", "GetPublicAccessBlock", NONE_SET, AccountId=aws.account_id)
    yield AccountPublicAccessBlock(
        arn=f"arn:{aws.partition}:s3::{aws.account_id}:public-access-block",
        **here(aws, GLOBAL),
        block=_block(aws, "s3:GetAccountPublicAccessBlock", answer),
    )


@detail(actions=("s3:GetBucketPublicAccessBlock",))
async def bucket_public_access_block(aws: Aws, bucket: Bucket) -> BucketPublicAccessBlock:
    """Return the bucket's own block."""
    answer = await aws.find("s3", "GetPublicAccessBlock", NONE_SET, Bucket=bucket.name)
    return BucketPublicAccessBlock(arn=bucket.arn, block=_block(aws, "s3:GetBucketPublicAccessBlock", answer))


def _block(aws: Aws, action: str, answer: dict[str, Any] | None) -> PublicAccessBlock:
    if answer is None:
        return PublicAccessBlock()
    row = Row(aws, action, answer["PublicAccessBlockConfiguration"])
    return PublicAccessBlock(**{member: row.member(name, bool) for name, member in SETTINGS.items()})
