"""The lines of an account's shard as they are stored, by resource and type, without the code that wrote them."""

from __future__ import annotations

import re
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from orgaudit.errors import ConfigError
from orgaudit.facts.shard import AccountHeader, ListingResult
from orgaudit.model import Account, AccountRecord, Json
from orgaudit.store.run import Run, read_lines

KEPT = 4
"""How many accounts' lines stay in memory: those whose resources others share are read again and again."""
HEADER, LISTED, GAP, DETAILS = "Entered", "Listed", "DetailGap", "Described"
"""The tags of the lines that are not facts themselves."""
ENDING = frozenset({LISTED, DETAILS})
"""The tags of the lines that end a listing, or the details of a resource."""
MASKED = "***"
_EXTERNAL_ID = re.compile(rb"externalid", re.IGNORECASE)


class _Peek(msgspec.Struct, frozen=True):
    """What of any line decides where it belongs."""

    type: str = ""
    arn: str = ""
    fact: str = ""
    at: datetime | None = None


@dataclass(slots=True)
class StoredFact:
    """One line of a shard: its type, the resource that it is about, and what was noted of its reading.

    `read_at` is None, and `session` empty, where the version that wrote the shard did not note it.
    """

    type: str
    arn: str
    line: msgspec.Raw
    read_at: datetime | None = None
    session: str = ""


@dataclass(slots=True)
class AccountLines:
    """The lines of one account's shard; of facts those of the types that were chosen, also by the name in the ARN."""

    account: Account
    record: AccountRecord
    listings: list[ListingResult] = field(default_factory=list)
    by_type: dict[str, list[StoredFact]] = field(default_factory=lambda: defaultdict(list))
    by_arn: dict[str, list[StoredFact]] = field(default_factory=lambda: defaultdict(list))
    by_name: dict[str, list[StoredFact]] = field(default_factory=lambda: defaultdict(list))

    def keep(self, fact: StoredFact, types: Collection[str] | None) -> None:
        """Keep a fact of one of these types, or of any; of a resource that several regions list, the first."""
        if types is not None and fact.type not in types:
            return
        about = self.by_arn[fact.arn]
        if all(each.type != fact.type for each in about):
            about.append(fact)
            self.by_type[fact.type].append(fact)
            self.by_name[fact.arn.rsplit("/", 1)[-1].rsplit(":", 1)[-1]].append(fact)


def account_lines(run: Run, account_id: str, types: Collection[str] | None) -> AccountLines:
    """Return an account's lines; of the facts those of these types, or all. Raises ConfigError for a damaged shard."""
    path, peek = run.shard_path(account_id), msgspec.json.Decoder(_Peek)
    with closing(read_lines(path, msgspec.json.Decoder(AccountHeader))) as lines:
        header = next(lines)
    found = AccountLines(header.account, header.record)
    before: list[StoredFact] = []
    try:
        for line in read_lines(path, msgspec.json.Decoder(msgspec.Raw)):
            part = peek.decode(line)
            if part.type in ENDING:
                _end(before, part, line, found)
                before.clear()
            elif part.type != HEADER:
                before.append(StoredFact(part.fact if part.type == GAP else part.type, part.arn, line.copy()))
                found.keep(before[-1], types)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"is damaged ({error}); restore it from a copy, or audit again", file=str(path)) from error
    found.listings = [each for each in found.listings if types is None or each.fact in types]
    return found


def _end(before: list[StoredFact], part: _Peek, line: msgspec.Raw, found: AccountLines) -> None:
    """Note of the facts right before a line that ends a listing, or a resource's details, when and as whom."""
    if part.type == DETAILS:
        _note_details(before, part, found.record.session)
    else:
        found.listings.append(msgspec.json.decode(line, type=ListingResult))
        _note_listing(before, found.listings[-1])


def _note_listing(before: list[StoredFact], listed: ListingResult) -> None:
    """Note of the resources of a listing, the lines right before its own, when and as whom they were read."""
    for fact in before[len(before) - listed.count :]:
        if fact.type == listed.fact:
            fact.read_at, fact.session = listed.at, listed.session


def _note_details(before: list[StoredFact], read: _Peek, session: str) -> None:
    for fact in reversed(before):
        if fact.arn != read.arn:
            break
        fact.read_at, fact.session = read.at, session


class Lines:
    """The lines of a run's accounts, read when needed; the last ones stay in memory."""

    def __init__(self, run: Run, types: Collection[str] | None) -> None:
        self._run, self._types = run, types
        self._kept: OrderedDict[str, AccountLines | None] = OrderedDict()

    def of(self, account_id: str) -> AccountLines | None:
        """Return an account's lines, or None where the run has no facts of it."""
        if account_id not in self._kept:
            stored = self._run.shard_path(account_id).is_file()
            self._kept[account_id] = account_lines(self._run, account_id, self._types) if stored else None
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(account_id)
        return self._kept[account_id]


def content(line: msgspec.Raw) -> tuple[Json, bool]:
    """Return what a line holds without external ids, and whether any was taken out.

    An external id in a role's trust policy is what keeps others from using the role through a third party.
    """
    if not _EXTERNAL_ID.search(bytes(line)):
        return line, False
    value = msgspec.json.decode(line)
    masked = without_external_ids(value)
    return (masked, True) if masked != value else (line, False)


def without_external_ids(value: Json) -> Json:
    """Return a value in which each value of the policy condition key sts:ExternalId is masked."""
    if isinstance(value, dict):
        return {
            name: MASKED if name.casefold() == "sts:externalid" else without_external_ids(each)
            for name, each in value.items()
        }
    return [without_external_ids(each) for each in value] if isinstance(value, list) else value


def texts(value: Json) -> Iterator[str]:
    """Yield every text in a value, names of members included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, each in value.items():
            yield name
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
