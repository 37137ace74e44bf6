"""The facts of a run as tables: one a fact type, one row a resource, and what could not be read as such.

A column that took a call of its own has its value, and beside it a column `<name>_not_read`, which is empty where the
value was read. A row whose detail could not be read at all says so in `not_read`. What could not even be listed has no
row; it is in the table `listings`, and a note is given with every answer that it concerns.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, Union, get_args, get_origin

import msgspec
import zstandard

from orgaudit.errors import ConfigError, ReportError
from orgaudit.evidence.shards import DETAILS, GAP, HEADER, LISTED, without_external_ids
from orgaudit.facts.declare import UNREAD, FactType, load
from orgaudit.facts.shard import DetailGap, ListingResult
from orgaudit.model import Gap, Json, Seen
from orgaudit.store.manifest import FactRecord, Manifest
from orgaudit.store.run import Run, read_lines
from orgaudit.store.tables import json_lines
from orgaudit.words import counted

LISTINGS = "listings"
PREFIX = "facts_"
PLACE = {
    "arn": "The resource's ARN.",
    "account_id": "The account where the resource lives.",
    "region": "The region where it lives; global for what exists once in an account.",
    "seen_from": "The account whose audit saw it; another one only for what its own account did not show.",
    "not_read": "Why nothing of this row could be read; empty where it was.",
}
"""The columns with which every table of facts begins, each with what it means."""
LISTING_COLUMNS = {
    "table_name": "VARCHAR",
    "account_id": "VARCHAR",
    "region": "VARCHAR",
    "resources": "BIGINT",
    "gap_reason": "VARCHAR",
    "gap_action": "VARCHAR",
    "gap_message": "VARCHAR",
    "listed_at": "TIMESTAMP",
}
_SCALARS = {bool: "BOOLEAN", int: "BIGINT", float: "DOUBLE", str: "VARCHAR", datetime: "TIMESTAMP", date: "DATE"}
_GAP_FIELDS = 'account_id VARCHAR, region VARCHAR, "action" VARCHAR, reason VARCHAR, message VARCHAR'
_WORDS = re.compile("(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_EXTERNAL_ID = re.compile(rb"externalid", re.IGNORECASE)


def table_name(fact: str) -> str:
    """Return the name of the table of a fact type."""
    return PREFIX + _WORDS.sub("_", fact).lower()


def records(manifest: Manifest) -> dict[str, FactRecord]:
    """Return the fact types of a run by the names of their tables; of an earlier version's run those known here.

    Raises ConfigError where two types have one name.
    """
    found: dict[str, FactRecord] = {}
    for record in manifest.facts or map(_record, load().items()):
        other = found.setdefault(table_name(record.name), record)
        if other.name != record.name:
            raise ConfigError(f"{other.name} and {record.name} both make the table {table_name(record.name)}")
    return found


def _record(known: tuple[FactType, Any]) -> FactRecord:
    kind, collector = known
    parent = collector.parent.__name__ if collector.parent else ""
    return FactRecord(
        name=kind.__name__, scope=collector.scope, parent=parent, actions=collector.actions, operations=()
    )


def fact_types() -> dict[str, FactType]:
    """Return the installed fact types by name."""
    return {kind.__name__: kind for kind in load()}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a fact type: its name, the type of its value in SQL, and whether it may be a gap."""

    name: str
    kind: str
    observed: bool


def fields_of(kind: FactType) -> list[Field]:
    """Return the fields of a fact type, without those that every table of facts has."""
    return [_field(it.name, it.type) for it in msgspec.structs.fields(kind) if it.name not in PLACE]


def _field(name: str, annotation: object) -> Field:
    seen = next((it for it in _members(annotation) if get_origin(it) is Seen), None)
    return Field(name, _sql(get_args(seen)[0] if seen else annotation), seen is not None)


def _members(annotation: object) -> tuple[object, ...]:
    return get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)


def _sql(annotation: object) -> str:
    """Return the type in SQL of a value: what is neither a scalar, nor a list or mapping of these, is JSON."""
    members = [it for it in _members(annotation) if it is not type(None)]
    if len(members) != 1:
        return "JSON"
    origin, inner = get_origin(members[0]), [it for it in get_args(members[0]) if it is not Ellipsis]
    if origin in {tuple, list, set, frozenset} and len(inner) == 1 and (one := _scalar(inner[0])):
        return f"{one}[]"
    if origin is dict and (one := _scalar(inner[1])):
        return f"MAP(VARCHAR, {one})"
    return _scalar(members[0]) or "JSON"


def _scalar(annotation: object) -> str:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "VARCHAR"
    return _SCALARS.get(annotation, "") if isinstance(annotation, type) else ""


