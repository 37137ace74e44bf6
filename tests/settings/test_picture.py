"""The logo that the settings name is a whole PNG or JPEG picture, or an error that names the file and the key."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import pytest

from orgaudit.errors import ConfigError
from orgaudit.settings.picture import MOST_BYTES, read_logo


def png(width: int, height: int) -> bytes:
    """Return a picture of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x1f\x3a\x5f" * width) * height, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def jpeg(width: int, height: int, *, before: bytes = b"") -> bytes:
    """Return the segments of a picture, as far as its size is read: an application's own, then the frame."""
    own = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + bytes(9)
    frame = b"\xff\xc2" + struct.pack(">HBHHB", 17, 8, height, width, 3) + bytes(9)
    return b"\xff\xd8" + own + before + frame + b"\xff\xda" + struct.pack(">H", 8) + bytes(6) + b"data\xff\xd9"


@pytest.mark.parametrize(
    ("content", "kind", "size"),
    [
        (png(300, 100), "png", (300, 100)),
        (png(1, 4000), "png", (1, 4000)),
        (jpeg(640, 480), "jpeg", (640, 480)),
        (jpeg(640, 480, before=b"\xff\xff\xfe\x00\x04hi\xff\x01"), "jpeg", (640, 480)),
    ],
)
def test_the_size_of_a_picture_is_read(tmp_path: Path, content: bytes, kind: str, size: tuple[int, int]) -> None:
    path = tmp_path / "logo.any"
    path.write_bytes(content)
    logo = read_logo(path)
    assert logo is not None
    assert (logo.format, (logo.width, logo.height), logo.data) == (kind, size, content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<svg/>",
        b"GIF89a" + bytes(40),
        png(300, 100)[:-1],
        png(300, 100)[:20],
        png(0, 10),
        jpeg(10, 10)[:-2],
        jpeg(0, 10),
        b"\xff\xd8\xff\xe0\x00\x10" + bytes(14) + b"\xff\xd9",
        b"\xff\xd8\xff\xe0\x00\x00\xff\xd9",
    ],
)
def test_what_is_no_whole_picture_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "logo.png"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"logo\.png: report\.logo: is not a whole PNG or JPEG"):
        read_logo(path)


def test_what_cannot_be_read_or_is_too_large_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "logo.png"
    with pytest.raises(ConfigError, match=r"logo\.png: report\.logo: cannot be read \(No such file"):
        read_logo(path)
    path.write_bytes(png(4, 4) + bytes(MOST_BYTES))
    with pytest.raises(ConfigError, match="is larger than 2,000,000 bytes"):
        read_logo(path)
    assert read_logo(None) is None
