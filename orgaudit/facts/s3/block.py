"""The public access block: of a bucket, of its account, and what both come to together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec

from orgaudit.facts.account import AccountFacts
from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail
from orgaudit.facts.s3.buckets import Bucket
from orgaudit.model import GLOBAL, Gap, Json, NotSeenError, Scope

NONE_SET = ("NoSuchPublicAccessBlockConfiguration",)


class PublicAccessBlock(msgspec.Struct, frozen=True):
    """The four settings. The two of each pair differ: one stops new openings, the other makes existing ones void."""

    block_public_acls: bool = False
    ignore_public_acls: bool = False
    block_public_policy: bool = False
    restrict_public_buckets: bool = False

    @property
    def on(self) -> frozenset[str]:
        """The names of the settings that are on, as the API has them."""
        return frozenset(name for name, field in SETTINGS.items() if getattr(self, field))


SETTINGS = {
    "BlockPublicAcls": "block_public_acls",
    "IgnorePublicAcls": "ignore_public_acls",
    "BlockPublicPolicy": "block_public_policy",
    "RestrictPublicBuckets": "restrict_public_buckets",
}


class AccountPublicAccessBlock(Resource, frozen=True, kw_only=True):
    """The block that holds for all buckets of an account; where the organization enforces one, it is that."""

    block: PublicAccessBlock = PublicAccessBlock()


class BucketPublicAccessBlock(Detail, frozen=True, kw_only=True):
    """A bucket's own block."""

    block: PublicAccessBlock = PublicAccessBlock()


@collector(scope=Scope.ACCOUNT, actions=("s3:GetAccountPublicAccessBlock",))
async def account_public_access_block(aws: Aws) -> AsyncIterator[AccountPublicAccessBlock]:
    """Yield the account's block; S3 answers with the one of an organization policy where that is in force."""
    answer = await aws.find("s3control", "GetPublicAccessBlock", NONE_SET, AccountId=aws.account_id)
    yield AccountPublicAccessBlock(
        arn=f"arn:{aws.partition}:s3::{aws.account_id}:public-access-block",
        account_id=aws.account_id,
        region=GLOBAL,
        block=_block(answer),
    )


@detail(actions=("s3:GetBucketPublicAccessBlock",))
async def bucket_public_access_block(aws: Aws, bucket: Bucket) -> BucketPublicAccessBlock:
    """Read the bucket's own block."""
    answer = await aws.find("s3", "GetPublicAccessBlock", NONE_SET, Bucket=bucket.name)
    return BucketPublicAccessBlock(arn=bucket.arn, block=_block(answer))


def _block(answer: dict[str, Any] | None) -> PublicAccessBlock:
    if answer is None:
        return PublicAccessBlock()
    told = answer["PublicAccessBlockConfiguration"]
    return PublicAccessBlock(**{field: told.get(name, False) for name, field in SETTINGS.items()})


@dataclass(frozen=True, slots=True)
class EffectiveBlock:
    """What a bucket's block and its account's come to: a setting holds where either has it.

    `bucket` and `account` are the settings that are on there; `gap` says what could not be seen of them.
    """

    bucket: frozenset[str]
    account: frozenset[str]
    gap: Gap | None = None

    def is_seen(self, setting: str) -> bool:
        """Tell whether a setting was seen to be on somewhere."""
        return setting in self.bucket or setting in self.account

    def holds(self, setting: str) -> bool:
        """Tell whether a setting is in force; raises NotSeenError where what was not seen decides that."""
        if self.is_seen(setting):
            return True
        if self.gap is not None:
            raise NotSeenError(self.gap)
        return False

    @property
    def evidence(self) -> dict[str, Json]:
        """The settings that are on, by level."""
        return {"block_of_bucket": sorted(self.bucket), "block_of_account": sorted(self.account)}


def effective_block(account: AccountFacts, bucket: Bucket) -> EffectiveBlock:
    """Return what protects a bucket, with the facts of its account."""
    own = account.detail(BucketPublicAccessBlock, bucket)
    gap = own if isinstance(own, Gap) else None
    levels = [] if isinstance(own, Gap) else [own.value.block.on]
    try:
        of_account = frozenset[str]().union(*(found.block.on for found in account.everywhere(AccountPublicAccessBlock)))
    except NotSeenError as error:
        of_account, gap = frozenset(), error.gap
    return EffectiveBlock(frozenset[str]().union(*levels), of_account, gap)
