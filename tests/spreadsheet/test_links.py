"""Where cells lead: real links while there is room, then formulas, never more or longer than a spreadsheet takes."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import openpyxl
import pytest

from orgaudit.spreadsheet.archive import Link
from orgaudit.spreadsheet.links import LONGEST_ADDRESS, Goal, SheetLinks
from orgaudit.spreadsheet.rows import Column
from orgaudit.spreadsheet.workbook import WorkbookWriter

STAMP = datetime(2026, 10, 1, tzinfo=UTC)


def found(goal: Goal) -> tuple[str, int] | None:
    return ("It's", 7) if goal.key == "here" else None


def test_a_goal_that_is_not_in_the_workbook_is_no_link() -> None:
    links: list[Link] = []
    assert SheetLinks(links, found).to(Goal("T", "elsewhere"), "text", "A1") is None
    assert links == []


def test_links_end_where_a_sheet_has_no_room_for_more() -> None:
    links: list[Link] = []
    sheet = SheetLinks(links, found, most=2)
    for place in ("A1", "A2"):
        assert isinstance(sheet.to(Goal("T", "here"), "text", place), Link)
    assert sheet.to("https://example.com/a", 'say "x"', "A3") == 'HYPERLINK("https://example.com/a","say ""x""")'
    assert [link.place for link in links] == ["A1", "A2"]


@pytest.mark.parametrize(
    ("address", "text", "made"),
    [
        ("https://example.com/" + "a" * (LONGEST_ADDRESS - 20), "text", True),
        ("https://example.com/" + "a" * (LONGEST_ADDRESS - 19), "text", False),
    ],
)
def test_an_address_that_is_too_long_is_no_link(address: str, text: str, *, made: bool) -> None:
    assert (SheetLinks([], found).to(address, text, "A1") is not None) is made


@pytest.mark.parametrize("text", ["x" * 256, "two\nlines", None])
def test_what_no_formula_can_hold_stays_as_it_is(text: str | None) -> None:
    assert SheetLinks([], found, most=0).to("https://example.com", text, "A1") is None


def test_addresses_are_relations_of_their_sheet_and_each_is_there_once() -> None:
    hostile = "https://example.com/?a=1&b=\"<'>"
    column: Column[str] = Column("A", 60, lambda text: text, goal=lambda text: text)
    file = io.BytesIO()
    with WorkbookWriter(footer="") as book:
        records = [hostile, "https://example.com/b", hostile]
        book.table([column], records, parts=book.parts("T", 3), note="")
        book.save(file, title="", creator="", stamp=STAMP)
    with zipfile.ZipFile(file) as archive:
        relations = ET.fromstring(archive.read("xl/worksheets/_rels/sheet1.xml.rels"))  # noqa: S314 - our own file
    targets = [each.get("Target") for each in relations if each.get("TargetMode") == "External"]
    assert targets == [hostile, "https://example.com/b"]
    sheet = openpyxl.load_workbook(file)["T"]
    assert [sheet[f"A{row}"].hyperlink.target for row in (5, 6, 7)] == records


def test_past_the_most_links_equal_cells_have_the_same_formula_and_the_links_before_are_kept() -> None:
    column: Column[str] = Column("A", 60, lambda text: text, goal=lambda text: text, of=lambda text: text)
    file = io.BytesIO()
    with WorkbookWriter(footer="", link_limit=3) as book:
        records = ["https://example.com/b", "https://example.com/b", "https://example.com/b", "https://example.com/b"]
        book.table([column], records, parts=book.parts("T", 4), note="")
        book.save(file, title="", creator="", stamp=STAMP)
    sheet = openpyxl.load_workbook(file)["T"]
    linked = [sheet[f"A{row}"].hyperlink is not None for row in (5, 6, 7, 8)]
    values = [str(sheet[f"A{row}"].value) for row in (5, 6, 7, 8)]
    assert linked == [value.startswith("https://") for value in values]
    assert linked == [True, True, True, False]
    assert values[3] == '=HYPERLINK("https://example.com/b","https://example.com/b")'
