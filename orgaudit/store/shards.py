"""The lines of a shard while an account is collected: in memory while they are few, then compressed in scratch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import IO, Self

from orgaudit.errors import ReportError
from orgaudit.store.run import compressor, lines_in, make_directory, writing

IN_MEMORY = 1 << 17
"""The bytes of lines from which they go into a scratch file, as a zstd frame of their own."""
_COPIED = 1 << 18


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was written: its SHA-256, and its size in bytes."""

    sha256: str
    size: int


class Spool:
    """Lines in the order in which they are added; where they are many, they are kept compressed in a file.

    The file has no name, so it is gone when the process ends, in whatever way; it is in `directory`, or where the
    system keeps temporary files. As a context manager a spool closes it. Raises ReportError where it cannot be written.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.count = 0
        self.directory = directory
        self._lines: list[bytes] = []
        self._size = 0
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, line: bytes) -> None:
        """Add a line, given without its end."""
        self._lines.append(line)
        self.count += 1
        self._size += len(line)
        if self._size >= IN_MEMORY:
            self._spill()

    def extend(self, other: Spool) -> None:
        """Add the lines of another spool, which keeps them."""
        if other._file is None:
            for line in other._lines:
                self.add(line)
            return
        self._spill()
        for part in other._frames():
            self._write(part)
        self.count += other.count

    def __iter__(self) -> Iterator[bytes]:
        """Yield each line; none may be added meanwhile."""
        if self._file is None:
            yield from self._lines
            return
        self._spill()
        self._file.seek(0)
        for lines in lines_in(self._file):
            yield from lines

    def write(self, path: Path, first: bytes) -> WrittenFile:
        """Write a file of the line `first` and then all others, whole or not at all, where there is none of this name.

        Raises TakenError where there is one, and ReportError.
        """
        sha256, size = hashlib.sha256(), 0
        with writing(path, new=True) as file:
            for part in self._parts(first):
                file.write(part)
                sha256.update(part)
                size += len(part)
        return WrittenFile(sha256.hexdigest(), size)

    def _parts(self, first: bytes) -> Iterator[bytes]:
        if self._file is None:
            yield _frame([first, *self._lines])
            return
        yield _frame([first])
        yield from self._frames()

    def _frames(self) -> Iterator[bytes]:
        self._spill()
        assert self._file is not None  # noqa: S101 - what has spilled has a file
        self._file.seek(0)
        while part := self._file.read(_COPIED):
            yield part

    def _spill(self) -> None:
        """Move the lines that are in memory to the file."""
        if self._lines or self._file is None:
            self._write(_frame(self._lines))
            self._lines.clear()
            self._size = 0

    def _write(self, part: bytes) -> None:
        try:
            if self._file is None:
                if self.directory is not None:
                    make_directory(self.directory)
                self._file = TemporaryFile(dir=self.directory)  # noqa: SIM115 - closed with the spool
            self._file.seek(0, 2)
            self._file.write(part)
        except OSError as error:
            where = self.directory or "the directory of temporary files"
            remedy = "free space or name another --out"
            raise ReportError(f"cannot write {where}: {error.strerror or error}; {remedy}") from error


def _frame(lines: list[bytes]) -> bytes:
    return compressor().compress(b"\n".join([*lines, b""]))
