"""Who writes in a run's directory: one process at a time, which holds the run's lease and renews it while it lives."""

from __future__ import annotations

import fcntl
import hashlib
import logging
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from orgaudit.errors import ConfigError, CutShortError, ReportError
from orgaudit.store.run import Run, writing

log = logging.getLogger(__name__)

LIFE = timedelta(minutes=3)
"""How long a lease is good without being renewed; only a holder on another machine is judged by it."""
RENEW_EVERY = 30.0
"""Seconds."""


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """A process that holds something, and until when.

    `space` says in which set of process ids `pid` counts, `started` distinguishes its reuses.
    """

    host: str
    space: str
    pid: int
    started: str | None
    since: datetime
    expires_at: datetime

    @property
    def ended(self) -> bool:
        """Whether its process is known to have ended; of one elsewhere nothing is known."""
        return self.space == _space() and not alive(self.pid, self.started)

    @property
    def ours(self) -> bool:
        """Whether this process holds it."""
        return (self.space, self.pid) == (_space(), os.getpid())

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}" if self.pid else "a process"


class Lease(Holder, frozen=True, kw_only=True):
    """Who holds a run, and with which command."""

    command: str

    def gone(self, now: datetime) -> bool:
        """Return whether it is held no longer: the process has ended, or, from elsewhere, the lease has expired."""
        return self.ended if self.space == _space() else now > self.expires_at

    def __str__(self) -> str:
        since = f"since {self.since:%Y-%m-%d %H:%M:%S} UTC"
        return f"process {self.pid} on {self.host} (`orgaudit {self.command}`, {since})" if self.pid else "a process"


def this_process(life: timedelta) -> dict[str, Any]:
    """Return what a lease says of this process, which holds it from now for so long."""
    now = datetime.now(UTC)
    return {
        "host": platform.node(),
        "space": _space(),
        "pid": os.getpid(),
        "started": _status(os.getpid())[1],
        "since": now,
        "expires_at": now + life,
    }


def lease_path(run: Run) -> Path:
    """Return where the run's lease is while a process holds it."""
    return run.path / "lease.json"


@contextmanager
def held(run: Run, command: str, *, remedy: str) -> Iterator[None]:
    """Hold the run while the block lasts; raises ConfigError, which ends with `remedy`, where another process holds it.

    A lease that its holder left behind is taken over. Raises ReportError where the directory cannot be written.
    """
    _take(run, command, remedy)
    over = threading.Event()
    renewing = threading.Thread(target=_renew, args=(run, over), daemon=True, name="lease")
    renewing.start()
    try:
        yield
    finally:
        over.set()
        renewing.join()
        _release(run)


def holder(run: Run) -> Lease | None:
    """Return who holds a run, or whose lease was left behind, or None."""
    path = lease_path(run)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Lease)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError):
        return _unreadable(path)


def ensure_not_taken(run: Run) -> None:
    """Raise CutShortError where another process has taken the run over, as it may once the lease has expired."""
    found = holder(run)
    if found is not None and not found.ours:
        raise CutShortError(f"{found} has taken over run {run.id}, because this process did not renew its lease")


def mark() -> str:
    """Return what names this process in the names of its scratch files: the space of its id, and the id."""
    return f"{_mark_of_space()}.{os.getpid()}"


def is_gone(space: str, pid: int) -> bool:
    """Return whether the process of a `mark` is known not to run any more."""
    return space == _mark_of_space() and not alive(pid)


def alive(pid: int, started: str | None = None) -> bool:
    """Return whether a process of this machine runs; with `started`, whether it is still the same one."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    state, began = _status(pid)
    return state not in {"Z", "X"} and (started is None or began is None or began == started)


def age(path: Path) -> timedelta:
    """Return how long ago a file was changed last; zero for one that does not exist."""
    try:
        return datetime.now(UTC) - datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except OSError:
        return timedelta()


def _take(run: Run, command: str, remedy: str) -> None:
    mine = Lease(**this_process(LIFE), command=command)
    try:
        run.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        with alone(run.path):
            found = holder(run)
            if found is not None and found.gone(mine.since):
                lease_path(run).unlink(missing_ok=True)
            _create(lease_path(run), msgspec.json.encode(mine))
    except FileExistsError:
        raise ConfigError(f"{holder(run) or 'another process'} is writing run {run.id}; {remedy}") from None
    except OSError as error:
        raise ReportError(
            f"cannot write to {run.path}: {error.strerror or error}; name another directory with --out"
        ) from error


def _create(path: Path, content: bytes) -> None:
    """Write a new file; raises FileExistsError where it is there."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _renew(run: Run, over: threading.Event) -> None:
    while not over.wait(RENEW_EVERY):
        try:
            with alone(run.path):
                found = holder(run)
                if found is None or not found.ours:
                    log.error("run %s was taken over by %s", run.id, found)
                    return
                with writing(lease_path(run)) as file:
                    renewed = msgspec.structs.replace(found, expires_at=datetime.now(UTC) + LIFE)
                    file.write(msgspec.json.encode(renewed))
        except (OSError, ReportError) as error:
            log.warning("the lease of run %s could not be renewed: %s", run.id, error)


def _release(run: Run) -> None:
    with suppress(OSError), alone(run.path):
        found = holder(run)
        if found is not None and found.ours:
            lease_path(run).unlink(missing_ok=True)
        run.path.rmdir()  # which fails, as it should, where the run has begun


@contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Let one process at a time look at a lease and act on it."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system of a network may not lock directories; creation is exclusive even there
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _unreadable(path: Path) -> Lease:
    """Return what is known of a lease that its holder did not write to the end: when it began."""
    since = datetime.now(UTC) - age(path)
    return Lease(host="", space="", pid=0, started=None, command="", since=since, expires_at=since + LIFE)


@cache
def _space() -> str:
    """Return what distinguishes machines, their starts, and containers, each of which has process ids of its own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return platform.node()


def _mark_of_space() -> str:
    return hashlib.sha256(_space().encode()).hexdigest()[:8]


def _status(pid: int) -> tuple[str | None, str | None]:
    """Return a process's state and the moment of its start, in ticks since the machine's, where the system shows it."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[0], fields[19]
    except (OSError, IndexError):
        return None, None
