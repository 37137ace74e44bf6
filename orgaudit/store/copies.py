"""The working copies of this process: directories of this machine in which it works on runs that are at an address.

Nothing here does anything for a run in a directory: that is where the run itself is.
"""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Protocol


class WorkingCopy(Protocol):
    """The working copy of the directory of runs at an address; `path` is where it is on this machine."""

    path: Path

    @property
    def address(self) -> str:
        """The address."""

    def need(self, directory: Path, names: tuple[str, ...]) -> None:
        """Have these files and directories below a directory here, as far as they exist; "" is all."""

    def need_each(self, record: str, prefix: str) -> None:
        """Have one file of each directory whose name begins so here."""

    def need_latest(self) -> None:
        """Have the name of the last run here, and its run.json."""

    def point_latest(self, name: str) -> None:
        """Let the name of the last run be this one's, once what it has is at the address."""

    def check_writable(self) -> None:
        """Raise ReportError where nothing can be written at the address."""

    def refresh(self, directory: Path) -> None:
        """Have what is at the address now, in place of what was fetched before."""

    def claim(self, directory: Path) -> None:
        """Put the lease at the address; raises FileExistsError where there is that of another process."""

    def renew(self, directory: Path) -> None:
        """Put the renewed lease at the address, or fetch that of the process which took over."""

    def release(self, directory: Path) -> None:
        """Remove this process's lease from the address."""

    def put_back(self, directory: Path) -> None:
        """Put what is new or changed at the address, what vouches for it last."""

    def written_back(self, directory: Path) -> AbstractContextManager[None]:
        """Put shards at the address as they are written, and everything else when the block ends well."""


_OPEN: dict[Path, WorkingCopy] = {}
_NAMES: dict[str, str] = {}
"""The address of each copy that this process had, by its path: messages outlive the copy."""


def add(copy: WorkingCopy) -> None:
    """Let this process work in a copy."""
    _OPEN[copy.path] = copy
    _NAMES[str(copy.path)] = copy.address


def discard(copy: WorkingCopy) -> None:
    """Let this process work in a copy no more."""
    _OPEN.pop(copy.path, None)


def find(address: str) -> WorkingCopy | None:
    """Return the copy of an address that is open."""
    return next((copy for copy in _OPEN.values() if copy.address == address), None)


def copy_of(path: Path) -> WorkingCopy | None:
    """Return the working copy that a path is in, or None for a path of any other directory."""
    return next((copy for copy in _OPEN.values() if path.is_relative_to(copy.path)), None) if _OPEN else None


def address_of(path: Path) -> str | None:
    """Return the address of what a path of a working copy stands for, or None for a path of any other directory."""
    copy = copy_of(path)
    return None if copy is None else "/".join((copy.address, *path.relative_to(copy.path).parts))


def shown(text: str) -> str:
    """Return a text with addresses in place of the paths of working copies."""
    for path, address in _NAMES.items():
        text = text.replace(path, address)
    return text


def shown_path(path: Path) -> str:
    """Return a path as people go to it from here: relative to the current directory, or an address."""
    text = shown(str(path))
    return text if text != str(path) else os.path.relpath(path)


def need(directory: Path, *names: str) -> None:
    """Have these files and directories of a directory here, where they are at an address; "" is all of it."""
    if _OPEN and (copy := copy_of(directory)) is not None:
        copy.need(directory, names)


def need_each(out: Path, record: str = "run.json", prefix: str = "") -> None:
    """Have one file of each run, or of each directory whose name begins so, here."""
    if _OPEN and (copy := copy_of(out)) is not None:
        copy.need_each(record, prefix)


def need_latest(out: Path) -> None:
    """Have the name of the last run here, and its run.json."""
    if _OPEN and (copy := copy_of(out)) is not None:
        copy.need_latest()


def refresh(directory: Path) -> None:
    """Have what is at the address now, in place of what was fetched before."""
    if _OPEN and (copy := copy_of(directory)) is not None:
        copy.refresh(directory)


def put_back(directory: Path) -> None:
    """Put what is new or changed at the address, what vouches for it last; raises CutShortError and ReportError."""
    if _OPEN and (copy := copy_of(directory)) is not None:
        copy.put_back(directory)


def written_back(directory: Path) -> AbstractContextManager[None]:
    """Put shards at the address as they are written, and everything else when the block ends well."""
    copy = copy_of(directory)
    return nullcontext() if copy is None else copy.written_back(directory)


def claim(directory: Path) -> None:
    """Put the lease of a run at the address; raises FileExistsError where there is that of another process."""
    if _OPEN and (copy := copy_of(directory)) is not None:
        copy.claim(directory)


def renew(directory: Path) -> None:
    """Put the renewed lease at the address, or fetch that of the process which took over."""
    if _OPEN and (copy := copy_of(directory)) is not None:
        copy.renew(directory)


def release(directory: Path) -> None:
    """Remove this process's lease from the address."""
    if _OPEN and (copy := copy_of(directory)) is not None:
        copy.release(directory)
