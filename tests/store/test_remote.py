"""A place at an address: whole files, conditions, what it refuses; and the working copy of runs there."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from orgaudit.errors import AccessError, ConfigError, CutShortError, OrgauditError, ReportError
from orgaudit.store import copies, lease, remote_copy
from orgaudit.store.place import Directory, Place, place_at, place_of
from orgaudit.store.remote import Remote, opened
from orgaudit.store.remote_copy import RemoteCopy
from orgaudit.store.run import Run
from tests.s3_server import S3Server, serving

BUCKET = "runs"
KINDS = ("directory", "file", "local", "memory", "s3")


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    with serving() as server, pytest.MonkeyPatch.context() as patch:
        patch.delenv("AWS_PROFILE", raising=False)
        for name, value in server.environment.items():
            patch.setenv(name, value)
        server.client.create_bucket(Bucket=BUCKET)
        yield server


@pytest.fixture
def address_of(s3: S3Server, tmp_path: Path) -> Callable[[str], str]:
    """Return an address of a kind, where nothing is yet."""
    assert s3.url
    return lambda kind: {
        "directory": str(tmp_path / "out"),
        "file": f"file://{tmp_path}/out",
        "local": f"local://{tmp_path}/out",
        "memory": f"memory://{uuid4().hex}/out",
        "s3": f"s3://{BUCKET}/{uuid4().hex}/out",
    }[kind]


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, address_of: Callable[[str], str]) -> Place:
    return place_at(address_of(request.param))


@pytest.fixture(params=("local", "memory", "s3"))
def remote(request: pytest.FixtureRequest, address_of: Callable[[str], str]) -> Remote:
    return opened(address_of(request.param))


@pytest.fixture(params=("memory", "s3"))
def copy(request: pytest.FixtureRequest, address_of: Callable[[str], str]) -> Iterator[RemoteCopy]:
    made = remote_copy.opened(address_of(request.param))
    yield made
    made.close()


def filled(copy: RemoteCopy, files: dict[str, bytes]) -> Path:
    """Write files of a run in a copy, and return the run."""
    for name, content in files.items():
        path = copy.path / "run" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return copy.path / "run"


def at(copy: RemoteCopy, name: str) -> bytes | None:
    """Return what is at the address, read by another client than the copy's."""
    return opened(f"{copy.address}/run").read(name)


def test_files_are_written_read_listed_and_removed(place: Place) -> None:
    assert (place.names(), place.read("a.json"), place.exists("a.json")) == ([], None, False)
    place.write("a.json", b"1")
    place.write("facts/1.zst", b"2")
    place.write("facts/.1.zst.abc", b"half")
    assert (place.names(), place.names("facts"), place.names("none")) == (["a.json"], ["facts/1.zst"], [])
    place.write("a.json", b"")
    assert (place.read("a.json"), place.exists("a.json"), place.exists("facts")) == (b"", True, False)
    place.remove("a.json")
    place.remove("a.json")
    assert not place.exists("a.json")


def test_only_one_of_many_creates_a_file(place: Place) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda number: place.create("lease.json", b"%d" % number), range(8)))
    assert sum(made) == 1
    assert place.read("lease.json") == b"%d" % made.index(True)
    assert not place.create("lease.json", b"%d" % made.index(True))  # also not with the content that is there


def test_a_file_of_this_machine_is_put_whole(place: Place, tmp_path: Path) -> None:
    source = tmp_path / "shard"
    source.write_bytes(os.urandom(20 << 20))  # two parts and more
    assert place.put("facts/1.zst", source)
    assert place.read("facts/1.zst") == source.read_bytes()
    source.write_bytes(b"another")
    assert not place.put("facts/1.zst", source, new=True)
    assert len(place.read("facts/1.zst") or b"") == 20 << 20
    assert place.put("facts/2.zst", source, new=True)
    assert place.put("facts/1.zst", source)
    assert (place.read("facts/1.zst"), place.read("facts/2.zst")) == (b"another", b"another")


def test_a_file_is_replaced_only_where_it_is_what_was_read(remote: Remote) -> None:
    first = remote.replace("run.json", b"1", None)
    assert first is not None
    assert remote.replace("run.json", b"other", None) is None
    assert remote.tagged("run.json") == (b"1", first)
    assert remote.found() == {"run.json": first}
    second = remote.replace("run.json", b"22", first)
    assert second not in {None, first}
    assert remote.replace("run.json", b"lost", first) is None
    assert remote.read("run.json") == b"22"
    assert not remote.remove_unchanged("run.json", first)
    assert remote.remove_unchanged("run.json", str(second))
    assert remote.tag_of("run.json") is None


def test_of_many_writers_at_once_one_replaces(s3: S3Server, address_of: Callable[[str], str]) -> None:
    remote = opened(address_of("s3"))
    tag = remote.replace("run.json", b"first", None)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda number: remote.replace("run.json", b"%d" % number, tag), range(6)))
    assert sum(each is not None for each in made) == 1
    assert s3.requests


