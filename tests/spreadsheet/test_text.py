"""Text in cells: visible, cut with a mark, and never a formula."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from orgaudit.report.xlsx.evidence import evidence_text
from orgaudit.spreadsheet.text import CELL_LIMIT, looks_like_formula, stored


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("plain", "plain"),
        ("a\x00b\x1f", "a\u2400b\u241f"),
        ("\x7f", "\u2421"),
        ("one\r\ntwo\rthree", "one\ntwo\nthree"),
        ("\ud800", "\ufffd"),
        ("\uffff", "\ufffd"),
        ("_x0041_", "_x005F_x0041_"),
        ("_x41_", "_x41_"),
    ],
)
def test_what_a_cell_cannot_hold_is_made_visible(value: str, shown: str) -> None:
    assert stored(value) == shown


def test_a_text_of_the_limit_is_whole_and_a_longer_one_is_cut_with_a_mark() -> None:
    assert stored("x" * CELL_LIMIT) == "x" * CELL_LIMIT
    cut = stored("x" * (CELL_LIMIT + 1))
    assert len(cut) == CELL_LIMIT
    assert cut.endswith(" … [cut, 32,768 characters in all]")


def test_the_limit_counts_as_excel_does() -> None:
    cut = stored("\U0001f512" * 20_000)
    assert len(cut.encode("utf-16-le")) // 2 <= CELL_LIMIT
    assert cut.endswith("[cut, 20,000 characters in all]")


@given(st.text(alphabet=st.characters(exclude_categories=()), max_size=200), st.integers(60, 120))
def test_any_text_becomes_xml_within_the_limit(value: str, limit: int) -> None:
    text = stored(value, limit)
    assert not ILLEGAL_CHARACTERS_RE.search(text)
    assert not re.search("[\ud800-\udfff\ufffe\uffff]", text)
    assert len(text.encode("utf-16-le")) // 2 <= limit


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\n"])
def test_what_could_be_taken_for_a_formula_is_recognized(start: str) -> None:
    assert looks_like_formula(f"{start}1")
    assert not looks_like_formula(f"1{start}")


def test_evidence_is_lines_of_names_and_values() -> None:
    evidence = {"days": 90, "ok": None, "on": True, "off": False, "names": ["a", "b"], "none": [], "more": {"k": [1]}}
    assert evidence_text(evidence) == ("days: 90\nok: none\non: yes\noff: no\nnames: a, b\nnone: none\nmore: {k: 1}")


def test_long_evidence_is_cut() -> None:
    text = evidence_text({"policy": "x" * 5_000}, 600)
    assert len(text) == 600
    assert text.endswith("[cut, 5,008 characters in all]")
