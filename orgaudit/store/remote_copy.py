"""The working copy of runs at an address: what a command needs is fetched, and what it made is put back, whole.

DuckDB, hard links and the writers of reports need a directory of this machine. What vouches for other files is put
after them and only where it is still what was read, so two processes that write one run never mix what they wrote.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from orgaudit.errors import CutShortError, OrgauditError, ReportError
from orgaudit.settings.addresses import normal
from orgaudit.store import copies, remote
from orgaudit.store.lease import is_gone, mark
from orgaudit.store.remote import Remote
from orgaudit.store.run import LATEST, valid_id

log = logging.getLogger(__name__)

LEASE = "lease.json"
VOUCHING = ("reports.json", "quarter.json", "run.json")
"""Names of files that vouch for others, in the order in which they are put."""
RECORDS = frozenset({*VOUCHING, LEASE})
"""Names of files that are fetched as soon as anything of a run is looked at."""
AS_WRITTEN = ("facts", "receipts")
"""The directories of which each file is put as soon as it is whole, in this order."""
OWN = ("leases",)
"""The directories that are written at the address itself, by each process that collects."""
LOOK_EVERY = 0.5
"""Seconds between looks for new shards."""

Signature: TypeAlias = tuple[int, int, int, int]
"""What another content of a file of this machine does not have: device, inode, size and time of change."""

_ABANDONED = re.compile(r"orgaudit-(?P<space>[0-9a-f]{8})\.(?P<pid>\d+)\.\w{8}")
"""The name of a copy, by `lease.mark`."""


@dataclass(slots=True)
class _Known:
    """What is known of one run: tags by name at the address, and signatures of files here that are the same there.

    `had` are the files and directories that were asked for, `lease` is the tag of this process's lease.
    """

    tags: dict[str, str]
    same: dict[str, Signature] = field(default_factory=dict)
    had: set[str] = field(default_factory=set)
    lease: str | None = None


def opened(address: str) -> RemoteCopy:
    """Return the working copy of the runs at an address, a new one unless this process has one; raises ConfigError."""
    known = copies.find(normal(address))
    if isinstance(known, RemoteCopy):
        return known
    place = remote.opened(address)
    _sweep()
    try:
        path = Path(tempfile.mkdtemp(prefix=f"orgaudit-{mark()}.")).resolve()
    except OSError as error:
        remedy = "set TMPDIR to a directory with room for a run"
        raise ReportError(f"cannot make a directory to work in: {error.strerror or error}; {remedy}") from error
    copy = RemoteCopy(place, path)
    copies.add(copy)
    return copy


def _sweep() -> None:
    """Remove the copies of processes that were killed: they hold what was read of accounts."""
    for path in Path(tempfile.gettempdir()).glob("orgaudit-*"):
        found = _ABANDONED.fullmatch(path.name)
        if found and is_gone(found["space"], int(found["pid"])) and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)


class RemoteCopy:
    """The working copy of the runs at one address."""

    def __init__(self, place: Remote, path: Path) -> None:
        self.path = path
        self._place = place
        self._runs: dict[str, _Known] = {}
        self._each: set[tuple[str, str]] = set()
        self._listed: set[str] = set()
        self._latest: str | None = None
        self._alone = threading.RLock()

    @property
    def address(self) -> str:
        """The address."""
        return self._place.address

    def close(self) -> None:
        """Remove the copy."""
        copies.discard(self)
        shutil.rmtree(self.path, ignore_errors=True)

    def need(self, directory: Path, names: tuple[str, ...]) -> None:
        """Have these files and directories below a directory here, as far as they exist; "" is all."""
        run, *below = directory.relative_to(self.path).parts or ("",)
        wanted = {"/".join((*below, name) if name else below) for name in names}
        known = self._runs.get(run)
        if run in {"", LATEST} or (known is not None and wanted <= known.had):  # without waiting for shards being put
            return
        with self._alone:
            known = self._known(run)
            asked = wanted - known.had
            self._fetch(run, known, (name for name in known.tags if any(_is_in(name, each) for each in asked)))
            known.had |= asked

    def need_each(self, record: str, prefix: str) -> None:
        """Have one file of each directory whose name begins so here."""
        with self._alone:
            if (record, prefix) in self._each:
                return
            missing = [name for name in self._place.directories() if name.startswith(prefix) and name not in self._runs]
            remote.each(lambda name: self._fetch_alone(f"{name}/{record}"), missing)
            self._each.add((record, prefix))

    def need_latest(self) -> None:
        """Have the name of the last run here, and its run.json."""
        with self._alone:
            name = (self._place.read(LATEST) or b"").decode(errors="replace").strip()
            if not valid_id(name) or (self.path / LATEST).is_symlink():
                return
            if name not in self._runs:
                self._fetch_alone(f"{name}/run.json")
            (self.path / LATEST).symlink_to(name, target_is_directory=True)

    def point_latest(self, name: str) -> None:
        """Let the name of the last run be this one's, once what it has is at the address."""
        self._latest = name

    def check_writable(self) -> None:
        """Raise ReportError where nothing can be written at the address."""
        name = f".writable-{mark()}"
        self._place.write(name, b"")
        self._place.remove(name)

    def refresh(self, directory: Path) -> None:
        """Have what is at the address now, in place of what was fetched before and was not changed here."""
        run = directory.relative_to(self.path).parts[0]
        with self._alone:
            known = self._runs.get(run)
            if known is None:
                self._known(run)
                return
            now = self._place.below(run).found()
            (self.path / run / LEASE).unlink(missing_ok=True)
            for name, signature in tuple(known.same.items()):
                path = self.path / run / name
                if now.get(name) != known.tags.get(name) and _signature(path) == signature:
                    path.unlink()
                    del known.same[name]
            known.tags = now
            known.had.clear()
            self._fetch_records(run, known)

    def claim(self, directory: Path) -> None:
        """Put the lease at the address, in place of one that its holder left behind.

        Raises FileExistsError where another process has put its own, which is then here.
        """
        known, place = self._known(directory.name), self._place.below(directory.name)
        path = directory / LEASE
        known.lease = place.replace(LEASE, path.read_bytes(), known.tags.get(LEASE))
        if known.lease is None:
            place.fetch(LEASE, path)
            raise FileExistsError(str(path))

    def renew(self, directory: Path) -> None:
        """Put the renewed lease at the address, or fetch that of the process which took over."""
        known, place = self._known(directory.name), self._place.below(directory.name)
        renewed = place.replace(LEASE, (directory / LEASE).read_bytes(), known.lease)
        if renewed is None:
            (directory / LEASE).unlink(missing_ok=True)
            place.fetch(LEASE, directory / LEASE)
        else:
            known.lease = renewed

    def release(self, directory: Path) -> None:
        """Remove this process's lease from the address; that of another process stays."""
        known = self._known(directory.name)
        lease, known.lease = known.lease, None
        if lease is not None:
            self._place.below(directory.name).remove_unchanged(LEASE, lease)
            known.tags.pop(LEASE, None)

    def put_back(self, directory: Path) -> None:
        """Put what is new or changed at the address, what vouches for it last, and remove what was removed here.

        Raises CutShortError where another process has written the run meanwhile: then nothing of it is replaced.
        """
        run = directory.relative_to(self.path).parts[0]
        with self._alone:
            known, changed = self._known(run), self._changed(run)
            vouching = sorted((name for name in changed if _last(name) in VOUCHING), key=_order)
            gone = self._gone(run)
            if changed or gone:
                self._check(run, known, vouching)
                self._put(run, known, (name for name in changed if name not in vouching))
                for name in vouching:
                    self._replace(run, known, name)
                self._remove(run, known, gone)
            if self._latest == run and "run.json" in known.tags:
                self._place.write(LATEST, f"{run}\n".encode())
                self._latest = None

    @contextmanager
    def written_back(self, directory: Path) -> Iterator[None]:
        """Put shards at the address as they are written, and everything else when the block ends well.

        Where it fails, the shards that are whole are kept, and what was removed here is removed there.
        """
        over = threading.Event()
        putting = threading.Thread(target=self._follow, args=(directory, over), daemon=True, name="shards")
        putting.start()
        try:
            yield
        except BaseException:
            _end(putting, over)
            self._keep(directory)
            raise
        _end(putting, over)
        self.put_back(directory)

    def _follow(self, directory: Path, over: threading.Event) -> None:
        """Put shards until the block is over; one that could not be put is put later."""
        while not over.wait(LOOK_EVERY):
            try:
                self._put_shards(directory)
            except OrgauditError as error:
                log.warning("shards are put later: %s", error)

    def _keep(self, directory: Path) -> None:
        try:
            self._put_shards(directory)
            with self._alone:
                self._remove(directory.name, self._known(directory.name), self._gone(directory.name))
        except OrgauditError as error:
            log.warning("what was made of run %s could not be kept: %s", directory.name, error)

    def _put_shards(self, directory: Path) -> None:
        run = directory.name
        with self._alone:
            known = self._known(run)
            for part in AS_WRITTEN:
                self._put(run, known, self._changed(run, part))

    def _known(self, run: str) -> _Known:
        """Return what is known of a run, which is listed when it is first asked for."""
        if (known := self._runs.get(run)) is not None:  # without waiting: the thread that renews a lease asks, too
            return known
        with self._alone:
            if run not in self._runs:
                for name in self._listed & {f"{run}/{record}" for record in RECORDS}:  # it may be another one by now
                    (self.path / name).unlink(missing_ok=True)
                    self._listed.discard(name)
                known = _Known(self._place.below(run).found())
                self._fetch_records(run, known)
                self._runs[run] = known
            return self._runs[run]

    def _fetch_alone(self, name: str) -> None:
        """Fetch one file of a run of which no more is known."""
        if self._place.fetch(name, self.path / name):
            self._listed.add(name)

    def _fetch_records(self, run: str, known: _Known) -> None:
        self._fetch(run, known, (name for name in known.tags if _last(name) in RECORDS and not _is_own(name)))

    def _fetch(self, run: str, known: _Known, names: Iterable[str]) -> None:
        place = self._place.below(run)
        missing = [name for name in names if name not in known.same and not (self.path / run / name).exists()]

        def fetch(name: str) -> None:
            if place.fetch(name, self.path / run / name) and name != LEASE:
                known.same[name] = _signature(self.path / run / name)

        remote.each(fetch, missing)

    def _changed(self, run: str, part: str = "") -> list[str]:
        """Return the names of the files here that are not the same at the address."""
        known, root = self._runs[run], self.path / run
        found = []
        for directory, _, files in os.walk(root / part):
            for file in files:
                path = Path(directory, file)
                name = path.relative_to(root).as_posix()
                if remote.is_hidden(name) or name == LEASE or _is_own(name):
                    continue
                with suppress(FileNotFoundError):  # removed meanwhile
                    if known.same.get(name) != _signature(path):
                        found.append(name)
        return sorted(found)

    def _gone(self, run: str) -> list[str]:
        """Return the names of the files that were the same at the address and are not here any more, run.json first."""
        gone = [name for name in self._runs[run].same if not (self.path / run / name).exists()]
        return sorted(gone, key=_order, reverse=True)

    def _check(self, run: str, known: _Known, vouching: Iterable[str]) -> None:
        """Raise CutShortError where another process holds the run, or has replaced what vouches for its files."""
        place = self._place.below(run)
        address = place.address
        if known.lease is not None and place.tag_of(LEASE) != known.lease:
            lost = "because this process did not renew its lease"
            raise CutShortError(f"another process has taken over {address}, {lost}; nothing of it was replaced")
        for name in vouching:
            if place.tag_of(name) != known.tags.get(name):
                raise _overtaken(f"{address}/{name}")

    def _put(self, run: str, known: _Known, names: Iterable[str]) -> None:
        place, sources = self._place.below(run), self._sources()

        def put(name: str) -> None:
            path = self.path / run / name
            with suppress(FileNotFoundError):  # removed meanwhile
                signature = _signature(path)
                source, tag = sources.get(signature, ("", ""))
                if not source or not self._place.copy(source, f"{run}/{name}", tag):
                    place.put(name, path)
                known.same[name] = signature

        remote.each(put, names)

    def _sources(self) -> dict[Signature, tuple[str, str]]:
        """Return the files at the address, each with its tag, by those here that are the same: hard links are, too."""
        return {
            signature: (f"{run}/{name}", known.tags[name])
            for run, known in self._runs.items()
            for name, signature in known.same.items()
            if name in known.tags
        }

    def _replace(self, run: str, known: _Known, name: str) -> None:
        path, place = self.path / run / name, self._place.below(run)
        signature = _signature(path)
        tag = place.replace(name, path.read_bytes(), known.tags.get(name))
        if tag is None:
            raise _overtaken(f"{place.address}/{name}")
        known.tags[name], known.same[name] = tag, signature

    def _remove(self, run: str, known: _Known, names: Iterable[str]) -> None:
        place = self._place.below(run)
        for name in names:
            place.remove(name)
            known.same.pop(name, None)
            known.tags.pop(name, None)


def _end(thread: threading.Thread, over: threading.Event) -> None:
    over.set()
    thread.join()


def _overtaken(name: str) -> CutShortError:
    changed = "was written by another process since this one read it, so nothing more was replaced"
    return CutShortError(f"{name}: {changed}; do this again")


def _signature(path: Path) -> Signature:
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _order(name: str) -> tuple[int, int]:
    """Return the place of a file that vouches for others: below the run first, and run.json last."""
    last = _last(name)
    return VOUCHING.index(last) if last in VOUCHING else -1, -name.count("/")


def _is_own(name: str) -> bool:
    return name.partition("/")[0] in OWN


def _is_in(name: str, part: str) -> bool:
    return not part or name == part or name.startswith(f"{part}/")
