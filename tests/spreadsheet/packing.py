"""Changes the parts of workbooks as a hostile program could, and holds what reads them to bounds."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest

SHEET = "xl/worksheets/sheet1.xml"
TEXTS = "xl/sharedStrings.xml"
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
SECONDS, KIBIBYTES = 300, 300 * 1024
"""Of the processor, of which other work on the machine takes nothing; and of memory."""


@pytest.fixture
def within_bounds() -> Iterator[None]:
    """Hold a test to seconds of the processor, and to 300 MB more than the process had needed before."""
    begin, peak = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.process_time() - begin < SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak < KIBIBYTES


def replace(path: Path, part: str, change: Callable[[bytes], bytes], kind: int = ZIP_DEFLATED) -> None:
    """Change one part of a workbook, or add it."""
    with ZipFile(path) as old:
        parts = {name: old.read(name) for name in old.namelist()}
    parts[part] = change(parts.get(part, b""))
    with ZipFile(path, "w", kind) as new:
        for name, content in parts.items():
            new.writestr(name, content)


def with_texts(path: Path, texts: bytes, kind: int = ZIP_DEFLATED) -> None:
    """Give the workbook a table of shared texts, as spreadsheet programs do and openpyxl does not."""
    relation = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"
    content = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    for part, end, added in (
        (
            "xl/_rels/workbook.xml.rels",
            b"</Relationships>",
            f'<Relationship Type="{relation}" Target="sharedStrings.xml" Id="texts"/>',
        ),
        ("[Content_Types].xml", b"</Types>", f'<Override PartName="/{TEXTS}" ContentType="{content}"/>'),
    ):
        replace(path, part, lambda old, end=end, added=added: old.replace(end, added.encode() + end))  # type: ignore[misc]
    replace(path, TEXTS, lambda _: texts, kind)


def sheet(rows: str, more: str = "") -> bytes:
    """Return a sheet's XML of these rows, with more behind them."""
    return f"<worksheet {MAIN}><sheetData>{rows}</sheetData>{more}</worksheet>".encode()


def rows(count: int, cell: str) -> bytes:
    """Return a sheet's XML of so many rows, each of the cell with the row's number in place of {0}."""
    return sheet("".join(f'<row r="{row}">{cell.format(row)}</row>' for row in range(1, count + 1)))
