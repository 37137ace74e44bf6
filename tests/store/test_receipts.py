"""A receipt shows what a shard is without decoding it, and is made again from the shard where it is missing."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import zstandard

from orgaudit.errors import ConfigError
from orgaudit.facts.shard import ListingResult, header_of
from orgaudit.model import AccountRecord
from orgaudit.store import receipts
from orgaudit.store.place import Directory
from orgaudit.store.run import Run, shard_name, write_lines
from orgaudit.store.shards import WrittenFile
from tests.factories import MEMBER, OUTSIDER, SECURITY, a_log_group, a_trail, an_account

LOG_GROUPS = "444444444444"
"""Where only a log group is, which is a detail of a trail and not a resource."""
EVERYBODY = frozenset({MEMBER, SECURITY, LOG_GROUPS})
RESOURCES = frozenset({"Trail"})
RECORD = AccountRecord(
    account_id=MEMBER, collected_at=datetime(2026, 11, 1, tzinfo=UTC), regions=(), regions_source="", calls=7
)
LINES = (
    header_of(an_account(MEMBER), RECORD),
    a_trail(),
    a_trail(account_id=SECURITY),
    a_trail(account_id=OUTSIDER),
    a_log_group(a_trail(account_id=SECURITY, log_group_account=LOG_GROUPS)),
    ListingResult("Trail", "us-east-1", 3),
)


@pytest.fixture
def place(tmp_path: Path) -> Directory:
    write_lines(Run(tmp_path).shard_path(MEMBER), LINES)
    return Directory(tmp_path)


def test_receipt_is_made_from_the_shard(place: Directory) -> None:
    made = receipts.rebuilt(place, MEMBER, EVERYBODY, RESOURCES)
    shard = (place.path / shard_name(MEMBER)).read_bytes()
    assert (made.sha256, made.size) == (hashlib.sha256(shard).hexdigest(), len(shard))
    assert (made.record, made.shows, made.host, made.pid) == (RECORD, (SECURITY,), "", 0)
    assert receipts.read(place, MEMBER) == made
    assert receipts.finished(place) == {MEMBER}


def test_of_a_shard_of_several_frames_every_line_counts(place: Directory) -> None:
    """What is in a later frame is shown, wherever the lines are split."""
    text = b"".join(msgspec.json.encode(line) + b"\n" for line in LINES)
    compress = zstandard.ZstdCompressor(write_checksum=True).compress
    for cut in range(len(text) - 1200, len(text), 7):
        place.write(shard_name(MEMBER), compress(text[:100]) + compress(text[100:cut]) + compress(text[cut:]))
        assert receipts.rebuilt(place, MEMBER, EVERYBODY, RESOURCES).shows == (SECURITY,)
        place.remove(receipts.name_of(MEMBER))


def test_the_first_receipt_stays(place: Directory) -> None:
    made = receipts.rebuilt(place, MEMBER, EVERYBODY, RESOURCES)
    assert not receipts.write(place, msgspec.structs.replace(made, host="late"))
    assert receipts.read(place, MEMBER) == made


def test_a_receipt_that_cannot_be_read_is_none_and_is_replaced(place: Directory) -> None:
    place.write(receipts.name_of(MEMBER), b"{")
    assert receipts.read(place, MEMBER) is None
    made = receipts.rebuilt(place, MEMBER, EVERYBODY, RESOURCES)
    assert receipts.read(place, MEMBER) == made


def test_a_receipt_is_that_of_what_was_written() -> None:
    made = receipts.of(WrittenFile("5" * 64, 5), RECORD, {SECURITY, OUTSIDER})
    assert (made.sha256, made.size, made.account_id) == ("5" * 64, 5, MEMBER)
    assert made.shows == tuple(sorted((SECURITY, OUTSIDER)))
    assert made.host
    assert made.pid


@pytest.mark.parametrize("kept", [0, 1, 20, -1, -5])
def test_a_damaged_shard_has_no_receipt(place: Directory, kept: int) -> None:
    shard = place.path / shard_name(MEMBER)
    shard.write_bytes(shard.read_bytes()[:kept])
    with pytest.raises(ConfigError, match=rf"{MEMBER}\.ndjson\.zst: is damaged .*audit again"):
        receipts.rebuilt(place, MEMBER, EVERYBODY, RESOURCES)
    assert receipts.finished(place) == set()


def test_a_shard_that_does_not_begin_with_its_account_has_no_receipt(place: Directory) -> None:
    write_lines(place.path / shard_name(MEMBER), LINES[1:])
    with pytest.raises(ConfigError, match="its first line is not that of an account"):
        receipts.rebuilt(place, MEMBER, EVERYBODY, RESOURCES)
    place.remove(shard_name(MEMBER))
    with pytest.raises(ConfigError, match="is missing"):
        receipts.rebuilt(place, MEMBER, EVERYBODY, RESOURCES)
