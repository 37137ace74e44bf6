"""Lines of a shard before it is one: in memory or in scratch, they come back as they were, and a shard is whole."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from orgaudit.errors import ConfigError, ReportError
from orgaudit.store import shards
from orgaudit.store.run import TakenError, read_lines
from orgaudit.store.shards import Spool

ANY = msgspec.json.Decoder(msgspec.Raw)


def lines_of(path: Path) -> list[bytes]:
    return [bytes(line) for line in read_lines(path, ANY)]


def numbered(count: int, begin: int = 0) -> list[bytes]:
    return [b'{"n":%d,"t":"%s"}' % (n, b"x" * (n * 7919 % 83)) for n in range(begin, begin + count)]


def filled(lines: list[bytes], directory: Path | None = None) -> Spool:
    spool = Spool(directory)
    for line in lines:
        spool.add(line)
    return spool


@given(parts=st.lists(st.integers(0, 60), max_size=6), memory=st.sampled_from([1, 50, 400, 1 << 17]))
def test_spools_that_follow_each_other_are_one(parts: list[int], memory: int) -> None:
    with pytest.MonkeyPatch.context() as patch, Spool() as whole:
        patch.setattr(shards, "IN_MEMORY", memory)
        expected: list[bytes] = []
        for count in parts:
            with filled(numbered(count, len(expected))) as part:
                whole.extend(part)
                assert list(part) == numbered(count, len(expected))
                expected += numbered(count, len(expected))
            whole.add(b"null")
            expected.append(b"null")
        assert (list(whole), whole.count) == (expected, len(expected))
        assert list(whole) == expected


@pytest.mark.parametrize("count", [0, 1, 5_000])
def test_a_file_is_its_first_line_and_all_others(count: int, tmp_path: Path) -> None:
    with filled(numbered(count), tmp_path / "facts") as spool:
        path = tmp_path / "facts" / "1.ndjson.zst"
        written = spool.write(path, b'"first"')
    assert lines_of(path) == [b'"first"', *numbered(count)]
    content = path.read_bytes()
    assert (written.size, written.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("count", [1, 5_000])
def test_a_file_that_is_there_stays(count: int, tmp_path: Path) -> None:
    path = tmp_path / "1.ndjson.zst"
    path.write_bytes(b"theirs")
    with filled(numbered(count), tmp_path) as spool, pytest.raises(TakenError):
        spool.write(path, b"0")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {path.name: b"theirs"}


def test_without_hard_links_a_file_that_is_there_stays_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(os, "link", refused)
    path = tmp_path / "1.ndjson.zst"
    with filled(numbered(3)) as spool:
        spool.write(path, b"0")
        before = path.read_bytes()
        with pytest.raises(TakenError):
            spool.write(path, b"1")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {path.name: before}


def test_a_directory_that_cannot_be_written_is_a_report_error(tmp_path: Path) -> None:
    (tmp_path / "facts").write_text("not a directory")
    spool = Spool(tmp_path / "facts")
    with pytest.raises(ReportError, match="cannot write"):
        spool.add(b"x" * shards.IN_MEMORY)


@pytest.mark.parametrize("cut", [1, 7, 100])
def test_a_file_of_many_frames_that_was_cut_is_damaged(cut: int, tmp_path: Path) -> None:
    path = tmp_path / "1.ndjson.zst"
    with filled(numbered(20_000)) as spool:
        spool.write(path, b"0")
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ConfigError, match="it ends too early"):
        lines_of(path)


def test_bytes_after_the_last_frame_are_damage(tmp_path: Path) -> None:
    path = tmp_path / "1.ndjson.zst"
    with filled(numbered(3)) as spool:
        spool.write(path, b"0")
    path.write_bytes(path.read_bytes() + b"more")
    with pytest.raises(ConfigError, match="is damaged"):
        lines_of(path)


def test_an_empty_file_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "1.ndjson.zst"
    path.write_bytes(b"")
    with pytest.raises(ConfigError, match="it ends too early"):
        lines_of(path)


def test_memory_holds_a_part_of_the_lines(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    most = 0
    for line in numbered(50_000):
        spool.add(line)
        most = max(most, sum(map(len, spool._lines)))
    assert most <= shards.IN_MEMORY + 200
    assert sum(1 for _ in spool) == spool.count == 50_000
    spool.__exit__(None, None, None)


def test_frames_can_be_read_by_any_reader_of_zstd(tmp_path: Path) -> None:
    path = tmp_path / "1.ndjson.zst"
    with filled(numbered(5_000)) as spool:
        spool.write(path, b"0")
    with path.open("rb") as file:
        content = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True).read()
    assert content == b"\n".join([b"0", *numbered(5_000), b""])


KILLED = """
import os, signal, sys
from pathlib import Path
from orgaudit.store.shards import Spool
spool = Spool(Path(sys.argv[1]))
for number in range(50_000):
    spool.add(b'{"number":%d}' % number)
print("filled", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_is_killed_leaves_nothing(tmp_path: Path) -> None:
    facts = tmp_path / "facts"
    ended = subprocess.run([sys.executable, "-c", KILLED, str(facts)], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "filled\n")
    assert list(facts.iterdir()) == []
