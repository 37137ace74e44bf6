"""Has LibreOffice compute a workbook anew and compares each formula with the result that the workbook shows."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path

import openpyxl
import pytest
from openpyxl import Workbook


def assert_computed_as_shown(path: Path, directory: Path, *, least: int = 60) -> Workbook:
    """Return the workbook as LibreOffice saved it; `directory` is for what it writes, `least` the fewest formulas."""
    bare = directory / "bare.xlsx"
    _without_results(path, bare)
    profile = f"-env:UserInstallation=file://{directory}/profile"
    command = ["soffice", profile, "--headless", "--convert-to", "xlsx", "--outdir", str(directory / "out"), str(bare)]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    formulas, cached = openpyxl.load_workbook(path), openpyxl.load_workbook(path, data_only=True)
    computed = openpyxl.load_workbook(directory / "out" / "bare.xlsx", data_only=True)
    cells = [cell for sheet in formulas for row in sheet for cell in row if cell.data_type == "f"]
    assert len(cells) > least
    for cell in cells:
        sheet = cell.parent.title
        expected = cached[sheet][cell.coordinate].value
        matcher = pytest.approx(expected) if isinstance(expected, int | float) else expected
        assert computed[sheet][cell.coordinate].value == matcher, (sheet, cell.coordinate, cell.value)
    return computed


def _without_results(source: Path, target: Path) -> None:
    """Copy a workbook without what its formulas show, so that whoever opens it must compute."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            part = old.read(name)
            if name.startswith("xl/worksheets/"):
                part = re.sub(rb"</f><v>[^<]*</v>", b"</f>", part)
            new.writestr(name, part)
