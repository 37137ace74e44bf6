"""Protects from hostile workbooks: what is too large, packed too tightly or not plain XML is refused unread."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Literal
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from openpyxl.xml.constants import CONTYPES_NS, PKG_REL_NS, SHEET_MAIN_NS

from orgaudit.errors import ConfigError

MIB = 1 << 20
MOST_PACKED = 32 * MIB
MOST_UNPACKED = 96 * MIB
MOST_OF_PART = 64 * MIB
MOST_PARTS = 1_000
MOST_RATIO = 200
"""How many times larger than packed a workbook may be; those of spreadsheet programs are 5 to 40 times larger."""

MOST_ELEMENTS = 4_000_000
"""The most elements of all parts that are read; openpyxl takes some microseconds for each."""

MOST_RECORDS = 1_048_576
"""The most rows or shared texts of a part: the rows of a sheet."""

_ELEMENTS_AT_ONCE, _BYTES_AT_ONCE = 100_000, 16 * MIB
"""How much one row, one shared text, or all outside of them may be: openpyxl holds that in memory at once."""

_SMALL = MIB
_CHUNK = 64 << 10
_MOST_IN_ONE_TAG = 512 << 10
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_AGAIN = "open it in a spreadsheet program and save it as .xlsx again"

_STRICT = "http://purl.oclc.org/ooxml/"
"""Begins the namespaces of ISO/IEC 29500 Strict, which openpyxl would take for empty sheets."""

_RECORDS = {f"{SHEET_MAIN_NS} {name}" for name in ("row", "si")}
_ROOTS = {
    f"{CONTYPES_NS} Types",
    f"{PKG_REL_NS} Relationships",
    *(f"{SHEET_MAIN_NS} {name}" for name in ("workbook", "worksheet", "sst", "styleSheet")),
}

_DAMAGE = (
    *(
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        OSError,
        RuntimeError,
        SyntaxError,
        TypeError,
        ValueError,
    ),
    *(BadZipFile, expat.ExpatError, zlib.error),
)
"""What zipfile, expat and openpyxl raise over a damaged part."""


class GuardedArchive(ZipFile):
    """A workbook's archive, each part of which is checked before it is opened for the first time.

    Raises ConfigError for a file that is not a workbook, or that no spreadsheet program has written.
    """

    def __init__(self, path: Path) -> None:
        self._file = str(path)
        self._checked: set[str] = set()
        self._elements = 0
        try:
            if not path.is_file():
                raise self.error("is not a file")
            if path.stat().st_size > MOST_PACKED:
                raise self.error(f"is larger than {MOST_PACKED // MIB} MB; {_AGAIN}")
            with path.open("rb") as file:
                begins = file.read(len(_OLE))
            if begins == _OLE:
                raise self.error("is protected by a password, or an old .xls; save it as .xlsx without a password")
            super().__init__(path)
        except OSError as error:
            raise self.error(f"cannot be read ({error.strerror})") from error
        except (BadZipFile, NotImplementedError, ValueError) as error:
            raise self.error("is not a workbook; save it as .xlsx") from error
        try:
            self._check_sizes()
            self.open("_rels/.rels").close()
        except ConfigError:
            self.close()
            raise

    def error(self, message: str) -> ConfigError:
        """Return an error about this file."""
        return ConfigError(message, file=self._file)

    def open(
        self, name: str | ZipInfo, mode: Literal["r", "w"] = "r", pwd: bytes | None = None, *, force_zip64: bool = False
    ) -> IO[bytes]:
        """Open a part; raises ConfigError where it is missing, damaged, hostile, or not of those that are read."""
        part = name.filename if isinstance(name, ZipInfo) else name
        if part not in self.NameToInfo:
            raise self.error(f"has no {part}; save it as .xlsx")
        if part not in self._checked:
            with self.explained(part):
                self._check(part)
            self._checked.add(part)
        return super().open(name, mode, pwd, force_zip64=force_zip64)

    @contextmanager
    def explained(self, part: str = "a part of it") -> Iterator[None]:
        """Raise ConfigError in place of whatever damage makes a reader raise."""
        try:
            yield
        except _DAMAGE as error:
            raise self.error(f"is damaged: {part} cannot be read ({error}); {_AGAIN}") from error

    def _check(self, part: str) -> None:
        check = _PartCheck(self, part)
        fed = 0
        with super().open(part) as source:
            while chunk := source.read(_CHUNK):
                fed += len(chunk)
                check.parser.Parse(chunk, False)
                if fed - check.parser.CurrentByteIndex > _MOST_IN_ONE_TAG:
                    raise self.error(f"{part} has a tag that is too long; {_AGAIN}")
                check.weigh()
                if self._elements + check.elements > MOST_ELEMENTS:
                    raise self.error(f"has over {MOST_ELEMENTS:,} elements; clear the cells that hold nothing")
            check.parser.Parse(b"", True)
        self._elements += check.elements

    def _check_sizes(self) -> None:
        parts = self.infolist()
        if len(parts) > MOST_PARTS:
            raise self.error(f"has {len(parts)} parts, and no workbook has over {MOST_PARTS}; {_AGAIN}")
        for part in parts:
            if part.flag_bits & 1:
                raise self.error("is protected by a password; save it without one")
            if part.compress_type not in {ZIP_STORED, ZIP_DEFLATED}:
                raise self.error(f"{part.filename} is packed as no spreadsheet program does it; {_AGAIN}")
            if part.file_size > MOST_OF_PART:
                raise self.error(f"{part.filename} would unpack to over {MOST_OF_PART // MIB} MB; {_AGAIN}")
        packed, unpacked = sum(it.compress_size for it in parts), sum(it.file_size for it in parts)
        if unpacked > MOST_UNPACKED:
            raise self.error(f"would unpack to over {MOST_UNPACKED // MIB} MB; {_AGAIN}")
        if unpacked > _SMALL and unpacked > MOST_RATIO * packed:
            raise self.error(f"would unpack to over {MOST_RATIO} times its size; {_AGAIN}")


class _PartCheck:
    """Checks a part's elements as they pass: which part it is, and how much of it a reader must hold at once."""

    def __init__(self, archive: GuardedArchive, part: str) -> None:
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.StartElementHandler, self.parser.EndElementHandler = self._start_of_root, self._end
        self.parser.StartDoctypeDeclHandler = self._refuse_doctype
        self.elements = 0
        self._archive, self._part = archive, part
        self._record, self._records = "", 0
        self._begin = (0, 0)
        self._in_records = (0, 0)

    def weigh(self) -> None:
        """Raise ConfigError where the record that is being read, or all outside of records, is too much to hold."""
        before = self._begin if self._record else self._in_records
        elements, size = self.elements - before[0], self.parser.CurrentByteIndex - before[1]
        if elements > _ELEMENTS_AT_ONCE or size > _BYTES_AT_ONCE:
            raise self._archive.error(f"{self._part} holds too much in one row or text, or outside of them; {_AGAIN}")
        if self._records > MOST_RECORDS:
            raise self._archive.error(f"{self._part} has over {MOST_RECORDS:,} rows or texts; {_AGAIN}")

    def _start_of_root(self, name: str, _: object) -> None:
        if name not in _ROOTS:
            if name.startswith(_STRICT):
                raise self._archive.error("is a strict Open XML workbook; save it as an Excel workbook (.xlsx)")
            raise ValueError(f"it begins with {name:.80}")
        self.elements = 1
        self.parser.StartElementHandler = self._start

    def _start(self, name: str, _: object) -> None:
        self.elements += 1
        if name in _RECORDS:
            if self._record:
                raise ValueError("a row or text holds another")
            self._record, self._records = name, self._records + 1
            self._begin = (self.elements, self.parser.CurrentByteIndex)

    def _end(self, name: str) -> None:
        if name == self._record:
            self._record = ""
            elements, size = self.elements - self._begin[0] + 1, self.parser.CurrentByteIndex - self._begin[1]
            self._in_records = (self._in_records[0] + elements, self._in_records[1] + size)

    def _refuse_doctype(self, *_: object) -> None:
        raise self._archive.error(f"declares a document type, with which entities could be drawn in; {_AGAIN}")
