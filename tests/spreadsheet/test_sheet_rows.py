"""Rows as XML: what openpyxl reads back from them."""

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone
from operator import itemgetter
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.cell import Cell
from openpyxl.worksheet.worksheet import Worksheet

from orgaudit.spreadsheet import look
from orgaudit.spreadsheet.rows import REMEMBERED, WHOLE_LINES, Column, Content, Formula
from orgaudit.spreadsheet.text import fitted
from orgaudit.spreadsheet.workbook import PrintedPage, WorkbookWriter

STAMP = datetime(2026, 10, 1, tzinfo=UTC)


def written(
    values: Sequence[Any],
    style: look.Look = look.TEXT,
    *,
    formulas: bool = False,
    columns: Sequence[Column[Any]] = (),
    printed_to: str | None = None,
) -> Worksheet:
    """Return the sheet of a table, of one column unless others are given, as it is read from the file."""
    columns = columns or [Column("A", 20, lambda value: value, style)]
    file = io.BytesIO()
    with WorkbookWriter(footer="") as book:
        page = PrintedPage(printed_to)
        book.table(columns, values, parts=book.parts("T", len(values)), note="", page=page)
        book.save(file, title="", creator="", stamp=STAMP)
    sheet = openpyxl.load_workbook(file, data_only=not formulas)["T"]
    assert isinstance(sheet, Worksheet)
    return sheet


def read_back(values: Sequence[Content], style: look.Look = look.TEXT, *, formulas: bool = False) -> list[Cell]:
    """Return the cells of a table of one column, as they are read from the file."""
    rows = written(values, style, formulas=formulas).iter_rows(min_row=5)
    return [cell for row in rows for cell in row if isinstance(cell, Cell)]


def test_each_kind_of_value_is_what_it_was() -> None:
    moment = datetime(2026, 10, 1, 14, 30, tzinfo=timezone(timedelta(hours=2)))
    cells = read_back([7, 0.25, None, "", Formula("1/2", 0.5), Formula('IF(1<2,"a&b","")', "a&b")])
    assert [cell.value for cell in cells] == [7, 0.25, None, None, 0.5, "a&b"]
    assert read_back([Formula('IF(1<2,"a&b","")', "a&b")], formulas=True)[0].value == '=IF(1<2,"a&b","")'
    assert read_back([date(2026, 10, 1)], look.DATE)[0].value == datetime(2026, 10, 1)  # noqa: DTZ001 - cells have none
    assert read_back([moment], look.TIME)[0].value == datetime(2026, 10, 1, 12, 30)  # noqa: DTZ001


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_any_text_is_read_back(texts: list[str]) -> None:
    cells = read_back(texts)
    assert [cell.value or "" for cell in cells] == [fitted(text) for text in texts]
    assert {cell.data_type for cell in cells} <= {"s", "n"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@a", "\tx", " = 1", "trailing  "])
def test_a_text_stays_text(text: str) -> None:
    (cell,) = read_back([text])
    assert (cell.value, cell.data_type) == (text, "s")
    assert cell.quotePrefix is (text[0] in "=+-@\t")


def test_rows_grow_with_their_text_to_a_limit() -> None:
    sheet = written(["one", "one\ntwo", "word " * 10, "x\n" * 100])
    heights = [sheet.row_dimensions[row].height for row in range(5, 9)]
    assert heights == [15, 27, 39, 12 * WHOLE_LINES + 3]
    assert max(heights) <= 409, "the highest row that a spreadsheet can have"


def test_rows_fit_what_is_printed() -> None:
    columns: list[Column[str]] = [Column("A", 20, lambda text: text), Column("B", 20, lambda text: text * 9)]
    sheet = written(["x" * 30], columns=columns, printed_to="A")
    assert sheet.row_dimensions[5].height == 27
    assert sheet["B5"].value == "x" * 270


@pytest.mark.parametrize("announced", [0, 1, 3])
def test_a_table_of_another_length_than_it_was_laid_out_for_is_a_defect(announced: int) -> None:
    column: Column[int] = Column("A", 20, lambda value: value)
    with WorkbookWriter(footer="") as book:
        parts = book.below("T", 0, "Below", announced)
        book.table_below(book.sheet("T", widths=[20]), parts, "Title", [column], [1, 2])
        with pytest.raises(ValueError, match="2 records where"):
            list(book.rows["T"][-1])


def test_columns_side_by_side_that_depend_on_the_same_are_made_once_for_equal_records() -> None:
    made: list[tuple[str, int]] = []

    def content(record: tuple[str, int]) -> str:
        made.append(record)
        return record[0]

    first = itemgetter(0)
    columns: list[Column[tuple[str, int]]] = [
        Column("A", 20, content, of=first),
        Column("B", 20, lambda record: record[0] * 2, of=first),
        Column("C", 20, lambda record: record[1]),
    ]
    sheet = written([("x", 1), ("y", 2), ("x", 3)], columns=columns)
    rows = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=5)]
    assert rows == [["x", "xx", 1], ["y", "yy", 2], ["x", "xx", 3]]
    assert made == [("x", 1), ("y", 2)]


def test_as_many_kept_cells_as_there_may_be_stay_right() -> None:
    column: Column[int] = Column("A", 20, lambda number: f"text {number % (REMEMBERED + 2)}", of=lambda number: number)
    numbers = [*range(REMEMBERED + 2), 0, 1, REMEMBERED + 1]
    sheet = written(numbers, columns=[column])
    found = [cell.value for (cell,) in sheet.iter_rows(min_row=5)]
    assert found == [f"text {number}" for number in numbers]
