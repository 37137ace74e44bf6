"""Receipts: beside each account's shard a small file that shows what the shard is, so that nobody has to decode it.

A receipt is written after its shard, and only where there is none, as the shard is: what is there stays. Receipts are
sealed with the shards and kept. What they show of the shard is in run.json by then, but not which process collected an
account, nor whose resources it shows, which a later run needs that takes over a part of this one's shards.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
from collections.abc import Collection, Iterable
from itertools import chain

import msgspec
import zstandard

from orgaudit.errors import ConfigError
from orgaudit.model import AccountRecord
from orgaudit.store.place import Place
from orgaudit.store.run import lines_in, shard_name
from orgaudit.store.shards import WrittenFile

DIRECTORY = "receipts"


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """What a shard is: its SHA-256 and size in bytes, how the account's collection went, and who collected it.

    `shows` are the ids of the other accounts of the organization whose resources are in the shard, sorted. `host` is
    empty and `pid` 0 where a receipt was made from a shard that another process had left.
    """

    account_id: str
    sha256: str
    size: int
    shows: tuple[str, ...] = ()
    record: AccountRecord
    host: str = ""
    pid: int = 0


class _Line(msgspec.Struct, frozen=True):
    """What of a shard's line a receipt needs: its type and, of a resource, the account where it lives."""

    type: str
    account_id: str = ""
    record: AccountRecord | None = None


_line = msgspec.json.Decoder(_Line).decode


def name_of(account_id: str) -> str:
    """Return the name of an account's receipt."""
    return f"{DIRECTORY}/{account_id}.json"


def finished(place: Place) -> set[str]:
    """Return the ids of the accounts that have a receipt."""
    return {name.removeprefix(f"{DIRECTORY}/").removesuffix(".json") for name in place.names(DIRECTORY)}


def with_shard(place: Place) -> set[str]:
    """Return the ids of the accounts that have a shard, with a receipt or without."""
    return {name.removeprefix("facts/").partition(".")[0] for name in place.names("facts")}


def collected(place: Place) -> set[str]:
    """Return the ids of the accounts that nobody needs to collect: a process that ended may have left no receipt."""
    return finished(place) | with_shard(place)


def read(place: Place, account_id: str) -> Receipt | None:
    """Return an account's receipt, or None without one; one that is damaged is none: the shard has all of it."""
    content = place.read(name_of(account_id))
    try:
        return None if content is None else msgspec.json.decode(content, type=Receipt)
    except msgspec.MsgspecError:
        return None


def write(place: Place, receipt: Receipt) -> bool:
    """Write a receipt where there is none that can be read, and return whether that was so."""
    name, content = name_of(receipt.account_id), msgspec.json.encode(receipt)
    if place.create(name, content):
        return True
    if read(place, receipt.account_id) is not None:
        return False
    place.write(name, content)
    return True


def of(
    shard: WrittenFile, record: AccountRecord, shows: Iterable[str], *, host: str | None = None, pid: int | None = None
) -> Receipt:
    """Return the receipt of a shard that this process has written, or of one that was left by another."""
    return Receipt(
        account_id=record.account_id,
        sha256=shard.sha256,
        size=shard.size,
        shows=tuple(sorted(shows)),
        record=record,
        host=platform.node() if host is None else host,
        pid=os.getpid() if pid is None else pid,
    )


def rebuilt(place: Place, account_id: str, everybody: Collection[str], resources: Collection[str]) -> Receipt:
    """Write and return the receipt of a shard that has none; raises ConfigError where the shard cannot be read."""
    receipt = made(place, account_id, everybody, resources)
    write(place, receipt)
    return receipt


def made(place: Place, account_id: str, everybody: Collection[str], resources: Collection[str]) -> Receipt:
    """Return the receipt of a shard that has none; raises ConfigError where the shard cannot be read.

    `everybody` are the ids of the organization's accounts, `resources` the names of the types of resources.
    """
    name = shard_name(account_id)
    content = place.read(name)
    if content is None:
        raise ConfigError("is missing; restore it from a copy, or audit again", file=f"{place.address}/{name}")
    try:
        lines = chain.from_iterable(lines_in(io.BytesIO(content)))
        record = _record(next(lines))
        shows = shown(lines, account_id, everybody, resources)
    except (ValueError, StopIteration, zstandard.ZstdError, msgspec.MsgspecError) as error:
        remedy = "restore it from a copy, or audit again"
        raise ConfigError(f"is damaged ({error}); {remedy}", file=f"{place.address}/{name}") from error
    shard = WrittenFile(hashlib.sha256(content).hexdigest(), len(content))
    return of(shard, record, shows, host="", pid=0)


def _record(line: bytes) -> AccountRecord:
    record = _line(line).record
    if record is None:
        raise ValueError("its first line is not that of an account")
    return record


def shown(
    lines: Iterable[bytes], account_id: str, everybody: Collection[str], resources: Collection[str]
) -> tuple[str, ...]:
    """Return the ids of the other accounts whose resources the lines of a shard show, sorted."""
    found = {line.account_id for line in map(_line, lines) if line.type in resources}
    return tuple(sorted((found - {account_id}) & set(everybody)))