def select(paths: list[Path], kind: FactType | None) -> str:
    """Return the query for the rows of a fact type; of one that is not installed here, the facts are JSON as a whole.

    `paths` are the rows of what the accounts own, and then those of what others saw.
    """
    fields = fields_of(kind) if kind else []
    shape = "STRUCT(" + ", ".join(f'"{it.name}" {_shape(it)}' for it in fields) + ")" if fields else "JSON"
    columns = {
        **dict.fromkeys(("seen_from", "account_id", "region", "arn"), "VARCHAR"),
        "gap": f"STRUCT({_GAP_FIELDS})",
        "fact": shape,
    }
    own, others = (f"SELECT * FROM {json_lines([path], columns)}" for path in paths)  # noqa: S608 - no user's text
    rows = f"{own} UNION ALL {others} WHERE arn NOT IN (SELECT arn FROM ({own}))"  # noqa: S608 - no user's text
    values = [value for it in fields for value in _values(it)] if fields else ["fact"]
    place = f"arn, account_id, region, seen_from, {_why('gap')} AS not_read"
    return f"SELECT {', '.join((place, *values))} FROM ({rows})"  # noqa: S608 - no user's text


def _shape(it: Field) -> str:
    return f'STRUCT("type" VARCHAR, "value" {it.kind}, {_GAP_FIELDS})' if it.observed else it.kind


def _values(it: Field) -> Iterator[str]:
    if not it.observed:
        yield f'fact."{it.name}" AS "{it.name}"'
        return
    yield f'fact."{it.name}"."value" AS "{it.name}"'
    where = f'fact."{it.name}"'
    yield f'coalesce({_why("gap")}, if({where}."type" = \'gap\', {_why(where)}, NULL)) AS "{it.name}_not_read"'


def _why(gap: str) -> str:
    """Return the SQL of why something could not be read: the reason, and the IAM action."""
    return f"if({gap}.reason IS NULL, NULL, concat_ws(': ', {gap}.reason, nullif({gap}.\"action\", '')))"


class _Peek(msgspec.Struct, frozen=True):
    """What of any line decides where it belongs."""

    type: str = ""
    arn: str = ""
    account_id: str = ""
    region: str = ""
    fact: str = ""


class _Row(msgspec.Struct, frozen=True):
    """A line of the files that DuckDB reads."""

    seen_from: str
    account_id: str
    region: str
    arn: str
    gap: Gap | None
    fact: Any


class _Listing(msgspec.Struct, frozen=True):
    """A row of the table `listings`."""

    table_name: str
    account_id: str
    region: str
    resources: int | None
    gap_reason: str | None
    gap_action: str | None
    gap_message: str | None
    listed_at: datetime | None


@dataclass(slots=True)
class Written:
    """The files of the tables of facts by name, that of the listings, and what an answer over these does not show."""

    files: dict[str, list[Path]]
    listings: Path
    notes: list[str] = field(default_factory=list)


def write(run: Run, manifest: Manifest, names: Collection[str], scratch: Path) -> Written:
    """Write the rows of these tables and the listings that they depend on, which are all where LISTINGS is among them.

    Raises ConfigError for a damaged shard, and ReportError.
    """
    known = records(manifest)
    chosen = [known[name] for name in (known if LISTINGS in names else names)]
    try:
        with ExitStack() as stack:
            writer = _Writer(stack, chosen, names, scratch)
            for account in sorted({*(it.id for it in manifest.accounts), *manifest.supporting}):
                writer.read(run, account, manifest)
            writer.finish()
    except OSError as error:
        raise ReportError(f"cannot write {scratch}: {error.strerror or error}; free space") from error
    return Written(writer.files, writer.listings_path, list(writer.notes()))


class _Lines:
    """A file of JSON lines, compressed."""

    def __init__(self, stack: ExitStack, path: Path) -> None:
        self.path = path
        file = stack.enter_context(path.open("xb"))
        self._stream = stack.enter_context(zstandard.ZstdCompressor(level=1).stream_writer(file, closefd=False))

    encode: ClassVar = msgspec.json.Encoder().encode

    def add(self, record: msgspec.Struct) -> None:
        self._stream.write(self.encode(record) + b"\n")


