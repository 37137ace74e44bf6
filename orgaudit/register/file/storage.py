"""The register's file on disk: read within bounds, and replaced whole while no other process writes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orgaudit.errors import ConfigError, ReportError

MOST_BYTES = 64 * 1024 * 1024


def check_size(path: Path) -> None:
    """Raise ConfigError for a file that is too large for a register."""
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise ConfigError(
            f"is larger than {MOST_BYTES >> 20} MB, the most that a register may have; name the register itself",
            file=str(path),
        )


def content_of(path: Path) -> bytes | None:
    """Return a file's content, None where there is none; raises ConfigError."""
    try:
        check_size(path)
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"cannot be read ({error.strerror})", file=str(path)) from error


def decoded(content: bytes, path: Path) -> str:
    """Return a file's content as text; raises ConfigError."""
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError("is not UTF-8; save it in that encoding", file=str(path), line=line) from error


def revision_of(content: bytes | None) -> str:
    """Return what identifies a file's content."""
    return "" if content is None else hashlib.sha256(content).hexdigest()


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Keep every other orgaudit from writing into a directory; the lock leaves no file and ends with the process."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(directory, os.O_RDONLY)
    except OSError as error:
        raise ReportError(f"cannot write into {directory}: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all, with the permissions that it had; raises ReportError."""
    temporary: Path | None = None
    try:
        mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
            temporary = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(mode)
        temporary.replace(path)
        temporary = None
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror or error}; the register is as it was") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
