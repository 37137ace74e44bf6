"""The public access block: of a bucket, of its account, and what both come to together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from orgaudit.facts.account import AccountFacts
from orgaudit.facts.declare import Aws, Detail, Resource, collector, detail
from orgaudit.facts.rows import Row
from orgaudit.facts.s3.buckets import Bucket
from orgaudit.model import GLOBAL, Gap, Json, NotSeenError, Observed, Scope, Seen

NONE_SET = ("NoSuchPublicAccessBlockConfiguration",)


ON, OFF = Seen(True), Seen(False)


class PublicAccessBlock(msgspec.Struct, frozen=True):
    """The four settings. The two of each pair differ: one stops new openings, the other makes existing ones void."""

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
        block=_block(aws, "s3:GetAccountPublicAccessBlock", answer),
    )


@detail(actions=("s3:GetBucketPublicAccessBlock",))
async def bucket_public_access_block(aws: Aws, bucket: Bucket) -> BucketPublicAccessBlock:
    """Read the bucket's own block."""
    answer = await aws.find("s3", "GetPublicAccessBlock", NONE_SET, Bucket=bucket.name)
    return BucketPublicAccessBlock(arn=bucket.arn, block=_block(aws, "s3:GetBucketPublicAccessBlock", answer))


def _block(aws: Aws, action: str, answer: dict[str, Any] | None) -> PublicAccessBlock:
    if answer is None:
        return PublicAccessBlock()
    row = Row(aws, action, answer["PublicAccessBlockConfiguration"])
    return PublicAccessBlock(**{member: row.member(name, bool) for name, member in SETTINGS.items()})


@dataclass(frozen=True, slots=True)
class EffectiveBlock:
    """What a bucket's block and its account's come to: a setting holds where either has it.

    `bucket` and `account` are the settings that are on there; `gap` says what could not be seen of all of them, and
    `unseen` of single ones.
    """

    bucket: frozenset[str]
    account: frozenset[str]
    gap: Gap | None = None
    unseen: Mapping[str, Gap] = field(default_factory=dict)

    def is_seen(self, setting: str) -> bool:
        """Tell whether a setting was seen to be on somewhere."""
        return setting in self.bucket or setting in self.account

    def holds(self, setting: str) -> bool:
        """Tell whether a setting is in force; raises NotSeenError where what was not seen decides that."""
        if self.is_seen(setting):
            return True
        if gap := self.gap or self.unseen.get(setting):
            raise NotSeenError(gap)
        return False

    @property
    def evidence(self) -> dict[str, Json]:
        """The settings that are on, by level."""
        return {"block_of_bucket": sorted(self.bucket), "block_of_account": sorted(self.account)}


def effective_block(account: AccountFacts, bucket: Bucket) -> EffectiveBlock:
    """Return what protects a bucket, with the facts of its account."""
    own = account.detail(BucketPublicAccessBlock, bucket)
    gap = own if isinstance(own, Gap) else None
    of_bucket = [] if isinstance(own, Gap) else [own.value.block]
    of_account: list[PublicAccessBlock] = []
    try:
        of_account = [found.block for found in account.everywhere(AccountPublicAccessBlock)]
    except NotSeenError as error:
        gap = error.gap
    unseen = {name: hidden for block in (*of_bucket, *of_account) for name, hidden in block.unseen.items()}
    return EffectiveBlock(_on(of_bucket), _on(of_account), gap, unseen)


def _on(blocks: Iterable[PublicAccessBlock]) -> frozenset[str]:
    return frozenset[str]().union(*(block.on for block in blocks))
