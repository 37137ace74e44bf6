"""The files of a pack while it is made: appended to on disk, so that memory does not grow with the run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from orgaudit.errors import ConfigError, ReportError
from orgaudit.evidence.archive import LARGEST, MOST, hashed
from orgaudit.evidence.form import FileHash


class Spool:
    """Files by name in a directory of its own, in the order in which they were begun."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._paths: dict[str, Path] = {}
        self._size = self._begun = 0

    def add(self, name: str, parts: Iterable[bytes]) -> None:
        """Append to a file; raises ReportError, and ConfigError where the pack becomes too large."""
        if name not in self._paths:
            self._begun += 1
            self._paths[name] = self._directory / str(self._begun)
        path = self._paths[name]
        try:
            with path.open("ab") as file:
                for part in parts:
                    self._size += file.write(part)
        except OSError as error:
            raise ReportError(f"cannot write {path}: {error.strerror}; free space or name another --file") from error
        if self._size > LARGEST or len(self._paths) > MOST:
            message = f"the pack would be larger than {LARGEST >> 30} GB or {MOST:,} files"
            raise ConfigError(
                f"{message}; draw a sample of each requirement, or name fewer requirements", key="--sample"
            )

    def read(self, name: str) -> Iterator[bytes]:
        """Yield the content of a file in parts; nothing for one that was never begun."""
        if name in self._paths:
            with self._paths[name].open("rb") as file:
                while part := file.read(1 << 16):
                    yield part

    def drop(self, name: str) -> None:
        """Remove a file that does not belong to the pack itself."""
        if path := self._paths.pop(name, None):
            self._size -= path.stat().st_size
            path.unlink()

    def paths(self, names: Iterable[str]) -> dict[str, Path]:
        """Return where these files are."""
        return {name: self._paths[name] for name in names}

    def hashes(self) -> list[FileHash]:
        """Return every file with its size and SHA-256, by name."""
        found = []
        for name, path in sorted(self._paths.items()):
            with path.open("rb") as file:
                found.append(hashed(name, file))
        return found
