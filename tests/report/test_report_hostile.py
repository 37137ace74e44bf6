"""Names that no program expects, in every field of a run and its register: both reports are whole and right."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path
from xml.etree import ElementTree as ET

import openpyxl

from orgaudit.spreadsheet.text import stored
from orgaudit.store.run import Run
from tests import needs
from tests.report.hostile import REGISTER, hostile
from tests.report.recalculated import assert_computed_as_shown
from tests.report.small import write


def test_both_reports_are_written_and_every_part_is_well_formed(hostile_run: Run) -> None:
    workbook, document = write(hostile_run, REGISTER, ["xlsx", "json"])
    with zipfile.ZipFile(workbook) as archive:
        parts = [name for name in archive.namelist() if name.endswith((".xml", ".rels", ".vml"))]
        for name in parts:
            ET.fromstring(archive.read(name))  # noqa: S314 - our own file; raises where it is not well-formed
        assert {"xl/charts/chart1.xml", "xl/drawings/drawing1.xml", "docProps/core.xml"} <= set(parts)
    names = {account["name"] for account in json.loads(document.read_bytes())["accounts"]}
    assert names == {hostile(f"account {number}") for number in range(4)}
    sheet = openpyxl.load_workbook(workbook)["Accounts"]
    cells = [sheet.cell(row, 2) for row in range(5, 9)]
    assert {cell.value for cell in cells} == {stored(name) for name in names}
    assert {cell.data_type for cell in cells} == {"s"}


@needs.libreoffice
def test_libreoffice_opens_it_and_computes_what_it_shows(hostile_run: Run, tmp_path: Path) -> None:
    (path,) = write(hostile_run, REGISTER, ["xlsx"])
    computed = assert_computed_as_shown(path, tmp_path)
    names = [computed["Accounts"].cell(row, 2).value for row in range(5, 9)]
    assert all(re.fullmatch(r'=1\+"account [0-3].*', str(name), re.DOTALL) for name in names)
