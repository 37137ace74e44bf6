"""A pack as one archive, the same bytes for the same files, or unpacked in a directory; both are read alike."""

from __future__ import annotations

import hashlib
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, Protocol

from orgaudit.evidence.form import INDEX, FileHash
from orgaudit.store.run import writing

ROOT = "evidence/"
"""The directory in the archive that holds everything, so that unpacking fills one directory."""
MOMENT = (1980, 1, 1, 0, 0, 0)
"""The time of every file in the archive: the earliest that the form has, so that it says nothing of its making."""
LARGEST, MOST = 2 << 30, 60_000
"""The most bytes, and files, of a pack: what every program that unpacks archives can unpack."""
_MODE = 0o100644 << 16
_UNIX = 3
_END = struct.Struct("<4s4H2LH")
_CENTRAL = struct.Struct("<4s4B4HL2L5H2L")


class Files(Protocol):
    """The files of a pack."""

    def names(self) -> list[str]:
        """Return the name of every file, as often as it is there."""

    def open(self, name: str) -> BinaryIO:
        """Open a file; raises OSError and zipfile.BadZipFile."""

    def oddities(self) -> Iterator[str]:
        """Yield what is there besides files, a sentence each."""


def write(path: Path, files: Mapping[str, Path]) -> None:
    """Write an archive of these files by name, in this order; raises ReportError."""
    with (
        writing(path, "free space or name another --file") as target,
        zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, source in files.items():
            entry = _entry(name)
            entry.file_size = source.stat().st_size
            with source.open("rb") as content, archive.open(entry, "w") as member:
                shutil.copyfileobj(content, member, 1 << 16)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(ROOT + name, MOMENT)
    entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, _UNIX, _MODE
    return entry


def hashed(name: str, content: BinaryIO) -> FileHash:
    """Return a file of the pack with its size and SHA-256."""
    digest, size = hashlib.sha256(), 0
    while chunk := content.read(1 << 16):
        digest.update(chunk)
        size += len(chunk)
    return FileHash(path=name, size=size, sha256=digest.hexdigest())


def is_pack(path: Path) -> bool:
    """Return whether a path is a pack and not a run: a file, or a directory with the index of one."""
    return path.is_file() or (path / INDEX).is_file()


@contextmanager
def opened(path: Path) -> Iterator[Files]:
    """Open a pack; raises OSError and zipfile.BadZipFile."""
    if path.is_dir():
        yield _Directory(path)
        return
    with zipfile.ZipFile(path) as archive:
        yield _Archive(archive, path)


class _Directory:
    """An unpacked pack, of which only plain files are read: a link could lead anywhere, and a pipe never ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        entries = [each for each in path.rglob("*") if each.is_symlink() or not each.is_dir()]
        self._files = {self._name(each): each for each in entries if each.is_file() and not each.is_symlink()}
        self._others = sorted({*map(self._name, entries)} - self._files.keys())

    def _name(self, path: Path) -> str:
        return path.relative_to(self._path).as_posix()

    def names(self) -> list[str]:
        return list(self._files)

    def open(self, name: str) -> BinaryIO:
        return self._files[name].open("rb")

    def oddities(self) -> Iterator[str]:
        return (f"{name}: is not a plain file" for name in self._others)


class _Archive:
    """An archive, which has to be in the only form that `write` gives it: nothing hides beside the files."""

    def __init__(self, archive: zipfile.ZipFile, path: Path) -> None:
        self._archive, self._path = archive, path

    def names(self) -> list[str]:
        return [entry.filename.removeprefix(ROOT) for entry in self._archive.infolist()]

    def open(self, name: str) -> BinaryIO:
        try:
            return self._archive.open(ROOT + name)  # type: ignore[return-value]  # a BinaryIO in all but its stub
        except (KeyError, NotImplementedError, RuntimeError) as error:
            raise zipfile.BadZipFile(str(error)) from error

    def oddities(self) -> Iterator[str]:
        if any(not entry.filename.startswith(ROOT) for entry in self._archive.infolist()):
            yield f"the archive has files outside of {ROOT}"
        try:
            plain = self._is_plain()
        except zlib.error:
            plain = False
        if not plain:
            yield "the archive is not as it was written: it was changed, or packed again; unpack it to check its files"

    def _is_plain(self) -> bool:
        """Return whether the archive holds its files one after another and nothing else, with headers as written."""
        at, directory = 0, bytearray()
        with self._path.open("rb") as file:
            for entry in self._archive.infolist():
                file.seek(at)
                header = _local(entry)
                if entry.header_offset != at or file.read(len(header)) != header:
                    return False
                if not _ends_plainly(file, entry.compress_size):
                    return False
                at += len(header) + entry.compress_size
                directory += _central(entry)
            file.seek(at)
            count = len(self._archive.infolist())
            end = _END.pack(b"PK\5\6", 0, 0, count & 0xFFFF, count & 0xFFFF, len(directory), at & 0xFFFFFFFF, 0)
            return bool(file.read() == bytes(directory) + end)


def _ends_plainly(file: BinaryIO, size: int) -> bool:
    """Return whether so many bytes are one deflated stream, with zeros in the bits after its end.

    Raises zlib.error for what is none.
    """
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    for start in range(0, size - 1, 1 << 16):
        inflate.decompress(file.read(min(1 << 16, size - 1 - start)))
    last = file.read(1)
    if inflate.eof or not last:
        return False

    def ending(byte: int) -> tuple[bytes, bool]:
        rest = inflate.copy()
        return rest.decompress(bytes([byte])), rest.eof

    found = ending(last[0])
    meaningless = takewhile(lambda bit: _or_none(ending, last[0] ^ bit) == found, (1 << at for at in range(7, -1, -1)))
    return found[1] and not any(last[0] & bit for bit in meaningless)


def _or_none(ending: Callable[[int], tuple[bytes, bool]], byte: int) -> tuple[bytes, bool] | None:
    try:
        return ending(byte)
    except zlib.error:
        return None


def _local(entry: zipfile.ZipInfo) -> bytes:
    plain = _entry(entry.filename.removeprefix(ROOT))
    plain.CRC, plain.compress_size, plain.file_size = entry.CRC, entry.compress_size, entry.file_size
    return plain.FileHeader(zip64=False)


def _central(entry: zipfile.ZipInfo) -> bytes:
    name = entry.filename.encode()
    flags = 0 if entry.filename.isascii() else 0x800
    date, time = (MOMENT[0] - 1980) << 9 | MOMENT[1] << 5 | MOMENT[2], 0
    sizes = entry.CRC, entry.compress_size, entry.file_size
    head = _CENTRAL.pack(
        b"PK\1\2", 20, _UNIX, 20, 0, flags, zipfile.ZIP_DEFLATED, time, date, *sizes, len(name), 0, 0, 0, 0, _MODE,
        entry.header_offset,
    )  # fmt: skip
    return head + name
