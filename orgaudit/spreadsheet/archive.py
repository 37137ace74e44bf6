"""Saves a workbook with what openpyxl leaves out: results of formulas, alt texts, and the same bytes each time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import IO, NamedTuple
from xml.sax.saxutils import escape, quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.writer.excel import ExcelWriter

from orgaudit.spreadsheet.rows import Result
from orgaudit.spreadsheet.text import printable


class Additions(NamedTuple):
    """What openpyxl leaves out of a workbook.

    The result of each formula in its cells, by sheet title and cell reference; the rows that follow its last one, as
    XML, by sheet title; and the charts' alt texts, in their order.
    """

    results: Mapping[str, Mapping[str, Result]]
    rows: Mapping[str, Sequence[Iterable[str]]]
    alt_texts: Sequence[str] = ()


CHUNK = 1 << 20

_FORMULA_CELL = re.compile(r'<c r="([A-Z]+[0-9]+)"([^>]*)><f>([^<]*)</f><v ?(?:/>|></v>)</c>')
_ROWS_END = "</sheetData>"
_FOOTER_END = "</headerFooter>"
_NO_WARNING = '<ignoredErrors><ignoredError sqref="A1:XFD1048576" numberStoredAsText="1"/></ignoredErrors>'
_SHEET_PART = re.compile(r"xl/worksheets/sheet([0-9]+)\.xml")
_CHART_NAME = re.compile(r'name="Chart ([0-9]+)"')


def save(workbook: Workbook, file: IO[bytes], *, stamp: datetime, additions: Additions) -> None:
    """Write the workbook with its additions.

    `stamp` is the time in the document's properties and in the archive; the same workbook and stamp make the same
    bytes. Raises ValueError for a formula without a result or a result without a formula.
    """
    workbook.properties.created = workbook.properties.modified = stamp.replace(tzinfo=None, microsecond=0)
    with _Archive(file, workbook, stamp, additions) as archive:
        ExcelWriter(workbook, archive).write_data()


class _Archive(ZipFile):
    """The archive that openpyxl writes into; it rewrites the parts as they pass."""

    def __init__(self, file: IO[bytes], workbook: Workbook, stamp: datetime, additions: Additions) -> None:
        super().__init__(file, "w", ZIP_DEFLATED, allowZip64=True, compresslevel=6)
        self._workbook = workbook
        self._date_time = stamp.timetuple()[:6]
        self._additions = additions

    def writestr(
        self,
        zinfo_or_arcname: str | ZipInfo,
        data: str | bytes,  # type: ignore[override]  # openpyxl passes nothing else
        compress_type: int | None = None,
        compresslevel: int | None = None,
    ) -> None:
        name = zinfo_or_arcname if isinstance(zinfo_or_arcname, str) else zinfo_or_arcname.filename
        text = data if isinstance(data, str) else data.decode()
        if name.startswith("xl/drawings/drawing"):
            text = _CHART_NAME.sub(self._with_alt_text, text)
        # What openpyxl puts into charts and properties it does not check, and one wrong character spoils the file.
        super().writestr(self._info(name), printable(text), compress_type, compresslevel)

    def write(
        self,
        filename: str | PathLike[str],
        arcname: str | PathLike[str] | None = None,
        compress_type: int | None = None,  # noqa: ARG002 - the signature is ZipFile's
        compresslevel: int | None = None,  # noqa: ARG002
    ) -> None:
        name = str(arcname)
        part = _SHEET_PART.fullmatch(name)
        title = self._workbook.worksheets[int(part[1]) - 1].title if part else ""
        with (
            Path(filename).open(encoding="utf-8", newline="") as source,
            self.open(self._info(name), "w", force_zip64=True) as target,
        ):
            rows = chain.from_iterable(self._additions.rows.get(title, ()))
            for chunk in completed(source, self._additions.results.get(title, {}), rows):
                target.write(chunk.encode())

    def _info(self, name: str) -> ZipInfo:
        info = ZipInfo(name, self._date_time)
        info.compress_type = ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        return info

    def _with_alt_text(self, name: re.Match[str]) -> str:
        return f"{name[0]} descr={quoteattr(self._additions.alt_texts[int(name[1]) - 1])}"


def completed(source: IO[str], results: Mapping[str, Result], rows: Iterable[str]) -> Iterator[str]:
    """Yield a sheet's XML with each formula's result, more rows, and no warning that account ids are text.

    Raises ValueError where formulas and results do not match, or where no rows end.
    """
    placed = 0

    def with_result(cell: re.Match[str]) -> str:
        nonlocal placed
        reference, attributes, formula = cell.groups()
        if reference not in results:
            raise ValueError(f"the formula in {reference} has no result")
        placed += 1
        result = results[reference]
        kind = ' t="str"' if isinstance(result, str) else ""
        return f'<c r="{reference}"{attributes}{kind}><f>{formula}</f><v>{escape(printable(str(result)))}</v></c>'

    rest = ""
    while chunk := source.read(CHUNK):
        whole, cell_end, rest = (rest + chunk).rpartition("</c>")
        yield _FORMULA_CELL.sub(with_result, whole + cell_end)
    before, end, after = rest.partition(_ROWS_END)
    if not end:
        raise ValueError("the sheet has no rows to follow")
    yield before
    yield from rows
    yield end + after.replace(_FOOTER_END, _FOOTER_END + _NO_WARNING, 1)
    if placed != len(results):
        raise ValueError(f"{len(results) - placed} results have no formula")
