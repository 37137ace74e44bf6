"""Cells as they are read: nothing is left out, nothing computed, and what would cost too much is refused."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from zipfile import ZIP_STORED

import pytest
from openpyxl import Workbook

from orgaudit.errors import ConfigError
from orgaudit.spreadsheet import cells
from orgaudit.spreadsheet.cells import CellValue, ErrorCell, FormulaCell, Merge, read_layouts, read_sheets
from tests.spreadsheet.packing import MAIN, SHEET, replace, sheet, with_texts, within_bounds

pytestmark = pytest.mark.usefixtures("within_bounds")
__all__ = ["within_bounds"]


@pytest.fixture
def workbook(tmp_path: Path) -> Path:
    path = tmp_path / "a.xlsx"
    Workbook().save(path)
    return path


def read(path: Path, content: bytes) -> dict[int, dict[int, CellValue]]:
    replace(path, SHEET, lambda _: content)
    return read_sheets(path)["Sheet"]


def refused(path: Path, words: str, content: bytes | None = None) -> None:
    if content is not None:
        replace(path, SHEET, lambda _: content, ZIP_STORED)
    with pytest.raises(ConfigError, match=words):
        read_sheets(path)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("<c><v>12</v></c>", 12),
        ("<c><v>12.0</v></c>", 12),
        ("<c><v>1.2E1</v></c>", 12),
        ("<c><v>0.5</v></c>", 0.5),
        ("<c><v>123456789012345678</v></c>", 123456789012345678.0),
        ("<c t='b'><v>1</v></c>", True),
        ("<c t='e'><v>#N/A</v></c>", ErrorCell("#N/A")),
        ("<c t='d'><v>2025-03-31</v></c>", date(2025, 3, 31)),
        ("<c t='d'><v>2025-03-31T12:30:00</v></c>", datetime(2025, 3, 31, 12, 30)),  # noqa: DTZ001 - cells have no zone
        ("<c t='str'><v>a_x000A_b</v></c>", "a\nb"),
        ("<c t='inlineStr'><is><r><t>_x005F_x0041_</t></r><r><t> b</t></r></is></c>", "_x0041_ b"),
        ("<c><f>1+1</f><v>2</v></c>", FormulaCell()),
        ("<c t='e'><f>NA()</f><v>#N/A</v></c>", FormulaCell()),
        ("<c r='A1'><f t='array' ref='A1'>1</f></c>", FormulaCell()),
        ("<c r='A1'><f t='dataTable' ref='A1' more='x'/></c>", FormulaCell()),
        ("<c r='A1'><f t='shared' si='7'/><v>2</v></c>", FormulaCell()),
    ],
)
def test_each_kind_of_cell(workbook: Path, cell: str, value: CellValue) -> None:
    found = read(workbook, sheet(f"<row>{cell}</row>"))[1][1]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("cell", ["<c/>", "<c><v></v></c>", "<c t='s'/>", "<c t='inlineStr'><is><t/></is></c>", ""])
def test_an_empty_cell_holds_nothing(workbook: Path, cell: str) -> None:
    assert read(workbook, sheet(f"<row>{cell}</row>")) == {}


@pytest.mark.parametrize(
    ("number_format", "number", "value"),
    [
        ("yyyy-mm-dd", 45747, date(2025, 3, 31)),
        ("dd/mm/yy hh:mm", 45747.5, datetime(2025, 3, 31, 12)),  # noqa: DTZ001
        ("h:mm", 0.5, "12:00:00"),
        ("[h]:mm", 1.5, "1 day, 12:00:00"),
        ("yyyy-mm-dd", 1e7, ErrorCell("#VALUE!")),
        ('0 "days"', 7, 7),
        ("[Red]#,##0", 7, 7),
    ],
)
def test_a_number_is_a_day_by_its_format(workbook: Path, number_format: str, number: float, value: CellValue) -> None:
    book = Workbook()
    book.worksheets[0]["A1"].number_format = number_format
    book.worksheets[0]["A1"] = 1
    book.save(workbook)
    replace(workbook, SHEET, lambda content: content.replace(b"<v>1</v>", b"<v>%r</v>" % number))
    assert read_sheets(workbook)["Sheet"] == {1: {1: value}}


def test_days_count_from_1904_where_the_workbook_says_so(workbook: Path) -> None:
    book = Workbook()
    book.worksheets[0]["A1"] = date(2025, 3, 31)
    book.save(workbook)
    replace(workbook, "xl/workbook.xml", lambda it: it.replace(b"<workbookPr", b'<workbookPr date1904="1"', 1))
    assert read_sheets(workbook)["Sheet"] == {1: {1: date(2029, 4, 1)}}


def test_shared_texts_are_as_they_were_written(workbook: Path) -> None:
    texts = ("ax005F_b", "_x005F_x0041_", "_x0041_", "one</t></r><r><t>two</t></r><rPh sb='0' eb='1'><t>hint</t></rPh>")
    items = "".join(f"<si><r><t>{text}</si>" if "</r>" in text else f"<si><t>{text}</t></si>" for text in texts)
    with_texts(workbook, f"<sst {MAIN}>{items}</sst>".encode())
    row = "".join(f"<c t='s'><v>{number}</v></c>" for number in range(len(texts)))
    assert read(workbook, sheet(f"<row>{row}</row>")) == {1: {1: "ax005F_b", 2: "_x0041_", 3: "A", 4: "onetwo"}}


@pytest.mark.parametrize("size", ["", '<dimension ref="A1:A1"/>', '<dimension ref="A1:XFD1048576"/>'])
def test_cells_out_of_order_are_read_and_the_stated_size_is_not_believed(workbook: Path, size: str) -> None:
    one, two = '<c r="C{0}"><v>3</v></c><c r="A{0}"><v>1</v></c>', '<row r="{0}">{1}</row>'
    content = sheet("".join(two.format(row, one.format(row)) for row in (5, 2)))
    found = read(workbook, content.replace(b"<sheetData>", f"{size}<sheetData>".encode()))
    assert found == {5: {3: 3, 1: 1}, 2: {3: 3, 1: 1}}


@pytest.mark.parametrize(
    "content",
    [
        '<row r="1"><c r="A1"><v>1</v></c><c r="A1"><v>2</v></c></row>',
        '<row r="1"><c r="A1"><v>1</v></c></row><row r="1"><c r="A1"><v>2</v></c></row>',
        '<row r="0"><c><v>1</v></c></row>',
        '<row r="1"><c r="A0"><v>1</v></c></row>',
        '<row r="-1"><c><v>1</v></c></row>',
        "<row><row><c><v>1</v></c></row></row>",
    ],
)
def test_a_place_that_is_none_or_taken_is_refused(workbook: Path, content: str) -> None:
    refused(workbook, "is damaged", sheet(content))


def test_what_stands_beside_the_cells_does_not_matter(workbook: Path) -> None:
    more = '<pageSetup orientation="askew"/><autoFilter ref="nonsense"/><conditionalFormatting/>'
    assert read(workbook, sheet("<row><c><v>1</v></c></row>", more)) == {1: {1: 1}}


def test_a_strict_workbook_is_refused_and_not_empty(workbook: Path) -> None:
    replace(
        workbook,
        SHEET,
        lambda it: it.replace(
            b"http://schemas.openxmlformats.org/spreadsheetml/2006/", b"http://purl.oclc.org/ooxml/spreadsheetml/"
        ),
    )
    refused(workbook, "strict Open XML workbook; save it as an Excel workbook")


@pytest.mark.parametrize("target", ["styles.xml", "workbook.xml", "theme/theme1.xml"])
def test_a_sheet_that_is_another_part_is_refused_and_not_empty(workbook: Path, target: str) -> None:
    replace(
        workbook, "xl/_rels/workbook.xml.rels", lambda it: it.replace(b"/xl/worksheets/sheet1.xml", target.encode())
    )
    refused(workbook, "is damaged")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"spreadsheetml.sheet.main+xml", b"spreadsheetml.worksheet+xml"),
        (b"spreadsheetml.sheet.main+xml", b"spreadsheetml.chartsheet+xml"),
        (b"/xl/workbook.xml", b"/xl/styles.xml"),
        (b"/xl/workbook.xml", b"/xl/none.xml"),
        (b"/xl/sharedStrings.xml", b"/xl/styles.xml"),
        (b"/xl/sharedStrings.xml", b"/xl/none.xml"),
        (b"sharedStrings+xml", b"comments+xml"),
    ],
)
def test_wrong_content_types_are_refused(workbook: Path, old: bytes, new: bytes) -> None:
    with_texts(workbook, f"<sst {MAIN}><si><t>a</t></si></sst>".encode())
    assert read(workbook, sheet("<row><c t='s'><v>0</v></c></row>")) == {1: {1: "a"}}
    replace(workbook, "[Content_Types].xml", lambda content: content.replace(old, new))
    refused(workbook, "is damaged|has no xl/none.xml|has no sheet")


def test_sheets_elsewhere_and_sheets_of_charts_are_left_alone(workbook: Path) -> None:
    book = Workbook()
    book.create_chartsheet("Chart")
    book.create_sheet("Elsewhere")
    book.save(workbook)
    before = b'Target="/xl/worksheets/sheet2.xml"'
    replace(
        workbook,
        "xl/_rels/workbook.xml.rels",
        lambda it: it.replace(before, b'Target="http://127.0.0.1:9/sheet.xml" TargetMode="External"'),
    )
    replace(workbook, "xl/chartsheets/sheet1.xml", lambda _: b"<!DOCTYPE x><x/>")
    assert list(read_sheets(workbook)) == ["Sheet"]


def test_a_shared_formula_is_not_translated(workbook: Path) -> None:
    long = "+".join(f"A{number}" for number in range(1, 50_000))
    first = f"<row r='1'><c r='B1'><f t='shared' ref='B1:B20000' si='0'>{long}</f></c></row>"
    more = "".join(f"<row r='{row}'><c r='B{row}'><f t='shared' si='0'/></c></row>" for row in range(2, 20_001))
    assert len(read(workbook, sheet(first + more))) == 20_000


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (sheet("<row>" + "<c/>" * 2_000_000 + "</row>"), "too much in one row"),
        (sheet("<row><c t='str'><v>" + "\U0001f512" * 5_000_000 + "</v></c></row>"), "too much in one row"),
        (sheet("", "<x/>" * 2_000_000), "too much in one row or text, or outside"),
        (sheet("", " " * 20_000_000), "too much in one row or text, or outside"),
        (sheet("<row/>" * 1_048_577), "over 1,048,576 rows"),
        (sheet(("<row>" + "<c/>" * 16_000 + "</row>") * 300), "over 4,000,000 elements"),
    ],
)
def test_what_would_fill_the_memory_is_refused(workbook: Path, content: bytes, words: str) -> None:
    refused(workbook, words, content)


def test_a_million_empty_rows_with_attributes_are_read(workbook: Path) -> None:
    assert read(workbook, sheet("".join(f'<row r="{row}" ht="12"/>' for row in range(1, 1_000_001)))) == {}


def test_one_text_of_many_pieces_is_refused(workbook: Path) -> None:
    with_texts(workbook, f"<sst {MAIN}><si>{'<r><t>a</t></r>' * 1_000_000}</si></sst>".encode(), ZIP_STORED)
    refused(workbook, "too much in one row or text")


def test_the_sheets_share_one_budget_of_cells(workbook: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "MOST_CELLS", 1_000)
    book = Workbook()
    for sheet_of_book in (*book.worksheets, book.create_sheet("More")):
        for _ in range(2, 8):
            sheet_of_book.append([1] * 100)
    book.save(workbook)
    refused(workbook, "More!A5: no more than 1,000 cells are read")


def test_merged_cells_are_read_and_what_is_no_range_is_damage(workbook: Path) -> None:
    def merged(reference: str) -> bytes:
        rows = sheet("<row><c r='A1'><v>1</v></c></row>")
        return rows.replace(
            b"</sheetData>", f'</sheetData><mergeCells><mergeCell ref="{reference}"/></mergeCells>'.encode()
        )

    replace(workbook, SHEET, lambda _: merged("B2:C4"))
    assert read_layouts(workbook)["Sheet"].merges == (Merge(2, 2, 3, 4),)
    for reference in ("A:A", "", "A1:", "nowhere"):
        refused(workbook, "is damaged", merged(reference))
