"""report.flat-findings.parquet and report.flat-requirements.parquet: the flat tables with the types of their columns.

Texts are as they were seen: Parquet says that they are text, so no program takes one for a formula. Times are in UTC.
"""

from __future__ import annotations

from pathlib import Path

from orgaudit.report.flat import AS_IT_IS, TABLES, about, prepared
from orgaudit.report.view import View
from orgaudit.store.tables import write_parquet

GROUP = 10 * 2048
"""Rows in a group: the more, the smaller the file and the faster it is read, at the price of memory to write it."""


def write(view: View, results: Path) -> list[Path]:
    """Write both tables, and return their files; raises ReportError."""
    run = about(view.manifest, view.as_of)
    paths = {results / f"{table.file}.parquet": table for table in TABLES}
    for path, table in paths.items():
        write_parquet(view.connection, prepared(view.connection, table, run, AS_IT_IS), path, GROUP)
    return list(paths)
