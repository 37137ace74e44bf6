"""The combined effect of the public access blocks of a bucket and of its account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orgaudit.analysis.account_facts import AccountFacts
from orgaudit.facts.s3.block import AccountPublicAccessBlock, BucketPublicAccessBlock, PublicAccessBlock
from orgaudit.facts.s3.buckets import Bucket
from orgaudit.model import Gap, Json, NotSeenError


@dataclass(frozen=True, slots=True)
class EffectiveBlock:
    """The combined effect of a bucket's block and its account's: a setting holds where either has it.

    `bucket` and `account` are the settings that are on there; `gap` is set where none of them could be seen, and
    `unseen` has the gaps of single ones.
    """

    bucket: frozenset[str]
    account: frozenset[str]
    gap: Gap | None = None
    unseen: Mapping[str, Gap] = field(default_factory=dict)

    def is_seen(self, setting: str) -> bool:
        """Return whether a setting was seen to be on somewhere."""
        return setting in self.bucket or setting in self.account

    def holds(self, setting: str) -> bool:
        """Return whether a setting is in force; raises NotSeenError where what was not seen decides that."""
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