def test_a_file_is_copied_at_the_store_and_fetched_whole(remote: Remote, tmp_path: Path) -> None:
    remote.write("run/facts/1.zst", b"1")
    tag = remote.found()["run/facts/1.zst"]
    assert remote.copy("run/facts/1.zst", "run.2/facts/1.zst", tag)
    assert not remote.copy("run/facts/1.zst", "run.3/facts/1.zst", "another tag")
    assert remote.directories() == ["run", "run.2"]
    assert remote.below("run.2").fetch("facts/1.zst", tmp_path / "run" / "1.zst")
    assert not remote.fetch("none", tmp_path / "run" / "none")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["1.zst"]


def test_a_failed_write_leaves_nothing_on_a_file_system(address_of: Callable[[str], str], tmp_path: Path) -> None:
    remote = opened(address_of("local"))
    remote.write("run.json", b"before")
    (tmp_path / "out" / "taken").mkdir()
    (tmp_path / "out" / "taken" / "file").touch()
    with pytest.raises(ReportError, match=r"cannot write local://.*/out/none/none"):
        remote.put("none/none", tmp_path / "no file")
    assert sorted(path.name for path in (tmp_path / "out").rglob("*") if path.is_file()) == ["file", "run.json"]


def test_an_address_of_this_machine_is_a_directory(tmp_path: Path) -> None:
    place = place_at(f"file://{tmp_path}/with%20space")
    assert isinstance(place, Directory)
    assert place.path == tmp_path / "with space"


def test_bad_addresses_are_refused(monkeypatch: pytest.MonkeyPatch, s3: S3Server) -> None:
    def refused(address: str) -> OrgauditError:
        with pytest.raises(OrgauditError) as found:
            opened(address).found()
        return found.value

    assert "no store has addresses that begin with s33://; did you mean s3" in str(refused("s33://bucket/runs"))
    assert "names no bucket" in str(refused("s3://"))
    missing = refused("s3://no-such-bucket/runs")
    assert isinstance(missing, ConfigError)
    assert "--out: there is no bucket s3://no-such-bucket; make it first" in str(missing)
    s3.closed.add("closed")
    assert isinstance(refused("s3://closed/runs"), AccessError)
    with pytest.raises(ReportError, match=r"cannot write s3://closed/runs/a: .*s3:PutObject"):
        opened("s3://closed/runs").write("a", b"")
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    assert "pip install gcsfs" in str(refused("gs://bucket/runs"))
    monkeypatch.setitem(sys.modules, "fsspec", None)
    assert "pip install 'orgaudit[s3]'" in str(refused("s3://bucket/runs"))


def test_what_is_new_or_changed_is_put_back_and_what_was_removed_is_removed(copy: RemoteCopy) -> None:
    scratch = {".run.json.abcdefgh": b"", ".tables.x/1": b"", "lease.json": b"held", "leases/1.json": b""}
    run = filled(copy, {"run.json": b"plan", "facts/1.zst": b"1", "as-of-2026-01-01/reports.json": b"", **scratch})
    copies.put_back(run)
    there = opened(f"{copy.address}/run")
    assert there.found().keys() == {"run.json", "facts/1.zst", "as-of-2026-01-01/reports.json"}
    filled(copy, {"run.json": b"sealed"})
    (run / "facts" / "1.zst").unlink()
    copies.put_back(run)
    assert there.found().keys() == {"run.json", "as-of-2026-01-01/reports.json"}
    assert there.read("run.json") == b"sealed"


def test_only_what_is_asked_for_is_fetched(copy: RemoteCopy) -> None:
    there = opened(copy.address)
    for name in ("run.json", "reports.json", "facts/1.zst", "facts/2.zst", "findings.parquet", "history.parquet"):
        there.write(f"run/{name}", name.encode())
    run = Run(copy.path / "run")

    def fetched() -> set[str]:
        return {path.relative_to(run.path).as_posix() for path in run.path.rglob("*") if path.is_file()}

    assert run.manifest_path.is_file()
    assert fetched() == {"run.json", "reports.json"}
    run.need("history.parquet")
    assert fetched() == {"run.json", "reports.json", "history.parquet"}
    assert run.shard_path("1").with_name("1.zst").read_bytes() == b"facts/1.zst"
    assert fetched() == {"run.json", "reports.json", "history.parquet", "facts/1.zst", "facts/2.zst"}
    run.need("")
    assert len(fetched()) == 6


def test_of_two_writers_the_second_replaces_nothing(copy: RemoteCopy) -> None:
    run = filled(copy, {"run.json": b"plan"})
    copies.put_back(run)
    there = opened(f"{copy.address}/run")
    there.write("run.json", b"another")
    filled(copy, {"run.json": b"mine", "findings.parquet": b"mine", "reports.json": b"mine"})
    with pytest.raises(CutShortError, match=r"/out/run/run.json: was written by another process .*; do this again"):
        copies.put_back(run)
    assert there.found().keys() == {"run.json"}
    assert there.read("run.json") == b"another"


