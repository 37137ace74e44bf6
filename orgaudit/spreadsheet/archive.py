"""Saves a workbook with what openpyxl leaves out: fast rows, links in them, alt texts, and the same bytes each time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import IO
from xml.sax.saxutils import quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from openpyxl import Workbook
from openpyxl.writer.excel import ExcelWriter

from orgaudit.spreadsheet.text import printable


@dataclass(frozen=True, slots=True)
class Link:
    """A cell that leads to a row of another sheet."""

    place: str
    sheet: str
    row: int = 1


_ROWS_END = "</sheetData>"
_FOOTER_END = "</headerFooter>"
_NO_WARNING = '<ignoredErrors><ignoredError sqref="A1:XFD1048576" numberStoredAsText="1"/></ignoredErrors>'
_BEHIND_LINKS = re.compile("<(?:printOptions|pageMargins)")
_SHEET_PART = re.compile(r"xl/worksheets/sheet([0-9]+)\.xml")
_DRAWN = re.compile(r'(name="(?:Chart|Image) ([0-9]+)")(?: descr="Picture")?')
_MEDIA = "xl/media/"


def save(
    workbook: Workbook,
    file: IO[bytes],
    *,
    stamp: datetime,
    rows: Mapping[str, Sequence[Iterable[str]]],
    links: Mapping[str, Sequence[Link]],
    alt_texts: Sequence[str],
) -> None:
    """Write the workbook with what openpyxl leaves out.

    `rows`, as XML, follow openpyxl's last one; they and `links` are by sheet title, and `alt_texts` by
    chart, followed by those of pictures. `stamp`
    is the time in the document's properties and in the archive; the same workbook and stamp make the same bytes.
    """
    workbook.properties.created = workbook.properties.modified = stamp.replace(tzinfo=None, microsecond=0)
    with _Archive(file, "w", ZIP_DEFLATED, allowZip64=True, compresslevel=6) as archive:
        archive.date_time, archive.alt_texts = stamp.timetuple()[:6], alt_texts
        archive.sheets = [(rows.get(it.title, ()), links.get(it.title, ())) for it in workbook.worksheets]
        ExcelWriter(workbook, archive).write_data()


class _Archive(ZipFile):
    """The archive that openpyxl writes into; it rewrites the parts as they pass."""

    date_time: tuple[int, int, int, int, int, int]
    alt_texts: Sequence[str]
    sheets: Sequence[tuple[Sequence[Iterable[str]], Sequence[Link]]]

    def writestr(
        self,
        zinfo_or_arcname: str | ZipInfo,
        data: str | bytes,  # type: ignore[override]  # openpyxl passes nothing else
        compress_type: int | None = None,
        compresslevel: int | None = None,
    ) -> None:
        name = zinfo_or_arcname if isinstance(zinfo_or_arcname, str) else zinfo_or_arcname.filename
        if name.startswith(_MEDIA):
            super().writestr(self._info(name), data, compress_type, compresslevel)
            return
        text = data if isinstance(data, str) else data.decode()
        if name.startswith("xl/drawings/drawing"):
            text = _DRAWN.sub(self._with_alt_text, text)
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
        rows, links = self.sheets[int(part[1]) - 1] if part else ((), ())
        with self.open(self._info(name), "w", force_zip64=True) as target:
            for chunk in completed(Path(filename).read_text(encoding="utf-8"), chain.from_iterable(rows), links):
                target.write(chunk.encode())

    def _info(self, name: str) -> ZipInfo:
        info = ZipInfo(name, self.date_time)
        info.compress_type = ZIP_DEFLATED
        info.external_attr = 0o644 << 16
        return info

    def _with_alt_text(self, name: re.Match[str]) -> str:
        return f"{name[1]} descr={quoteattr(self.alt_texts[int(name[2]) - 1])}"


def completed(sheet: str, rows: Iterable[str], links: Sequence[Link]) -> Iterator[str]:
    """Yield a sheet's XML with more rows, with links, and without a warning that account ids are text.

    Raises ValueError where no rows end, or links have no place.
    """
    before, end, after = sheet.partition(_ROWS_END)
    margins = _BEHIND_LINKS.search(after)
    if not end or not margins:
        raise ValueError("the sheet has no rows to follow, or no margins")
    yield before
    yield from rows
    found = "".join(map(_link, links))
    after = after[: margins.start()] + (f"<hyperlinks>{found}</hyperlinks>" if found else "") + after[margins.start() :]
    yield end + after.replace(_FOOTER_END, _FOOTER_END + _NO_WARNING, 1)


def _link(link: Link) -> str:
    location, tooltip = quoteattr(f"'{link.sheet}'!A{link.row}"), quoteattr(f"Go to {link.sheet}")
    return f'<hyperlink ref="{link.place}" location={location} tooltip={tooltip}/>'
