"""Saves a workbook with what openpyxl leaves out: fast rows, links in them, alt texts, and the same bytes each time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import IO
from xml.sax.saxutils import quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import msgspec
from openpyxl import Workbook
from openpyxl.writer.excel import ExcelWriter

from orgaudit.spreadsheet.text import printable


class Link(msgspec.Struct, frozen=True, gc=False):
    """A cell that leads to a row of another sheet, or to an address of the web."""

    place: str
    sheet: str
    row: int = 1
    address: str = ""


LEVEL = 3
"""The compression: a sixth larger than by zlib's default, 6, in half the time."""

_TOGETHER = 1 << 16
"""About how many characters are compressed at once."""

_ROWS_END = "</sheetData>"
_FOOTER_END = "</headerFooter>"
_NO_WARNING = '<ignoredErrors><ignoredError sqref="A1:XFD1048576" numberStoredAsText="1"/></ignoredErrors>'
_BEHIND_LINKS = re.compile("<(?:printOptions|pageMargins)")
_SHEET_PART = re.compile(r"xl/worksheets/sheet([0-9]+)\.xml")
_RELATIONS_PART = re.compile(r"xl/worksheets/_rels/sheet([0-9]+)\.xml\.rels")
_RELATIONS_END = "</Relationships>"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
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
    with _Archive(file, "w", ZIP_DEFLATED, allowZip64=True) as archive:
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
        if part := _RELATIONS_PART.fullmatch(name):
            _, links = self.sheets[int(part[1]) - 1]
            text = text.replace(_RELATIONS_END, "".join(_relations(links)) + _RELATIONS_END)
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
            for chunk in _joined(
                completed(Path(filename).read_text(encoding="utf-8"), chain.from_iterable(rows), links)
            ):
                target.write(chunk.encode())

    def _info(self, name: str) -> ZipInfo:
        info = ZipInfo(name, self.date_time)
        info.compress_type = ZIP_DEFLATED
        info._compresslevel = LEVEL  # type: ignore[attr-defined]  # noqa: SLF001 - else zlib's own
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
    ids = _ids(links)
    found = _elements(links, ids)
    element = f'<hyperlinks xmlns:r="{_RELATIONS}">{found}</hyperlinks>' if found else ""
    after = after[: margins.start()] + element + after[margins.start() :]
    yield end + after.replace(_FOOTER_END, _FOOTER_END + _NO_WARNING, 1)


def _joined(chunks: Iterable[str]) -> Iterator[str]:
    """Yield chunks joined into larger ones: each that is compressed costs as much as a short row."""
    held, size = [], 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size >= _TOGETHER:
            yield "".join(held)
            held, size = [], 0
    yield "".join(held)


def _ids(links: Sequence[Link]) -> dict[str, str]:
    """Return the id of each address in the sheet's relations."""
    addresses = dict.fromkeys(link.address for link in links if link.address)
    return {address: f"address{number}" for number, address in enumerate(addresses, 1)}


def _relations(links: Sequence[Link]) -> Iterator[str]:
    """Yield the addresses as the relations of the sheet that holds the links."""
    for address, name in _ids(links).items():
        target = quoteattr(address)
        yield f'<Relationship Id="{name}" Type="{_RELATIONS}/hyperlink" Target={target} TargetMode="External"/>'


def _elements(links: Sequence[Link], ids: Mapping[str, str]) -> str:
    """Return the links as a sheet's XML; many of them lead to the same."""
    ends: dict[tuple[str, str, int], str] = {}
    elements = []
    for link in links:
        goal = (link.address, link.sheet, link.row)
        if (end := ends.get(goal)) is None:
            end = ends[goal] = _end(link, ids)
        elements.append(f'<hyperlink ref="{link.place}" {end}')
    return "".join(elements)


def _end(link: Link, ids: Mapping[str, str]) -> str:
    """Return a link's XML from behind its place."""
    if link.address:
        return f'r:id="{ids[link.address]}"/>'
    location, tooltip = quoteattr(f"'{link.sheet}'!A{link.row}"), quoteattr(f"Go to {link.sheet}")
    return f"location={location} tooltip={tooltip}/>"
