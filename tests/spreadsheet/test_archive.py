"""The archive: results put into formulas as the sheet streams past."""

from __future__ import annotations

import io

import pytest

from orgaudit.spreadsheet import archive
from orgaudit.spreadsheet.archive import completed
from orgaudit.spreadsheet.rows import Result

SHEET = (
    "<sheetData><row>"
    '<c r="A1" t="inlineStr"><is><t>&lt;f&gt;</t></is></c><c r="B1" s="3"><f>SUM(A1:A2)&amp;""</f><v /></c></row>'
    '<row><c r="A2" t="n"><v>1</v></c><c r="B2"><f>A2</f><v></v></c><c r="C2"><f>A2</f><v/></c></row></sheetData>'
    "<headerFooter><oddFooter /></headerFooter><tableParts />"
)
ROWS = ('<row r="3"><c r="A3"><f>1+1</f><v>2</v></c></row>', '<row r="4"/>')


@pytest.mark.parametrize("chunk", [1, 7, 64, 1 << 20])
def test_every_formula_shows_its_result_wherever_the_chunks_end(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "CHUNK", chunk)
    results: dict[str, Result] = {"B1": "a < b", "B2": 0.5, "C2": 7}
    text = "".join(completed(io.StringIO(SHEET), results, ROWS))
    assert '<c r="B1" s="3" t="str"><f>SUM(A1:A2)&amp;""</f><v>a &lt; b</v></c>' in text
    assert '<c r="B2"><f>A2</f><v>0.5</v></c><c r="C2"><f>A2</f><v>7</v></c>' in text
    assert '<c r="A1" t="inlineStr"><is><t>&lt;f&gt;</t></is></c>' in text
    assert "<v>7</v></c></row>" + "".join(ROWS) + "</sheetData><headerFooter>" in text
    assert '</headerFooter><ignoredErrors><ignoredError sqref="A1:XFD1048576" numberStoredAsText="1"/>' in text


def test_a_formula_without_a_result_is_a_defect() -> None:
    with pytest.raises(ValueError, match="C2 has no result"):
        list(completed(io.StringIO(SHEET), {"B1": 1, "B2": 2}, ()))


def test_a_result_without_a_formula_is_a_defect() -> None:
    with pytest.raises(ValueError, match="1 results have no formula"):
        list(completed(io.StringIO(SHEET), {"B1": 1, "B2": 2, "C2": 3, "D9": 4}, ()))


def test_a_sheet_that_cannot_take_its_rows_is_a_defect() -> None:
    with pytest.raises(ValueError, match="no rows to follow"):
        list(completed(io.StringIO("<worksheet><sheetData/></worksheet>"), {}, ROWS))