class _Writer:
    """Writes the rows of fact types account by account; of what several accounts see, the owner's row or the first."""

    def __init__(self, stack: ExitStack, chosen: Sequence[FactRecord], tables: Collection[str], scratch: Path) -> None:
        self._tables = {record.name: table_name(record.name) for record in chosen}
        self._wanted = {name for name, table in self._tables.items() if table in tables}
        self._parents = {record.parent for record in chosen if record.parent}
        self._listed = {record.parent or record.name for record in chosen}
        self._needed = {record.parent or record.name for record in chosen if record.name in self._wanted}
        types = fact_types() if self._wanted else {}
        self._decoders = {name: msgspec.json.Decoder(types[name]) for name in self._wanted if name in types}
        self._observed = {name: [it.name for it in fields_of(types[name]) if it.observed] for name in self._decoders}
        self._own = {name: _Lines(stack, scratch / f"{self._tables[name]}.own.ndjson.zst") for name in self._wanted}
        self._others = {name: _Lines(stack, scratch / f"{self._tables[name]}.ndjson.zst") for name in self._wanted}
        self._foreign: dict[tuple[str, str], _Row] = {}
        self._listings = _Lines(stack, scratch / "listings.ndjson.zst")
        self._unlisted: dict[str, list[str]] = {name: [] for name in self._listed}
        self._unread = dict.fromkeys(self._wanted, 0)
        self._peek = msgspec.json.Decoder(_Peek)

    @property
    def files(self) -> dict[str, list[Path]]:
        """The files of each table: what accounts own, and what others saw."""
        return {self._tables[name]: [self._own[name].path, self._others[name].path] for name in self._wanted}

    @property
    def listings_path(self) -> Path:
        """The file of the listings."""
        return self._listings.path

    def read(self, run: Run, account: str, manifest: Manifest) -> None:
        """Write the rows of an account's shard; an account without facts has a listing of each type that says why."""
        gap = next((record.gap for record in manifest.records if record.account_id == account), None)
        path = run.shard_path(account)
        if not path.is_file() or gap is not None:
            for name in sorted(self._listed):
                self._list(account, ListingResult(name, "", gap=gap or UNREAD))
        if path.is_file():
            places: dict[str, tuple[str, str]] = {}
            seen: set[tuple[str, str]] = set()
            for line in read_lines(path, msgspec.json.Decoder(msgspec.Raw)):
                self._take(account, self._peek.decode(line), line, places, seen)

    def _take(
        self,
        account: str,
        peek: _Peek,
        line: msgspec.Raw,
        places: dict[str, tuple[str, str]],
        seen: set[tuple[str, str]],
    ) -> None:
        if peek.type == LISTED:
            if peek.fact in self._listed:
                self._list(account, msgspec.json.decode(line, type=ListingResult))
            return
        if peek.type in {HEADER, DETAILS}:
            return
        if peek.type in self._parents:
            places.setdefault(peek.arn, (peek.account_id, peek.region))
        name = peek.fact if peek.type == GAP else peek.type
        if name in self._wanted and (name, peek.arn) not in seen:
            seen.add((name, peek.arn))
            at = (peek.account_id, peek.region) if peek.account_id else places.get(peek.arn, (account, ""))
            gap = msgspec.json.decode(line, type=DetailGap).gap if peek.type == GAP else None
            self._add(name, _Row(account, *at, peek.arn, gap, None if gap else self._fact(name, line)))

    def _fact(self, name: str, line: msgspec.Raw) -> Json:
        """Return what is written of a fact, without external ids, and count it where a part could not be read."""
        if name not in self._decoders:
            return without_external_ids(msgspec.json.decode(line))
        fact = self._decoders[name].decode(line)
        self._unread[name] += any(isinstance(getattr(fact, it), Gap) for it in self._observed[name])
        return without_external_ids(msgspec.to_builtins(fact)) if _EXTERNAL_ID.search(bytes(line)) else fact

    def _add(self, name: str, row: _Row) -> None:
        self._unread[name] += row.gap is not None
        if row.account_id == row.seen_from:
            self._own[name].add(row)
        else:
            self._foreign.setdefault((name, row.arn), row)

    def _list(self, account: str, result: ListingResult) -> None:
        gap = result.gap
        if gap is not None and not result.nothing_there:
            self._unlisted[result.fact].append(account)
        self._listings.add(
            _Listing(
                table_name(result.fact),
                account,
                result.region,
                None if gap else result.count,
                gap.reason if gap else None,
                gap.action if gap else None,
                gap.message if gap else None,
                result.at,
            )
        )

    def finish(self) -> None:
        """Write what accounts saw of others'."""
        for (name, _), row in self._foreign.items():
            self._others[name].add(row)

    def notes(self) -> Iterator[str]:
        """Yield what the tables do not show, a sentence each."""
        for name in sorted(self._needed):
            if found := self._unlisted[name]:
                yield (
                    f"{counted(len(found), 'listing')} of {table_name(name)} in {counted(len(set(found)), 'account')} "
                    f"could not be read, so resources may be missing; the table {LISTINGS} has the reasons"
                )
        for name in sorted(self._wanted):
            if count := self._unread[name]:
                yield (
                    f"{counted(count, 'row')} of {self._tables[name]} could not be read in whole; the columns that end "
                    "in not_read have the reasons"
                )
