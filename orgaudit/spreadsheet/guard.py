"""Opens a workbook's archive with suspicion: what is too large, packed too tightly or no plain XML is refused early."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self
from xml.parsers import expat

from orgaudit.errors import ConfigError

MIB = 1 << 20
MOST_PACKED = 32 * MIB
MOST_UNPACKED = 96 * MIB
MOST_OF_PART = 64 * MIB
MOST_PARTS = 1_000
MOST_RATIO = 200
"""How many times larger than packed a workbook may be; those of spreadsheet programs are 5 to 40 times larger."""

_SMALL = MIB
_CHUNK = 64 << 10
_MOST_IN_ONE_TAG = 512 << 10
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MEND = "export it anew with `orgaudit exceptions export`, and edit that"

Start = Callable[[str, Mapping[str, str]], None]
"""Called with the local name of an element that begins, and its attributes by local name."""


class Archive:
    """A workbook's parts; raises ConfigError for a file that is none, or that no spreadsheet program has written."""

    def __init__(self, path: Path) -> None:
        self.file = str(path)
        try:
            if not path.is_file():
                raise self.error("is no file")
            if path.stat().st_size > MOST_PACKED:
                raise self.error(f"is larger than {MOST_PACKED // MIB} MB; {_MEND}")
            with path.open("rb") as file:
                begins = file.read(len(_OLE))
            if begins == _OLE:
                raise self.error("is protected by a password, or an old .xls; save it as .xlsx without a password")
            self._zip = zipfile.ZipFile(path)
        except OSError as error:
            raise self.error(f"cannot be read ({error.strerror})") from error
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise self.error("is no workbook; save it as .xlsx") from error
        try:
            self._check_sizes()
        except ConfigError:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._zip.close()

    def error(self, message: str) -> ConfigError:
        """Return an error about this file."""
        return ConfigError(message, file=self.file)

    def has(self, part: str) -> bool:
        """Tell whether there is a part of this name."""
        return part in self._zip.NameToInfo

    def parse(
        self,
        part: str,
        start: Start,
        end: Callable[[str], None] = lambda _name: None,
        text: Callable[[str], None] = lambda _text: None,
    ) -> None:
        """Parse a part piece by piece; raises ConfigError where it is damaged, missing, or declares a document type."""
        parser = expat.ParserCreate(namespace_separator="\n")
        parser.buffer_text = True
        parser.StartElementHandler = lambda name, attributes: start(
            _local(name), {_local(key): value for key, value in attributes.items()}
        )
        parser.EndElementHandler = lambda name: end(_local(name))
        parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = self._refuse_doctype
        fed = 0
        try:
            with self._zip.open(part) as source:
                while chunk := source.read(_CHUNK):
                    fed += len(chunk)
                    parser.Parse(chunk, False)
                    if fed - parser.CurrentByteIndex > _MOST_IN_ONE_TAG:
                        raise self.error(f"{part} has a tag that is too long; {_MEND}")
                parser.Parse(b"", True)
        except KeyError as error:
            raise self.error(f"has no {part}; save it as .xlsx") from error
        except (expat.ExpatError, zipfile.BadZipFile, zlib.error, EOFError, LookupError, ValueError) as error:
            raise self.error(f"is damaged: {part} cannot be read ({error}); {_MEND}") from error

    def _check_sizes(self) -> None:
        parts = self._zip.infolist()
        if len(parts) > MOST_PARTS:
            raise self.error(f"has {len(parts)} parts, and no workbook has over {MOST_PARTS}; {_MEND}")
        for part in parts:
            if part.flag_bits & 1:
                raise self.error("is protected by a password; save it without one")
            if part.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise self.error(f"{part.filename} is packed as no spreadsheet program does it; {_MEND}")
            if part.file_size > MOST_OF_PART:
                raise self.error(f"{part.filename} would unpack to over {MOST_OF_PART // MIB} MB; {_MEND}")
        packed, unpacked = sum(it.compress_size for it in parts), sum(it.file_size for it in parts)
        if unpacked > MOST_UNPACKED:
            raise self.error(f"would unpack to over {MOST_UNPACKED // MIB} MB; {_MEND}")
        if unpacked > _SMALL and unpacked > MOST_RATIO * packed:
            raise self.error(f"would unpack to over {MOST_RATIO} times its size; {_MEND}")

    def _refuse_doctype(self, *_: object) -> None:
        raise self.error(f"declares a document type, with which entities could be drawn in; {_MEND}")


def _local(name: str) -> str:
    return name.rpartition("\n")[2]
