"""The archive: rows and links put into a sheet as openpyxl leaves it."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.archive import Link, completed
from orgaudit.spreadsheet.rows import CellWriter, Formula, row
from orgaudit.spreadsheet.workbook import WorkbookWriter, limit_to

SHEET = (
    '<sheetData><row><c r="A1" t="inlineStr"><is><t>&lt;f&gt;</t></is></c></row></sheetData><mergeCells/>'
    "<pageMargins /><headerFooter><oddFooter /></headerFooter><tableParts />"
)
ROWS = ('<row r="3"><c r="A3"><f>1+1</f><v>2</v></c></row>', '<row r="4"/>')


def test_rows_follow_the_last_one_and_links_stand_where_the_format_wants_them() -> None:
    text = "".join(completed(SHEET, ROWS, [Link("A1", "It's & more", 7), Link("B2", "Other")]))
    assert '<c r="A1" t="inlineStr"><is><t>&lt;f&gt;</t></is></c></row>' + "".join(ROWS) + "</sheetData>" in text
    assert (
        "</sheetData><mergeCells/>"
        '<hyperlinks xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        """<hyperlink ref="A1" location="'It's &amp; more'!A7" """
        """tooltip="Go to It's &amp; more"/><hyperlink ref="B2" location="'Other'!A1" tooltip="Go to Other"/>"""
        "</hyperlinks><pageMargins />"
    ) in text
    assert '</headerFooter><ignoredErrors><ignoredError sqref="A1:XFD1048576" numberStoredAsText="1"/>' in text
    assert "hyperlinks" not in "".join(completed(SHEET, ROWS, ()))


@pytest.mark.parametrize("sheet", ["<worksheet><sheetData/><pageMargins/></worksheet>", "<sheetData></sheetData>"])
def test_a_sheet_that_cannot_take_its_rows_or_links_is_a_defect(sheet: str) -> None:
    with pytest.raises(ValueError, match="no rows to follow, or no margins"):
        list(completed(sheet, ROWS, ()))


def written(footer: str = "") -> bytes:
    file = io.BytesIO()
    with WorkbookWriter(footer=footer) as book:
        sheet = book.sheet("T", widths=[10])
        cells = CellWriter(sheet, look.TEXT)
        book.rows["T"].append([row(1, [cells.cell("A1", Formula('"a"&"b"', "ab")), cells.cell("B1", "x")], height=20)])
        book.links["T"].append(Link("B1", "T", 3))
        limit_to(sheet, "C1:C9", "Answer", ("yes", "no"))
        limit_to(sheet, "D1:D9", "Day", "date")
        limit_to(sheet, "E1:E9", "Count", "whole")
        book.save(file, title="A title", creator="a tool", stamp=datetime(2026, 10, 1, tzinfo=UTC))
    return file.getvalue()


def test_the_whole_is_read_back() -> None:
    formulas, shown = (openpyxl.load_workbook(io.BytesIO(written("R&D")), data_only=it) for it in (False, True))
    sheet = formulas["T"]
    assert isinstance(sheet, Worksheet)
    assert (sheet["A1"].value, shown["T"]["A1"].value) == ('="a"&"b"', "ab")
    assert sheet["B1"].hyperlink
    assert sheet["B1"].hyperlink.location == "'T'!A3"
    assert sheet.row_dimensions[1].height == 20
    assert sheet.oddFooter.left.text == "R&&D"  # type: ignore[union-attr]
    found = {
        str(it.sqref): (it.type, it.operator, it.formula1, it.error) for it in sheet.data_validations.dataValidation
    }
    assert found == {
        "C1:C9": ("list", None, '"yes,no"', "Choose one of: yes, no"),
        "D1:D9": ("date", "greaterThan", "36526", "A date, such as 2025-03-31."),
        "E1:E9": ("whole", "greaterThan", "0", "A whole number of 1 or more."),
    }
    assert (formulas.properties.title, formulas.properties.creator) == ("A title", "a tool")


def test_the_same_content_makes_the_same_bytes() -> None:
    assert written() == written()
