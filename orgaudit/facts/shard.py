"""The lines of an account's shard: how its collection went, its facts, and a gap wherever one could not be read."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import reduce
from operator import or_
from typing import Any

import msgspec

from orgaudit import __version__
from orgaudit.facts.declare import FactType
from orgaudit.model import GLOBAL, Account, AccountRecord, Gap

SCHEMA_VERSION = 1
"""The form of shards, raised by every change after which old ones are not decoded, or are judged as something else.

The first line keeps the form that it has, whatever the version: it only gains fields with defaults.
"""


class AccountHeader(msgspec.Struct, frozen=True, tag="Entered"):
    """The first line of a shard: the account, how its collection went, and by which version it was written.

    Shards from before versions were noted have the first one. Another version than this one is refused by ValueError.
    `lines` is how many lines follow; shards of earlier versions do not say.
    """

    account: Account
    record: AccountRecord
    schema_version: int = 1
    tool_version: str = ""
    lines: int | None = None

    def __post_init__(self) -> None:
        if self.schema_version != SCHEMA_VERSION:
            writer = f"orgaudit {self.tool_version}" if self.tool_version else "the version in run.json"
            raise ValueError(
                f"holds facts in form {self.schema_version}, and orgaudit {__version__} reads form {SCHEMA_VERSION}; "
                f"use {writer}, or audit again"
            )


def header_of(account: Account, record: AccountRecord, lines: int | None = None) -> AccountHeader:
    """Return the first line of a shard that is written now, with so many lines after it."""
    return AccountHeader(account, record, SCHEMA_VERSION, __version__, lines)


class ListingResult(msgspec.Struct, frozen=True, tag="Listed"):
    """One listing in one region is over: it saw `count` resources, the lines before this one, or it is a gap.

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


class DetailsRead(msgspec.Struct, frozen=True, tag="Described"):
    """The details of one resource, which precede this line, were read by `at`; `fact` is the resource's type.

    Shards of earlier versions have no such lines.
    """

    fact: str
    arn: str
    at: datetime


def shard_decoder(facts: Iterable[FactType]) -> msgspec.json.Decoder[Any]:
    """Return the decoder of a shard's lines for these fact types."""
    union = reduce(
        or_, sorted(facts, key=lambda kind: kind.__name__), AccountHeader | ListingResult | DetailGap | DetailsRead
    )
    return msgspec.json.Decoder(union)
