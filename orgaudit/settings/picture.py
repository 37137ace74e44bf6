"""The logo that the settings name: a PNG or JPEG file, with its size in pixels, read without decoding the picture."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orgaudit.errors import ConfigError

KEY = "report.logo"
MOST_BYTES = 2_000_000
"""A logo is in every workbook, also in those that are mailed."""

_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_HEADER = struct.Struct(">8sI4sII")
_PNG_END = b"\x00\x00\x00\x00IEND\xaeB`\x82"
_JPEG, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
_FRAMES = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""The markers of JPEG's start of frame, which hold the size (ITU-T T.81, table B.1)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture file's content with its format, png or jpeg, and its size in pixels."""

    format: str
    width: int
    height: int
    data: bytes


def read_logo(path: Path | None) -> Picture | None:
    """Return the picture, or None without a path; raises ConfigError where it is missing or neither PNG nor JPEG."""
    if path is None:
        return None
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise _error(path, f"cannot be read ({error.strerror}); name a PNG or JPEG file, or leave it out") from error
    if len(data) > MOST_BYTES:
        raise _error(path, f"is larger than {MOST_BYTES:,} bytes; save a smaller picture")
    for name, size in (("png", _size_of_png(data)), ("jpeg", _size_of_jpeg(data))):
        if size is not None and min(size) > 0:
            return Picture(name, *size, data)
    raise _error(path, "is not a whole PNG or JPEG picture; save it as one of these")


def _error(path: Path, message: str) -> ConfigError:
    return ConfigError(message, file=str(path), key=KEY)


def _size_of_png(data: bytes) -> tuple[int, int] | None:
    if len(data) < _PNG_HEADER.size or not data.startswith(_PNG) or not data.endswith(_PNG_END):
        return None
    _, _, kind, width, height = _PNG_HEADER.unpack_from(data)
    return (width, height) if kind == b"IHDR" else None


def _size_of_jpeg(data: bytes) -> tuple[int, int] | None:
    if not data.startswith(_JPEG) or _JPEG_END not in data[-64:]:
        return None
    for marker, segment in _segments(data):
        if marker in _FRAMES and len(segment) >= 5:  # noqa: PLR2004 - precision, height and width
            height, width = struct.unpack_from(">HH", segment, 1)
            return width, height
    return None


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the marker and content of each segment before the picture's own data."""
    place = 2
    while place + 4 <= len(data) and data[place] == 0xFF:  # noqa: PLR2004
        marker = data[place + 1]
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            place += 1
        elif marker in _WITHOUT_LENGTH:
            place += 2
        else:
            length = int.from_bytes(data[place + 2 : place + 4])
            if length < 2 or marker == 0xDA:  # noqa: PLR2004 - the start of the scan
                return
            yield marker, data[place + 4 : place + 2 + length]
            place += 2 + length