def test_what_vouches_for_other_files_is_put_after_them(copy: RemoteCopy, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def noting(name: str) -> None:
        original = getattr(Remote, name)

        def call(self: Remote, target: str, *more: object, **given: object) -> object:
            order.append(target)
            return original(self, target, *more, **given)

        monkeypatch.setattr(Remote, name, call)

    noting("put")
    noting("replace")
    files = ("run.json", "reports.json", "as-of-2026-01-01/reports.json", "findings.parquet", "zz/last.zst")
    copies.put_back(filled(copy, dict.fromkeys(files, b"")))
    assert set(order[:2]) == {"findings.parquet", "zz/last.zst"}
    assert order[2:] == ["as-of-2026-01-01/reports.json", "reports.json", "run.json"]


def test_shards_are_put_while_a_run_is_held_and_kept_where_it_fails(copy: RemoteCopy) -> None:
    run = Run(copy.path / "run")
    there = opened(f"{copy.address}/run")

    def audit() -> None:
        assert there.exists("lease.json")
        filled(copy, {"facts/1.zst": b"1"})
        seen = threading.Event()
        for _ in range(100):
            if there.exists("facts/1.zst"):
                break
            seen.wait(0.1)
        assert there.read("facts/1.zst") == b"1"
        filled(copy, {"facts/2.zst": b"2", "findings/1.zst": b"half judged", "run.json": b"not sealed"})
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), lease.held(run, "audit", remedy="wait"):
        audit()
    assert there.found().keys() == {"facts/1.zst", "facts/2.zst"}


def test_a_run_that_is_held_elsewhere_is_left_alone(copy: RemoteCopy) -> None:
    run = Run(copy.path / "run")
    there = opened(f"{copy.address}/run")
    with lease.held(run, "audit", remedy="wait"):
        mine = there.read("lease.json") or b""
    theirs = mine.replace(b'"space":"', b'"space":"elsewhere ').replace(b'"host":"', b'"host":"other-')
    there.write("lease.json", theirs)
    with (
        pytest.raises(ConfigError, match=r"on other-.* is writing run run; wait"),
        lease.held(run, "report", remedy="wait"),
    ):
        pytest.fail("the run is held by another process")
    assert there.read("lease.json") == theirs
    expired = theirs.replace(b'"expires_at":"20', b'"expires_at":"19')
    there.write("lease.json", expired)
    with lease.held(run, "report", remedy="wait"):
        assert (there.read("lease.json") or b"").find(b"elsewhere") == -1
    assert not there.exists("lease.json")


def test_who_lost_its_lease_replaces_nothing(copy: RemoteCopy) -> None:
    run = Run(copy.path / "run")
    there = opened(f"{copy.address}/run")

    def audit() -> None:
        with lease.held(run, "audit", remedy="wait"):
            there.write("lease.json", b"{}")
            filled(copy, {"run.json": b"late"})

    with pytest.raises(CutShortError, match="taken over"):
        audit()
    assert there.found().keys() == {"lease.json"}
    assert there.read("lease.json") == b"{}"


def test_a_renewed_lease_shows_who_took_over(copy: RemoteCopy) -> None:
    run = Run(copy.path / "run")
    there = opened(f"{copy.address}/run")
    with lease.held(run, "audit", remedy="wait"):
        held = lease.lease_path(run).read_bytes()
        copies.renew(run.path)
        assert there.read("lease.json") == held
        theirs = held.replace(b'"space":"', b'"space":"elsewhere ')
        there.write("lease.json", theirs)
        copies.renew(run.path)
        assert lease.lease_path(run).read_bytes() == theirs
        with pytest.raises(CutShortError, match="has taken over run run"):
            lease.ensure_not_taken(run)
    assert there.read("lease.json") == theirs


def test_a_place_of_a_run_is_at_the_address(copy: RemoteCopy, tmp_path: Path) -> None:
    place_of(copy.path / "run").write("receipts/1.json", b"1")
    assert at(copy, "receipts/1.json") == b"1"
    assert isinstance(place_of(tmp_path), Directory)


def test_copies_are_private_and_those_of_killed_processes_are_removed(
    copy: RemoteCopy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert copy.path.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    space = lease.mark().partition(".")[0]
    left = [tmp_path / f"orgaudit-{space}.{pid}.abcd1234" for pid in (2**22 - 3, os.getpid())]
    other = tmp_path / "orgaudit-commands-abcd"
    for path in (*left, other):
        path.mkdir()
    made = remote_copy.opened(f"memory://{uuid4().hex}/out")
    assert [path.exists() for path in (*left, other, made.path)] == [False, True, True, True]
    made.close()
    assert not made.path.exists()
