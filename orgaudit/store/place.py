"""Where the files of runs are kept: a directory, or any other place that can do the same few things."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from orgaudit.errors import ConfigError, ReportError
from orgaudit.store.run import TakenError, writing


class Place(Protocol):
    """A place of files, each known by its name: words with slashes between them, such as "facts/111111111111.json".

    A file is there whole or not at all. Reading raises ConfigError and writing ReportError where the place refuses.
    """

    @property
    def address(self) -> str:
        """The place as people name it, and as a worker elsewhere opens it."""

    def names(self, directory: str = "") -> list[str]:
        """Return the names of the files right in a directory, sorted; none for a directory that is not there."""

    def exists(self, name: str) -> bool:
        """Return whether there is a file of this name."""

    def read(self, name: str) -> bytes | None:
        """Return a file's content, or None where there is none."""

    def write(self, name: str, content: bytes) -> None:
        """Write a file, in place of the one that is there."""

    def create(self, name: str, content: bytes) -> bool:
        """Write a file where there is none, and return whether that was so; of two at once only one succeeds."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there; also a directory in which nothing is, where the place has directories."""


class Directory:
    """A directory of this machine, or of a file system that machines share."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def address(self) -> str:
        """The directory's path."""
        return str(self.path)

    def names(self, directory: str = "") -> list[str]:
        """Return the names of the files right in a directory; scratch files, which begin with a dot, are none."""
        try:
            with os.scandir(self.path / directory) as found:
                names = sorted(entry.name for entry in found if not entry.name.startswith(".") and entry.is_file())
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise _unreadable(self.path / directory, error) from error
        return [f"{directory}/{name}" if directory else name for name in names]

    def exists(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        return (self.path / name).is_file()

    def read(self, name: str) -> bytes | None:
        """Return a file's content, or None where there is none."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unreadable(self.path / name, error) from error

    def write(self, name: str, content: bytes) -> None:
        """Write a file, in place of the one that is there."""
        with writing(self.path / name) as file:
            file.write(content)

    def create(self, name: str, content: bytes) -> bool:
        """Write a file where there is none, and return whether that was so."""
        path = self.path / name
        if path.exists():
            return False
        try:
            with writing(path, new=True) as file:
                file.write(content)
        except TakenError:
            return False
        return True

    def remove(self, name: str) -> None:
        """Remove a file, if it is there, or a directory in which nothing is."""
        path = self.path / name
        try:
            if path.is_dir():
                with suppress(OSError):  # something is in it again
                    path.rmdir()
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise _unwritable(path, error) from error


def place_at(address: str) -> Place:
    """Return the place of an address."""
    return Directory(Path(address))


def _unreadable(path: Path, error: OSError) -> ConfigError:
    return ConfigError(f"cannot be read ({error.strerror})", file=str(path))


def _unwritable(path: Path, error: OSError) -> ReportError:
    return ReportError(f"cannot write {path}: {error.strerror or error}; free space or name another --out")
