"""The lines of an account's shard: how its collection went, its facts, and a gap wherever one could not be read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

import msgspec

from orgaudit.facts.declare import FactType
from orgaudit.model import GLOBAL, Account, AccountRecord, Gap


class AccountHeader(msgspec.Struct, frozen=True, tag="Entered"):
    """The first line of a shard: the account, and how its collection went."""

    account: Account
    record: AccountRecord


class ListingResult(msgspec.Struct, frozen=True, tag="Listed"):
    """One listing in one region is over: it saw `count` resources, or it is a gap.

    `at` is when it ended, and `session` the ARN of the assumed role's session that made the calls, or of the caller in
    its own account: with them the calls are found in the account's own trail.
    """

    fact: str
    region: str
    count: int = 0
    gap: Gap | None = None
    at: datetime | None = None
    session: str = ""

    @property
    def nothing_there(self) -> bool:
        """Whether the gap proves that nothing can exist there; what exists once in an account is always there."""
        return self.gap is not None and self.gap.reason.nothing_there and self.region != GLOBAL


class DetailGap(msgspec.Struct, frozen=True, tag=True):
    """A detail of one resource that could not be read."""

    fact: str
    arn: str
    gap: Gap


def shard_decoder(facts: Iterable[FactType]) -> msgspec.json.Decoder[Any]:
    """Return the decoder of a shard's lines for these fact types."""
    union = reduce(or_, sorted(facts, key=lambda kind: kind.__name__), AccountHeader | ListingResult | DetailGap)
    return msgspec.json.Decoder(union)
