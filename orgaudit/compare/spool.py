"""Text of findings on the disk while they are compared: reasons and evidence may need more than memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import msgspec

from orgaudit.errors import ReportError

_EMPTY = msgspec.Raw(b"{}")


class Told(msgspec.Struct, frozen=True):
    """What one finding says of its resource; `evidence` is JSON."""

    resource: str
    reason: str
    date: str = ""
    exception: str = ""
    evidence: msgspec.Raw = _EMPTY


class Spool:
    """What findings say, by the place at which it was added."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._end = file, 0
        self._encode, self._decode = msgspec.json.Encoder().encode, msgspec.json.Decoder(Told).decode

    def add(self, told: Told) -> int:
        """Return the place of what is added; raises ReportError."""
        at = self._end
        try:
            self._file.seek(at)
            self._end += self._file.write(self._encode(told) + b"\n")
        except OSError as error:
            raise ReportError(f"cannot write what is compared: {error.strerror}; free space") from error
        return at

    def at(self, place: int) -> Told:
        """Return what was added at a place."""
        self._file.seek(place)
        return self._decode(self._file.readline())


@contextmanager
def spooling(directory: Path) -> Iterator[Spool]:
    """Open an empty spool in a directory that its owner alone may read; raises ReportError."""
    path = directory / "told"
    try:
        file = path.open("w+b")
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror}; free space") from error
    with file:
        yield Spool(file)
