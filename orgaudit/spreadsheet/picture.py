"""A picture in a sheet, as openpyxl writes one, without the library that openpyxl needs to look into it."""

from __future__ import annotations

from openpyxl.drawing.image import Image


class EmbeddedImage(Image):
    """The bytes of a PNG or JPEG with its size in pixels; they go into the file as they are."""

    def __init__(self, data: bytes, kind: str, width: int, height: int) -> None:
        self.format, self.width, self.height = kind, width, height
        self._content = data

    def _data(self) -> bytes:
        return self._content
